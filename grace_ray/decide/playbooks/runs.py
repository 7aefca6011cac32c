"""The runs: which wait for a yes, which wait to start, which run, which ended lately; their records and facts.

A pure state machine. Each move returns the run as it is then, and leaves the record and the facts that say so in
``changes``; what is on record is what has happened, so a run that was cut off is found as it was.
"""

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from grace_ray.core.canonical import canonical
from grace_ray.core.fact import Fact
from grace_ray.core.follower import Effects
from grace_ray.core.ids import derived_id
from grace_ray.core.jsonable import from_plain, to_plain
from grace_ray.core.playbook import OPEN_RUN_STATUSES, RUNS_VIEW, Playbook, Run, StepResult
from grace_ray.core.store import Reader, Record

SOURCE = "grace/playbooks"
_ENDED_KEPT = 2000
_HOUR = timedelta(hours=1)
_LEFT_TO_UNDO = frozenset({"done", "failed", "timed_out", "interrupted"})


class Changes:
    """Facts and records as they pile up during one call; the last record of a key wins."""

    def __init__(self) -> None:
        self._facts: list[Fact] = []
        self._records: dict[tuple[str, str], Record] = {}

    def put(self, *records: Record) -> None:
        """Take changed records."""
        self._records.update({(record.view, record.key): record for record in records})

    def say(self, *facts: Fact) -> None:
        """Take facts."""
        self._facts.extend(facts)

    def effects(self) -> Effects:
        """Return everything so far."""
        return Effects(facts=self._facts, records=list(self._records.values()))


def run_record(run: Run) -> Record:
    """Return the record of a run: by status, newest first."""
    return Record(RUNS_VIEW, run.run_id, run.status, run.created_at.timestamp(), canonical(to_plain(run)))


def fact_of(
    run: Run, kind: str, name: str, at: datetime, body: Mapping[str, Any] | None = None, key: str = "", cause: str = ""
) -> Fact:
    """Return a fact about a run; its trace is the finding that the run answers, or the run itself."""
    return Fact(
        id=derived_id(at, run.run_id, name, key),
        at=at,
        kind=kind,
        type=name,
        source=SOURCE,
        subject=run.run_id,
        trace=run.cause or run.run_id,
        cause=cause or run.cause,
        body={"run_id": run.run_id, "playbook": run.playbook, "subject": run.subject, **(body or {})},
    )


class Runs:
    """See the module. ``lease_s``: a run whose runner is silent for so long was cut off."""

    def __init__(self, lease_s: float) -> None:
        self._lease = timedelta(seconds=lease_s)
        self._open: dict[str, Run] = {}
        self._ended: OrderedDict[str, Run] = OrderedDict()

    def restore(self, reader: Reader) -> None:
        """Start from the records."""
        self._open, self._ended = {}, OrderedDict()
        for status in sorted(OPEN_RUN_STATUSES):
            after: str | None = None
            while True:
                page = reader.records(RUNS_VIEW, status, 500, after)
                for record in page.items:
                    self._keep(from_plain(Run, json.loads(record.body or b"{}")))
                after = page.next
                if after is None:
                    break
        newest = [from_plain(Run, json.loads(r.body or b"{}")) for r in reader.records(RUNS_VIEW, None, 1000).items]
        for run in reversed(newest):
            self._keep(run)

    def get(self, run_id: str) -> Run | None:
        """Return a run, open or lately ended."""
        return self._open.get(run_id) or self._ended.get(run_id)

    def known(self) -> list[Run]:
        """Return every run that is open or has lately ended."""
        return [*self._open.values(), *self._ended.values()]

    def of_status(self, status: str) -> list[Run]:
        """Return the open runs of a status, oldest first."""
        return sorted((r for r in self._open.values() if r.status == status), key=lambda r: (r.created_at, r.run_id))

    def busy_with(self, subject: str) -> Run | None:
        """Return the run that acts on a subject now, or is about to."""
        return next((r for r in self._open.values() if r.subject == subject and is_acting(r)), None)

    def doing(self, playbook: str, parameters: Mapping[str, Any]) -> Run | None:
        """Return the run that does the same with the same parameters now, whatever for."""
        same = (r for r in self._open.values() if r.playbook == playbook and dict(r.parameters) == dict(parameters))
        return next((run for run in same if is_acting(run)), None)

    def waiting_for(self, subject: str) -> Run | None:
        """Return the run on a subject that waits for a yes."""
        return next((r for r in self._open.values() if r.subject == subject and r.status == "awaiting_approval"), None)

    def in_last_hour(self, playbook: str, now: datetime) -> int:
        """Return how many runs of a playbook began within the last hour or are about to; dry ones do not count."""
        return sum(
            run.playbook == playbook
            and not run.is_dry
            and (is_acting(run) or (run.started_at is not None and run.started_at > now - _HOUR))
            for run in self.known()
        )

    def add(self, run: Run, changes: Changes) -> Run:
        """Take a new run."""
        return self._put(run, changes)

    def approve(self, run: Run, by: str, now: datetime, changes: Changes) -> Run:
        """Let a run that waits for a yes go on."""
        changes.say(fact_of(run, "decision", "playbook.run.approved", now, {"by": by}))
        return self._put(replace(run, status="pending", approved_by=by), changes)

    def start(self, run: Run, now: datetime, changes: Changes) -> Run:
        """Begin: on record before any step does anything."""
        run = replace(run, status="running", started_at=now, lease_until=now + self._lease)
        body = {"parameters": run.parameters, "is_dry": run.is_dry, "by": run.by, "approved_by": run.approved_by}
        changes.say(fact_of(run, "outcome", "playbook.run.started", now, body))
        return self._put(run, changes)

    def heartbeat(self, run: Run, now: datetime, changes: Changes) -> Run:
        """Extend the lease."""
        return self._put(replace(run, lease_until=now + self._lease), changes)

    def begin_step(
        self, run: Run, index: int, kind: str, undo: Mapping[str, Any] | None, now: datetime, changes: Changes
    ) -> Run:
        """Note the intent: this step is about to act, and this would take it back."""
        under_way = StepResult(kind=kind, status="running", undo=undo)
        changes.say(
            fact_of(
                run,
                "decision",
                "playbook.step.started",
                now,
                {"index": index, "step": kind, "undo": undo},
                str(index),
            )
        )
        run = replace(run, steps=(*run.steps[:index], under_way), lease_until=now + self._lease)
        return self._put(run, changes)

    def end_step(self, run: Run, index: int, result: StepResult, now: datetime, changes: Changes) -> Run:
        """Note how a step went."""
        result = replace(result, undo=result.undo if result.undo is not None else run.steps[index].undo)
        body = {"index": index, "step": result.kind, "status": result.status, "detail": result.detail}
        body["duration_s"] = result.duration_s
        changes.say(fact_of(run, "outcome", "playbook.step.ended", now, body, str(index)))
        run = replace(run, steps=(*run.steps[:index], result), lease_until=now + self._lease)
        return self._put(run, changes)

    def undone_step(self, run: Run, index: int, detail: str, is_done: bool, now: datetime, changes: Changes) -> Run:
        """Note that a step was taken back, or could not be: it is not tried again either way."""
        step = run.steps[index]
        said = (
            f"{step.detail} Taken back: {detail}" if is_done else f"{step.detail} It could not be taken back: {detail}"
        )
        step = replace(step, status="undone" if is_done else step.status, detail=said.strip(), undo=None)
        body = {"index": index, "step": step.kind, "is_done": is_done, "detail": detail}
        changes.say(fact_of(run, "outcome", "playbook.step.undone", now, body, str(index)))
        steps = (*run.steps[:index], step, *run.steps[index + 1 :])
        return self._put(replace(run, steps=steps, lease_until=now + self._lease), changes)

    def cut_off(self, run: Run, steps_in_all: int, now: datetime, changes: Changes) -> Run:
        """Note that a run's runner is gone: the step under way, or the next one, was interrupted."""
        steps = [replace(s, status="interrupted") if s.status == "running" else s for s in run.steps]
        error = "The runner ended in the midst of this run; it is not repeated."
        if not any(step.status in {"interrupted", "failed", "timed_out"} for step in steps):
            after = f" after step {len(steps)} of {steps_in_all}" if steps else " before its first step"
            error = f"The runner ended{after}; it is not repeated."
        run = replace(run, steps=tuple(steps), error=run.error or error, lease_until=now + self._lease)
        changes.say(fact_of(run, "outcome", "playbook.run.cut_off", now, {"error": error}))
        return self._put(run, changes)

    def end(self, run: Run, status: str, error: str, now: datetime, changes: Changes) -> Run:
        """End a run."""
        run = replace(run, status=status, ended_at=now, lease_until=None, error=error or run.error)
        body: dict[str, Any] = {
            "status": status,
            "error": run.error,
            "service": run.service,
            "diagnosis": run.diagnosis,
        }
        body |= {"is_dry": run.is_dry, "choice_id": run.choice_id, "steps": to_plain(run.steps)}
        changes.say(fact_of(run, "outcome", f"playbook.run.{status}", now, body))
        return self._put(run, changes)

    def put(self, run: Run, changes: Changes) -> Run:
        """Note what changed about a run (its KPIs, its reward)."""
        return self._put(run, changes)

    def _put(self, run: Run, changes: Changes) -> Run:
        self._keep(run)
        changes.put(run_record(run))
        return run

    def _keep(self, run: Run) -> None:
        if run.is_open:
            self._open[run.run_id] = run
            return
        self._open.pop(run.run_id, None)
        self._ended[run.run_id] = run
        if len(self._ended) > _ENDED_KEPT:
            self._ended.popitem(last=False)


def is_acting(run: Run) -> bool:
    """Whether a run acts, or is about to: it neither waits for a yes nor is over, and it is not dry."""
    return run.status in {"pending", "running"} and not run.is_dry


def has_left(run: Run) -> bool:
    """Whether a run has steps that are still to be taken back."""
    return any(step.undo is not None and step.status in _LEFT_TO_UNDO for step in run.steps)


def ending_of(run: Run) -> str:
    """Return how a run that did not complete has ended, by what its steps say."""
    statuses: Sequence[str] = [step.status for step in run.steps]
    if run.error.startswith("Cancelled"):
        return "cancelled"
    if "interrupted" in statuses or run.error.startswith("The runner ended"):
        return "interrupted"
    return "timed_out" if "timed_out" in statuses else "failed"


def new_run(playbook: Playbook, run_id: str, now: datetime, **fields: Any) -> Run:
    """Return a run that waits to start, or for a yes where ``status`` says so."""
    return Run(run_id=run_id, playbook=playbook.id, created_at=now, **{"status": "pending", **fields})
