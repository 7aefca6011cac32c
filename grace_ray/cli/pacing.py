"""When to send what: in the stream's own time, times a speed, at most so many a second."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from grace_ray.core.clock import to_text

ORIGINAL = "originaltime"


class Pace:
    """``speed`` times the recorded time (0: at once), ``rate`` events a second at most (0: no limit)."""

    def __init__(self, speed: float, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._speed = speed
        self._rate = rate
        self._clock = clock
        self._started = clock()

    def elapsed_s(self) -> float:
        """Return how long the replay has lasted."""
        return self._clock() - self._started

    def batches(self, events: Sequence[dict[str, Any]], size: int) -> Iterator[tuple[float, Sequence[dict[str, Any]]]]:
        """Yield (seconds after the start, events to send then), in order.

        A batch holds at most ``size`` events, and no more than a second of them where there is a speed or a rate.
        """
        dues = self._dues(events)
        start = 0
        while start < len(events):
            end = start + 1
            while end < len(events) and end - start < size and dues[end] - dues[start] <= 1.0:
                end += 1
            yield dues[end - 1], events[start:end]
            start = end

    def _dues(self, events: Sequence[dict[str, Any]]) -> list[float]:
        dues: list[float] = []
        first: datetime | None = None
        due = 0.0
        for number, event in enumerate(events):
            at = _time(event) if self._speed else None
            first = first or at
            if at is not None and first is not None:
                due = max(due, (at - first).total_seconds() / self._speed)
            if self._rate:
                due = max(due, number / self._rate)
            dues.append(due)
        return dues


def restamped(events: Sequence[dict[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """Return the events with ``now`` as their time, a microsecond apart so that their order stays.

    The recorded time moves to the extension attribute ``originaltime``.
    """
    start = now - timedelta(microseconds=len(events))
    fresh = []
    for number, event in enumerate(events):
        stamped = {**event, "time": to_text(start + timedelta(microseconds=number))}
        if isinstance(event.get("time"), str):
            stamped[ORIGINAL] = event["time"]
        fresh.append(stamped)
    return fresh


def _time(event: dict[str, Any]) -> datetime | None:
    try:
        at = datetime.fromisoformat(event["time"])
    except (KeyError, TypeError, ValueError):
        return None
    return at if at.tzinfo else None
