"""The door for metrics: raw samples of any format in, points that the store can hold out, with reasons for the rest."""

import math
import re
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from grace_ray.core.clock import to_us
from grace_ray.core.errors import InvalidInput
from grace_ray.core.sample import VALUE_MAX, Point, series_key
from grace_ray.sense.redaction import Redactor
from grace_ray.settings import Settings

_METRIC = re.compile(r"[A-Za-z_:][A-Za-z0-9_:./-]{0,199}", re.ASCII)
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]{0,127}", re.ASCII)
_VALUE_LENGTH_MAX = 256
_ASK_AGAIN_S = 10.0


class RawSample(NamedTuple):
    """A sample as a format decoded it, not checked yet: ``at_us`` None where the sender named no time.

    ``place`` is where it stands in the request.
    """

    place: int
    metric: Any
    value: Any
    at_us: int | None
    labels: Any
    is_counter: bool


class RejectedSample(NamedTuple):
    """A sample that was not taken: its place in the request, its metric's name, and why in a sentence."""

    place: int
    metric: str
    reason: str


class TakenSamples(NamedTuple):
    """What became of a batch."""

    points: list[Point]
    rejected: list[RejectedSample]


class SampleIntake:
    """Checks names, values, times and the number of series; ``known`` returns the keys of the series kept already.

    >>> from datetime import UTC
    >>> intake = SampleIntake(Settings(), lambda: [])
    >>> raws = [RawSample(0, "shop.latency", 5, None, {"zone": "b"}, False), RawSample(1, "x", 1e300, None, {}, False)]
    >>> taken = intake.take(raws, datetime(2026, 1, 1, tzinfo=UTC))
    >>> taken.points[0].series, taken.rejected[0].metric
    ('shop.latency{zone="b"}', 'x')
    """

    def __init__(self, settings: Settings, known: Callable[[], Iterable[str]]) -> None:
        self._limits = settings.metrics
        self._future_us = int(settings.intake.future_max_s * 1e6)
        self._past_us = int(settings.intake.past_max_days * 86400e6)
        self._redactor = Redactor(settings.intake.redact_extra)
        self._known = known
        self._keys: set[str] = set()
        self._asked_s = -math.inf
        self._key = lru_cache(maxsize=20_000)(self._made_key)

    def take(self, raws: Iterable[RawSample | RejectedSample], now: datetime) -> TakenSamples:
        """Return the points of ``raws``; ``now`` (aware UTC) is the time of undated ones."""
        points: list[Point] = []
        rejected: list[RejectedSample] = []
        now_us = to_us(now)
        for raw in raws:
            if isinstance(raw, RejectedSample):
                rejected.append(raw)
                continue
            try:
                points.append(self._point(raw, now_us))
            except InvalidInput as error:
                rejected.append(RejectedSample(raw.place, _shown(raw.metric), error.message))
        return TakenSamples(points, rejected)

    def _point(self, raw: RawSample, now_us: int) -> Point:
        if not isinstance(raw.metric, str) or not _METRIC.fullmatch(raw.metric):
            raise InvalidInput(
                "A metric's name is 1 to 200 letters, digits, '_', ':', '.', '/' and '-', and begins with a letter, '_'"
                " or ':'.",
                "metric",
            )
        value = _number(raw.value)
        at_us = now_us if raw.at_us is None else raw.at_us
        if at_us > now_us + self._future_us:
            raise InvalidInput(f"The time lies more than {self._future_us / 1e6:g} s ahead.", "timestamp")
        if at_us < now_us - self._past_us:
            raise InvalidInput(f"The time lies more than {self._past_us / 86400e6:g} days back.", "timestamp")
        return Point(self._series(raw.metric, raw.labels), at_us, value, raw.is_counter)

    def _series(self, metric: str, labels: Any) -> str:
        if not labels and labels in ({}, None):
            key = metric
        elif not isinstance(labels, Mapping):
            raise InvalidInput("Labels are an object of names and texts.", "labels")
        elif len(labels) > self._limits.labels_max:
            raise InvalidInput(f"{len(labels)} labels; {self._limits.labels_max} are allowed.", "labels")
        else:
            try:
                key = self._key(metric, tuple(labels.items()))
            except TypeError:  # a value that cannot be hashed is no text
                raise InvalidInput("The value of a label is a text.", "labels") from None
        if key not in self._keys:
            self._admit(key)
        return key

    def _made_key(self, metric: str, labels: tuple[tuple[Any, Any], ...]) -> str:
        for name, value in labels:
            if not isinstance(name, str) or not _LABEL.fullmatch(name):
                raise InvalidInput(f"The label name {_shown(name)!r} is not letters, digits and '_'.", "labels")
            if not isinstance(value, str):
                raise InvalidInput(f"The value of label {name} must be a text, not {type(value).__name__}.", "labels")
            if len(value) > _VALUE_LENGTH_MAX or not value.isprintable():
                raise InvalidInput(
                    f"The value of label {name} must be at most {_VALUE_LENGTH_MAX} printable characters.", "labels"
                )
        return series_key(metric, {name: self._redactor.text(value) for name, value in labels if value})

    def _admit(self, key: str) -> None:
        """Let a series in that is not known here. Raises InvalidInput where there are too many."""
        most = self._limits.series_max
        is_full = len(self._keys) >= most
        if not self._keys or (is_full and time.monotonic() - self._asked_s > _ASK_AGAIN_S):
            self._keys = set(self._known())
            self._asked_s = time.monotonic()
            is_full = len(self._keys) >= most
        if key in self._keys:
            return
        if is_full:
            raise InvalidInput(f"There are {most} series already (metrics.series_max): no new one is taken.", "metric")
        self._keys.add(key)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput(f"A value is a number, not {type(value).__name__}.", "value")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InvalidInput(f"A value must be finite, not {number}.", "value")
    if abs(number) > VALUE_MAX:
        raise InvalidInput(f"A value lies between -{VALUE_MAX:g} and {VALUE_MAX:g}; this one is {number:g}.", "value")
    return number


def _shown(name: Any) -> str:
    return str(name)[:200].encode(errors="replace").decode() if isinstance(name, str) else ""
