"""A small HTTP/1.1 load client: a closed loop over kept-alive connections, on one event loop.

Cheap enough to share a machine with what it measures: about 40 us of CPU a request.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import uvloop

_RETRIED = frozenset({429, 503})


@dataclass(slots=True)
class Load:
    """What came of a run: seconds each answered request took, statuses, and the time all of it took.

    A request that was told to come later (429, 503) is sent again after Retry-After; its time is that of the last try.
    """

    latencies_s: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    wall_s: float = 0.0


def run(port: int, requests: Iterator[bytes], clients: int, seconds: float = 1e9) -> Load:
    """Send ``requests`` (see ``request``) by so many clients, each waiting for its answer, until none is left.

    After ``seconds`` no new ones are sent. Raises RuntimeError for an answer that is neither good nor "later".
    """
    load = Load()
    uvloop.run(_run(port, requests, clients, seconds, load))
    return load


def request(method: str, path: str, body: bytes = b"", media_type: str = "application/json") -> bytes:
    """Return the bytes of a request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    if method != "GET":
        head += f"Content-Type: {media_type}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}\r\n".encode() + body


async def _run(port: int, requests: Iterator[bytes], clients: int, seconds: float, load: Load) -> None:
    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(_client(port, requests, started + seconds, load))
    load.wall_s = time.perf_counter() - started


async def _client(port: int, requests: Iterator[bytes], end: float, load: Load) -> None:
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(_Connection, "127.0.0.1", port)
    for item in requests:
        while True:
            sent = time.perf_counter()
            status, retry_after_s = await connection.ask(item)
            load.statuses[status] += 1
            if status not in _RETRIED:
                break
            await asyncio.sleep(retry_after_s)
        if not 200 <= status < 300:
            raise RuntimeError(f"It answered {status}: {connection.answer[:500]!r}")
        load.latencies_s.append(time.perf_counter() - sent)
        if time.perf_counter() > end:
            break
    connection.close()


class _Connection(asyncio.Protocol):
    """One request at a time; answers have a Content-Length."""

    def connection_made(self, transport: Any) -> None:  # not an asyncio.Transport, for uvloop
        self._transport: asyncio.Transport = transport
        self._done: asyncio.Future[tuple[int, float]] | None = None
        self.answer = b""

    def ask(self, item: bytes) -> "asyncio.Future[tuple[int, float]]":
        """Send a request; the future gives (status, Retry-After in seconds)."""
        self._done = asyncio.get_running_loop().create_future()
        self.answer = b""
        self._transport.write(item)
        return self._done

    def data_received(self, data: bytes) -> None:
        self.answer += data
        head, found, body = self.answer.partition(b"\r\n\r\n")
        if not found or self._done is None:
            return
        lower = head.lower()
        if len(body) >= int(_header(lower, b"content-length") or 0):
            done, self._done = self._done, None
            done.set_result((int(head[9:12]), float(_header(lower, b"retry-after") or 1)))

    def connection_lost(self, error: Exception | None) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(error or ConnectionResetError("The server closed the connection."))

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()


def _header(head: bytes, name: bytes) -> bytes:
    _, found, rest = head.partition(b"\r\n" + name + b":")
    return rest.partition(b"\r\n")[0].strip() if found else b""
