"""The live feed: one poller of the journal for however many people watch.

What is new is encoded once, into a ring of the last few thousand messages that every watcher reads at its own pace.
A watcher that was away, or is slow, reads what the ring no longer holds from the journal: memory is bounded, nothing
is skipped, and the poller runs only while someone watches.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from itertools import takewhile
from typing import Any, NamedTuple

import orjson
import structlog

from grace_ray.core.entry import Entry
from grace_ray.core.errors import GraceError
from grace_ray.core.fact import KINDS
from grace_ray.core.store import EntryFilter, Reader

POLL_S = 0.2
STATS_EVERY = 5  # polls: once a second
HEARTBEAT_S = 15.0
RING = 4096
PAGE = 500
TICKER = 5  # events shown of those that came in a second
NEWS = EntryFilter(kinds=KINDS - {"event", "recommendation"})  # thousands of these come a second
EVENTS = EntryFilter(kinds=frozenset({"event"}))
HEARTBEAT = b": still here\n\n"
log = structlog.get_logger("grace.stream")


class News(NamedTuple):
    """Encoded journal entries up to and including ``seq``."""

    seq: int
    message: bytes


class Feed:
    """Polls ``reader`` while there are watchers; ``stats`` gives the figures that are sent each second."""

    def __init__(self, reader: Reader, stats: Callable[[], Mapping[str, Any]]) -> None:
        self._reader = reader
        self._stats = stats
        self._ring: deque[News] = deque(maxlen=RING)
        self._from = 0  # the ring holds all news after this seq
        self._to = 0
        self._flash = b""  # stats and ticker: only the latest counts
        self._flash_no = 0
        self._shown = 0  # the last event that the ticker showed
        self._wake = asyncio.Event()
        self._watchers = 0
        self._poller: asyncio.Task[None] | None = None

    @property
    def watchers(self) -> int:
        """How many clients watch now."""
        return self._watchers

    async def watch(self, after: int | None) -> AsyncGenerator[bytes]:
        """Yield server-sent events: entries after ``after`` (None: from now on), stats, and heartbeats."""
        self._watchers += 1
        try:
            await self._start()
            cursor = min(after, self._to) if after is not None else self._to
            seen = -1
            yield b"retry: 2000\n\n"
            while True:
                wake = self._wake
                while cursor < self._to:
                    cursor, chunk = await self._after(cursor)
                    if chunk:
                        yield chunk
                if self._flash and seen != self._flash_no:
                    seen = self._flash_no
                    yield self._flash
                try:
                    async with asyncio.timeout(HEARTBEAT_S):
                        await wake.wait()
                except TimeoutError:
                    yield HEARTBEAT
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._stop()

    async def _after(self, cursor: int) -> tuple[int, bytes]:
        if cursor >= self._from:
            fresh = takewhile(lambda news: news.seq > cursor, reversed(self._ring))
            return self._to, b"".join(reversed([news.message for news in fresh]))
        upto = self._to
        entries = await asyncio.to_thread(self._reader.entries, cursor, PAGE, NEWS)
        last = entries[-1].seq if len(entries) == PAGE else upto
        return last, b"".join(encode(entry) for entry in entries if entry.seq <= last)

    async def _start(self) -> None:
        if self._poller is not None and not self._poller.done():
            return
        head = await asyncio.to_thread(self._reader.head)
        if self._poller is None or self._poller.done():
            self._ring.clear()
            self._flash = b""  # of when somebody watched last
            self._from = self._to = self._shown = head
            self._poller = asyncio.create_task(self._poll(), name="grace-feed")

    def _stop(self) -> None:
        if self._poller is not None:
            self._poller.cancel()
            self._poller = None

    async def _poll(self) -> None:
        turn = 0
        while True:
            try:
                await self._turn(is_second=turn % STATS_EVERY == 0)
            except GraceError as error:  # the store is away for a moment: watchers stay
                log.warning("feed_paused", error=error.message)
            self._wake, old = asyncio.Event(), self._wake
            old.set()
            turn += 1
            await asyncio.sleep(POLL_S)

    async def _turn(self, *, is_second: bool) -> None:
        # Threads only read and encode: what watchers look at changes on the event loop alone.
        while True:
            upto, news = await asyncio.to_thread(self._read, self._to)
            for item in news:
                if len(self._ring) == RING:
                    self._from = self._ring[0].seq
                self._ring.append(item)
            self._to = upto
            if len(news) < PAGE:
                break
        if is_second:
            self._flash = await asyncio.to_thread(self._glance, self._shown)
            self._flash_no += 1
            self._shown = self._to

    def _read(self, after: int) -> tuple[int, list[News]]:
        head = self._reader.head()
        if head <= after:
            return after, []
        entries = self._reader.entries(after, PAGE, NEWS)
        news = [News(entry.seq, encode(entry)) for entry in entries]
        last = news[-1].seq if news else after
        return (last if len(news) == PAGE else max(head, last)), news

    def _glance(self, shown: int) -> bytes:
        ticker = self._reader.latest(TICKER, EVENTS) if self._to > shown else []
        fresh = [encode(entry, is_news=False) for entry in reversed(ticker) if entry.seq > shown]
        return b"".join(fresh) + b"event: stats\ndata: " + orjson.dumps(self._stats()) + b"\n\n"


def encode(entry: Entry, *, is_news: bool = True) -> bytes:
    """Return one server-sent event; events of the ticker carry no id, so that a client resumes after the news."""
    mark = b"id: %d\n" % entry.seq if is_news else b""
    return mark + b"event: entry\ndata: " + orjson.dumps(entry.view()) + b"\n\n"
