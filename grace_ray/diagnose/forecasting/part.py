"""The forecaster: what every metric will be, whether trouble comes, and which trained model may speak.

A follower that reads snapshots as time passes, and does what the scheduler says is due. All it knows stands in records
(``views`` names them), written with what it says; its state is empty.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from grace_ray.core.canonical import canonical
from grace_ray.core.clock import to_us
from grace_ray.core.entry import Entry
from grace_ray.core.errors import InvalidInput
from grace_ray.core.follower import NOTHING, Effects
from grace_ray.core.forecast import Forecast, IncidentWarning, Trained, TrainingRun
from grace_ray.core.jsonable import to_plain
from grace_ray.core.metric import Metric
from grace_ray.core.playbook import DO_NOTHING
from grace_ray.core.sample import metric_of
from grace_ray.core.schedule import FORECASTER_TRAINING, JOB_DUE, job_ended
from grace_ray.core.schedule import FORECASTS as FORECASTS_JOB
from grace_ray.core.store import Reader, Record
from grace_ray.diagnose.forecasting import said
from grace_ray.diagnose.forecasting.asked import Asked
from grace_ray.diagnose.forecasting.champion import Throne, change_fact
from grace_ray.diagnose.forecasting.history import History, Steps, read_history, read_points
from grace_ray.diagnose.forecasting.incidents import Incidents, Outlook
from grace_ray.diagnose.forecasting.making import as_noun, last_of, look_ahead, no_data, with_warning, within_reach
from grace_ray.diagnose.forecasting.speakers import Speakers
from grace_ray.diagnose.forecasting.trainings import Trainings
from grace_ray.diagnose.forecasting.views import CHANGES, FORECASTS, OWN
from grace_ray.diagnose.forecasting.watchlist import Watched, Watchlist
from grace_ray.models.forecast.base import LEVELS, QuantileModel
from grace_ray.models.forecast.pool import PoolForecast
from grace_ray.settings import ForecasterSettings

_PATIENCE = 2  # intervals without a forecast after which none is waited for any longer
_HORIZON_MAX = 288
_POINTS = 120  # points that a glance sees
_POINTS_MIN = 6


class Forecaster:
    """See the module. ``metrics`` is the catalog, ``load`` reads a trained version from the artefacts.

    Where it ``is_scheduled``, the scheduler says when to train and to forecast; else it keeps the time itself.
    """

    name = "forecaster"
    follows = frozenset({"finding", "outcome", "decision"})

    def __init__(
        self,
        settings: ForecasterSettings,
        metrics: Mapping[str, Metric],
        steps: Steps,
        load: Callable[[str], QuantileModel],
        *,
        is_scheduled: bool = False,
    ) -> None:
        self._is_scheduled = is_scheduled
        self._patience_us = settings.interval_s * 1_000_000 * (_PATIENCE if is_scheduled else 1)
        self._asked = Asked()
        self._settings = settings
        self._metrics = metrics
        self._step_s = steps.snapshot_s
        self._point_s = steps.point_s
        self._speakers = Speakers(load)
        self._watchlist = Watchlist(metrics, steps, settings.series_max)
        self._throne = Throne()
        self._incidents = Incidents(settings.warning_probability, settings.horizon_steps)
        self._trainings = Trainings(settings.train_interval_s, settings.train_timeout_s)
        self._counts = {"forecasts": 0, "warnings": 0, "breached": 0, "prevented": 0, "false_alarm": 0}

    def restore(self, state: bytes | None, reader: Reader) -> None:
        """Start from the records as they stand."""
        self._reader = reader
        for key, outlook in self._watchlist.restore(reader).items():
            self._incidents.outlooks[key] = Outlook.from_plain(outlook)
        own = reader.record(OWN, OWN)
        if own is not None and own.body:
            plain = json.loads(own.body)
            self._throne = Throne.from_plain(plain["throne"])
            self._incidents.calibrator.restore(json.dumps(plain["calibrator"]).encode())
            self._counts.update(plain["counts"])
            self._asked = Asked.from_plain(plain.get("asked", {}))
        self._trainings.restore(reader)

    def state(self) -> bytes:
        """Return nothing: records hold it all."""
        return b""

    def relearn(self, entries: Sequence[Entry]) -> None:
        """Learn nothing: records are as new as the cursor."""

    def handle(self, entries: Sequence[Entry], now: datetime) -> Effects:
        """Take what is due, band changes (a forecast is urgent) and ends of playbooks (trouble may be prevented)."""
        effects = NOTHING
        for entry in entries:
            if entry.type == "metric.band_changed" and entry.subject in self._watchlist.series:
                self._watchlist.series[entry.subject].is_urgent = True
            elif entry.type == "playbook.rewarded":
                effects += self._ran(entry)
            elif entry.type == JOB_DUE:
                effects += self._take_job(entry, now)
        return effects

    def tick(self, now: datetime) -> Effects:
        """Look at the series whose step has ended, forecast those that are due, and ask for a training in time."""
        now_us = to_us(now)
        self._watchlist.look_for_new(self._reader, now_us)
        every = self._watchlist.series.values()
        self._asked.look(now_us, ((watched.key, watched.forecast_us) for watched in every))
        effects = NOTHING
        looked, to_forecast = [], []
        for watched in self._watchlist.to_look_at(now_us, self._asked.left):
            history, seen = self._look(watched, now)
            effects += seen
            is_wanted = self._asked.take(watched.key, history.observations)
            if not history.observations:
                continue
            looked.append(watched)
            if is_wanted or self._is_forecast_due(watched, now_us):
                to_forecast.append((watched, history))
        effects += self._keep_forecasts(to_forecast, now)
        effects += Effects(records=[self._book_record(watched) for watched in looked])
        for watched in self._watchlist.to_glance_at(now_us):
            effects += self._glance(watched, now)
        effects += Effects(facts=self._asked.round_ended(now))
        if effects:
            effects += self._verdict(now) + Effects(records=[self._own_record()])
        if overdue := self._trainings.overdue(now):
            effects += self.training_ended(overdue.run_id, None, now, error="The training did not end in time.")
        if self._is_training_due(now) and self._has_enough():
            effects += self._trainings.request("schedule", now, is_search=False)[0]
        return effects

    def predict(self, series: Sequence[str], horizon_minutes: float, now: datetime) -> dict[str, Any]:
        """Return {generated_at, horizon_minutes, predictions: {series: Forecast}}, made now. Changes nothing.

        A known metric without any data yet has no points, and its note says so.
        Raises InvalidInput (``horizon_minutes``).
        """
        steps = -int(-horizon_minutes * 60 // self._step_s)
        if not 1 <= steps <= _HORIZON_MAX:
            most = _HORIZON_MAX * self._step_s / 60
            raise InvalidInput(f"horizon_minutes must be above 0 and at most {most:g}.", "horizon_minutes")
        histories = {key: self._history(key, now) for key in series}
        known = {key: history for key, history in histories.items() if history.observations}
        version, made = self._speakers.forecast(list(known.values()), steps, self._throne.version)
        nouns = {
            key: self._as_noun(key, history, own, steps, now, version)
            for (key, history), own in zip(known.items(), made, strict=True)
        }
        predictions = {key: nouns.get(key) or no_data(key, histories[key], now) for key in series}
        return {"generated_at": now, "horizon_minutes": horizon_minutes, "predictions": predictions}

    def operate(self, action: str, args: dict[str, Any], now: datetime) -> tuple[Effects, Any]:
        """Do what a person asks: ``train`` or ``roll_back``. Raises Conflict, InvalidInput."""
        if action == "train":
            return self._trainings.request(args["by"], now, is_search=bool(args.get("is_search")))
        if action == "roll_back":
            change = self._throne.roll_back(now, f"{args['by']} rolled it back: {args.get('note', '')}".strip(": "))
            if change is None:
                raise InvalidInput("No version is in the shadow or newly promoted.", "version")
            return self._changed(change), change
        raise InvalidInput(f"The forecaster cannot {action}.", "action")

    def open_training(self) -> TrainingRun | None:
        """Return the training that waits or runs."""
        return self._trainings.open

    def champion(self) -> str:
        """Return the version that speaks; "" is what ships with Grace."""
        return self._throne.version

    def versions(self) -> frozenset[str]:
        """Return the versions that speak or are on trial: their files must stay."""
        return frozenset({self._throne.version, self._throne.shadow or ""}) - {""}

    def training_moved(self, run_id: str, now: datetime, news: dict[str, Any]) -> Effects:
        """Note that a training started, or how far it is."""
        return self._trainings.moved(run_id, now, **news)

    def training_ended(self, run_id: str, trained: Trained | None, now: datetime, error: str = "") -> Effects:
        """Note the end of a training; what it made is proposed as a change."""
        effects = self._trainings.ended(run_id, now, trained, error)
        if told := self._asked.training_ended(now, trained.version if trained else "", error):
            effects += Effects(facts=told, records=[self._own_record()])
        if trained is None:
            return effects
        change = self._throne.propose(trained.version, trained.scores, now)
        return effects + self._changed(change)

    def _take_job(self, entry: Entry, now: datetime) -> Effects:
        """Begin what the scheduler says is due; one training serves all who ask while it is open."""
        effects = NOTHING
        if entry.subject == FORECASTS_JOB:
            self._asked.begin_round(entry.id, to_us(now) + self._watchlist.settle_us)
        elif entry.subject != FORECASTER_TRAINING:
            return NOTHING
        elif self._trainings.open is None and not self._has_enough():
            detail = f"no metric has the {self._settings.train_steps_min} snapshots yet that a training wants"
            return Effects(facts=[job_ended(entry.subject, entry.id, self.name, now, "completed", detail)])
        else:
            if self._trainings.open is None:
                by = entry.content().get("by") or "schedule"
                effects = self._trainings.request(by, now, is_search=False)[0]
            self._asked.training = entry.id
        return effects + Effects(records=[self._own_record()])

    def _look(self, watched: Watched, now: datetime) -> tuple[History, Effects]:
        """Judge what was said of a series, and look out for trouble."""
        history = self._history(watched.key, now)
        watched.looked_us = self._watchlist.step_end(to_us(now))
        watched.observations = history.observations
        if not history.observations:
            return history, NOTHING
        self._throne.take(watched.book.judge(history, LEVELS))
        metric = self._metrics.get(metric_of(watched.key))
        return history, self._look_out(watched.key, metric, history, now) if metric is not None else NOTHING

    def _is_forecast_due(self, watched: Watched, now_us: int) -> bool:
        return watched.is_urgent or not 0 <= now_us - watched.forecast_us < self._patience_us

    def _is_training_due(self, now: datetime) -> bool:
        """Whether to train unasked: the first time, as soon as there is data, waits for no timetable."""
        return self._trainings.is_first if self._is_scheduled else self._trainings.is_due(now)

    def _glance(self, watched: Watched, now: datetime) -> Effects:
        """Look at the newest points of a metric of the catalog, between its snapshots."""
        watched.glanced_us = to_us(now)
        metric = self._metrics[metric_of(watched.key)]
        history = read_points(self._reader, watched.key, self._point_s, _POINTS, to_us(now))
        if history.observations < _POINTS_MIN:
            return NOTHING
        horizon = min(self._settings.horizon_steps * self._step_s // self._point_s, _POINTS)
        breach = look_ahead(history, metric, max(horizon, 1))
        effects = NOTHING
        for warning in self._incidents.glance(watched.key, metric, history, breach, now):
            effects += self._said(warning, metric, now)
        return effects + Effects(records=[self._book_record(watched)]) if effects else NOTHING

    def _look_out(self, series: str, metric: Metric, history: History, now: datetime) -> Effects:
        breach = look_ahead(history, metric, self._settings.horizon_steps)
        effects = NOTHING
        for warning in self._incidents.look(series, metric, history, breach, now):
            effects += self._said(warning, metric, now)
        return effects

    def _said(self, warning: IncidentWarning, metric: Metric, now: datetime) -> Effects:
        self._counts["warnings" if warning.status == "open" else warning.status] += 1
        return said.of_warning(warning, metric, now)

    def _keep_forecasts(self, due: Sequence[tuple[Watched, History]], now: datetime) -> Effects:
        """Forecast series together, for models work on many at once; the shadow's forecasts are only judged."""
        if not due:
            return NOTHING
        histories = [history for _, history in due]
        horizon, shadow = self._settings.horizon_steps, self._throne.shadow
        version, made = self._speakers.forecast(histories, horizon, self._throne.version)
        beside = self._speakers.forecast(histories, horizon, shadow)[1] if shadow is not None else []
        for (watched, history), other in zip(due, beside, strict=False):
            watched.book.say(history, other, shadow or "", is_shown=False)
        records = []
        for (watched, history), own in zip(due, made, strict=True):
            watched.is_urgent, watched.forecast_us = False, to_us(now)
            watched.book.say(history, own, version, is_shown=True)
            noun = self._as_noun(watched.key, history, own, horizon, now, version)
            record = Record(FORECASTS, watched.key, "", noun.generated_at.timestamp(), canonical(to_plain(noun)))
            records += [record, watched.trail_record(last_of(noun))]
        self._counts["forecasts"] += len(due)
        return Effects(records=records)

    def _as_noun(
        self, series: str, history: History, made: PoolForecast, horizon: int, now: datetime, version: str
    ) -> Forecast:
        metric = self._metrics.get(metric_of(series))
        outlook = look_ahead(history, metric, horizon) if metric else None
        shown = within_reach(made, history, metric)
        noun = as_noun(series, history, shown, outlook, to_us(now), version)
        return with_warning(noun, self._incidents.open_warning(series))

    def _history(self, series: str, now: datetime) -> History:
        return read_history(self._reader, series, self._step_s, self._settings.history_steps, to_us(now))

    def _verdict(self, now: datetime) -> Effects:
        change = self._throne.judge(self._settings.shadow_outcomes, now)
        return self._changed(change) if change is not None else NOTHING

    def _changed(self, change: Any) -> Effects:
        plain = canonical(to_plain(change))
        record = Record(CHANGES, change.change_id, change.stage, change.proposed_at.timestamp(), plain)
        return Effects(facts=[change_fact(change)], records=[record, self._own_record()])

    def _ran(self, entry: Entry) -> Effects:
        body = entry.content()
        series = body.get("series") or body.get("diagnosis", "")
        if body.get("playbook") == DO_NOTHING:
            return NOTHING
        if not self._incidents.ran(series, body.get("run_id", ""), body.get("playbook", ""), body.get("effect")):
            return NOTHING
        return Effects(records=[self._book_record(self._watchlist.series[series])])

    def _has_enough(self) -> bool:
        """Whether any series has the history that a training wants."""
        return any(
            watched.observations >= self._settings.train_steps_min for watched in self._watchlist.series.values()
        )

    def _book_record(self, watched: Watched) -> Record:
        outlook = self._incidents.outlooks.get(watched.key)
        return watched.book_record(outlook.plain() if outlook else None)

    def _own_record(self) -> Record:
        plain = {
            "throne": self._throne.plain(),
            "calibrator": json.loads(self._incidents.calibrator.state()),
            "counts": self._counts,
            "asked": self._asked.plain(),
        }
        return Record(OWN, OWN, "", 0.0, canonical(plain))
