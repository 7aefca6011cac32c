"""Snapshots of raw points: a pure function of the points that the store has, so that a late one is never too late."""

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from grace_ray.core.metric import Metric
from grace_ray.core.sample import Snapshot
from grace_ray.core.store import Reader

_LOOK_BACK_US = 3_600_000_000  # how far before a bucket a counter's last value is looked for
_RUN_BUCKETS = 48
_GAP_BUCKETS = 6
_POINTS_MAX = 1_000_000

Timed = tuple[int, float]
"""Microseconds since the epoch, and a value."""


def rates(points: Sequence[Timed]) -> list[Timed]:
    """Return what a counter grew by per second, at each point but the first; after a reset it grew from 0.

    >>> rates([(0, 10.0), (10_000_000, 30.0), (20_000_000, 5.0)])
    [(10000000, 2.0), (20000000, 0.5)]
    """
    return [
        rate
        for (before_us, before), (at_us, value) in pairwise(points)
        for rate in rate_of(before_us, before, at_us, value)
    ]


def rate_of(before_us: int, before: float, at_us: int, value: float) -> list[Timed]:
    """Return the rate between two points in a list; an empty one where no time lies between."""
    if at_us <= before_us:
        return []
    grown = value - before if value >= before else value
    return [(at_us, grown / ((at_us - before_us) / 1e6))]


def snapshot(series: str, step_s: int, start_us: int, values: Sequence[float], metric: Metric | None) -> Snapshot:
    """Return the summary of one value or more; the band is that of the mean."""
    ordered = sorted(values)
    mean = min(max(math.fsum(ordered) / len(ordered), ordered[0]), ordered[-1])
    return Snapshot(
        series=series,
        step_s=step_s,
        start_us=start_us,
        count=len(ordered),
        min=ordered[0],
        max=ordered[-1],
        mean=mean,
        p50=quantile(ordered, 0.50),
        p95=quantile(ordered, 0.95),
        p99=quantile(ordered, 0.99),
        band=metric.band(mean) if metric else "",
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile of ascending values, linear between two (type 7 of Hyndman and Fan, 1996).

    >>> quantile([1.0, 2.0, 3.0, 4.0], 0.5), quantile([7.0], 0.99)
    (2.5, 7.0)
    """
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    if low + 1 >= len(ordered):
        return ordered[-1]
    return ordered[low] + (ordered[low + 1] - ordered[low]) * (place - low)


class Buckets:
    """Reads the points of those buckets that were touched, and sums them up.

    Of a bucket whose points may be pruned in part (it ends before ``frozen_us``), the snapshot that rests on more
    points stays.
    """

    def __init__(self, reader: Reader, step_s: int) -> None:
        self._reader = reader
        self._step_s = step_s
        self._step_us = step_s * 1_000_000

    def start_of(self, at_us: int) -> int:
        """Return when the bucket of a moment begins."""
        return at_us - at_us % self._step_us

    def touched(self, series: str, times_us: Iterable[int], last_us: int | None) -> set[int]:
        """Return the starts of the buckets that points change; of a counter ``last_us`` was its newest time so far.

        A counter's late point is also where the first rate of the next bucket that has points begins.
        """
        starts = {self.start_of(at_us) for at_us in times_us}
        if last_us is None:
            return starts
        late = [start + self._step_us for start in starts if start < self.start_of(last_us)]
        after = [
            self._reader.points(series, end, end + max(_LOOK_BACK_US, self._step_us), 1)
            for end in late
            if end not in starts
        ]
        return starts | {self.start_of(points[0].at_us) for points in after if points}

    def made(
        self, series: str, starts: Iterable[int], metric: Metric | None, *, is_counter: bool, frozen_us: int
    ) -> list[Snapshot]:
        """Return the snapshots of the buckets that begin at ``starts`` and have a value."""
        found: list[Snapshot] = []
        for run in self._runs(sorted(starts)):
            points = self._points(series, run, is_counter=is_counter)
            times = [at_us for at_us, _ in points]
            for start in run:
                low, high = bisect_left(times, start), bisect_left(times, start + self._step_us)
                values = [value for _, value in points[low:high]]
                if values and not (start + self._step_us <= frozen_us and self._has_more(series, start, len(values))):
                    found.append(snapshot(series, self._step_s, start, values, metric))
        return found

    def _points(self, series: str, run: Sequence[int], *, is_counter: bool) -> list[Timed]:
        begin = run[0] - (_LOOK_BACK_US if is_counter else 0)
        stored = self._reader.points(series, begin, run[-1] + self._step_us, _POINTS_MAX)
        points = [(point.at_us, point.value) for point in stored]
        return rates(points) if is_counter else points

    def _has_more(self, series: str, start_us: int, count: int) -> bool:
        kept = self._reader.snapshots(series, self._step_s, start_us, start_us + 1)
        return bool(kept) and kept[0].count > count

    def _runs(self, starts: Sequence[int]) -> Iterator[list[int]]:
        """Return the starts in groups that one query reads without reading much in between."""
        run: list[int] = []
        for start in starts:
            is_far = run and start - run[-1] > _GAP_BUCKETS * self._step_us
            if is_far or len(run) >= _RUN_BUCKETS:
                yield run
                run = []
            run.append(start)
        if run:
            yield run
