"""The HTTP face's own vital signs: latency and errors of what it answered, kept as points of metrics now and then."""

import asyncio
import math
from collections import deque
from datetime import datetime

import structlog

from grace_ray.core.clock import utc_now
from grace_ray.core.errors import GraceError
from grace_ray.core.sample import Sample
from grace_ray.core.store import Commit
from grace_ray.sense.collectors.metrics import read_resident_mib
from serve_apps.gateway import Gateway

log = structlog.get_logger()

_KEPT_MAX = 20_000
_FIRST_S = 5.0
FOLLOWER = "http"


class Vitals:
    """Notes every answer; ``samples`` sums up those since the last call, the newest 20,000 at most."""

    def __init__(self) -> None:
        self._durations_s: deque[float] = deque(maxlen=_KEPT_MAX)
        self._failed = 0
        self._count = 0
        self._arrived = asyncio.Event()

    def note(self, status: int, duration_s: float) -> None:
        """Note one answer."""
        self._durations_s.append(duration_s)
        self._count += 1
        self._failed += status >= 500
        self._arrived.set()

    def samples(self, now: datetime) -> list[Sample]:
        """Return 95% latency (ms), share of errors (percent) and this process's memory; nothing where nobody asked.

        >>> from datetime import UTC
        >>> vitals = Vitals()
        >>> for number in range(20):
        ...     vitals.note(500 if number < 5 else 200, number / 1000)
        >>> [(s.metric, s.value) for s in vitals.samples(datetime(2026, 1, 1, tzinfo=UTC))][:2]
        [('api.latency_p95', 18.0), ('api.error_rate', 25.0)]
        """
        if not self._durations_s:
            return []
        ordered = sorted(self._durations_s)
        p95_ms = ordered[math.ceil(0.95 * len(ordered)) - 1] * 1000
        errors = 100 * self._failed / self._count
        self._durations_s.clear()
        self._failed = self._count = 0
        self._arrived.clear()
        return [
            Sample(metric="api.latency_p95", value=p95_ms, at=now),
            Sample(metric="api.error_rate", value=errors, at=now),
            Sample(metric="infra.process_memory", value=read_resident_mib(), at=now, labels={"part": FOLLOWER}),
        ]

    async def report(self, gateway: Gateway) -> None:
        """Keep the samples every ``metrics.interval_s`` seconds, the first soon after the first request, for ever."""
        interval_s = gateway.settings.metrics.interval_s
        pause_s = min(_FIRST_S, interval_s)
        while True:
            await self._arrived.wait()
            await asyncio.sleep(pause_s)
            pause_s = interval_s
            points = [sample.to_point() for sample in self.samples(utc_now())]
            try:
                await gateway.commit(Commit(follower=FOLLOWER, points=points))
            except GraceError as error:
                log.warning("vitals.lost", error=str(error))
