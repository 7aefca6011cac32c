"""What the meta-learner keeps, as records: of workspaces and jobs in its own view; cycles and patterns in theirs."""

import json
from dataclasses import dataclass, field
from datetime import datetime

from grace_ray.core.canonical import canonical
from grace_ray.core.jsonable import from_plain, to_plain
from grace_ray.core.recommendation import LEARNING_VIEW, PATTERNS_VIEW, LearningCycle, Pattern, key_of
from grace_ray.core.store import Record

VIEW = "meta_learner"
_OF_JOBS = "job/"  # a workspace's name has no slash


@dataclass(slots=True, kw_only=True)
class Running:
    """A cycle that waits (attempt 0) or runs; ``dues`` are the decisions that wait for its end.

    ``key`` is of the request that asked for it; ``counted`` and ``summed`` are the outcomes that it can see.
    """

    cycle: LearningCycle
    lookback_days: float
    key: str = ""
    attempt: int = 0
    attempts_before: int = 0
    dues: list[str] = field(default_factory=list)
    counted: int = 0
    summed: float = 0.0


@dataclass(slots=True, kw_only=True)
class Book:
    """One workspace: outcomes since the last cycle, what drift is measured against, and the cycle under way."""

    workspace_id: str
    count: int = 0
    total: float = 0.0
    cycles: int = 0
    patterns: int = 0
    base: dict[str, float] = field(default_factory=dict)
    ended_at: datetime | None = None
    took_s: float = 0.0
    running: Running | None = None

    def to_record(self) -> Record:
        """Return the record of it."""
        return Record(VIEW, self.workspace_id, "workspace", float(self.cycles), canonical(to_plain(self)))


@dataclass(slots=True, kw_only=True)
class JobBook:
    """A job that was due: the workspaces whose cycles it waits for, and how those that ended went."""

    job: str
    due_id: str
    waiting: list[str] = field(default_factory=list)
    completed: int = 0
    failed: list[str] = field(default_factory=list)

    def to_record(self) -> Record:
        """Return the record of it; once nothing is waited for it is deleted."""
        body = canonical(to_plain(self)) if self.waiting else None
        return Record(VIEW, _OF_JOBS + self.due_id, "job", 0.0, body)


def book_of(record: Record) -> Book | JobBook:
    """Return what a record holds."""
    plain = json.loads(record.body or b"{}")
    if record.status == "workspace":
        return from_plain(Book, plain)
    found = from_plain(JobBook, plain)
    found.waiting, found.failed = list(found.waiting), list(found.failed)
    return found


def cycle_record(cycle: LearningCycle) -> Record:
    """Return the record of a cycle."""
    key = key_of(cycle.workspace_id, cycle.iteration_id)
    return Record(LEARNING_VIEW, key, cycle.workspace_id, cycle.started_at.timestamp(), canonical(to_plain(cycle)))


def pattern_record(pattern: Pattern) -> Record:
    """Return the record of a pattern; lists go down by its confidence, then by the difference that it makes."""
    key = key_of(pattern.workspace_id, pattern.pattern_id)
    rank = pattern.confidence_level + abs(pattern.success_rate - pattern.base_rate)
    return Record(PATTERNS_VIEW, key, pattern.workspace_id, rank, canonical(to_plain(pattern)))
