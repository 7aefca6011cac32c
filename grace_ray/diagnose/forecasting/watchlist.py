"""The series that are watched: which there are, which want a look now, and what each one's records keep."""

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any

from grace_ray.core.canonical import canonical
from grace_ray.core.sample import metric_of
from grace_ray.core.store import Reader, Record, series_keys
from grace_ray.diagnose.forecasting.accuracy import Scorebook
from grace_ray.diagnose.forecasting.history import Steps
from grace_ray.diagnose.forecasting.views import BOOKS, TRAILS

_A_TURN = 16  # series looked at in one turn: a second of work at most
_LIST_EVERY_US = 30_000_000
_SETTLE_SHARE = 8  # a step is looked at this share of its length after its end: its last points are in by then
_SETTLE_MAX_US = 15_000_000
_TRAIL_MAX = 192  # two days of forecasts every quarter of an hour


@dataclass(slots=True)
class Watched:
    """One series: which step was looked at last, when it was forecast, and how its forecasts went.

    ``trail`` holds the last point of each forecast (``making.last_of``), oldest first.
    """

    key: str
    looked_us: int = 0
    glanced_us: int = 0
    forecast_us: int = 0
    is_urgent: bool = False
    observations: int = 0
    trail: list[list[float]] = field(default_factory=list)
    book: Scorebook = field(default_factory=Scorebook)

    def book_record(self, outlook: Mapping[str, Any] | None) -> Record:
        """Return the record of all but the trail; ``outlook`` is what is known of its trouble to come."""
        plain = {
            "looked_us": self.looked_us,
            "forecast_us": self.forecast_us,
            "is_urgent": self.is_urgent,
            "observations": self.observations,
            "book": self.book.plain(),
            "outlook": outlook,
        }
        return Record(BOOKS, self.key, "", 0.0, canonical(plain))

    def trail_record(self, last: list[float]) -> Record:
        """Take the last point of a new forecast; return the record of the trail."""
        self.trail = [*self.trail[1 - _TRAIL_MAX :], last]
        return Record(TRAILS, self.key, "", 0.0, canonical(self.trail))


class Watchlist:
    """The watched series by key, at most ``series_max``; those of ``catalog`` (ids of metrics) come first."""

    def __init__(self, catalog: Container[str], steps: Steps, series_max: int) -> None:
        self._catalog = catalog
        self._step_us = steps.snapshot_s * 1_000_000
        self._point_us = steps.point_s * 1_000_000
        self._series_max = series_max
        self._listed_us = 0
        self.settle_us = min(self._step_us // _SETTLE_SHARE, _SETTLE_MAX_US)
        self.series: dict[str, Watched] = {}

    def restore(self, reader: Reader) -> dict[str, Any]:
        """Take up where the records stand; return the outlooks that stand in them, by series."""
        outlooks = {}
        for record in reader.scan(BOOKS):
            plain = json.loads(record.body or b"{}")
            self.series[record.key] = Watched(
                record.key,
                looked_us=plain["looked_us"],
                forecast_us=plain["forecast_us"],
                is_urgent=plain["is_urgent"],
                observations=plain["observations"],
                book=Scorebook.from_plain(plain["book"]),
            )
            if plain["outlook"]:
                outlooks[record.key] = plain["outlook"]
        for record in reader.scan(TRAILS):
            if record.key in self.series:
                self.series[record.key].trail = json.loads(record.body or b"[]")
        return outlooks

    def look_for_new(self, reader: Reader, now_us: int) -> None:
        """Look for new series, now and then."""
        if self._listed_us and 0 <= now_us - self._listed_us < _LIST_EVERY_US:
            return
        self._listed_us = now_us
        keys = sorted(series_keys(reader), key=lambda key: (metric_of(key) not in self._catalog, key))
        for key in keys[: self._series_max]:
            self.series.setdefault(key, Watched(key))

    def to_look_at(self, now_us: int, asked: Container[str]) -> list[Watched]:
        """Return a turn of what is urgent, asked for, or has a step that ended unseen; the urgent, then the oldest."""
        end = self.step_end(now_us)
        due = [
            watched
            for watched in self.series.values()
            if watched.is_urgent or watched.looked_us < end or watched.key in asked
        ]
        due.sort(key=lambda watched: (not watched.is_urgent, watched.looked_us, watched.key))
        return due[:_A_TURN]

    def to_glance_at(self, now_us: int) -> list[Watched]:
        """Return a turn of the catalog's series that may have a point since the last glance."""
        due = [
            watched
            for watched in self.series.values()
            if metric_of(watched.key) in self._catalog and not 0 <= now_us - watched.glanced_us < self._point_us
        ]
        return sorted(due, key=lambda watched: (watched.glanced_us, watched.key))[:_A_TURN]

    def step_end(self, now_us: int) -> int:
        """Return where the last step ended whose points are in."""
        settled = now_us - self.settle_us
        return settled - settled % self._step_us
