"""The incident predictor: one warning an episode, calibrated against what came, and judged when it is over."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from grace_ray.core.forecast import IncidentWarning
from grace_ray.core.ids import derived_id
from grace_ray.core.jsonable import from_plain, to_plain
from grace_ray.core.metric import Metric
from grace_ray.diagnose.forecasting.history import History
from grace_ray.diagnose.forecasting.making import horizons_of, minutes_to_breach, threshold_ahead
from grace_ray.models.detect.breach import Breach
from grace_ray.models.detect.trend import trend_of
from grace_ray.models.detect.warnings import EpisodeGate, WarningCalibrator

_OPEN_MAX = 50
_CONSEQUENCES_MAX = 5
_TREND_POINTS = 24
_SURE = 0.005  # a trend by chance is as rare as this


@dataclass(slots=True)
class Outlook:
    """What is known of one series' trouble to come.

    ``said`` holds (last_us, probability, threshold) of forecasts whose horizon has not passed; ``warning`` is the open
    one; ``runs`` are (run id, playbook, effect or None) of playbooks that ended since it was opened. ``gate`` is fed
    once a snapshot, ``quick_gate`` once a point.
    """

    gate: EpisodeGate
    quick_gate: EpisodeGate
    said: list[tuple[int, float, float]] = field(default_factory=list)
    warning: IncidentWarning | None = None
    runs: list[tuple[str, str, float | None]] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        """Return it in JSON's types; ``from_plain`` takes it."""
        return {
            "gate": dict(self.gate.state()),
            "quick_gate": dict(self.quick_gate.state()),
            "said": self.said,
            "warning": to_plain(self.warning),
            "runs": self.runs,
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Outlook":
        """Return what ``plain`` was made of."""
        gate, quick_gate = EpisodeGate(), EpisodeGate()
        gate.restore(plain["gate"])
        quick_gate.restore(plain["quick_gate"])
        warning = from_plain(IncidentWarning, plain["warning"]) if plain["warning"] else None
        said = [(int(at), float(p), float(threshold)) for at, p, threshold in plain["said"]]
        return cls(
            gate, quick_gate, said, warning, [(run, playbook, effect) for run, playbook, effect in plain["runs"]]
        )


class Incidents:
    """Warnings of all series. ``open_at`` is the calibrated probability within the whole horizon that warns."""

    def __init__(self, open_at: float, horizon: int) -> None:
        self._open_at = open_at
        self._horizon = horizon
        self.calibrator = WarningCalibrator()
        self.outlooks: dict[str, Outlook] = {}

    def look(
        self, series: str, metric: Metric, history: History, breach: Breach, now: datetime
    ) -> list[IncidentWarning]:
        """Take the outlook of one series as of a new snapshot; return the warnings that opened or closed."""
        known = self._known(series)
        value = latest(history)
        band = metric.band(value)
        self._judge(known, metric, history)
        said = breach.probabilities[max(horizons_of(self._horizon))]
        if band == "good" or metric.warning == metric.critical:
            known.said = [*known.said[-_OPEN_MAX:], (history.last_us, said, threshold_ahead(history, metric))]
        changed = self._close(known, value, metric, now)
        probability = self.calibrator.calibrated(said)
        opening = known.gate.learn_one(probability, is_breached=band != "good")
        if opening.opened and known.warning is None:
            changed.append(self._open(known, series, metric, history, breach, probability, now))
        return changed

    def glance(
        self, series: str, metric: Metric, history: History, breach: Breach, now: datetime
    ) -> list[IncidentWarning]:
        """Take the outlook of a few points that are no snapshot yet: what rises fast is warned of before one is.

        Probabilities of so little are not calibrated: only a trend that is there beyond doubt may warn.
        """
        known = self._known(series)
        value = latest(history)
        changed = self._close(known, value, metric, now)
        trend = trend_of(history.values[-_TREND_POINTS:])
        toward = trend.slope if metric.is_higher_worse else -trend.slope
        is_sure = toward > 0 and trend.p_value < _SURE and breach.steps_to_breach is not None
        probability = breach.probabilities[max(breach.probabilities)] if is_sure else 0.0
        opening = known.quick_gate.learn_one(probability, is_breached=metric.band(value) != "good")
        if opening.opened and known.warning is None:
            changed.append(self._open(known, series, metric, history, breach, probability, now))
        return changed

    def open_warning(self, series: str) -> IncidentWarning | None:
        """Return the warning of a series that is open, None where none is."""
        known = self.outlooks.get(series)
        return known.warning if known else None

    def _known(self, series: str) -> Outlook:
        if series not in self.outlooks:
            gate, quick_gate = EpisodeGate(self._open_at), EpisodeGate(self._open_at, quiet_points=30)
            self.outlooks[series] = Outlook(gate, quick_gate)
        return self.outlooks[series]

    def ran(self, series: str, run_id: str, playbook: str, effect: float | None) -> bool:
        """Note that a playbook ended for a series with an open warning; False where there is none."""
        known = self.outlooks.get(series)
        if known is None or known.warning is None:
            return False
        known.runs = [*known.runs[-_CONSEQUENCES_MAX:], (run_id, playbook, effect)]
        return True

    def _judge(self, known: Outlook, metric: Metric, history: History) -> None:
        """Teach the calibrator what came of forecasts whose horizon has passed, or whose threshold was."""
        sign = 1 if metric.is_higher_worse else -1
        step_us = history.step_s * 1_000_000
        waiting = []
        for last_us, probability, threshold in known.said:
            since = (history.last_us - last_us) // step_us
            path = history.values[len(history.values) - since :][: self._horizon] if since > 0 else ()
            has_breached = any(sign * value >= sign * threshold for value in path)
            if has_breached or since >= self._horizon:
                self.calibrator.learn_one(min(max(probability, 0.0), 1.0), has_breached)
            else:
                waiting.append((last_us, probability, threshold))
        known.said = waiting

    def _close(self, known: Outlook, value: float, metric: Metric, now: datetime) -> list[IncidentWarning]:
        warning = known.warning
        if warning is None:
            return []
        sign = 1 if metric.is_higher_worse else -1
        if sign * value >= sign * warning.threshold:
            after = (now - warning.opened_at).total_seconds() / 60
            ended = replace(warning, status="breached", reason=f"The threshold was passed {after:.0f} min after.")
        elif now < warning.opened_at + timedelta(minutes=warning.horizon_minutes):
            return []
        else:
            ended = _averted(warning, known.runs)
        known.warning = None
        return [replace(ended, closed_at=now)]

    def _open(
        self,
        known: Outlook,
        series: str,
        metric: Metric,
        history: History,
        breach: Breach,
        probability: float,
        now: datetime,
    ) -> IncidentWarning:
        steps = max(breach.probabilities)
        horizon_minutes = max(1, round(steps * history.step_s / 60))
        threshold = threshold_ahead(history, metric)
        minutes = minutes_to_breach(breach, history.step_s)
        known.runs = []
        known.warning = IncidentWarning(
            warning_id=derived_id(now, "warning", series, str(history.last_us)),
            metric_id=series,
            status="open",
            opened_at=now,
            band="warning" if threshold == metric.warning else "critical",
            threshold=threshold,
            probability=round(probability, 4),
            horizon_minutes=horizon_minutes,
            minutes_to_breach=minutes,
            predicted_value=breach.predicted,
            value=latest(history),
            confidence=round(breach.confidence, 4),
            reason=_foreseen(metric, breach, horizon_minutes, minutes),
        )
        return known.warning


def _foreseen(metric: Metric, breach: Breach, horizon_minutes: int, minutes: float | None) -> str:
    """Return in a sentence what is foreseen."""
    in_time = f" and passes its limit in about {minutes:.0f} min" if minutes else ""
    moves = "rises" if metric.is_higher_worse else "falls"
    return f"It {moves}{in_time}; as it goes it is at {breach.predicted:.4g} {metric.unit} in {horizon_minutes} min."


def latest(history: History) -> float:
    """Return the last value of a history, 0 where it has none."""
    seen = history.values[np.isfinite(history.values)]
    return float(seen[-1]) if seen.size else 0.0


def _averted(warning: IncidentWarning, runs: list[tuple[str, str, float | None]]) -> IncidentWarning:
    """Return a warning whose threshold was not passed: prevented where an action is estimated to have mattered."""
    helped = [run for run in runs if run[2] is not None and run[2] > 0]
    if not helped:
        ran = "1 playbook" if len(runs) == 1 else f"{len(runs)} playbooks"
        tried = f"; {ran} ran, none is known to have mattered" if runs else "; nothing was done"
        return replace(warning, status="false_alarm", reason=f"The threshold was not passed{tried}.")
    run_id, playbook, effect = max(helped, key=lambda run: run[2] or 0.0)
    return replace(
        warning,
        status="prevented",
        run_id=run_id,
        playbook=playbook,
        effect=effect,
        reason=f"The threshold was not passed after {playbook}, whose effect against doing nothing is {effect:+.2f}.",
    )
