"""A situation: the trouble that a playbook is chosen for, read from a finding, and the features that describe it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from grace_ray.core.clock import from_us
from grace_ray.core.entry import Entry
from grace_ray.core.metric import Metric
from grace_ray.core.sample import labels_of, metric_of
from grace_ray.decide.playbooks.rewards import badness

FEATURES = ("badness", "is_forecast", "probability", "urgency", "attempt", "hour_sin", "hour_cos")
_HORIZON_MIN = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """``series`` is in trouble, or (``probability`` within an hour) will be; ``diagnosis`` is its metric's id.

    ``finding`` is the id of the fact that said so, ``warning_id`` that of the early warning, if it was one.
    ``expected`` is the badness that is forecast, weighed by its probability; ``slope_per_s`` the way there.
    """

    service: str
    diagnosis: str
    series: str
    finding: str
    at: datetime
    value: float
    expected: float = 0.0
    slope_per_s: float = 0.0
    probability: float = 0.0
    minutes_to_breach: float | None = None
    is_forecast: bool = False
    warning_id: str = ""
    attempt: int = 1
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def cell(self) -> str:
        """What the policy learns apart: service and diagnosis."""
        return cell_of(self.service, self.diagnosis)

    def context(self, metric: Metric) -> dict[str, float]:
        """Return the features by name, each about -1..1."""
        minutes = self.minutes_to_breach if self.minutes_to_breach is not None else 0.0
        angle = 2 * math.pi * (self.at.hour + self.at.minute / 60) / 24
        return {
            "badness": max(badness(metric, self.value), self.expected),
            "is_forecast": float(self.is_forecast),
            "probability": self.probability,
            "urgency": 1.0 - min(1.0, max(0.0, minutes / _HORIZON_MIN)),
            "attempt": min(1.0, (self.attempt - 1) / 4),
            "hour_sin": math.sin(angle),
            "hour_cos": math.cos(angle),
        }


def cell_of(service: str, diagnosis: str) -> str:
    """Return the cell of a service and a diagnosis."""
    return f"{service}|{diagnosis}"


def situation_of(entry: Entry, metrics: Mapping[str, Metric]) -> Situation | None:
    """Return the situation that a finding tells of; None where it is no trouble, or of no metric of the catalog."""
    body = entry.content()
    series = str(body.get("series") or body.get("metric_id") or "")
    metric = metrics.get(metric_of(series))
    if metric is None:
        return None
    service = str(body.get("service") or metric.service)
    at = from_us(entry.at_us)
    if entry.type == "metric.band_changed":
        if body.get("band") not in {"warning", "critical"}:
            return None
        return Situation(
            service=service,
            diagnosis=metric.id,
            series=series,
            finding=entry.id,
            at=at,
            value=_number(body.get("value"), metric.warning),
            labels=labels_of(series),
        )
    if entry.type == "incident.warned":
        probability = min(1.0, max(0.0, _number(body.get("probability"), 0.0)))
        minutes = _number(body.get("minutes_to_breach"), 0.0)
        value = _number(body.get("value"), metric.warning)
        threshold = _number(body.get("threshold"), metric.warning)
        return Situation(
            service=service,
            diagnosis=metric.id,
            series=series,
            finding=entry.id,
            at=at,
            value=value,
            expected=probability * badness(metric, _number(body.get("predicted_value"), metric.warning)),
            probability=probability,
            slope_per_s=(threshold - value) / (60 * minutes) if minutes > 0 else 0.0,
            minutes_to_breach=minutes if minutes > 0 else None,
            is_forecast=True,
            warning_id=str(body.get("warning_id") or ""),
            labels=labels_of(series),
        )
    return None


def _number(value: Any, otherwise: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else otherwise
