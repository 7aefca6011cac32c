"""A detector of anomalies for each series, kept in records a few at a time, and brought up to date after a restart."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from grace_ray.core.canonical import canonical
from grace_ray.core.clock import to_us
from grace_ray.core.errors import InvalidInput
from grace_ray.core.sample import metric_of
from grace_ray.core.store import Reader, Record
from grace_ray.diagnose.metrics.latest import Stream
from grace_ray.diagnose.metrics.listing import Latest
from grace_ray.models.detect.anomaly import AnomalyDetector, Scored

VIEW = "anomaly_detectors"
_SAVE_EVERY_US = 1_800_000_000  # a restart feeds what came since: 30 points are cheaper than to write 29 KB more often
_SAVED_A_TURN = 20
_SAVED_SHARE = 8  # or this part of the series that came in, so that all have their turn in time
_USUAL = 29 / 30  # one block of 24 points in 30 may look like this: twice a day of a point a minute
_MANY = 8  # values of one series from which on they are scored together


@dataclass(slots=True)
class _Held:
    detector: AnomalyDetector
    saved_us: int


class Detectors:
    """Scores every series that it has room for: those of the catalog (``is_known``), and ``most`` others.

    A record holds a detector as it was at a time; ``restore`` feeds it what was scored since then, without effects.
    """

    def __init__(self, most: int, is_known: Callable[[str], bool]) -> None:
        self._most = most
        self._is_known = is_known
        self._held: dict[str, _Held] = {}
        self._others = 0

    def restore(self, reader: Reader, latest: Mapping[str, Latest], cursor: int) -> None:
        """Start from the records, and the points that were taken (up to ``cursor``) since each was written."""
        self._held.clear()
        self._others = 0
        for record in reader.scan(VIEW):
            newest = latest.get(record.key)
            if newest is None or not record.body:
                continue
            head, _, state = record.body.partition(b"\n")
            since = Latest(series=record.key, is_counter=newest.is_counter, **json.loads(head))
            held = self._hold(record.key, since.at_us)
            try:
                held.detector.restore(state)
            except (InvalidInput, ValueError, TypeError):  # another version's: it learns anew
                held.detector = AnomalyDetector()
            if newest.at_us > since.at_us:
                _feed(held.detector, reader, since, newest, cursor)

    def score(self, series: str, values: Sequence[tuple[int, float]], now: datetime) -> list[tuple[int, float, Scored]]:
        """Score and learn values (time in microseconds, value) in turn; return those at which an anomaly begins."""
        held = self._held.get(series)
        if held is None:
            if not self._has_room(series):
                return []
            held = self._hold(series, to_us(now) - _SAVE_EVERY_US)
        return _onsets(held.detector, values)

    def due(self, touched: Sequence[Latest], now: datetime) -> list[Record]:
        """Return the records of some of the detectors that were not saved for a while."""
        now_us = to_us(now)
        late = [each for each in touched if each.series in self._held and self._age_us(each, now_us) >= _SAVE_EVERY_US]
        late.sort(key=lambda each: self._held[each.series].saved_us)
        most = max(_SAVED_A_TURN, len(touched) // _SAVED_SHARE)
        return [self._record(each, now_us) for each in late[:most]]

    def _age_us(self, latest: Latest, now_us: int) -> int:
        return abs(now_us - self._held[latest.series].saved_us)

    def _record(self, latest: Latest, now_us: int) -> Record:
        held = self._held[latest.series]
        held.saved_us = now_us
        head = {"at_us": latest.at_us} | ({} if latest.raw is None else {"raw": latest.raw})
        return Record(VIEW, latest.series, "", 0.0, canonical(head) + b"\n" + held.detector.state())

    def _has_room(self, series: str) -> bool:
        return self._is_known(metric_of(series)) or self._others < self._most

    def _hold(self, series: str, saved_us: int) -> _Held:
        held = self._held[series] = _Held(AnomalyDetector(), saved_us)
        self._others += not self._is_known(metric_of(series))
        return held


def is_worth_saying(onset: Scored, score_min: float) -> bool:
    """Whether people should hear of an onset.

    Its score reaches ``score_min``; and while the series is young, so that even the fifth rarest moment comes often, it
    is also what was never seen before (score 1) or one of less than a thirtieth of the past. Pure noise with a point a
    minute is then said about once a day.
    """
    return onset.score >= score_min and (onset.score == 1.0 or onset.likelihood >= _USUAL)


def _feed(detector: AnomalyDetector, reader: Reader, since: Latest, newest: Latest, cursor: int) -> None:
    stored = reader.points(since.series, since.at_us + 1, newest.at_us + 1)
    arrived = sorted(point for point in stored if point.seq <= cursor)
    stream = Stream(since, None)
    _onsets(detector, [(news.at_us, news.value) for news in stream.take(arrived, newest.at_us)])


def _onsets(detector: AnomalyDetector, values: Sequence[tuple[int, float]]) -> list[tuple[int, float, Scored]]:
    if len(values) < _MANY:
        scored = [(at_us, value, detector.onset_one(value, at_us / 1e6)) for at_us, value in values]
        return [(at_us, value, onset) for at_us, value, onset in scored if onset is not None]
    times, numbers = zip(*values, strict=True)
    many = detector.score_many(np.array(numbers, dtype=float), np.array(times, dtype=float) / 1e6)
    found = []
    for place in np.flatnonzero(many.is_onset):
        expected = float(many.expected[place])
        scored_one = Scored(
            score=float(many.score[place]),
            likelihood=float(many.likelihood[place]),
            is_onset=True,
            expected=expected if math.isfinite(expected) else None,
        )
        found.append((times[place], numbers[place], scored_one))
    return found
