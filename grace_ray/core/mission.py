"""Learning missions: a question, a budget, strategies, and the knowledge gained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from grace_ray.core.document import Document
from grace_ray.core.ids import derived_id

MISSION_TYPES = ("autonomous_learning", "knowledge_gap", "pattern_learning", "generic_learning")
OPEN_STATUSES = frozenset({"pending", "running"})


def requested_mission_id(decision_id: str, at: datetime) -> str:
    """Return the id of the mission that the decision ``mission.requested`` with this id and time asks for.

    Triage writes it on the cluster as it decides, the launcher gives it to the mission: both derive the same one.
    """
    return derived_id(at, "mission", decision_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One piece of knowledge: a short text, and the passage and source that it came from.

    ``passage`` is quoted from the source; ``source`` is where it is (URL or path), ``origin`` the strategy that found
    it; ``confidence`` is in 0..1; ``usefulness`` is the learned chance (0..1) that it helps, None before any evidence.
    """

    id: str
    text: str
    passage: str
    source: str
    origin: str
    topic: str
    confidence: float
    at: datetime
    title: str = ""
    mission_id: str | None = None
    cluster_key: str | None = None
    usefulness: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyReport:
    """What one strategy did in a mission: status is found, nothing, unreachable, refused, disabled or error."""

    strategy: str
    status: str
    detail: str
    sources: Sequence[str] = ()
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a mission wants to learn: the text searched for, and the cluster that raised it, as plain JSON values."""

    text: str
    topic: str
    cluster: Mapping[str, Any] = field(default_factory=dict)
    messages: Sequence[str] = ()
    terms: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a worker brings home from a mission: ``documents`` are new texts (web pages, issues) worth keeping whole."""

    reports: Sequence[StrategyReport]
    statements: Sequence[Statement]
    summary: str
    documents: Sequence[Document] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mission:
    """A learning mission as it stands now.

    ``status`` is pending, running, completed, failed, timed_out or cancelled. ``priority`` is 0..1, higher first.
    ``attempt`` counts from 1; ``worker`` and ``lease_until`` are set while it runs. ``helped`` is learned afterwards:
    True where the trouble stayed away, False where it came back.
    """

    mission_id: str
    mission_type: str
    description: str
    cluster_key: str | None
    priority: float
    status: str
    created_at: datetime
    question: Question
    started_at: datetime | None = None
    ended_at: datetime | None = None
    attempt: int = 0
    worker: str | None = None
    lease_until: datetime | None = None
    strategies: Sequence[StrategyReport] = ()
    sources: Sequence[str] = ()
    knowledge_acquired: Sequence[Statement] = ()
    summary: str = ""
    reason: str = ""
    error: str = ""
    helped: bool | None = None

    @property
    def is_open(self) -> bool:
        """Whether it waits or runs, so that its end is still to come."""
        return self.status in OPEN_STATUSES
