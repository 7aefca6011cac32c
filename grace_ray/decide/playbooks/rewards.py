"""What came of a choice: how bad the metrics were before and after it, as a reward in [-1, 1]."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import isfinite

from grace_ray.core.clock import to_us
from grace_ray.core.metric import CRITICAL_METRICS, Metric
from grace_ray.core.sample import metric_of
from grace_ray.core.store import Reader

LOOK_BACK_S = 300.0
_COST = 0.02  # of acting at all: where nothing changes, doing nothing is the better choice
_FAILED = 0.25
_SIDE_EFFECTS = 0.5
_POINTS_MAX = 1000


def badness(metric: Metric, value: float) -> float:
    """Return how bad a value is, 0..1: 1 at the critical threshold, 0.5 at the warning, 0 as far on the good side.

    The good side ends at 0 where that is nearer: few metrics go beyond. The scale is the metric's own, so that metrics
    of any unit compare.

    >>> latency = Metric(id="m", category="api", unit="ms", direction="higher_is_worse", warning=500, critical=900)
    >>> [badness(latency, value) for value in (50, 500, 700, 2000)]
    [0.0, 0.5, 0.75, 1.0]
    """
    span = metric.critical - metric.warning
    if not isfinite(value) or span == 0:
        return 1.0 if metric.band(value) != "good" else 0.0
    beyond = (value - metric.warning) / span  # 1 at the critical threshold
    if beyond < 0 and 0 < abs(metric.warning) < abs(span):
        beyond *= abs(span) / abs(metric.warning)
    return min(1.0, max(0.0, 0.5 + 0.5 * beyond))


def reward(
    metrics: Mapping[str, Metric],
    series: str,
    before: Mapping[str, float],
    after: Mapping[str, float],
    *,
    expected: float = 0.0,
    acted: bool = True,
    has_failed: bool = False,
) -> float:
    """Return how much better it got, in [-1, 1]; ``before`` and ``after`` are values by series.

    What counts is the metric that the choice was made for; others count where they got worse, half. ``expected`` is
    the badness that was forecast, where that is more than what was measured. A run that failed earns nothing from
    what got better by itself, and costs a quarter.
    """
    main = metrics[metric_of(series)]
    better = max(badness(main, before[series]) if series in before else 0.0, expected) - badness(main, after[series])
    changes = [
        badness(metrics[metric_of(other)], before[other]) - badness(metrics[metric_of(other)], value)
        for other, value in after.items()
        if other != series and other in before
    ]
    worse = sum(min(0.0, change) for change in changes) / len(changes) if changes else 0.0
    total = better + _SIDE_EFFECTS * worse - (_COST if acted else 0.0)
    if has_failed:
        total = min(total, 0.0) - _FAILED
    return round(min(1.0, max(-1.0, total)), 6)


class Kpis:
    """The metrics around a choice: the one that it is made for, and the critical ones of the runtime."""

    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        self._metrics = metrics

    def read(self, reader: Reader, series: str, start: datetime, end: datetime) -> dict[str, float]:
        """Return the mean of each series over start <= at < end; series without points there are left out."""
        found = {}
        for key in dict.fromkeys([series, *CRITICAL_METRICS]):
            if metric_of(key) not in self._metrics:
                continue
            points = reader.points(key, to_us(start), to_us(end), _POINTS_MAX)
            values = [point.value for point in points if isfinite(point.value)]
            if values:
                found[key] = sum(values) / len(values)
        return found

    def before(self, reader: Reader, series: str, at: datetime) -> dict[str, float]:
        """Return the newest value of each series as of ``at``: the mean hides a trouble that has just begun."""
        found = {}
        for key in dict.fromkeys([series, *CRITICAL_METRICS]):
            if metric_of(key) in self._metrics:
                points = reader.points(key, to_us(at - timedelta(seconds=LOOK_BACK_S)), to_us(at) + 1, _POINTS_MAX)
                if points:
                    found[key] = points[-1].value
        return found
