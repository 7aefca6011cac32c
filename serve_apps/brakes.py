"""Brakes on the intake: events that must wait for a while, as a playbook has said (core.brake).

What must wait is answered 429 with Retry-After, so its sender keeps it and comes again; what need not wait is taken
from the same request first, and is known as a duplicate when it comes again. Nothing acknowledged is lost.
"""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from datetime import datetime

import orjson

from grace_ray.core.brake import BRAKES_VIEW, Brake, brake_of
from grace_ray.core.clock import utc_now
from grace_ray.core.errors import Backpressure, GraceError
from grace_ray.core.event import SEVERITIES
from grace_ray.core.fact import Row
from grace_ray.core.store import Reader

_READ_EVERY_S = 1.0
_COME_AGAIN_MAX_S = 60.0  # a brake may be taken off before its time


class Brakes:
    """The brakes that are on, read from the store about once a second and only while events come in."""

    def __init__(self, reader: Reader, clock: Callable[[], datetime] = utc_now) -> None:
        self._reader = reader
        self._clock = clock
        self._on: list[Brake] = []
        self._read_at = -math.inf
        self._reading = asyncio.Lock()

    async def split(self, rows: Sequence[Row]) -> tuple[list[Row], Backpressure | None]:
        """Return the rows that may pass now, and the error that tells the sender of the others when to come again."""
        await self._refresh()
        now = self._clock()
        on = [brake for brake in self._on if brake.until > now]
        if not on:
            return list(rows), None
        passing, holding = [], dict[str, Brake]()
        for row in rows:
            brake = next((brake for brake in on if _holds(brake, row)), None)
            if brake is None:
                passing.append(row)
            else:
                holding[brake.key] = brake
        if not holding:
            return passing, None
        last = max(holding.values(), key=lambda brake: brake.until)
        waits = len(rows) - len(passing)
        what = "of this source" if last.kind == "source" else f"less severe than {last.value}"
        message = f"{waits} of {len(rows)} events wait: those {what} are not taken for now ({last.reason})."
        return passing, Backpressure(message, "", min(_COME_AGAIN_MAX_S, max(1.0, (last.until - now).total_seconds())))

    async def _refresh(self) -> None:
        if time.monotonic() - self._read_at < _READ_EVERY_S or self._reading.locked():
            return
        async with self._reading:
            try:
                records = await asyncio.to_thread(self._reader.scan, BRAKES_VIEW)
            except GraceError:
                return  # the store is away: what was read last holds until it ends by itself
            self._on = [brake_of(record) for record in records if record.body]
            self._read_at = time.monotonic()


def _holds(brake: Brake, row: Row) -> bool:
    if row.kind != "event":
        return False
    if brake.kind == "source":
        return row.source == brake.value
    return SEVERITIES.index(_severity(row)) < SEVERITIES.index(brake.value)


def _severity(row: Row) -> str:
    found = orjson.loads(row.body).get("severity")
    return found if found in SEVERITIES else "medium"
