"""The desk's book: runs, choices whose reward is to come, and what was learned, with the moves that touch several."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from grace_ray.core.event import Event
from grace_ray.core.ids import derived_id
from grace_ray.core.metric import Metric
from grace_ray.core.playbook import Run
from grace_ray.core.ports import Playbooks
from grace_ray.core.store import Reader
from grace_ray.decide.playbooks.archive import Verdict, verdict_record
from grace_ray.decide.playbooks.choices import Awaited, choice_record, open_choices
from grace_ray.decide.playbooks.learned import Learned
from grace_ray.decide.playbooks.rewards import Kpis
from grace_ray.decide.playbooks.runs import SOURCE, Changes, Runs, ending_of
from grace_ray.settings import PlaybookSettings

_SETTLE_S = 60.0  # of a playbook that is not in the catalog any more


class Book:
    """What the desk knows; all of it is in records, and read back by ``restore``."""

    def __init__(self, settings: PlaybookSettings, playbooks: Playbooks, metrics: Mapping[str, Metric]) -> None:
        self.settings = settings
        self.playbooks = playbooks
        self.metrics = metrics
        self.kpis = Kpis(metrics)
        self.runs = Runs(settings.lease_s)
        self.choices: dict[str, Awaited] = {}
        self.learned = Learned(settings.replay_max)
        self._reader: Reader | None = None

    def restore(self, reader: Reader) -> None:
        """Start from the records as they stand."""
        self._reader = reader
        self.runs = Runs(self.settings.lease_s)
        self.runs.restore(reader)
        self.choices = open_choices(reader)
        self.learned = Learned(self.settings.replay_max)
        self.learned.restore(reader)

    def read(self) -> Reader:
        """Return the reader that it was restored from."""
        assert self._reader is not None
        return self._reader

    def over(self, run: Run, now: datetime, changes: Changes, status: str = "") -> Run:
        """End a run, tell triage, and let its choice settle."""
        run = self.runs.end(run, status or ending_of(run), run.error, now, changes)
        if run.is_dry:
            return run
        if run.status != "cancelled":
            changes.say(_event(run, now).to_fact())
        choice = next((choice for choice in self.choices.values() if choice.run_id == run.run_id), None)
        if choice is None:
            return run
        if run.status == "cancelled":
            self.drop_choice(run, run.error, changes)
            return run
        settle_s = self.playbooks.get(run.playbook).settle_s if self.is_known(run.playbook) else _SETTLE_S
        settling = replace(
            choice,
            status="settling",
            acted_until=now,
            settles_at=now + timedelta(seconds=settle_s),
            has_failed=run.status != "completed",
            was_idle=all(step.status == "skipped" for step in run.steps),
        )
        self.put_choice(settling, changes)
        return run

    def verdict(
        self, category: str, verdict: str, run: Run, by: str, reason: str, now: datetime, changes: Changes
    ) -> None:
        """Keep what a person said of a run, or did not."""
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

    def put_choice(self, choice: Awaited, changes: Changes) -> None:
        """Keep a choice, or let go of one whose reward has come."""
        if choice.is_open:
            self.choices[choice.choice_id] = choice
        else:
            self.choices.pop(choice.choice_id, None)
        changes.put(choice_record(choice))

    def drop_choice(self, run: Run, why: str, changes: Changes) -> None:
        """Let go of the choice of a run that never acted."""
        for choice in list(self.choices.values()):
            if choice.run_id == run.run_id:
                self.put_choice(replace(choice, status="dropped", note=why), changes)

    def running(self, run_id: str) -> Run | None:
        """Return a run that runs now."""
        run = self.runs.get(run_id)
        return run if run is not None and run.status == "running" else None

    def needs_approval(self, run: Run) -> bool:
        """Return whether a run must have a yes: by its playbook, or since nothing is automatic."""
        if run.is_dry:
            return False
        if not self.is_known(run.playbook):
            return True
        by_itself = run.choice_id and not self.settings.automatic
        return self.playbooks.get(run.playbook).needs_approval or bool(by_itself)

    def steps_in_all(self, run: Run) -> int:
        """Return how many steps a run has."""
        return len(self.playbooks.get(run.playbook).steps) if self.is_known(run.playbook) else len(run.steps)

    def is_known(self, playbook_id: str) -> bool:
        """Return whether a playbook is in the catalog."""
        return any(playbook.id == playbook_id for playbook in self.playbooks.all())

    def before(self, series: str, now: datetime) -> dict[str, float]:
        """Return the newest values of a series and of the critical metrics."""
        return self.kpis.before(self.read(), series, now)


def _event(run: Run, now: datetime) -> Event:
    """Return the event that triage hears of a run's end."""
    name = "playbook.completed" if run.status == "completed" else "playbook.failed"
    return Event.of_type(
        name,
        id=derived_id(now, run.run_id, name),
        source=SOURCE,
        at=now,
        subject=run.playbook,
        trace=run.run_id,
        cause=run.cause,
        message=f"Playbook {run.playbook} ended as {run.status}{f': {run.error}' if run.error else ''}",
        data={"run_id": run.run_id, "playbook": run.playbook, "subject": run.subject},
    )
