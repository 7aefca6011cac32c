"""The desk: chooses playbooks for trouble, sees that they run within the rules, and learns from what came of it.

A pure follower. Its host commits the effects of every call before it acts on them, so a choice, an approval and a step
stand on the journal before anything happens. Whoever carries runs out asks ``starts`` for them and reports through
``begin_step``, ``end_step``, ``undone_step`` and ``finish``; a run whose runner falls silent is given out by ``lost``,
to be taken back and never to be repeated.
"""

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from grace_ray.core.brake import BRAKES_VIEW
from grace_ray.core.entry import Entry
from grace_ray.core.errors import InvalidInput
from grace_ray.core.follower import NOTHING, Effects
from grace_ray.core.metric import Metric
from grace_ray.core.playbook import DO_NOTHING, EXPERIENCES_VIEW, RUNS_VIEW, Recommendation, Run, StepResult
from grace_ray.core.ports import Playbooks
from grace_ray.core.sample import metric_of
from grace_ray.core.store import Reader, Record
from grace_ray.decide.playbooks.asked import name_in
from grace_ray.decide.playbooks.book import Book
from grace_ray.decide.playbooks.chooser import Chooser
from grace_ray.decide.playbooks.counter import Counter
from grace_ray.decide.playbooks.reports import performance, policies, statistics
from grace_ray.decide.playbooks.runs import Changes, has_left
from grace_ray.decide.playbooks.situation import cell_of, situation_of
from grace_ray.settings import PlaybookSettings

_TRIGGERS = frozenset({"metric.band_changed", "incident.warned"})
_WENT_WELL = frozenset({"done", "skipped"})  # skipped: there was nothing to do
_BRAKES_EVERY = timedelta(seconds=30)


class Desk:
    """``playbooks`` is the catalog, ``metrics`` the metrics by id; all else that it knows is in records."""

    name = "playbooks"
    follows = frozenset({"finding", "decision", "outcome"})

    def __init__(self, settings: PlaybookSettings, playbooks: Playbooks, metrics: Mapping[str, Metric]) -> None:
        self._book = Book(settings, playbooks, metrics)
        self._chooser = Chooser(self._book)
        self._counter = Counter(self._book)
        self._lock = threading.RLock()
        self._brakes_seen: datetime | None = None

    # Following

    def handle(self, entries: Sequence[Entry], now: datetime) -> Effects:
        """Choose for every finding of trouble."""
        changes = Changes()
        with self._lock:
            for entry in entries:
                if entry.kind == "finding" and entry.type in _TRIGGERS and entry.body is not None:
                    situation = situation_of(entry, self._book.metrics)
                    if situation is not None:
                        self._chooser.decide(situation, (), now, changes)
        return changes.effects()

    def tick(self, now: datetime) -> Effects:
        """Let approvals expire, judge what has settled, and clear brakes that are over."""
        changes = Changes()
        with self._lock:
            self._counter.expire(now, changes)
            for choice in list(self._book.choices.values()):
                if choice.status == "settling" and choice.settles_at is not None and now >= choice.settles_at:
                    self._chooser.judge(choice, now, changes)
            self._clear_brakes(now, changes)
        return changes.effects()

    def state(self) -> bytes:
        """Return nothing: all of it is in the records."""
        return b""

    def restore(self, state: bytes | None, reader: Reader) -> None:
        """Start from the records as they stand."""
        with self._lock:
            self._book.restore(reader)
            self._brakes_seen = None

    def relearn(self, entries: Sequence[Entry]) -> None:
        """Do nothing: records are as new as the cursor."""

    # What people ask

    def operate(self, action: str, args: Mapping[str, Any], now: datetime) -> tuple[Effects, Any]:
        """Do what a person or program asks: run, approve, reject, cancel, experience.

        run: ``playbook``, ``subject``, ``parameters``, ``dry_run``, ``by``, ``key``; answers the run. approve, reject,
        cancel: ``run_id``, ``by``, ``note``; answer the run. experience: see asked.experience_in; answers it. Raises
        InvalidInput, NotFound, Conflict.
        """
        actions = self._counter.actions
        if action not in actions:
            raise InvalidInput(f"Playbooks have no action {action}; they have {', '.join(actions)}.", "action")
        changes = Changes()
        with self._lock:
            answer = actions[action](args, now, changes)
        return changes.effects(), answer

    def recommend(self, service: str, diagnosis: str, candidates: Sequence[str] = ()) -> list[Recommendation]:
        """Return the candidates ranked, best first.

        Without ``candidates`` those that the catalog names for the metric ``diagnosis``, or else all. Raises NotFound
        for a playbook that there is not, InvalidInput for an empty service or diagnosis.
        """
        service, diagnosis = name_in({"service": service}, "service"), name_in({"diagnosis": diagnosis}, "diagnosis")
        for candidate in candidates:
            if candidate != DO_NOTHING and not self._book.learned.has_met(candidate):
                self._book.playbooks.get(candidate)
        metric = self._book.metrics.get(metric_of(diagnosis))
        named = list(metric.playbooks) if metric else []
        asked = (
            list(dict.fromkeys(candidates)) or list(named) or [playbook.id for playbook in self._book.playbooks.all()]
        )
        if not candidates:
            asked.append(DO_NOTHING)
        with self._lock:
            return self._book.learned.recommend(cell_of(service, diagnosis), asked, named)

    def statistics(self, now: datetime) -> dict[str, Any]:
        """Return what was learned, in figures; see reports."""
        with self._lock:
            reader = self._book.read()
            return statistics(self._book.learned, reader.count(RUNS_VIEW), reader.count(EXPERIENCES_VIEW), now)

    def policies(self) -> list[dict[str, Any]]:
        """Return what is thought of every playbook, by service and diagnosis; see reports."""
        with self._lock:
            return policies(self._book.learned, self._book.metrics)

    def performance(self) -> list[dict[str, Any]]:
        """Return how each playbook has done; see reports."""
        with self._lock:
            return performance(self._book.learned, self._book.playbooks, self._book.runs)

    # What the runner asks and reports

    def starts(self, now: datetime, room: int) -> tuple[Effects, list[Run]]:
        """Give out up to ``room`` runs that may start; on record before any step."""
        changes, started = Changes(), []
        with self._lock:
            for run in self._book.runs.of_status("pending")[: max(room, 0)]:
                if run.approved_by is None and self._book.needs_approval(run):
                    self._book.runs.put(replace(run, status="awaiting_approval"), changes)  # the settings have changed
                    continue
                started.append(self._book.runs.start(run, now, changes))
        return changes.effects(), started

    def lost(self, now: datetime, held: Collection[str]) -> tuple[Effects, list[Run]]:
        """Give out the running runs that nobody holds any more, to be taken back; those with nothing to undo end."""
        changes, found = Changes(), []
        with self._lock:
            for run in self._book.runs.of_status("running"):
                if run.run_id in held or (run.lease_until is not None and now < run.lease_until):
                    continue
                run = self._book.runs.cut_off(run, self._book.steps_in_all(run), now, changes)
                if has_left(run):
                    found.append(run)
                else:
                    self._book.over(run, now, changes)
        return changes.effects(), found

    def heartbeat(self, run_id: str, now: datetime) -> tuple[Effects, bool]:
        """Extend a run's lease; False where it is to stop."""
        with self._lock:
            run = self._book.running(run_id)
            if run is None or run.error.startswith("Cancelled"):
                return NOTHING, False
            changes = Changes()
            self._book.runs.heartbeat(run, now, changes)
            return changes.effects(), True

    def begin_step(
        self, run_id: str, index: int, undo: Mapping[str, Any] | None, now: datetime
    ) -> tuple[Effects, bool]:
        """Note that a step is about to act; False where it may not, for the run is over, cancelled or further on."""
        with self._lock:
            run = self._book.running(run_id)
            if run is None or run.error or len(run.steps) not in {index, index + 1}:
                return NOTHING, False
            if len(run.steps) > index:  # said before, and the answer was lost
                return NOTHING, run.steps[index].status == "running"
            changes = Changes()
            kind = self._book.playbooks.get(run.playbook).steps[index].kind
            self._book.runs.begin_step(run, index, kind, undo, now, changes)
            return changes.effects(), True

    def end_step(self, run_id: str, index: int, result: StepResult, now: datetime) -> tuple[Effects, bool]:
        """Note how a step went; False where the run goes no further. The last step's end is the run's."""
        with self._lock:
            run = self._book.runs.get(run_id)
            if run is None or len(run.steps) != index + 1:
                return NOTHING, False
            if run.steps[index].status != "running":  # said before, and the answer was lost
                return NOTHING, run.steps[index].status in _WENT_WELL and not run.error
            changes = Changes()
            run = self._book.runs.end_step(run, index, result, now, changes)
            if result.status in _WENT_WELL and not run.error:
                if index + 1 == self._book.steps_in_all(run):
                    self._book.over(run, now, changes, "completed")
                return changes.effects(), True
            if not run.error:
                run = self._book.runs.put(
                    replace(run, error=f"Step {index + 1} ({result.kind}): {result.detail}"), changes
                )
            if not has_left(run):
                self._book.over(run, now, changes)
            return changes.effects(), False

    def undone_step(self, run_id: str, index: int, detail: str, is_done: bool, now: datetime) -> tuple[Effects, None]:
        """Note that a step was taken back, or could not be."""
        changes = Changes()
        with self._lock:
            run = self._book.running(run_id)
            if run is not None and index < len(run.steps):
                self._book.runs.undone_step(run, index, detail, is_done, now, changes)
        return changes.effects(), None

    def finish(self, run_id: str, now: datetime, error: str = "") -> tuple[Effects, Run | None]:
        """End a run that did not complete, once what could be taken back was."""
        changes = Changes()
        with self._lock:
            run = self._book.running(run_id)
            if run is not None:
                self._book.over(replace(run, error=run.error or error), now, changes)
            return changes.effects(), self._book.runs.get(run_id)

    def planned(self, run_id: str, results: Sequence[StepResult], now: datetime) -> tuple[Effects, Run | None]:
        """End a dry run with what each step would do."""
        changes = Changes()
        with self._lock:
            run = self._book.running(run_id)
            if run is not None:
                bad = next((f"Step {n}: {r.detail}" for n, r in enumerate(results, 1) if r.status != "skipped"), "")
                run = replace(run, steps=tuple(results))
                self._book.runs.end(run, "failed" if bad else "completed", bad, now, changes)
            return changes.effects(), self._book.runs.get(run_id)

    def run_of(self, run_id: str) -> Run | None:
        """Return a run, open or lately ended."""
        with self._lock:
            return self._book.runs.get(run_id)

    def _clear_brakes(self, now: datetime, changes: Changes) -> None:
        if self._brakes_seen is not None and now < self._brakes_seen + _BRAKES_EVERY:
            return
        self._brakes_seen = now
        for record in self._book.read().scan(BRAKES_VIEW):
            if record.rank <= now.timestamp() and record.body:
                changes.put(Record(BRAKES_VIEW, record.key, "", record.rank, None))
