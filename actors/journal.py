"""The journal actor: the only writer of the store. Appends and commits by group, and feeds the followers."""

import asyncio
import time
from typing import Any

import ray

from actors import wire
from actors.group_commit import GroupCommit
from actors.logs import log_to_home
from grace_ray import wiring
from grace_ray.core.clock import utc_now
from grace_ray.core.entry import Entry
from grace_ray.core.errors import GraceError
from grace_ray.sense.collectors.metrics import read_resident_mib
from grace_ray.settings import Settings

_LOOKED_THROUGH_MAX = 2_000  # entries of no interest after which a follower hears how far it has come


class JournalActor:
    """Thin shell around prove.journal.Journal; every method may be repeated without harm."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        log_to_home(settings, "journal")
        self._opening = asyncio.Lock()
        self._commits: GroupCommit | None = None
        self._chores: asyncio.Task[None] | None = None
        self._fault = ""

    @ray.method(concurrency_group="health")
    def ping(self) -> bool:
        """Answer, so that the supervisor knows that this process lives and its writer runs."""
        return self._commits is None or self._commits.is_alive()

    async def status(self) -> dict[str, Any]:
        """Return what /api/status shows of this part."""
        commits = await self._ready()
        fault = self._fault or commits.fault()
        return {
            "state": "degraded" if fault else "ready",
            "head": commits.head,
            "buffered": commits.backlog(),
            "fault": fault,
            "memory_mib": round(read_resident_mib(), 1),
        }

    async def append(self, payload: bytes) -> bytes:
        """Make encoded rows durable; raises Backpressure or StoreUnavailable."""
        commits = await self._ready()
        return wire.encode_appended(await commits.append(wire.decode_rows(payload)))

    async def commit(self, payload: bytes) -> bytes:
        """Commit a follower's encoded effects; raises StaleCursor or StoreUnavailable."""
        commits = await self._ready()
        return wire.encode_appended(await commits.commit(wire.decode_commit(payload)))

    async def follow(self, after: int, limit: int, kinds: frozenset[str], wait_s: float) -> bytes:
        """Return encoded entries of ``kinds`` after ``after``, waiting for the first up to ``wait_s`` seconds.

        What else comes in does not wake the caller: a call costs it, and us, a millisecond.
        """
        commits = await self._ready()
        deadline = time.monotonic() + wait_s
        upto, found = after, list[Entry]()
        while not found:
            if commits.head <= upto:
                await commits.wait_beyond(upto, max(deadline - time.monotonic(), 0.0))
            entries = await self._entries(commits, upto, limit) if commits.head > upto else []
            found = [entry for entry in entries if not kinds or entry.kind in kinds]
            upto = entries[-1].seq if entries else upto
            if time.monotonic() >= deadline or upto - after >= _LOOKED_THROUGH_MAX:
                break
        return wire.encode_entries(found, upto)

    async def vacuum(self, limit_s: float) -> tuple[int, int]:
        """Vacuum the store within so many seconds; return its size in bytes before and after."""
        commits = await self._ready()
        return await commits.borrow(lambda: self._journal.vacuum(limit_s))

    async def prune(self, keep_days: float) -> int:
        """Prune the next bodies of events older than so many days; return how many entries that was, 0 at the end."""
        commits = await self._ready()
        step = wiring.build_retention(self._settings, self._journal, keep_days).step
        return await commits.borrow(lambda: step(utc_now()))

    async def _entries(self, commits: GroupCommit, after: int, limit: int) -> list[Entry]:
        tail = commits.tail
        if tail and tail[0].seq <= after + 1:
            start = after + 1 - tail[0].seq
            return tail[start : start + limit]
        return await asyncio.to_thread(self._journal.read, after, limit)

    async def _ready(self) -> GroupCommit:
        if self._commits is None:
            async with self._opening:
                if self._commits is None:
                    await self._open()
        assert self._commits is not None
        return self._commits

    async def _open(self) -> None:
        settings = self._settings
        self._journal = await asyncio.to_thread(wiring.open_journal, settings)
        self._commits = GroupCommit(
            self._journal,
            group_max_rows=settings.journal.group_max_rows,
            pending_max_rows=settings.journal.pending_max_rows,
            buffer=settings.triage.buffer if settings.triage.enabled else settings.journal.pending_max_rows,
            wait_s=settings.journal.buffer_wait_s,
        )
        self._chores = asyncio.create_task(self._do_chores())

    async def _do_chores(self) -> None:
        """Sign checkpoints and prune old bodies, on the writer's thread so that there is one writer."""
        assert self._commits is not None
        chores = wiring.journal_chores(self._settings, self._journal)
        while True:
            await asyncio.sleep(self._settings.journal.checkpoint_interval_s)
            try:
                await self._commits.run(chores)
                self._fault = ""
            except GraceError as error:
                self._fault = str(error)
