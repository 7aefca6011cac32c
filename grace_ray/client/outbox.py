"""Events on their way: how they are cut into requests, and where they wait while the runtime is away."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from random import Random
from typing import Any

import orjson

from grace_ray.core.clock import to_text
from grace_ray.core.cloudevent import to_cloudevent
from grace_ray.core.errors import Backpressure, InvalidInput
from grace_ray.core.event import Event
from grace_ray.core.ids import time_id

BATCH_TYPE = "application/cloudevents-batch+json"
BATCH_EVENTS, BATCH_BYTES = 500, 1 << 20
BUFFER_BYTES = 64 << 20


def encoded(events: Iterable[Event | Mapping[str, Any]]) -> list[bytes]:
    """Return events (or CloudEvents JSON objects) as bytes. Raises InvalidInput for values that JSON does not have."""
    texts: list[bytes] = []
    for index, event in enumerate(events):
        try:
            texts.append(orjson.dumps(to_cloudevent(event) if isinstance(event, Event) else dict(event)))
        except TypeError as error:
            raise InvalidInput(f"Event {index} cannot be sent as JSON: {error}.", "data") from error
    return texts


def new_event(name: str, data: Mapping[str, Any] | None, at: datetime, rng: Random, **attributes: str) -> bytes:
    """Return the encoded event of a type, stamped with an id and ``at``; attributes that are empty are left out."""
    event = {"specversion": "1.0", "id": time_id(at, rng), "type": name, "time": to_text(at)}
    return encoded([event | {key: value for key, value in attributes.items() if value} | {"data": data or {}}])[0]


def batches(texts: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield requests of bounded size: the place of the first event in each, and the body."""
    start = size = 0
    for index, text in enumerate(texts):
        if index > start and (index - start >= BATCH_EVENTS or size + len(text) > BATCH_BYTES):
            yield start, b"[" + b",".join(texts[start:index]) + b"]"
            start, size = index, 0
        size += len(text) + 1
    if start < len(texts):
        yield start, b"[" + b",".join(texts[start:]) + b"]"


class Buffer:
    """A queue of encoded events, bounded in number and bytes: the oldest are kept, what does not fit is refused."""

    def __init__(self, most: int, most_bytes: int = BUFFER_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._texts: deque[bytes] = deque()
        self._lock = threading.Lock()  # one thread may send while others add
        self.dropped = 0
        """Events refused since the start because the buffer was full."""

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, texts: Sequence[bytes]) -> None:
        """Queue events. Raises Backpressure where not all fit; those that do are queued."""
        with self._lock:
            for place, text in enumerate(texts):
                if len(self._texts) >= self._most or self._bytes + len(text) > self._most_bytes:
                    lost = len(texts) - place
                    self.dropped += lost
                    held = f"{len(self._texts)} waiting, {self._bytes:,} bytes"
                    raise Backpressure(f"The local buffer is full ({held}): {lost} were dropped.", "buffer")
                self._texts.append(text)
                self._bytes += len(text)

    def first(self) -> tuple[int, bytes]:
        """Return how many events the next request takes, and its body; the events stay queued."""
        texts: list[bytes] = []
        size = 0
        with self._lock:
            for text in self._texts:
                if texts and (len(texts) >= BATCH_EVENTS or size + len(text) > BATCH_BYTES):
                    break
                texts.append(text)
                size += len(text) + 1
        return len(texts), b"[" + b",".join(texts) + b"]"

    def oldest(self) -> bytes:
        """Return the one that has waited longest; it stays queued."""
        return self._texts[0]

    def remove(self, count: int) -> None:
        """Take the ``count`` oldest events out: they are durable, or refused for good."""
        with self._lock:
            for _ in range(count):
                self._bytes -= len(self._texts.popleft())


class Outbox:
    """A sink for emitters: ``send`` puts events into a client's buffer. It is async where the client is."""

    def __init__(self, send: Callable[[Sequence[Event]], Any]) -> None:
        self.send = send
