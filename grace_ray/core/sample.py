"""Samples: points of metrics, the series that they belong to, and the snapshots that sum up five minutes of them.

Samples are not facts: they live in the series store, beside the journal and written in the same transactions.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from grace_ray.core.clock import to_us

VALUE_MAX = 1e30
"""The largest magnitude of a value: its square, and sums of squares, are still far from overflow."""

HOURLY_S = 3600
"""The step, in seconds, of the snapshots that are kept longest; the short ones' is a setting (metrics.snapshot_s)."""

POINTS_CURSOR = ("metrics_cursor", "points")
"""View and key of the record that holds, in decimal, the seq of the last point that the metrics part has taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One point of one metric, as it comes in. ``is_counter``: it only grows, and starts again from 0 at a reset."""

    metric: str
    value: float
    at: datetime
    labels: Mapping[str, str] = field(default_factory=dict)
    is_counter: bool = False

    def to_point(self) -> "Point":
        """Return the sample as it goes to the store."""
        return Point(series_key(self.metric, self.labels), to_us(self.at), self.value, self.is_counter)


class Point(NamedTuple):
    """A sample in transit and in the store: ``series`` is its key, ``at_us`` microseconds since the epoch."""

    series: str
    at_us: int
    value: float
    is_counter: bool = False


class StoredPoint(NamedTuple):
    """A point with its place in the order in which points came in; ``seq`` grows, with gaps."""

    seq: int
    series: str
    at_us: int
    value: float


class Series(NamedTuple):
    """One series as the store knows it; ``key`` is the metric's id, followed by ``{a="b"}`` where there are labels."""

    key: str
    metric: str
    is_counter: bool
    first_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What became of one series in the ``step_s`` seconds from ``start_us``.

    A counter's figures are of its increase per second. ``band`` is good, warning, critical, or "" where the metric has
    no thresholds.
    """

    series: str
    step_s: int
    start_us: int
    count: int
    min: float
    max: float
    mean: float
    p50: float
    p95: float
    p99: float
    band: str


def series_key(metric: str, labels: Mapping[str, str]) -> str:
    """Return the key of a series, its labels in order.

    >>> series_key("http.latency", {"zone": "b", "app": "shop"}), series_key("api.error_rate", {})
    ('http.latency{app="shop",zone="b"}', 'api.error_rate')
    """
    if not labels:
        return metric
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(labels.items()))
    return f"{metric}{{{inside}}}"


def metric_of(series: str) -> str:
    """Return the metric's id in a series' key.

    >>> metric_of('http.latency{app="shop"}')
    'http.latency'
    """
    return series.partition("{")[0]


def labels_of(series: str) -> dict[str, str]:
    """Return the labels in a series' key.

    >>> labels_of(series_key("m", {"app": 'a "b"', "zone": "c,d"}))
    {'app': 'a "b"', 'zone': 'c,d'}
    """
    return {name: _UNESCAPE.sub(_unescaped, value) for name, value in _LABEL.findall(series.partition("{")[2])}


_LABEL = re.compile(r'([^=",{}]+)="((?:[^"\\]|\\.)*)"', re.DOTALL)
_UNESCAPE = re.compile(r"\\(.)", re.DOTALL)


def _unescaped(match: re.Match[str]) -> str:
    return "\n" if match[1] == "n" else match[1]


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
