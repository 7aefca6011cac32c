"""The host of a follower: restores it, feeds it from the journal, commits its effects, and carries operators' calls."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import structlog

from actors.handles import JournalClient
from actors.meters import PartMeter
from grace_ray.core.clock import from_us, utc_now
from grace_ray.core.entry import Entry
from grace_ray.core.errors import GraceError, RuntimeFault
from grace_ray.core.fact import Fact, Row
from grace_ray.core.follower import Effects, Follower
from grace_ray.core.ids import derived_id
from grace_ray.core.store import Commit, Reader
from grace_ray.loop import restored
from grace_ray.sense.collectors.metrics import read_resident_mib

log = structlog.get_logger()

_SAVE_EVERY_S = 30.0
_STARTING = "starting"
_TICK_S = 1.0
_ASK_S = 10.0  # an idle part asks for news this often, and its actor looks after what only time brings
# A turn costs two calls and an fsync, whether for one entry or a thousand: after a small one, more may gather.
_FEW = 50
_GATHER_S = 0.01


class Host:
    """Runs one follower on the journal; the part's thread is the only one that touches it.

    ``build`` makes the follower afresh after a failed commit: what was in memory is forgotten, the durable restored.
    """

    def __init__(self, build: Callable[[], Follower], open_reader: Callable[[], Reader], batch: int) -> None:
        self._build = build
        self._open_reader = open_reader
        self._batch = self._limit = batch
        self._journal = JournalClient()
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="follower")
        self._part: Follower | None = None
        self._reader: Reader | None = None
        self._cursor = 0
        self._committed_cursor = 0
        self._saved_at = time.monotonic()
        self._ticked_at = 0.0
        self._running: asyncio.Task[None] | None = None
        self._told_at = 0.0
        self.on_turn: Callable[[], None] = lambda: None
        self.meter: PartMeter | None = None
        self.fault = _STARTING

    def start(self) -> None:
        """Start following, once; a task that has ended is started again, and what ended it is told."""
        if self._running is None or self._running.done():
            if self._running is not None and not self._running.cancelled() and (error := self._running.exception()):
                self.fault = f"It stopped: {error!r}."
                log.error("host.stopped", exc_info=error)
            self._running = asyncio.create_task(self._run())

    def is_running(self) -> bool:
        """Return whether the part is following the journal."""
        return self._running is not None and not self._running.done()

    def status(self) -> dict[str, Any]:
        """Return what /api/status shows of this part."""
        state = {"": "ready", _STARTING: _STARTING}.get(self.fault, "degraded")
        return {
            "state": state,
            "cursor": self._cursor,
            "fault": self.fault,
            "memory_mib": round(read_resident_mib(), 1),
        }

    async def operate(self, action: str, args: dict[str, Any]) -> Any:
        """Return the part's answer to an operator's ``action`` once its effects are durable."""
        self.start()
        return await self.change(lambda part, now: part.operate(action, args, now))

    async def change(self, call: Callable[[Any, datetime], tuple[Effects, Any]]) -> Any:
        """Call ``call(part, now)`` that returns (effects, result); commit the effects; return the result."""
        async with self._turn:
            part = await self._restored()
            try:
                effects, result = await self._in_thread(call, part, utc_now())
            except GraceError:
                raise  # refused: nothing has changed
            except BaseException:
                self._part = None
                raise
            await self._commit(effects, moves=False)
            return result

    async def ask(self, method: str, *args: Any) -> Any:
        """Return the answer of a method of the part that changes nothing and may be called at any time."""
        async with self._turn:
            part = await self._restored()
        return await asyncio.to_thread(getattr(part, method), *args)

    async def _run(self) -> None:
        pause_s = 0.1
        while True:
            try:
                await self._follow()
            except GraceError as error:
                self.fault = str(error)
                log.warning("host.retry", error=str(error), pause_s=pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, 5.0)

    async def _follow(self) -> None:
        while True:
            async with self._turn:
                part = await self._restored()
            asked = asyncio.create_task(self._journal.follow(self._cursor, self._limit, part.follows, _ASK_S))
            try:
                is_current = True
                while is_current and not asked.done():
                    await asyncio.wait({asked}, timeout=_TICK_S)  # time passes for the part while nothing comes
                    entries, upto = asked.result() if asked.done() else ([], self._cursor)
                    is_current = await self._take_turn(part, entries, upto)
            finally:
                asked.cancel()

    async def _take_turn(self, part: Follower, entries: Sequence[Entry], upto: int) -> bool:
        """Take what came; False where the part is another by now, and what was read belongs to an old cursor."""
        async with self._turn:
            if self._part is not part:
                return False
            is_news = upto > self._cursor
            try:
                is_news |= await self._take(part, entries, max(upto, self._cursor))
            except BaseException:
                self._part = None  # it may have learned what will come again
                raise
        self.fault = ""
        if is_news or time.monotonic() - self._told_at >= _ASK_S:
            self._told_at = time.monotonic()
            self.on_turn()
        if 0 < len(entries) < _FEW:
            await asyncio.sleep(_GATHER_S)
        return True

    async def _take(self, part: Follower, entries: Sequence[Entry], upto: int) -> bool:
        """Take entries, and let time pass; return whether anything came of it."""
        began = time.monotonic()
        handled = await self._handled(part, entries) if entries else Effects()
        if time.monotonic() - self._ticked_at >= _TICK_S:
            handled += await self._in_thread(part.tick, utc_now())
            self._ticked_at = time.monotonic()
        self._cursor = upto
        save = time.monotonic() - self._saved_at >= _SAVE_EVERY_S and self._cursor > 0
        if handled or save or entries:
            state = await self._in_thread(part.state) if save else None
            await self._commit(handled, moves=True, state=state)
            self._saved_at = time.monotonic() if save else self._saved_at
        if self.meter:
            self.meter.note_turn(len(entries), self._cursor, time.monotonic() - began)
        return bool(handled)

    async def _handled(self, part: Follower, entries: Sequence[Entry]) -> Effects:
        try:
            effects: Effects = await self._in_thread(part.handle, entries, utc_now())
        except Exception as error:  # whatever one entry breaks, it must not stop the part for good
            self._part = None
            if len(entries) > 1:
                self._limit = 1
                raise RuntimeFault(f"A batch of {len(entries)} entries failed, now one by one: {error!r}.") from error
            part = await self._restored()
            log.exception("host.skipped_entry", part=part.name, seq=entries[0].seq)
            return Effects(facts=[_skipped(part.name, entries[0], error)])
        self._limit = min(self._limit * 2, self._batch)
        return effects

    async def _commit(self, effects: Effects, *, moves: bool, state: bytes | None = None) -> None:
        assert self._part is not None
        if not moves and not effects:
            return
        commit = Commit(
            follower=self._part.name,
            expected=self._committed_cursor,
            cursor=self._cursor if moves else None,
            rows=await self._in_thread(_rows, effects.facts),
            records=effects.records,
            snapshots=effects.snapshots,
            state=state,
        )
        try:
            await self._journal.commit(commit)
        except BaseException:
            self._part = None  # memory is ahead of the store now: forget it
            raise
        if moves:
            self._committed_cursor = self._cursor

    async def _restored(self) -> Follower:
        if self._part is None:
            part = await self._in_thread(self._build)
            # What an earlier incarnation sent stands in the journal's queue before this: the store is read after it.
            await self._journal.commit(Commit(follower=part.name))
            self._part = await self._in_thread(self._restore, part)
        return self._part

    def _restore(self, part: Follower) -> Follower:
        if self._reader is None:
            self._reader = self._open_reader()
        self._cursor = self._committed_cursor = restored(part, self._reader)
        return part

    async def _in_thread(self, call: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *args)


def _skipped(part: str, entry: Entry, error: Exception) -> Fact:
    return Fact(
        id=derived_id(from_us(entry.at_us), "skipped", part, str(entry.seq)),
        at=from_us(entry.at_us),
        kind="finding",
        type="error.unhandled",
        source=f"grace/{part}",
        subject=part,
        cause=entry.id,
        body={"seq": entry.seq, "error": repr(error)[:1000]},
    )


def _rows(facts: Sequence[Fact]) -> list[Row]:
    return [fact.to_row() for fact in facts]
