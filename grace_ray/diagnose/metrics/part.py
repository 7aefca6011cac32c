"""The metrics part: sums points up to snapshots, says when a metric leaves its band, and looks for anomalies.

A follower whose input is not the journal but the points that come in. Where it stands among them (record
core.sample.POINTS_CURSOR), and the newest of each series (view "metrics"), is written with what it says of them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from grace_ray.core.clock import to_us
from grace_ray.core.entry import Entry
from grace_ray.core.errors import InvalidInput
from grace_ray.core.fact import Fact
from grace_ray.core.follower import NOTHING, Effects
from grace_ray.core.metric import Metric
from grace_ray.core.sample import HOURLY_S, POINTS_CURSOR, Snapshot, StoredPoint, metric_of
from grace_ray.core.store import Reader, Record
from grace_ray.diagnose.metrics import said
from grace_ray.diagnose.metrics.anomalies import Detectors, is_worth_saying
from grace_ray.diagnose.metrics.buckets import Buckets
from grace_ray.diagnose.metrics.hours import Hours
from grace_ray.diagnose.metrics.latest import Stream
from grace_ray.diagnose.metrics.listing import VIEW, Latest, from_record
from grace_ray.settings import MetricsSettings

_A_TICK = 20_000  # points: half a second of work
_SERIES_PAGE = 10_000


class MetricsPart:
    """See the module. ``metrics`` is the catalog by id."""

    name = "metrics"
    follows = frozenset({"change"})

    def __init__(self, settings: MetricsSettings, metrics: Mapping[str, Metric]) -> None:
        self._settings = settings
        self._metrics = metrics
        self._detectors = Detectors(settings.anomaly_series_max, metrics.__contains__) if settings.anomalies else None
        self._keep_us = int(settings.keep_points_h * 3600e6)

    def restore(self, state: bytes | None, reader: Reader) -> None:
        """Start from the records as they stand."""
        self._reader = reader
        self._buckets = Buckets(reader, self._settings.snapshot_s)
        self._hours = Hours(Buckets(reader, HOURLY_S))
        self._latest = {record.key: from_record(record) for record in reader.scan(VIEW)}
        self._kinds = {latest.series: latest.is_counter for latest in self._latest.values()}
        cursor = reader.record(*POINTS_CURSOR)
        self._cursor = int(cursor.body) if cursor and cursor.body else 0
        for latest in self._latest.values():
            self._hours.restore(latest.series, latest.at_us)
        if self._detectors is not None:
            self._detectors.restore(reader, self._latest, self._cursor)

    def state(self) -> bytes:
        """Return nothing: records hold it all."""
        return b""

    def relearn(self, entries: Sequence[Entry]) -> None:
        """Learn nothing: records are as new as the cursor."""

    def handle(self, entries: Sequence[Entry], now: datetime) -> Effects:
        """Take nothing from the journal: points do not stand there."""
        return NOTHING

    def tick(self, now: datetime) -> Effects:
        """Take the points that came in, and sum up the hours that have ended."""
        points = self._reader.points_after(self._cursor, _A_TICK)
        effects = self._taken(points, now) if points else NOTHING
        if hourly := self._hours.ended(now, self._snapshots_of):
            effects += Effects(snapshots=hourly)
        return effects

    def operate(self, action: str, args: dict[str, Any], now: datetime) -> tuple[Effects, Any]:
        """Do nothing: there is nothing that an operator may ask of this part."""
        raise InvalidInput(f"The metrics part cannot {action}.", "action")

    def _taken(self, points: Sequence[StoredPoint], now: datetime) -> Effects:
        by_series: dict[str, list[StoredPoint]] = {}
        for point in points:
            by_series.setdefault(point.series, []).append(point)
        facts: list[Fact] = []
        snapshots: list[Snapshot] = []
        for series, arrived in by_series.items():
            snapshots += self._summed(series, arrived, now)
            facts += self._streamed(series, arrived, now)
        self._cursor = points[-1].seq
        touched = [self._latest[series] for series in by_series]
        records = [latest.to_record() for latest in touched]
        if self._detectors is not None:
            records += self._detectors.due(touched, now)
        records.append(Record(*POINTS_CURSOR, "", 0.0, b"%d" % self._cursor))
        return Effects(facts=facts, records=records, snapshots=snapshots)

    def _summed(self, series: str, arrived: Sequence[StoredPoint], now: datetime) -> list[Snapshot]:
        latest = self._known(series)
        times = [point.at_us for point in arrived]
        last_us = latest.at_us if latest.is_counter else None
        self._hours.touch(series, times, last_us)
        starts = self._buckets.touched(series, times, last_us)
        return self._snapshots_of(self._buckets, series, starts, now)

    def _snapshots_of(self, buckets: Buckets, series: str, starts: set[int], now: datetime) -> list[Snapshot]:
        return buckets.made(
            series,
            starts,
            self._metrics.get(metric_of(series)),
            is_counter=self._known(series).is_counter,
            frozen_us=to_us(now) - self._keep_us,
        )

    def _streamed(self, series: str, arrived: Sequence[StoredPoint], now: datetime) -> list[Fact]:
        metric = self._metrics.get(metric_of(series))
        stream = Stream(self._known(series), metric)
        news = list(stream.take(arrived, to_us(now)))
        self._latest[series] = stream.latest
        facts: list[Fact] = []
        for each in news:
            if metric is not None and each.was is not None:
                facts += said.band_changed(series, metric, each.band, each.was, each.value, each.at_us)
        if self._detectors is not None and news:
            fresh = {each.at_us for each in news if each.is_fresh}
            onsets = self._detectors.score(series, [(each.at_us, each.value) for each in news], now)
            facts += [
                said.anomaly(series, metric, scored, value, at_us)
                for at_us, value, scored in onsets
                if at_us in fresh and is_worth_saying(scored, self._settings.anomaly_score_min)
            ]
        return facts

    def _known(self, series: str) -> Latest:
        """Return the newest of a series; of one never seen, nothing but what kind it is."""
        if series not in self._latest:
            if series not in self._kinds:
                found = self._reader.series(metric_of(series), limit=_SERIES_PAGE)
                self._kinds.update((each.key, each.is_counter) for each in found)
            self._latest[series] = Latest(series=series, is_counter=self._kinds.get(series, False))
        return self._latest[series]
