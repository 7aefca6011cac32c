"""When to ask again, and after how long: exponential back-off with full jitter, and what Retry-After says."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from random import Random

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
