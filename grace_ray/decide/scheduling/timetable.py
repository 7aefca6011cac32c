"""Timetables: when something is due again, as pure functions of a moment.

All moments are aware UTC datetimes. A local time that a change of clocks leaves out is taken as late as it would have
been without the change (02:30 becomes 03:30), one that comes twice is its first: once a day, never twice.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from grace_ray.core.clock import from_us, to_us

_DAY = timedelta(days=1)
_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"))
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Timetable(Protocol):
    """When something is due; ``str`` says it in words."""

    def next_after(self, moment: datetime) -> datetime:
        """Return the first time after ``moment``."""
        ...

    def last_until(self, moment: datetime) -> datetime:
        """Return the last time that is not after ``moment``."""
        ...

    def count(self, first: datetime, last: datetime) -> int:
        """Return how many times there are from ``first`` to ``last``, both of them times of this timetable."""
        ...


@dataclass(frozen=True, slots=True)
class Every:
    """Every ``seconds`` (> 0, counted in microseconds), in step with 1970-01-01T00:00Z.

    >>> six_hours = Every(6 * 3600)
    >>> str(six_hours.next_after(datetime(2026, 12, 31, 18, 0, tzinfo=UTC))), str(six_hours)
    ('2027-01-01 00:00:00+00:00', 'every 6 h')
    """

    seconds: float

    def next_after(self, moment: datetime) -> datetime:
        """Return the first time after ``moment``."""
        return from_us((to_us(moment) // self._step_us + 1) * self._step_us)

    def last_until(self, moment: datetime) -> datetime:
        """Return the last time that is not after ``moment``."""
        return from_us(to_us(moment) // self._step_us * self._step_us)

    def count(self, first: datetime, last: datetime) -> int:
        """Return how many times there are from ``first`` to ``last``."""
        return (to_us(last) - to_us(first)) // self._step_us + 1

    @property
    def _step_us(self) -> int:
        return max(round(self.seconds * 1_000_000), 1)

    def __str__(self) -> str:
        for length_s, unit in _UNITS:
            if self.seconds % length_s == 0:
                return f"every {self.seconds / length_s:g} {unit}"
        return f"every {self.seconds:g} s"


@dataclass(frozen=True, slots=True)
class Daily:
    """Once a day at a local time.

    >>> night = Daily(time(2, 30), ZoneInfo("Europe/Berlin"))
    >>> str(night.next_after(datetime(2026, 3, 28, 12, tzinfo=UTC)))  # 02:30 is left out on the 29th
    '2026-03-29 01:30:00+00:00'
    """

    at: time
    zone: ZoneInfo

    def next_after(self, moment: datetime) -> datetime:
        """Return the first time after ``moment``."""
        return _next_after(self, moment, 1)

    def last_until(self, moment: datetime) -> datetime:
        """Return the last time that is not after ``moment``."""
        return _last_until(self, moment, 1)

    def count(self, first: datetime, last: datetime) -> int:
        """Return how many times there are from ``first`` to ``last``."""
        return _days(self, first, last) + 1

    def day_of(self, moment: datetime) -> date:
        """Return the local day of a moment."""
        return moment.astimezone(self.zone).date()

    def on(self, day: date) -> datetime:
        """Return the time of a local day."""
        return _utc(day, self.at, self.zone)

    def __str__(self) -> str:
        return f"daily at {self.at:%H:%M} {self.zone.key}"


@dataclass(frozen=True, slots=True)
class Weekly:
    """Once a week at a local time; ``weekday`` counts from 0, Monday.

    >>> sundays = Weekly(6, time(3, 0), ZoneInfo("UTC"))
    >>> str(sundays.next_after(datetime(2028, 2, 28, tzinfo=UTC))), str(sundays)
    ('2028-03-05 03:00:00+00:00', 'Sundays at 03:00 UTC')
    """

    weekday: int
    at: time
    zone: ZoneInfo

    def next_after(self, moment: datetime) -> datetime:
        """Return the first time after ``moment``."""
        return _next_after(self, moment, 7)

    def last_until(self, moment: datetime) -> datetime:
        """Return the last time that is not after ``moment``."""
        return _last_until(self, moment, 7)

    def count(self, first: datetime, last: datetime) -> int:
        """Return how many times there are from ``first`` to ``last``."""
        return _days(self, first, last) // 7 + 1

    def day_of(self, moment: datetime) -> date:
        """Return the day of this week's time; a week begins on Monday."""
        local = moment.astimezone(self.zone).date()
        return local + _DAY * (self.weekday - local.weekday())

    def on(self, day: date) -> datetime:
        """Return the time of a local day."""
        return _utc(day, self.at, self.zone)

    def __str__(self) -> str:
        return f"{WEEKDAYS[self.weekday]}s at {self.at:%H:%M} {self.zone.key}"


def _utc(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return a local time as UTC; fold 0 is the first of two, and late by the gap where there is none."""
    return datetime.combine(day, at.replace(fold=0), zone).astimezone(UTC)


def _next_after(table: Daily | Weekly, moment: datetime, days: int) -> datetime:
    day = table.day_of(moment) - _DAY * days  # a time that clocks made late may fall on the day after its own
    while (found := table.on(day)) <= moment:
        day += _DAY * days
    return found


def _last_until(table: Daily | Weekly, moment: datetime, days: int) -> datetime:
    day = table.day_of(moment) + _DAY * days
    while (found := table.on(day)) > moment:
        day -= _DAY * days
    return found


def _days(table: Daily | Weekly, first: datetime, last: datetime) -> int:
    return (table.day_of(last) - table.day_of(first)).days
