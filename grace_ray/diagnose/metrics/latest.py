"""The newest of each series as points stream in: which of them count, and the band that they have got into."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from grace_ray.core.metric import Band, Metric
from grace_ray.core.sample import StoredPoint
from grace_ray.diagnose.metrics.buckets import rate_of
from grace_ray.diagnose.metrics.listing import Latest

_AHEAD_US = 120_000_000  # a point further ahead of our clock counts for its snapshot, and is no news
_STALE_US = 900_000_000  # what lies further back is no news either
_MARGIN = 0.05  # of a threshold: a band is left only this far on the better side of it, so that it does not flap
_RANKS = {"good": 0, "warning": 1, "critical": 2}


class News(NamedTuple):
    """One value of a series as it streams by; ``was`` is the band said last where another one is to be said now."""

    at_us: int
    value: float
    band: str
    was: str | None
    is_fresh: bool


class Stream:
    """Takes a series' points in the order in which they came in.

    A point counts that is newer than all before it and not ahead of our clock. A counter's value is its rate. The band
    is that of the mean of two values, and is said of fresh ones only: a history that comes in late is no alarm.
    """

    def __init__(self, latest: Latest, metric: Metric | None) -> None:
        self.latest = latest
        self.metric = metric

    def take(self, points: Iterable[StoredPoint], now_us: int) -> Iterator[News]:
        """Return the news in ``points``; ``latest`` moves along."""
        if self.latest.at_us > now_us + _AHEAD_US:  # our clock was put back
            self.latest = replace(self.latest, at_us=0, before=None, raw=None, value=None)
        for point in points:
            if self.latest.at_us < point.at_us <= now_us + _AHEAD_US:
                yield from self._value(point, now_us)

    def _value(self, point: StoredPoint, now_us: int) -> Iterator[News]:
        latest = self.latest
        if not latest.is_counter:
            yield self._judged(point.at_us, point.value, now_us)
            return
        found = [] if latest.raw is None else rate_of(latest.at_us, latest.raw, point.at_us, point.value)
        for at_us, rate in found:
            yield self._judged(at_us, rate, now_us)
        self.latest = replace(self.latest, at_us=point.at_us, raw=point.value)

    def _judged(self, at_us: int, value: float, now_us: int) -> News:
        latest, metric = self.latest, self.metric
        is_fresh = at_us >= now_us - _STALE_US
        before = latest.value if latest.value is not None and at_us - latest.at_us <= _STALE_US else None
        band, said, was = "", latest.said, None
        if metric is not None:
            band = metric.band(value) if before is None else next_band(metric, latest.band, (value + before) / 2)
            if is_fresh and before is not None and band != (latest.said or "good"):
                was, said = latest.said or "good", band
        self.latest = replace(latest, at_us=at_us, value=value, before=before, band=band, said=said)
        return News(at_us, value, band, was, is_fresh)


def next_band(metric: Metric, was: str, value: float) -> Band:
    """Return the band that a value leads to; a worse one is left only with a margin.

    >>> metric = Metric(id="m", category="api", unit="ms", direction="higher_is_worse", warning=100, critical=200)
    >>> [next_band(metric, was, 98) for was in ("good", "warning", "critical")], next_band(metric, "warning", 94)
    (['good', 'warning', 'warning'], 'good')
    """
    found = metric.band(value)
    while _RANKS[found] < _RANKS.get(was, 0):
        worse: Band = "warning" if found == "good" else "critical"
        threshold = metric.warning if worse == "warning" else metric.critical
        margin = _MARGIN * abs(threshold) * (1 if metric.is_higher_worse else -1)
        if metric.band(value + margin) == found:
            return found
        found = worse
    return found
