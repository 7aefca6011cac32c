"""Playbooks: what may be done about trouble, the runs of them, and what was learned from each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

RunStatus = Literal[
    "awaiting_approval",
    "pending",
    "running",
    "completed",
    "failed",
    "timed_out",
    "interrupted",
    "undone",
    "rejected",
    "cancelled",
]
OPEN_RUN_STATUSES = frozenset({"awaiting_approval", "pending", "running"})
RUNS_VIEW = "playbook_runs"
EXPERIENCES_VIEW = "playbook_experiences"
DO_NOTHING = "do_nothing"
"""The candidate that every choice among playbooks holds: what the others' effect is measured against."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: ``kind`` names what is done, ``arguments`` how (``{name}`` is filled from the run's parameters)."""

    kind: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    timeout_s: float = 30.0
    undo: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Playbook:
    """One playbook. ``per_hour`` caps its runs; it runs once at a time on a subject. ``parameters`` are defaults."""

    id: str
    description: str
    risk: str
    steps: Sequence[Step]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    timeout_s: float = 120.0
    per_hour: int = 6
    settle_s: float = 120.0

    @property
    def needs_approval(self) -> bool:
        """Whether a person must say yes before it runs."""
        return self.risk == "needs-approval"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """How one step went: done, failed, timed_out, interrupted, skipped or undone; ``undo`` is what takes it back."""

    kind: str
    status: str
    detail: str = ""
    duration_s: float = 0.0
    undo: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a playbook as it stands now.

    ``subject`` is what it acts on, ``service`` and ``diagnosis`` are what it was chosen for, ``choice_id`` names the
    policy's choice ("" where a person chose). ``before`` and ``after`` are the KPIs (metric id to value) around it,
    ``reward`` in [-1, 1] what came of it, None until it is measured.
    """

    run_id: str
    playbook: str
    subject: str
    service: str
    diagnosis: str
    status: str
    created_at: datetime
    is_dry: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict)
    choice_id: str = ""
    cause: str = ""
    by: str = "grace"
    approved_by: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    lease_until: datetime | None = None
    steps: Sequence[StepResult] = ()
    before: Mapping[str, float] = field(default_factory=dict)
    after: Mapping[str, float] = field(default_factory=dict)
    reward: float | None = None
    error: str = ""

    @property
    def is_open(self) -> bool:
        """Whether its end is still to come."""
        return self.status in OPEN_RUN_STATUSES


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One thing that could have been chosen, and the probability with which it was."""

    playbook: str
    probability: float
    expected_reward: float
    uncertainty: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Experience:
    """What one run taught: what it was chosen for and among, what changed, and the reward in [-1, 1]."""

    experience_id: str
    at: datetime
    service: str
    diagnosis: str
    context: Mapping[str, float]
    candidates: Sequence[Candidate]
    playbook: str
    kpi_deltas: Mapping[str, float]
    trust_delta: float
    reward: float
    run_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """One ranked candidate. ``score`` ranks; ``samples`` counts the rewards that it rests on."""

    playbook: str
    score: float
    expected_reward: float
    uncertainty: float
    probability: float
    samples: int
    reasons: Sequence[str] = ()
