"""Asks the HTTP face for a sign of life, as a user would: through the proxy, over the network."""

import http.client
import time
from collections import deque
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from grace_ray.core.clock import to_us
from grace_ray.core.store import Reader

LATENCY, ERRORS = "api.latency_p95", "api.error_rate"
_HEARD_SHARE = 1.5  # of an interval: within that a face that was asked something has told how it went


class Probe(NamedTuple):
    """One question: the status of the answer, 0 where there was none, and the time it took."""

    status: int
    took_ms: float

    @property
    def is_answered(self) -> bool:
        """Whether a user would have been served."""
        return 0 < self.status < 500


def probe(url: str, timeout_s: float) -> Probe:
    """Return how GET ``url``/healthz went; never raises for the network's faults."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=timeout_s)
    began = time.perf_counter()
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        answer.read()
        status = answer.status
    except (OSError, http.client.HTTPException):
        status = 0
    finally:
        connection.close()
    return Probe(status, (time.perf_counter() - began) * 1000)


class Face:
    """What the HTTP face cannot say of itself: that it does not answer, and how it does while nobody asks."""

    def __init__(self, reader: Reader, interval_s: float) -> None:
        self._reader = reader
        self._heard_us = int(_HEARD_SHARE * interval_s * 1e6)
        self._said_us: deque[int] = deque(maxlen=8)
        self._was_served = False

    def values(self, probed: Probe, now: datetime) -> dict[str, float]:
        """Return latency (ms) and share of errors (percent) as probed, nothing where it spoke or never answered yet."""
        self._was_served = self._was_served or probed.is_answered
        now_us = to_us(now)
        if not self._was_served or (probed.is_answered and self._has_spoken(now_us)):
            return {}
        self._said_us.append(now_us)
        return {LATENCY: probed.took_ms, ERRORS: 0.0 if probed.is_answered else 100.0}

    def _has_spoken(self, now_us: int) -> bool:
        points = self._reader.points(LATENCY, now_us - self._heard_us, now_us + self._heard_us)
        return any(point.at_us not in self._said_us for point in points)
