"""Group commit: many callers' work in one transaction, one writer thread; a caller is answered once it is durable."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import NamedTuple, TypeVar

from grace_ray.core.clock import utc_now
from grace_ray.core.entry import Entry
from grace_ray.core.errors import Backpressure, GraceError, StoreUnavailable
from grace_ray.core.fact import Row
from grace_ray.core.store import Appended, Commit
from grace_ray.prove.journal import Journal

T = TypeVar("T")
_TAIL_ENTRIES = 10_000
_FAULT_SHOWN_S = 30.0  # not for ever: where nobody writes, nobody finds out that it is over


class _Waiting(NamedTuple):
    work: list[Row] | Commit
    size: int
    events: int
    done: "asyncio.Future[Appended]"


class GroupCommit:
    """Queues work for a Journal and commits it in groups of at most ``group_max_rows`` rows.

    While one group is written and synced, the next one gathers, so the cost of an fsync is shared by all who wait.
    ``head`` is the last durable seq; ``tail`` the newest entries written by this process, for followers that keep up.
    """

    def __init__(
        self, journal: Journal, *, group_max_rows: int, pending_max_rows: int, buffer: int, wait_s: float
    ) -> None:
        self._journal = journal
        self._group_max_rows = group_max_rows
        self._pending_max_rows = pending_max_rows
        self._buffer = buffer
        self._wait_s = wait_s
        self._queue: deque[_Waiting] = deque()
        self._pending_rows = 0
        self._pending_events = 0
        self._work_arrived = asyncio.Event()
        self._committed = asyncio.Condition()
        self._written: list[Entry] = []
        journal.on_append = self._written.extend
        self._stands = (journal.head, journal.buffered)
        self.head, self._buffered = self._stands
        self.tail: list[Entry] = []
        self._fault, self._failed_at = "", 0.0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal-writer")
        self._writer = asyncio.create_task(self._write_forever())

    async def append(self, rows: list[Row]) -> Appended:
        """Make rows durable. Raises Backpressure where the buffer stays full for ``wait_s`` seconds."""
        events = sum(row.kind == "event" for row in rows)
        await self._wait_for_room(events)
        return await self._submit(rows, len(rows), events)

    async def commit(self, commit: Commit) -> Appended:
        """Commit a follower's effects; never held back, for it is what makes room, except for points from outside."""
        if commit.points:
            await self._wait_for_room(0)
        size = len(commit.rows) + len(commit.records) + len(commit.points) + len(commit.snapshots) + 1
        return await self._submit(commit, size, 0)

    async def run(self, chore: Callable[[datetime], None]) -> None:
        """Run ``chore(now)`` on the writer's thread, between two groups."""
        await asyncio.get_running_loop().run_in_executor(self._thread, chore, utc_now())

    async def borrow(self, work: Callable[[], T]) -> T:
        """Return what ``work()`` returns, called on the writer's thread between two groups."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def wait_beyond(self, seq: int, wait_s: float) -> None:
        """Return when the journal's head passes ``seq``, or after ``wait_s`` seconds."""
        try:
            async with asyncio.timeout(wait_s), self._committed:
                await self._committed.wait_for(lambda: self.head > seq)
        except TimeoutError:
            return

    def is_alive(self) -> bool:
        """Return whether the writer still runs."""
        return not self._writer.done()

    def fault(self) -> str:
        """Return why the store could not be written, where that was the last that was heard of it, and lately."""
        return self._fault if time.monotonic() - self._failed_at < _FAULT_SHOWN_S else ""

    def backlog(self) -> int:
        """Return how many events are accepted, or waiting to be, that triage has not taken yet."""
        return self._buffered + self._pending_events

    async def _wait_for_room(self, events: int) -> None:
        if not self._is_full(events):
            return
        deadline = time.monotonic() + self._wait_s
        try:
            async with asyncio.timeout(self._wait_s), self._committed:
                await self._committed.wait_for(lambda: not self._is_full(events))
        except TimeoutError:
            waited = f"{self._wait_s + time.monotonic() - deadline:.1f} s"
            raise Backpressure(
                f"{self.backlog()} events wait for triage and {self._pending_rows} rows to be written, and there was "
                f"no room within {waited}."
            ) from None

    def _is_full(self, events: int) -> bool:
        too_many_events = events > 0 and self.backlog() >= self._buffer
        return too_many_events or self._pending_rows >= self._pending_max_rows

    async def _submit(self, work: list[Row] | Commit, size: int, events: int) -> Appended:
        done: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(work, size, events, done))
        self._pending_rows += size
        self._pending_events += events
        self._work_arrived.set()
        return await done

    async def _write_forever(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._work_arrived.wait()
            group = self._take_group()
            works = [waiting.work for waiting in group]
            try:
                results = await loop.run_in_executor(self._thread, self._apply, works)
            except BaseException as error:
                for waiting in group:  # the task ends here; is_alive() says so and the supervisor restarts the actor
                    _answer(waiting.done, StoreUnavailable(f"The journal writer failed: {error!r}."))
                raise
            self.head, self._buffered = self._stands
            self.tail += self._written
            self._written.clear()
            if len(self.tail) > 2 * _TAIL_ENTRIES:
                del self.tail[:-_TAIL_ENTRIES]
            for waiting, result in zip(group, results, strict=True):
                self._pending_rows -= waiting.size
                self._pending_events -= waiting.events
                _answer(waiting.done, result)
            async with self._committed:
                self._committed.notify_all()

    def _apply(self, works: list[list[Row] | Commit]) -> list[Appended | GraceError]:
        results = self._journal.apply(works, utc_now())
        if any(isinstance(result, Appended) for result in results):  # else the store is away, and asking it would fail
            self._stands = (self._journal.head, self._journal.buffered)
        self._fault = next((result.message for result in results if isinstance(result, StoreUnavailable)), "")
        if self._fault:
            self._failed_at = time.monotonic()
        return results

    def _take_group(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        rows = 0
        while self._queue and (not group or rows + self._queue[0].size <= self._group_max_rows):
            waiting = self._queue.popleft()
            rows += waiting.size
            group.append(waiting)
        if not self._queue:
            self._work_arrived.clear()
        return group


def _answer(done: "asyncio.Future[Appended]", result: Appended | Exception) -> None:
    if done.done():  # the caller went away
        return
    if isinstance(result, Exception):
        done.set_exception(result)
    else:
        done.set_result(result)
