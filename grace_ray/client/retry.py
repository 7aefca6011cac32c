"""When to ask again, and after how long: exponential back-off with full jitter, and what Retry-After says."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from random import Random

from grace_ray.core.errors import Backpressure, GraceError

RETRIED = frozenset({429, 502, 503, 504})
"""Statuses after which the same request may succeed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """``attempts`` in all; waits are drawn from 0..``base_s`` * 2**n, at most ``cap_s``; no wait beyond ``longest_s``.

    A server's Retry-After is obeyed; where it asks for more than ``longest_s`` the caller is told at once.
    """

    attempts: int = 5
    base_s: float = 0.2
    cap_s: float = 5.0
    longest_s: float = 30.0

    def delay_s(self, attempt: int, retry_after_s: float | None, rng: Random) -> float | None:
        """Return how long to wait after the failed ``attempt`` (the first is 1), None to give up."""
        if attempt >= self.attempts or (retry_after_s or 0) > self.longest_s:
            return None
        jitter = rng.uniform(0, min(self.cap_s, self.base_s * 2 ** (attempt - 1)))
        return jitter if retry_after_s is None else retry_after_s + min(jitter, self.base_s)


class Quiet:
    """How long a runtime that failed is left alone by who need not wait for it: half a second to half a minute."""

    def __init__(self) -> None:
        self._failures = 0
        self._until: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Return whether it is to be left alone still."""
        return self._until is not None and now < self._until

    def begin(self, error: GraceError, now: datetime) -> None:
        """It failed once more; what it asked for is obeyed."""
        self._failures += 1
        asked_s = error.retry_after_s if isinstance(error, Backpressure) else 0.0
        self._until = now + timedelta(seconds=max(asked_s, min(30.0, 0.25 * 2 ** min(self._failures, 10))))

    def end(self) -> None:
        """It answered."""
        self._failures, self._until = 0, None


ONCE = Retry(attempts=1)


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds that a Retry-After header (seconds, or an HTTP date) asks for, None without a usable one."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (ValueError, TypeError):
        return None
