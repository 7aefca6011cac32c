"""Trainings of the global model: when one is due, one at a time, and how each went."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from grace_ray.core.canonical import canonical
from grace_ray.core.clock import to_us
from grace_ray.core.errors import Conflict, NotFound
from grace_ray.core.fact import Fact
from grace_ray.core.follower import Effects
from grace_ray.core.forecast import Trained, TrainingRun
from grace_ray.core.ids import derived_id
from grace_ray.core.jsonable import from_plain, to_plain
from grace_ray.core.store import Reader, Record
from grace_ray.diagnose.forecasting.champion import ARTEFACT, SOURCE
from grace_ray.diagnose.forecasting.views import TRAINING_RUNS


class Trainings:
    """The open training and the time of the last; everything stands in the records of the view "training_runs"."""

    def __init__(self, interval_s: float, timeout_s: float) -> None:
        self._interval_s = interval_s
        self._timeout_s = timeout_s
        self._last: datetime | None = None
        self.open: TrainingRun | None = None

    def restore(self, reader: Reader) -> None:
        """Take up where the records stand."""
        found = reader.records(TRAINING_RUNS, limit=1).items
        if found:
            run = from_plain(TrainingRun, _body(found[0]))
            self._last = run.requested_at
            self.open = run if run.is_open else None

    @property
    def is_first(self) -> bool:
        """Whether none has been asked for yet."""
        return self._last is None

    def is_due(self, now: datetime) -> bool:
        """Whether its interval has passed since the last training was asked for; the first is due at once."""
        return self.open is None and (self._last is None or now >= self._last + timedelta(seconds=self._interval_s))

    def request(self, by: str, now: datetime, *, is_search: bool) -> tuple[Effects, TrainingRun]:
        """Ask for a training. Raises Conflict while one waits or runs."""
        if self.open is not None:
            raise Conflict(f"A training is {self.open.status} already: {self.open.run_id}.", "training")
        run = TrainingRun(
            run_id=derived_id(now, "training", ARTEFACT, by, str(to_us(now))),
            artefact=ARTEFACT,
            status="pending",
            requested_at=now,
            by=by,
            is_search=is_search,
        )
        self.open, self._last = run, now
        return self._effects(run, "decision", "training.requested", now), run

    def moved(self, run_id: str, now: datetime, **news: Any) -> Effects:
        """Note that a training started, or how far it is (``progress``, ``phase``, ``seconds_left``)."""
        run = self._held(run_id)
        is_start = run.status == "pending"
        self.open = replace(run, status="running", started_at=run.started_at or now, **news)
        if is_start:
            return self._effects(self.open, "outcome", "training.started", now)
        return Effects(records=[to_record(self.open)])

    def ended(self, run_id: str, now: datetime, trained: Trained | None, error: str = "") -> Effects:
        """Note the end of a training: with what it made, or why it made nothing."""
        run = self._held(run_id)
        if trained is None:
            run = replace(run, status="failed", ended_at=now, error=error[:2000], seconds_left=None)
        else:
            run = replace(
                run,
                status="completed",
                ended_at=now,
                progress=1.0,
                seconds_left=None,
                phase="done",
                version=trained.version,
                scores=dict(trained.scores),
                series=trained.series,
                observations=trained.observations,
            )
        self.open = None
        return self._effects(run, "outcome", "training.ended", now)

    def overdue(self, now: datetime) -> TrainingRun | None:
        """Return the open training where it should have ended long ago."""
        run = self.open
        if run is None or now < (run.started_at or run.requested_at) + timedelta(seconds=self._timeout_s):
            return None
        return run

    def _held(self, run_id: str) -> TrainingRun:
        if self.open is None or self.open.run_id != run_id:
            raise NotFound(f"No training {run_id} is open.", "run_id")
        return self.open

    def _effects(self, run: TrainingRun, kind: str, name: str, now: datetime) -> Effects:
        fact = Fact(
            id=derived_id(now, run.run_id, name),
            at=now,
            kind=kind,
            type=name,
            source=SOURCE,
            subject=ARTEFACT,
            trace=run.run_id,
            body=to_plain(run),
        )
        return Effects(facts=[fact], records=[to_record(run)])


def to_record(run: TrainingRun) -> Record:
    """Return the record of a training; the newest stand first."""
    return Record(TRAINING_RUNS, run.run_id, run.status, run.requested_at.timestamp(), canonical(to_plain(run)))


def _body(record: Record) -> Any:
    return json.loads(record.body or b"{}")
