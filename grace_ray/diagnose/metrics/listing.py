"""What the metrics part keeps of each series (view "metrics"), and lists of metrics made of that and the catalog."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from grace_ray.core.canonical import canonical
from grace_ray.core.clock import from_us
from grace_ray.core.metric import Metric
from grace_ray.core.sample import labels_of, metric_of
from grace_ray.core.store import Record
from grace_ray.diagnose.metrics.catalog import Catalog

VIEW = "metrics"
_RANKS = {"critical": 3, "warning": 2, "good": 1, "": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """The newest of one series: a value (of a counter its rate per second), and the band, "" without thresholds.

    ``value`` is None before there is one, ``before`` the one before it; ``raw`` is what came in, for a counter.
    ``said`` is the band that was said last, "" where none was yet.
    """

    series: str
    at_us: int = 0
    value: float | None = None
    band: str = ""
    said: str = ""
    before: float | None = None
    raw: float | None = None
    is_counter: bool = False

    def to_record(self) -> Record:
        """Return the record: by band, newest first."""
        body: dict[str, Any] = {"at_us": self.at_us, "band": self.band, "said": self.said}
        extra = {"value": self.value, "before": self.before, "raw": self.raw, "is_counter": self.is_counter or None}
        body |= {name: value for name, value in extra.items() if value is not None}
        return Record(VIEW, self.series, self.band, self.at_us / 1e6, canonical(body))


def from_record(record: Record) -> Latest:
    """Return what a record holds."""
    return Latest(series=record.key, **orjson.loads(record.body or b"{}"))


def listed(catalog: Catalog, latest: Iterable[Latest]) -> list[dict[str, Any]]:
    """Return every metric of the catalog or with data, in order of id, each with its series and the worst band."""
    by_metric: dict[str, list[Latest]] = {metric.id: [] for metric in catalog.metrics}
    for each in latest:
        by_metric.setdefault(metric_of(each.series), []).append(each)
    return [shown(name, catalog.get(name), by_metric[name]) for name in sorted(by_metric)]


def shown(name: str, metric: Metric | None, series: Sequence[Latest]) -> dict[str, Any]:
    """Return one metric, of the catalog or not, with its series and the worst band."""
    ordered = sorted(series, key=lambda each: each.series)
    worst = max(ordered, key=lambda each: (_RANKS[each.band], each.at_us), default=None)
    return {
        "metric": name,
        "category": metric.category if metric else None,
        "unit": metric.unit if metric else None,
        "direction": metric.direction if metric else None,
        "warning": metric.warning if metric else None,
        "critical": metric.critical if metric else None,
        "description": metric.description if metric else "",
        "service": metric.service if metric else None,
        "interval_s": metric.interval_s if metric else None,
        "playbooks": list(metric.playbooks) if metric else [],
        "in_catalog": metric is not None,
        "band": worst.band if worst else None,
        "value": worst.value if worst else None,
        "at": _at(worst),
        "series": [_of_series(each) for each in ordered],
    }


def _of_series(latest: Latest) -> Mapping[str, Any]:
    return {
        "series": latest.series,
        "labels": labels_of(latest.series),
        "value": latest.value,
        "at": _at(latest),
        "band": latest.band,
        "type": "counter" if latest.is_counter else "gauge",
    }


def _at(latest: Latest | None) -> datetime | None:
    return from_us(latest.at_us) if latest else None
