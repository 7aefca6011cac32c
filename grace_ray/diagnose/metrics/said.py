"""What the metrics part says: a finding for each change of band, and events for triage."""

import re
from collections.abc import Mapping
from typing import Any

from grace_ray.core.clock import from_us
from grace_ray.core.event import Event
from grace_ray.core.event_types import lookup
from grace_ray.core.fact import Fact
from grace_ray.core.ids import derived_id
from grace_ray.core.metric import Metric
from grace_ray.core.sample import labels_of, metric_of
from grace_ray.models.detect.anomaly import Scored

SOURCE = "grace/metrics"
_ODD = re.compile(r"[^A-Za-z0-9_.-]")
_PATTERN_MAX = 128  # one cluster a metric: two that leave their bands are two troubles
_SEVERITIES = {"warning": "medium", "critical": "high"}


def band_changed(series: str, metric: Metric, band: str, was: str, value: float, at_us: int) -> list[Fact]:
    """Return the finding, and the event that a threshold was crossed (a worse band) or cleared (the good one)."""
    threshold = metric.critical if "critical" in (band, was) else metric.warning
    body = {
        "metric_id": metric.id,
        "series": series,
        "labels": labels_of(series),
        "service": metric.service,
        "band": band,
        "was": was,
        "value": value,
        "threshold": threshold,
        "unit": metric.unit,
        "direction": metric.direction,
        "at": at_us,
    }
    finding = Fact(
        id=derived_id(from_us(at_us), "metric.band_changed", series, band, str(at_us)),
        at=from_us(at_us),
        kind="finding",
        type="metric.band_changed",
        source=SOURCE,
        subject=series,
        body=body,
    )
    if band == "good":
        text = f"{series} is at {value:.6g} {metric.unit} again, within its limit of {metric.warning:g}"
        return [finding, _event("metrics.threshold.cleared", series, at_us, text, body, "", finding.id)]
    if band == "critical" or was == "good":
        text = f"{series} is at {value:.6g} {metric.unit}, beyond its {band} limit of {threshold:g}"
        severity = _SEVERITIES[band]
        return [finding, _event("metrics.threshold.crossed", series, at_us, text, body, severity, finding.id)]
    return [finding]


def anomaly(series: str, metric: Metric | None, scored: Scored, value: float, at_us: int) -> Fact:
    """Return the event that a series behaves as it never did."""
    unit = f" {metric.unit}" if metric else ""
    expected = "" if scored.expected is None else f" where {scored.expected:.6g} was expected"
    data = {
        "metric_id": metric_of(series),
        "series": series,
        "labels": labels_of(series),
        "service": metric.service if metric else "",
        "value": value,
        "expected": scored.expected,
        "score": scored.score,
        "likelihood": scored.likelihood,
    }
    text = f"{series} behaves as it never did: {value:.6g}{unit}{expected}"
    return _event("htm.anomaly.detected", series, at_us, text, data)


def _event(
    name: str,
    series: str,
    at_us: int,
    text: str,
    data: Mapping[str, Any],
    severity: str = "",
    cause: str = "",
) -> Fact:
    kind = lookup(name)
    event = Event.of_type(
        name,
        id=derived_id(from_us(at_us), name, series, str(at_us)),
        source=SOURCE,
        at=from_us(at_us),
        severity=severity,
        pattern="" if kind.success else f"{kind.pattern} {_ODD.sub('_', metric_of(series))}"[:_PATTERN_MAX],
        message=text,
        subject=series,
        cause=cause,
        data=data,
    )
    return event.to_fact()
