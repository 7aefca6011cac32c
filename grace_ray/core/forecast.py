"""Forecasts of metrics, the warnings that follow from them, and the trainings of what makes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

WarningStatus = Literal["open", "breached", "prevented", "false_alarm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastPoint:
    """What a metric will be at ``timestamp``: the middle value, and the bounds that hold 80% and 95% of the time."""

    timestamp: datetime
    value: float
    lower_80: float
    upper_80: float
    lower_95: float
    upper_95: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """One forecast of one series.

    ``breach_probabilities`` are the chances of leaving the band within so many minutes ("15", "30", "60"), empty for a
    metric without thresholds. ``feature_importance`` sums to 1. ``observations`` counts the snapshots that it was
    made from, the last of which began at ``last_at``; ``note`` says what to be wary of, such as too short a history.
    """

    metric_id: str
    model: str
    generated_at: datetime
    last_at: datetime
    step_s: int
    observations: int
    points: Sequence[ForecastPoint]
    weights: Mapping[str, float] = field(default_factory=dict)
    breach_probabilities: Mapping[str, float] = field(default_factory=dict)
    minutes_to_breach: float | None = None
    feature_importance: Mapping[str, float] = field(default_factory=dict)
    trained_version: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentWarning:
    """An early warning: one an episode. It ends as breached, prevented or false_alarm.

    ``probability`` is of a breach within ``horizon_minutes``; ``confidence`` in 0..1 says how much there was to judge
    by. ``effect`` is the doubly robust estimate of what the action taken changed, None where none was.
    """

    warning_id: str
    metric_id: str
    status: str
    opened_at: datetime
    band: str
    threshold: float
    probability: float
    horizon_minutes: int
    minutes_to_breach: float | None
    predicted_value: float
    value: float
    confidence: float
    closed_at: datetime | None = None
    run_id: str | None = None
    playbook: str | None = None
    effect: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRun:
    """One training of a model, from the request to its end: pending, running, completed, failed or timed_out.

    ``progress`` is 0..1, ``seconds_left`` an estimate while it runs; ``version`` is what it made, "" where nothing.
    """

    run_id: str
    artefact: str
    status: str
    requested_at: datetime
    by: str
    is_search: bool = False
    started_at: datetime | None = None
    ended_at: datetime | None = None
    progress: float = 0.0
    seconds_left: float | None = None
    phase: str = ""
    version: str = ""
    series: int = 0
    observations: int = 0
    scores: Mapping[str, float] = field(default_factory=dict)
    error: str = ""

    @property
    def is_open(self) -> bool:
        """Whether its end is still to come."""
        return self.status in {"pending", "running"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What a training brought home: the new version's name, its scores, and what it was trained on.

    ``scores`` holds ``backtest_ratio``, its loss over the champion's on the newest steps, which it has not seen.
    """

    version: str
    scores: Mapping[str, float]
    series: int
    observations: int
