"""The incident predictor: one warning an episode, calibrated against what came, and judged when it is over."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from grace_ray.core.clock import from_us, to_us
from grace_ray.core.forecast import IncidentWarning
from grace_ray.core.ids import derived_id
from grace_ray.core.jsonable import from_plain, to_plain
from grace_ray.core.metric import Metric
from grace_ray.diagnose.forecasting.history import History
from grace_ray.diagnose.forecasting.making import horizons_of, minutes_to_breach, threshold_ahead
from grace_ray.models.detect.breach import Breach
from grace_ray.models.detect.warnings import EpisodeGate, WarningCalibrator

_OPEN_MAX = 50
_CONSEQUENCES_MAX = 5


@dataclass(slots=True)
class Outlook:
    """What is known of one series' trouble to come.

    ``said`` holds (last_us, probability, threshold) of forecasts whose horizon has not passed; ``warning`` is the open
    one; ``runs`` are (run id, playbook, effect or None) of playbooks that ended since it was opened.
    """

    gate: EpisodeGate
    said: list[tuple[int, float, float]] = field(default_factory=list)
    warning: IncidentWarning | None = None
    runs: list[tuple[str, str, float | None]] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        """Return it in JSON's types; ``from_plain`` takes it."""
        return {
            "gate": dict(self.gate.state()),
            "said": self.said,
            "warning": to_plain(self.warning),
            "runs": self.runs,
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Outlook":
        """Return what ``plain`` was made of."""
        gate = EpisodeGate()
        gate.restore(plain["gate"])
        warning = from_plain(IncidentWarning, plain["warning"]) if plain["warning"] else None
        said = [(int(at), float(p), float(threshold)) for at, p, threshold in plain["said"]]
        return cls(gate, said, warning, [(run, playbook, effect) for run, playbook, effect in plain["runs"]])


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
        known = self.outlooks.setdefault(series, Outlook(EpisodeGate(self._open_at)))
        value = float(history.latest.mean) if history.latest else 0.0
        band = metric.band(value)
        self._judge(known, metric, history)
        said = breach.probabilities[max(horizons_of(self._horizon))]
        if band == "good" or metric.warning == metric.critical:
            known.said = [*known.said[-_OPEN_MAX:], (history.last_us, said, threshold_ahead(history, metric))]
        changed = self._close(known, value, metric, now)
        opening = known.gate.learn_one(self.calibrator.calibrated(said), is_breached=band != "good")
        if opening.opened and known.warning is None:
            known.warning = self._opened(series, metric, history, breach, now)
            known.runs = []
            changed.append(known.warning)
        return changed

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

    def _opened(self, series: str, metric: Metric, history: History, breach: Breach, now: datetime) -> IncidentWarning:
        horizon_minutes = max(1, round(self._horizon * history.step_s / 60))
        probability = self.calibrator.calibrated(breach.probabilities[max(horizons_of(self._horizon))])
        return IncidentWarning(
            warning_id=derived_id(from_us(to_us(now)), "warning", series, str(history.last_us)),
            metric_id=series,
            status="open",
            opened_at=now,
            band="warning",
            threshold=threshold_ahead(history, metric),
            probability=round(probability, 4),
            horizon_minutes=horizon_minutes,
            minutes_to_breach=minutes_to_breach(breach, history.step_s),
            predicted_value=breach.predicted,
            value=float(history.latest.mean) if history.latest else 0.0,
            confidence=round(breach.confidence, 4),
        )


def _averted(warning: IncidentWarning, runs: list[tuple[str, str, float | None]]) -> IncidentWarning:
    """Return a warning whose threshold was not passed: prevented where an action is estimated to have mattered."""
    helped = [run for run in runs if run[2] is not None and run[2] > 0]
    if not helped:
        tried = f"; {len(runs)} playbooks ran, none is known to have mattered" if runs else "; nothing was done"
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
