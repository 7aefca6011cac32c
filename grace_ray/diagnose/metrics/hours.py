"""Which hours of which series are still to be summed up: each once it has ended, and again where a late point comes."""

from collections.abc import Callable, Iterable
from datetime import datetime

from grace_ray.core.clock import to_us
from grace_ray.core.sample import HOURLY_S, Snapshot
from grace_ray.diagnose.metrics.buckets import Buckets

_HOUR_US = HOURLY_S * 1_000_000
_GRACE_US = 60_000_000
_A_TICK = 300  # series summed up in one turn


class Hours:
    """Holds what is open; ``ended`` sums up some of what is over."""

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets
        self._open: dict[int, set[str]] = {}

    def restore(self, series: str, at_us: int) -> None:
        """Open the hour of a series' newest point, and the one before, which may not have been summed up yet."""
        hour = self._buckets.start_of(at_us)
        self.touch(series, (hour, hour - _HOUR_US), None)

    def touch(self, series: str, times_us: Iterable[int], last_us: int | None) -> None:
        """Open the hours of points; see Buckets.touched."""
        for hour in self._buckets.touched(series, times_us, last_us):
            self._open.setdefault(hour, set()).add(series)

    def ended(
        self, now: datetime, made: Callable[[Buckets, str, set[int], datetime], list[Snapshot]]
    ) -> list[Snapshot]:
        """Return the snapshots of hours that are over, of up to 300 series and hours."""
        over_us = to_us(now) - _HOUR_US - _GRACE_US
        due: dict[str, set[int]] = {}
        left = _A_TICK
        for hour in sorted(hour for hour in self._open if hour <= over_us):
            while self._open[hour] and left:
                due.setdefault(self._open[hour].pop(), set()).add(hour)
                left -= 1
            if not self._open[hour]:
                del self._open[hour]
        return [each for series, hours in due.items() for each in made(self._buckets, series, hours, now)]
