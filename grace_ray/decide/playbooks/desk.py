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
from grace_ray.core.errors import Conflict, InvalidInput, NotFound
from grace_ray.core.event import Event
from grace_ray.core.event_types import lookup
from grace_ray.core.fact import Fact
from grace_ray.core.follower import NOTHING, Effects
from grace_ray.core.ids import derived_id
from grace_ray.core.jsonable import to_plain
from grace_ray.core.metric import Metric
from grace_ray.core.playbook import (
    DO_NOTHING,
    EXPERIENCES_VIEW,
    RUNS_VIEW,
    Candidate,
    Experience,
    Playbook,
    Recommendation,
    Run,
    StepResult,
)
from grace_ray.core.ports import Playbooks
from grace_ray.core.sample import labels_of, metric_of
from grace_ray.core.store import Reader, Record
from grace_ray.decide.playbooks.archive import Verdict, verdict_record
from grace_ray.decide.playbooks.asked import experience_in, name_in
from grace_ray.decide.playbooks.choices import Awaited, choice_record, open_choices
from grace_ray.decide.playbooks.learned import Learned
from grace_ray.decide.playbooks.reports import performance, policies, statistics
from grace_ray.decide.playbooks.rewards import Kpis, reward
from grace_ray.decide.playbooks.runs import (
    SOURCE,
    Changes,
    Runs,
    ending_of,
    fact_of,
    has_left,
    new_run,
)
from grace_ray.decide.playbooks.situation import Situation, cell_of, situation_of
from grace_ray.decide.playbooks.standing import broken_rule, standing
from grace_ray.models.choose import Choice
from grace_ray.settings import PlaybookSettings

ATTEMPTS_MAX = 6
_PATIENCE_S = 180.0  # after a choice has settled: how long its metric may take to be measured
_TRIGGERS = frozenset({"metric.band_changed", "incident.warned"})
_BRAKES_EVERY = timedelta(seconds=30)


class Desk:
    """``playbooks`` is the catalog, ``metrics`` the metrics by id; all else that it knows is in records."""

    name = "playbooks"
    follows = frozenset({"finding", "decision", "outcome"})

    def __init__(self, settings: PlaybookSettings, playbooks: Playbooks, metrics: Mapping[str, Metric]) -> None:
        self._settings = settings
        self._playbooks = playbooks
        self._metrics = metrics
        self._kpis = Kpis(metrics)
        self._lock = threading.RLock()
        self._runs = Runs(settings.lease_s)
        self._choices: dict[str, Awaited] = {}
        self._learned = Learned(settings.replay_max)
        self._reader: Reader | None = None
        self._brakes_seen: datetime | None = None
        self._waits_since: datetime | None = None

    # Following

    def handle(self, entries: Sequence[Entry], now: datetime) -> Effects:
        """Choose for every finding of trouble."""
        changes = Changes()
        with self._lock:
            for entry in entries:
                if entry.kind == "finding" and entry.type in _TRIGGERS and entry.body is not None:
                    situation = situation_of(entry, self._metrics)
                    if situation is not None:
                        self._decide(situation, (), now, changes)
        return changes.effects()

    def tick(self, now: datetime) -> Effects:
        """Let approvals expire, judge what has settled, and clear brakes that are over."""
        changes = Changes()
        with self._lock:
            self._waits_since = self._waits_since or now
            for run in self._runs.of_status("awaiting_approval"):
                if now >= run.created_at + timedelta(seconds=self._settings.approval_expires_s):
                    self._expire(run, now, changes)
            for choice in list(self._choices.values()):
                if choice.status == "settling" and choice.settles_at is not None and now >= choice.settles_at:
                    self._judge(choice, now, changes)
            self._clear_brakes(now, changes)
        return changes.effects()

    def state(self) -> bytes:
        """Return nothing: all of it is in the records."""
        return b""

    def restore(self, state: bytes | None, reader: Reader) -> None:
        """Start from the records as they stand."""
        with self._lock:
            self._reader = reader
            self._runs = Runs(self._settings.lease_s)
            self._runs.restore(reader)
            self._choices = open_choices(reader)
            self._learned = Learned(self._settings.replay_max)
            self._learned.restore(reader)
            self._waits_since = self._brakes_seen = None

    def relearn(self, entries: Sequence[Entry]) -> None:
        """Do nothing: records are as new as the cursor."""

    # What people ask

    def operate(self, action: str, args: Mapping[str, Any], now: datetime) -> tuple[Effects, Any]:
        """Do what a person or program asks: run, approve, reject, cancel, experience.

        run: ``playbook``, ``subject``, ``parameters``, ``dry_run``, ``by``, ``key``; answers the run. approve, reject,
        cancel: ``run_id``, ``by``, ``note``; answer the run. experience: see asked.experience_in; answers it. Raises
        InvalidInput, NotFound, Conflict.
        """
        actions = {
            "run": self._run,
            "approve": self._approve,
            "reject": self._reject,
            "cancel": self._cancel,
            "experience": self._take_experience,
        }
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
            if candidate != DO_NOTHING and not self._learned.has_met(candidate):
                self._playbooks.get(candidate)
        metric = self._metrics.get(metric_of(diagnosis))
        named = list(metric.playbooks) if metric else []
        asked = list(dict.fromkeys(candidates)) or list(named) or [playbook.id for playbook in self._playbooks.all()]
        if not candidates:
            asked.append(DO_NOTHING)
        with self._lock:
            return self._learned.recommend(cell_of(service, diagnosis), asked, named)

    def statistics(self, now: datetime) -> dict[str, Any]:
        """Return what was learned, in figures; see reports."""
        with self._lock:
            assert self._reader is not None
            return statistics(self._learned, self._reader.count(RUNS_VIEW), self._reader.count(EXPERIENCES_VIEW), now)

    def policies(self) -> list[dict[str, Any]]:
        """Return what is thought of every playbook, by service and diagnosis; see reports."""
        with self._lock:
            return policies(self._learned, self._metrics)

    def performance(self) -> list[dict[str, Any]]:
        """Return how each playbook has done; see reports."""
        with self._lock:
            return performance(self._learned, self._playbooks, self._runs)

    # What the runner asks and reports

    def starts(self, now: datetime, room: int) -> tuple[Effects, list[Run]]:
        """Give out up to ``room`` runs that may start; on record before any step."""
        changes, started = Changes(), []
        with self._lock:
            for run in self._runs.of_status("pending")[: max(room, 0)]:
                if run.approved_by is None and self._needs_approval(run):
                    self._runs.put(replace(run, status="awaiting_approval"), changes)  # the settings have changed
                    continue
                started.append(self._runs.start(run, now, changes))
        return changes.effects(), started

    def lost(self, now: datetime, held: Collection[str]) -> tuple[Effects, list[Run]]:
        """Give out the running runs that nobody holds any more, to be taken back; those with nothing to undo end."""
        changes, found = Changes(), []
        with self._lock:
            for run in self._runs.of_status("running"):
                if run.run_id in held or (run.lease_until is not None and now < run.lease_until):
                    continue
                run = self._runs.cut_off(run, self._steps_in_all(run), now, changes)
                if has_left(run):
                    found.append(run)
                else:
                    self._over(run, now, changes)
        return changes.effects(), found

    def heartbeat(self, run_id: str, now: datetime) -> tuple[Effects, bool]:
        """Extend a run's lease; False where it is to stop."""
        with self._lock:
            run = self._running(run_id)
            if run is None or run.error.startswith("Cancelled"):
                return NOTHING, False
            changes = Changes()
            self._runs.heartbeat(run, now, changes)
            return changes.effects(), True

    def begin_step(
        self, run_id: str, index: int, undo: Mapping[str, Any] | None, now: datetime
    ) -> tuple[Effects, bool]:
        """Note that a step is about to act; False where it may not, for the run is over, cancelled or further on."""
        with self._lock:
            run = self._running(run_id)
            if run is None or run.error or len(run.steps) not in {index, index + 1}:
                return NOTHING, False
            if len(run.steps) > index:  # said before, and the answer was lost
                return NOTHING, run.steps[index].status == "running"
            changes = Changes()
            kind = self._playbooks.get(run.playbook).steps[index].kind
            self._runs.begin_step(run, index, kind, undo, now, changes)
            return changes.effects(), True

    def end_step(self, run_id: str, index: int, result: StepResult, now: datetime) -> tuple[Effects, bool]:
        """Note how a step went; False where the run goes no further. The last step's end is the run's."""
        with self._lock:
            run = self._runs.get(run_id)
            if run is None or len(run.steps) != index + 1:
                return NOTHING, False
            if run.steps[index].status != "running":  # said before, and the answer was lost
                return NOTHING, run.steps[index].status == "done" and not run.error
            changes = Changes()
            run = self._runs.end_step(run, index, result, now, changes)
            if result.status == "done" and not run.error:
                if index + 1 == self._steps_in_all(run):
                    self._over(run, now, changes, "completed")
                return changes.effects(), True
            if not run.error:
                run = self._runs.put(replace(run, error=f"Step {index + 1} ({result.kind}): {result.detail}"), changes)
            if not has_left(run):
                self._over(run, now, changes)
            return changes.effects(), False

    def undone_step(self, run_id: str, index: int, detail: str, is_done: bool, now: datetime) -> tuple[Effects, None]:
        """Note that a step was taken back, or could not be."""
        changes = Changes()
        with self._lock:
            run = self._running(run_id)
            if run is not None and index < len(run.steps):
                self._runs.undone_step(run, index, detail, is_done, now, changes)
        return changes.effects(), None

    def finish(self, run_id: str, now: datetime, error: str = "") -> tuple[Effects, Run | None]:
        """End a run that did not complete, once what could be taken back was."""
        changes = Changes()
        with self._lock:
            run = self._running(run_id)
            if run is not None:
                self._over(replace(run, error=run.error or error), now, changes)
            return changes.effects(), self._runs.get(run_id)

    def planned(self, run_id: str, results: Sequence[StepResult], now: datetime) -> tuple[Effects, Run | None]:
        """End a dry run with what each step would do."""
        changes = Changes()
        with self._lock:
            run = self._running(run_id)
            if run is not None:
                bad = next((f"Step {n}: {r.detail}" for n, r in enumerate(results, 1) if r.status != "skipped"), "")
                run = replace(run, steps=tuple(results))
                self._runs.end(run, "failed" if bad else "completed", bad, now, changes)
            return changes.effects(), self._runs.get(run_id)

    def run_of(self, run_id: str) -> Run | None:
        """Return a run, open or lately ended."""
        with self._lock:
            return self._runs.get(run_id)

    # Choosing

    def _decide(self, situation: Situation, tried: Sequence[str], now: datetime, changes: Changes) -> None:
        """Choose for a situation, unless a choice for its series is still open."""
        if any(choice.series == situation.series for choice in self._choices.values()):
            return
        metric = self._metrics[situation.diagnosis]
        found = standing(situation, metric, self._playbooks, self._runs, tried, now)
        candidates = [*found.allowed, *([] if DO_NOTHING in tried and found.allowed else [DO_NOTHING])]
        choice_id = derived_id(situation.at, "choice", situation.finding, str(situation.attempt))
        choice = self._learned.choose(situation.cell, candidates, metric.playbooks, choice_id, now)
        reasons = {option.playbook: option.reasons for option in self._ranked(situation.cell, candidates, metric)}
        run = self._run_for(choice, situation, found.allowed, now, changes)
        self._say_choice(choice, situation, found.refused, reasons, run, now, changes)
        if run is not None:
            self._runs.add(run, changes)
        self._await(choice, situation, tried, run, now, changes)
        for playbook, rule in found.refused.items():
            if playbook not in tried:
                self._refused(playbook, situation.series, rule, choice_id, now, changes)
        changes.put(*self._learned.records())

    def _ranked(self, cell: str, candidates: Sequence[str], metric: Metric) -> list[Recommendation]:
        return self._learned.recommend(cell, candidates, metric.playbooks)

    def _run_for(
        self,
        choice: Choice,
        situation: Situation,
        allowed: Mapping[str, tuple[Playbook, Mapping[str, Any]]],
        now: datetime,
        changes: Changes,
    ) -> Run | None:
        if choice.candidate == DO_NOTHING:
            return None
        playbook, parameters = allowed[choice.candidate]
        waits = playbook.needs_approval or not self._settings.automatic
        return new_run(
            playbook,
            derived_id(now, "run", choice.choice_id),
            now,
            subject=situation.series,
            service=situation.service,
            diagnosis=situation.diagnosis,
            status="awaiting_approval" if waits else "pending",
            parameters=parameters,
            choice_id=choice.choice_id,
            cause=situation.finding,
        )

    def _say_choice(
        self,
        choice: Choice,
        situation: Situation,
        refused: Mapping[str, str],
        reasons: Mapping[str, Sequence[str]],
        run: Run | None,
        now: datetime,
        changes: Changes,
    ) -> None:
        options = [
            {
                "playbook": option.candidate,
                "probability": option.probability,
                "expected_reward": option.expected_reward,
                "uncertainty": option.uncertainty,
                "reasons": list(reasons.get(option.candidate, ())),
            }
            for option in choice.options
        ]
        body = {
            "choice_id": choice.choice_id,
            "service": situation.service,
            "diagnosis": situation.diagnosis,
            "series": situation.series,
            "attempt": situation.attempt,
            "context": situation.context(self._metrics[situation.diagnosis]),
            "candidates": options,
            "refused": dict(refused),
            "playbook": choice.candidate,
            "propensity": choice.propensity,
            "run_id": run.run_id if run else "",
            "status": run.status if run else "",
            "warning_id": situation.warning_id,
        }
        changes.say(
            Fact(
                id=derived_id(now, choice.choice_id, "playbook.chosen"),
                at=now,
                kind="decision",
                type="playbook.chosen",
                source=SOURCE,
                subject=situation.series,
                trace=situation.finding,
                cause=situation.finding,
                body=body,
            )
        )

    def _await(
        self,
        choice: Choice,
        situation: Situation,
        tried: Sequence[str],
        run: Run | None,
        now: datetime,
        changes: Changes,
    ) -> None:
        metric = self._metrics[situation.diagnosis]
        awaited = Awaited(
            choice_id=choice.choice_id,
            status="acting" if run else "settling",
            at=now,
            service=situation.service,
            diagnosis=situation.diagnosis,
            series=situation.series,
            finding=situation.finding,
            playbook=choice.candidate,
            context=situation.context(metric),
            candidates=tuple(
                Candidate(
                    playbook=option.candidate,
                    probability=option.probability,
                    expected_reward=option.expected_reward,
                    uncertainty=option.uncertainty,
                )
                for option in choice.options
            ),
            before={**self._before(situation.series, now), situation.series: situation.value},
            expected=situation.expected,
            is_forecast=situation.is_forecast,
            warning_id=situation.warning_id,
            attempt=situation.attempt,
            tried=tuple(tried),
            run_id=run.run_id if run else "",
            acted_until=None if run else now,
            settles_at=None if run else now + timedelta(seconds=self._settings.nothing_settle_s),
            labels=situation.labels,
        )
        self._put_choice(awaited, changes)

    # Judging

    def _judge(self, choice: Awaited, now: datetime, changes: Changes) -> None:
        """Give a choice its reward, once its metric has been measured; choose again where the trouble lasts."""
        assert choice.settles_at is not None
        assert choice.acted_until is not None
        since = choice.acted_until + (choice.settles_at - choice.acted_until) / 2
        after = self._kpis.read(self._read(), choice.series, since, now) if self._reader else {}
        if choice.series not in after:
            if now >= choice.settles_at + timedelta(seconds=_PATIENCE_S):
                self._put_choice(replace(choice, status="dropped", note="Its metric was not measured."), changes)
            return
        earned = reward(
            self._metrics,
            choice.series,
            choice.before,
            after,
            expected=choice.expected,
            acted=choice.playbook != DO_NOTHING,
            has_failed=choice.has_failed,
        )
        experience = Experience(
            experience_id=derived_id(now, "experience", choice.choice_id),
            at=now,
            service=choice.service,
            diagnosis=choice.diagnosis,
            context=choice.context,
            candidates=choice.candidates,
            playbook=choice.playbook,
            kpi_deltas={key: value - choice.before[key] for key, value in after.items() if key in choice.before},
            trust_delta=0.0,
            reward=earned,
            run_id=choice.run_id,
        )
        self._put_choice(replace(choice, status="judged"), changes)
        self._learn(experience, choice, after, now, changes)
        metric = self._metrics[choice.diagnosis]
        if metric.band(after[choice.series]) != "good" and choice.attempt < ATTEMPTS_MAX and choice.finding:
            again = Situation(
                service=choice.service,
                diagnosis=choice.diagnosis,
                series=choice.series,
                finding=choice.finding,
                at=now,
                value=after[choice.series],
                attempt=choice.attempt + 1,
                labels=labels_of(choice.series),
            )
            tried = (*choice.tried, choice.playbook)
            if standing(again, metric, self._playbooks, self._runs, tried, now).allowed:
                self._decide(again, tried, now, changes)

    def _learn(
        self, experience: Experience, choice: Awaited, after: Mapping[str, float], now: datetime, changes: Changes
    ) -> None:
        changes.put(*self._learned.take(experience, choice.choice_id, now))
        run = self._runs.get(choice.run_id)
        if run is not None:
            self._runs.put(replace(run, before=choice.before, after=after, reward=experience.reward), changes)
        effect = self._learned.effect(experience.service, experience.diagnosis, experience.playbook)
        body = {
            **to_plain(experience),
            "choice_id": choice.choice_id,
            "series": choice.series,
            "before": dict(choice.before),
            "after": dict(after),
            "effect": effect,
            "warning_id": choice.warning_id,
        }
        changes.say(_rewarded(experience, choice.finding, body, now))

    # What people ask, one by one

    def _run(self, args: Mapping[str, Any], now: datetime, changes: Changes) -> Run:
        playbook = self._playbooks.get(name_in(args, "playbook"))
        by = name_in(args, "by", "operator")
        subject = name_in(args, "subject", f"{playbook.id} by {by}"[:200])
        is_dry = args.get("dry_run", False)
        if not isinstance(is_dry, bool):
            raise InvalidInput("dry_run is true or false.", "dry_run")
        given = args.get("parameters") or {}
        if not isinstance(given, Mapping):
            raise InvalidInput("parameters is an object.", "parameters")
        parameters = self._playbooks.filled(playbook, given)
        if not is_dry:
            rule = broken_rule(playbook, parameters, subject, self._runs, now)
            if rule:
                raise Conflict(rule, "playbook")
        metric = self._metrics.get(metric_of(subject))
        waits = playbook.needs_approval and not is_dry
        run = new_run(
            playbook,
            derived_id(now, "run", by, str(args.get("key", "")), playbook.id, subject),
            now,
            subject=subject,
            service=metric.service if metric else "",
            diagnosis=metric.id if metric else "",
            status="awaiting_approval" if waits else "pending",
            parameters=parameters,
            is_dry=is_dry,
            by=by,
        )
        body = {"by": by, "parameters": to_plain(parameters), "is_dry": is_dry, "status": run.status}
        changes.say(fact_of(run, "decision", "playbook.run.requested", now, body))
        self._runs.add(run, changes)
        if metric and not is_dry:
            self._await_person(run, metric, subject, now, changes)
        return run

    def _await_person(self, run: Run, metric: Metric, series: str, now: datetime, changes: Changes) -> None:
        """Judge what a person has chosen, too; with what probability others would have been is not known."""
        before = self._before(series, now)
        if series not in before or any(choice.series == series for choice in self._choices.values()):
            return
        certain = Candidate(playbook=run.playbook, probability=1.0, expected_reward=0.0, uncertainty=0.0)
        awaited = Awaited(
            choice_id=f"person:{run.run_id}",
            status="acting",
            at=now,
            service=run.service,
            diagnosis=run.diagnosis,
            series=series,
            finding="",
            playbook=run.playbook,
            context={},
            candidates=(certain,),
            before=before,
            run_id=run.run_id,
            labels=labels_of(series),
        )
        self._put_choice(awaited, changes)

    def _approve(self, args: Mapping[str, Any], now: datetime, changes: Changes) -> Run:
        run, by = self._asked_about(args), name_in(args, "by", "operator")
        if run.status == "pending" and run.approved_by == by:
            return run
        if run.status != "awaiting_approval":
            raise Conflict(f"The run waits for no approval: it is {run.status}.", "run_id")
        busy = self._runs.busy_with(run.subject)
        if busy is not None:
            raise Conflict(f"Run {busy.run_id} of {busy.playbook} acts on {run.subject} already.", "run_id")
        run = self._runs.approve(run, by, now, changes)
        self._verdict("governance", "approved", run, by, name_in(args, "note", "", 2000), now, changes)
        return run

    def _reject(self, args: Mapping[str, Any], now: datetime, changes: Changes) -> Run:
        run, by = self._asked_about(args), name_in(args, "by", "operator")
        note = name_in(args, "note", "", 2000)
        if run.status == "rejected":
            return run
        if run.status != "awaiting_approval":
            raise Conflict(f"The run waits for no approval: it is {run.status}.", "run_id")
        said = f"Rejected by {by}{f': {note}' if note else ''}."
        changes.say(fact_of(run, "decision", "playbook.run.refused", now, {"by": by, "note": note}))
        run = self._runs.end(run, "rejected", said, now, changes)
        self._verdict("governance", "rejected", run, by, note, now, changes)
        self._drop_choice(run, said, changes)
        return run

    def _cancel(self, args: Mapping[str, Any], now: datetime, changes: Changes) -> Run:
        """Cancel a run; one that runs stops at its step, and is taken back."""
        run, by = self._asked_about(args), name_in(args, "by", "operator")
        note = name_in(args, "note", "", 2000)
        if run.status == "cancelled":
            return run
        if not run.is_open:
            raise Conflict(f"The run has ended already: it is {run.status}.", "run_id")
        said = f"Cancelled by {by}{f': {note}' if note else ''}."
        changes.say(fact_of(run, "decision", "playbook.run.called_off", now, {"by": by, "note": note}))
        if run.status == "running":
            return self._runs.put(replace(run, error=said), changes)
        run = self._runs.end(run, "cancelled", said, now, changes)
        self._drop_choice(run, said, changes)
        return run

    def _take_experience(self, args: Mapping[str, Any], now: datetime, changes: Changes) -> Experience:
        experience = experience_in(args, now)
        if self._read().record(EXPERIENCES_VIEW, experience.experience_id) is not None:
            raise Conflict(f"The experience {experience.experience_id} is known already.", "experience_id")
        changes.put(*self._learned.take(experience, f"outside:{experience.experience_id}", now))
        body = {**to_plain(experience), "by": name_in(args, "by", "operator"), "effect": None}
        changes.say(_rewarded(experience, "", body, now))
        return experience

    # Smaller pieces

    def _over(self, run: Run, now: datetime, changes: Changes, status: str = "") -> Run:
        """End a run, tell triage, and let its choice settle."""
        run = self._runs.end(run, status or ending_of(run), run.error, now, changes)
        if run.is_dry:
            return run
        if run.status != "cancelled":
            changes.say(_event(run, now).to_fact())
        choice = next((choice for choice in self._choices.values() if choice.run_id == run.run_id), None)
        if choice is None:
            return run
        if run.status == "cancelled":
            self._drop_choice(run, run.error, changes)
            return run
        settle_s = self._playbooks.get(run.playbook).settle_s if self._is_known(run.playbook) else 60.0
        settling = replace(
            choice,
            status="settling",
            acted_until=now,
            settles_at=now + timedelta(seconds=settle_s),
            has_failed=run.status != "completed",
        )
        self._put_choice(settling, changes)
        return run

    def _expire(self, run: Run, now: datetime, changes: Changes) -> None:
        said = f"No one approved it within {self._settings.approval_expires_s:g} s."
        run = self._runs.end(run, "cancelled", said, now, changes)
        self._verdict("governance", "expired", run, "grace", said, now, changes)
        self._drop_choice(run, said, changes)

    def _refused(self, playbook: str, subject: str, rule: str, choice_id: str, now: datetime, changes: Changes) -> None:
        verdict = Verdict(
            verdict_id=derived_id(now, "refused", choice_id, playbook),
            at=now,
            category="constitutional",
            verdict="refused",
            run_id="",
            playbook=playbook,
            subject=subject,
            by="grace",
            reason=rule,
        )
        changes.put(verdict_record(verdict))

    def _verdict(
        self, category: str, verdict: str, run: Run, by: str, reason: str, now: datetime, changes: Changes
    ) -> None:
        said = Verdict(
            verdict_id=derived_id(now, verdict, run.run_id),
            at=now,
            category=category,
            verdict=verdict,
            run_id=run.run_id,
            playbook=run.playbook,
            subject=run.subject,
            by=by,
            reason=reason,
        )
        changes.put(verdict_record(said))

    def _drop_choice(self, run: Run, why: str, changes: Changes) -> None:
        for choice in list(self._choices.values()):
            if choice.run_id == run.run_id:
                self._put_choice(replace(choice, status="dropped", note=why), changes)

    def _put_choice(self, choice: Awaited, changes: Changes) -> None:
        if choice.is_open:
            self._choices[choice.choice_id] = choice
        else:
            self._choices.pop(choice.choice_id, None)
        changes.put(choice_record(choice))

    def _clear_brakes(self, now: datetime, changes: Changes) -> None:
        if self._brakes_seen is not None and now < self._brakes_seen + _BRAKES_EVERY:
            return
        self._brakes_seen = now
        for record in self._read().scan(BRAKES_VIEW):
            if record.rank <= now.timestamp() and record.body:
                changes.put(Record(BRAKES_VIEW, record.key, "", record.rank, None))

    def _asked_about(self, args: Mapping[str, Any]) -> Run:
        run_id = name_in(args, "run_id")
        run = self._runs.get(run_id)
        if run is None:
            raise NotFound(f"There is no open run {run_id}.", "run_id")
        return run

    def _running(self, run_id: str) -> Run | None:
        run = self._runs.get(run_id)
        return run if run is not None and run.status == "running" else None

    def _needs_approval(self, run: Run) -> bool:
        if run.is_dry:
            return False
        if not self._is_known(run.playbook):
            return True
        by_itself = run.choice_id and not self._settings.automatic
        return self._playbooks.get(run.playbook).needs_approval or bool(by_itself)

    def _steps_in_all(self, run: Run) -> int:
        return len(self._playbooks.get(run.playbook).steps) if self._is_known(run.playbook) else len(run.steps)

    def _is_known(self, playbook_id: str) -> bool:
        return any(playbook.id == playbook_id for playbook in self._playbooks.all())

    def _before(self, series: str, now: datetime) -> dict[str, float]:
        return self._kpis.before(self._read(), series, now)

    def _read(self) -> Reader:
        assert self._reader is not None
        return self._reader


def _rewarded(experience: Experience, cause: str, body: Mapping[str, Any], now: datetime) -> Fact:
    return Fact(
        id=derived_id(now, "rewarded", experience.experience_id),
        at=now,
        kind="outcome",
        type="playbook.rewarded",
        source=SOURCE,
        subject=experience.run_id or experience.experience_id,
        trace=cause or experience.run_id or experience.experience_id,
        cause=cause,
        body=body,
    )


def _event(run: Run, now: datetime) -> Event:
    """Return the event that triage hears of a run's end."""
    kind = lookup("playbook.completed" if run.status == "completed" else "playbook.failed")
    return Event(
        id=derived_id(now, run.run_id, kind.type),
        source=SOURCE,
        type=kind.type,
        at=now,
        domain=kind.domain,
        severity=kind.severity,
        pattern=kind.pattern,
        success=kind.success,
        subject=run.playbook,
        trace=run.run_id,
        cause=run.cause,
        message=f"Playbook {run.playbook} ended as {run.status}{f': {run.error}' if run.error else ''}",
        data={"run_id": run.run_id, "playbook": run.playbook, "subject": run.subject},
    )
