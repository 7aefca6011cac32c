"""The counter: what people and programs ask of playbooks, one action each."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from grace_ray.core.errors import Conflict, InvalidInput, NotFound
from grace_ray.core.ids import derived_id
from grace_ray.core.jsonable import to_plain
from grace_ray.core.metric import Metric
from grace_ray.core.playbook import EXPERIENCES_VIEW, Candidate, Experience, Run
from grace_ray.core.sample import labels_of, metric_of
from grace_ray.decide.playbooks.asked import experience_in, name_in
from grace_ray.decide.playbooks.book import Book
from grace_ray.decide.playbooks.choices import Awaited
from grace_ray.decide.playbooks.chooser import rewarded
from grace_ray.decide.playbooks.runs import Changes, fact_of, new_run
from grace_ray.decide.playbooks.standing import broken_rule


class Counter:
    """``actions`` by name; each takes (arguments, now, changes), and raises InvalidInput, NotFound, Conflict."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self.actions: Mapping[str, Callable[[Mapping[str, Any], datetime, Changes], Any]] = {
            "run": self._run,
            "approve": self._approve,
            "reject": self._reject,
            "cancel": self._cancel,
            "experience": self._take_experience,
        }

    def expire(self, now: datetime, changes: Changes) -> None:
        """Drop the runs that nobody has approved in time."""
        for run in self._book.runs.of_status("awaiting_approval"):
            if now >= run.created_at + timedelta(seconds=self._book.settings.approval_expires_s):
                self._expire(run, now, changes)

    def _run(self, args: Mapping[str, Any], now: datetime, changes: Changes) -> Run:
        playbook = self._book.playbooks.get(name_in(args, "playbook"))
        by = name_in(args, "by", "operator")
        subject = name_in(args, "subject", f"{playbook.id} by {by}"[:200])
        is_dry = args.get("dry_run", False)
        if not isinstance(is_dry, bool):
            raise InvalidInput("dry_run is true or false.", "dry_run")
        given = args.get("parameters") or {}
        if not isinstance(given, Mapping):
            raise InvalidInput("parameters is an object.", "parameters")
        parameters = self._book.playbooks.filled(playbook, given)
        if not is_dry:
            rule = broken_rule(playbook, parameters, subject, self._book.runs, now)
            if rule:
                raise Conflict(rule, "playbook")
        metric = self._book.metrics.get(metric_of(subject))
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
        self._book.runs.add(run, changes)
        if metric and not is_dry:
            self._await_person(run, metric, subject, now, changes)
        return run

    def _await_person(self, run: Run, metric: Metric, series: str, now: datetime, changes: Changes) -> None:
        """Judge what a person has chosen, too; with what probability others would have been is not known."""
        before = self._book.before(series, now)
        if series not in before or any(choice.series == series for choice in self._book.choices.values()):
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
        self._book.put_choice(awaited, changes)

    def _approve(self, args: Mapping[str, Any], now: datetime, changes: Changes) -> Run:
        run, by = self._asked_about(args), name_in(args, "by", "operator")
        if run.status == "pending" and run.approved_by == by:
            return run
        if run.status != "awaiting_approval":
            raise Conflict(f"The run waits for no approval: it is {run.status}.", "run_id")
        busy = self._book.runs.busy_with(run.subject)
        if busy is not None:
            raise Conflict(f"Run {busy.run_id} of {busy.playbook} acts on {run.subject} already.", "run_id")
        run = self._book.runs.approve(run, by, now, changes)
        self._book.verdict("governance", "approved", run, by, name_in(args, "note", "", 2000), now, changes)
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
        run = self._book.runs.end(run, "rejected", said, now, changes)
        self._book.verdict("governance", "rejected", run, by, note, now, changes)
        self._book.drop_choice(run, said, changes)
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
            return self._book.runs.put(replace(run, error=said), changes)
        run = self._book.runs.end(run, "cancelled", said, now, changes)
        self._book.drop_choice(run, said, changes)
        return run

    def _take_experience(self, args: Mapping[str, Any], now: datetime, changes: Changes) -> Experience:
        experience = experience_in(args, now)
        if self._book.read().record(EXPERIENCES_VIEW, experience.experience_id) is not None:
            raise Conflict(f"The experience {experience.experience_id} is known already.", "experience_id")
        changes.put(*self._book.learned.take(experience, f"outside:{experience.experience_id}", now))
        body = {**to_plain(experience), "by": name_in(args, "by", "operator"), "effect": None}
        changes.say(rewarded(experience, "", body, now))
        return experience

    def _expire(self, run: Run, now: datetime, changes: Changes) -> None:
        said = f"No one approved it within {self._book.settings.approval_expires_s:g} s."
        run = self._book.runs.end(run, "cancelled", said, now, changes)
        self._book.verdict("governance", "expired", run, "grace", said, now, changes)
        self._book.drop_choice(run, said, changes)

    def _asked_about(self, args: Mapping[str, Any]) -> Run:
        run_id = name_in(args, "run_id")
        run = self._book.runs.get(run_id)
        if run is None:
            raise NotFound(f"There is no open run {run_id}.", "run_id")
        return run
