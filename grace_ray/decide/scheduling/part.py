"""The scheduler: says on the journal when a job is due, and keeps how each went.

Nothing is done here: the part that does a job follows "decision", and tells its end as an outcome. Everything stands
in the records of the view "schedules". A time that passed while Grace was away, while the last run went on, or that
the clock jumped over is caught up once, however many there were.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches
from typing import Any, Literal

from grace_ray.core.canonical import canonical
from grace_ray.core.clock import to_text
from grace_ray.core.entry import Entry
from grace_ray.core.errors import Conflict, Disabled, InvalidInput, NotFound
from grace_ray.core.fact import Fact
from grace_ray.core.follower import NOTHING, Effects
from grace_ray.core.ids import derived_id
from grace_ray.core.jsonable import from_plain, to_plain
from grace_ray.core.schedule import JOB_DUE, JOB_ENDED, SCHEDULES_VIEW, Job
from grace_ray.core.store import Reader, Record
from grace_ray.decide.scheduling.jobs import Planned

_SOURCE = "grace/scheduler"
_LATE_S = 60.0  # a run that begins later than this after its time missed it
_TICK_MAX_S = 60.0  # of the time between two ticks no more counts as running time: the rest is a clock that jumped
_DETAIL_MAX = 2000

Reason = Literal["scheduled", "caught up", "asked for"]


class Scheduler:
    """See the module. ``planned`` are the jobs; one that is not on is listed, and never due."""

    name = "scheduler"
    follows = frozenset({"outcome"})

    def __init__(self, planned: Sequence[Planned]) -> None:
        self._planned = {each.job: each for each in planned}

    def restore(self, state: bytes | None, reader: Reader) -> None:
        """Start from the records as they stand."""
        self._jobs = {record.key: _job(record) for record in reader.scan(SCHEDULES_VIEW)}
        self._changed: dict[str, Record] = {}
        self._running_s: dict[str, float] = {}
        self._ticked_at: datetime | None = None
        self._is_fresh = True

    def state(self) -> bytes:
        """Return nothing: records hold it all."""
        return b""

    def relearn(self, entries: Sequence[Entry]) -> None:
        """Learn nothing: records are as new as the cursor."""

    def handle(self, entries: Sequence[Entry], now: datetime) -> Effects:
        """Take the ends of jobs; what is not of the last run changes nothing."""
        for entry in entries:
            if entry.type == JOB_ENDED:
                self._ended(entry, now)
        return self._effects()

    def tick(self, now: datetime) -> Effects:
        """Say which jobs are due, and which runs have taken too long."""
        if self._is_fresh:
            self._take_plan(now)
        passed_s = self._passed_s(now)
        facts = []
        for job in list(self._jobs.values()):
            if job.last_status == "running":
                self._watch(job, passed_s, now)
            elif job.is_on:
                facts += self._look(job, now)
        return self._effects(facts)

    def operate(self, action: str, args: dict[str, Any], now: datetime) -> tuple[Effects, Job]:
        """Run a job now: action ``run``, args {job, by}; return it. Raises NotFound, Disabled, Conflict."""
        if action != "run":
            raise InvalidInput(f"The scheduler cannot {action}.", "action")
        if self._is_fresh:
            self._take_plan(now)
        job = self._find(args["job"])
        if not job.is_on:
            raise Disabled(f"{job.job} is not done: the part {job.part} is switched off by a setting.", "job")
        if job.last_status == "running":
            raise Conflict(f"{job.job} runs since {to_text(_given(job.last_started_at))}.", "job")
        started = self._start(job, now)
        fact = _due(started, now, "asked for", {"by": args.get("by", "")})
        return self._effects([fact]), started

    def _find(self, name: str) -> Job:
        if name not in self._planned:
            near = get_close_matches(name[:100], self._planned, n=3, cutoff=0.4)
            hint = f" The nearest are {', '.join(near)}." if near else f" There are {', '.join(sorted(self._planned))}."
            raise NotFound(f"There is no job {name[:100]!r}.{hint}", "job")
        return self._jobs[name]

    def _take_plan(self, now: datetime) -> None:
        """Bring what is known up to the plan: jobs that are new, gone, switched on or off, or due at other times."""
        for name in self._jobs.keys() - self._planned.keys():
            del self._jobs[name]
            self._changed[name] = Record(SCHEDULES_VIEW, name, "", 0.0, None)
        for planned in self._planned.values():
            known = self._jobs.get(planned.job)
            self._keep(_as_planned(planned, known, now))
        self._is_fresh = False

    def _look(self, job: Job, now: datetime) -> list[Fact]:
        """Return the decision where a job is due; follow a clock that was put back."""
        table = self._planned[job.job].timetable
        if now < job.next_at:
            expected = table.next_after(now)
            if expected < job.next_at and expected != job.last_scheduled_for:
                self._keep(replace(job, next_at=expected))
            return []
        last = table.last_until(now)
        is_late = (now - last).total_seconds() > _LATE_S
        missed = max(table.count(job.next_at, last), 1) - (not is_late)
        reason: Reason = "caught up" if missed else "scheduled"
        started = self._start(
            replace(job, next_at=table.next_after(now), last_scheduled_for=last, missed=job.missed + missed), now
        )
        more = {"missed": missed} if missed else {}
        return [_due(started, last, reason, more)]

    def _start(self, job: Job, now: datetime) -> Job:
        started = replace(
            job, last_status="running", last_started_at=now, last_ended_at=None, last_detail="", runs=job.runs + 1
        )
        self._running_s[job.job] = 0.0
        return self._keep(started)

    def _watch(self, job: Job, passed_s: float, now: datetime) -> None:
        """Count how long a run takes, whatever the clock does; after a restart the count begins anew."""
        limit_s = self._planned[job.job].limit_s
        self._running_s[job.job] = self._running_s.get(job.job, 0.0) + passed_s
        if self._running_s[job.job] >= limit_s:
            detail = f"It did not end within {limit_s:g} s."
            self._keep(replace(job, last_status="timed_out", last_ended_at=now, last_detail=detail))

    def _ended(self, entry: Entry, now: datetime) -> None:
        job = self._jobs.get(entry.subject)
        if job is None or job.last_started_at is None or entry.cause != _due_id(job):
            return  # of a run that another one has followed
        said = entry.content()
        status: Literal["completed", "failed"] = "completed" if said.get("status") == "completed" else "failed"
        detail = str(said.get("detail", ""))[:_DETAIL_MAX]
        self._keep(replace(job, last_status=status, last_ended_at=now, last_detail=detail))

    def _passed_s(self, now: datetime) -> float:
        before, self._ticked_at = self._ticked_at, now
        return min(max((now - before).total_seconds(), 0.0), _TICK_MAX_S) if before else 0.0

    def _keep(self, job: Job) -> Job:
        if job != self._jobs.get(job.job):
            self._jobs[job.job] = job
            self._changed[job.job] = Record(SCHEDULES_VIEW, job.job, job.last_status, 0.0, canonical(to_plain(job)))
        return job

    def _effects(self, facts: Sequence[Fact] = ()) -> Effects:
        changed, self._changed = self._changed, {}
        return Effects(facts=facts, records=list(changed.values())) if facts or changed else NOTHING


def _as_planned(planned: Planned, known: Job | None, now: datetime) -> Job:
    """Return a job as the plan has it; where its times are other ones than before, nothing was missed."""
    told: dict[str, Any] = {
        "part": planned.part,
        "description": planned.description,
        "timetable": str(planned.timetable),
        "is_on": planned.is_on,
    }
    if known is None:
        return Job(job=planned.job, next_at=planned.timetable.next_after(now), **told)
    if known.timetable != told["timetable"] or not (known.is_on and planned.is_on):
        told["next_at"] = planned.timetable.next_after(now)
    return replace(known, **told)


def _due_id(job: Job) -> str:
    """Return the id of the decision that began a job's last run: known again after a restart."""
    return derived_id(_given(job.last_started_at), JOB_DUE, job.job, str(job.runs))


def _due(job: Job, scheduled_for: datetime, reason: Reason, more: Mapping[str, Any]) -> Fact:
    due_id = _due_id(job)
    return Fact(
        id=due_id,
        at=_given(job.last_started_at),
        kind="decision",
        type=JOB_DUE,
        source=_SOURCE,
        subject=job.job,
        trace=due_id,
        body={"scheduled_for": to_text(scheduled_for), "reason": reason, **more},
    )


def _given(at: datetime | None) -> datetime:
    assert at is not None  # a job that runs has begun
    return at


def _job(record: Record) -> Job:
    return from_plain(Job, json.loads(record.body or b"{}"))
