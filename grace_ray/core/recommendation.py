"""Recommendations: what agents advise, how each turned out, how far each agent can be trusted, and what was learned.

Everything belongs to a workspace. A workspace's name has no ``/``, so ``workspace/id`` is the key of a record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Outcome = Literal["pending", "approved", "rejected", "partial"]
Verdict = Literal["approved", "rejected", "partial"]
Strength = Literal["weak", "moderate", "strong", "very_strong"]
Trend = Literal["improving", "stable", "declining"]
PatternKind = Literal["high_confidence", "consensus", "expert_opinion", "failure_avoidance", "success_indicator"]

RECOMMENDATIONS_VIEW = "agent_recommendations"
OUTCOMES_VIEW = "recommendation_outcomes"
TRUST_VIEW = "agent_trust_scores"
PATTERNS_VIEW = "recommendation_patterns"
LEARNING_VIEW = "meta_learner_state"
TALLIES_VIEW = "trust_tallies"
"""Plain sums of each agent, as new as the trust part's cursor."""

KIND = "recommendation"
"""The kind of the facts that hold what came in about recommendations, raw as events are."""
TRACKED = "recommendation.tracked"
JUDGED = "recommendation.judged"
CYCLE_ENDED = "learning.cycle"
"""The type of the finding that a learning cycle of a workspace (``subject``) has ended."""
OWN_WORKSPACE = "grace"
"""The workspace of this runtime's own agents: mission strategies, forecasters, the policy of the playbooks."""

VALUES: Mapping[str, float] = {"approved": 1.0, "partial": 0.5, "rejected": 0.0}
"""What a verdict is worth as an outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """One piece of advice of one agent, and what became of it.

    ``correlation_id`` names the question: recommendations that share it answer the same one. ``confidence_score`` in
    0-1 is the agent's own. ``context`` holds what rules may rest on (short words or numbers). ``latency_ms`` is how
    long the agent took, ``within_ms`` how long it was given. Qualities are 0-100.
    """

    workspace_id: str
    recommendation_id: str
    agent_id: str
    agent_name: str = ""
    correlation_id: str = ""
    workflow_id: str = ""
    recommendation_type: str = "general"
    recommendation_content: Any = None
    confidence_score: float | None = None
    reasoning: str = ""
    evidence: Sequence[Any] = ()
    context: Mapping[str, Any] = field(default_factory=dict)
    latency_ms: float | None = None
    within_ms: float | None = None
    created_at: datetime
    outcome: Outcome = "pending"
    quality_scores: Mapping[str, float] = field(default_factory=dict)
    overall_quality_score: float | None = None
    evaluator_feedback: str = ""
    evaluated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """How a recommendation turned out, as one evaluator said; a later one replaces it, ``pending`` takes it back.

    ``comparative_rank`` is its place among the alternatives, 1 the best.
    """

    workspace_id: str
    outcome_id: str
    recommendation_id: str
    outcome: Outcome
    quality_scores: Mapping[str, float] = field(default_factory=dict)
    overall_quality_score: float | None = None
    comparative_rank: float | None = None
    evaluator_feedback: str = ""
    evaluated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustScore:
    """How far one agent can be trusted in one workspace; scores in 0-1.

    The five scores are the moving averages of the interface. Decisions rest on the others: ``expected`` is the
    probability that its next outcome is good, ``interval`` its 95% credible interval, ``by_type`` the same for each
    type of recommendation. ``calibration`` tells how often the agent was right where it said how sure it was.
    ``history`` has the newest recalculations, oldest first: {at, overall, expected, low, high}.
    """

    workspace_id: str
    agent_id: str
    agent_name: str = ""
    overall_trust_score: float
    accuracy_score: float
    consistency_score: float
    timeliness_score: float
    reliability_score: float
    approval_rate: float | None = None
    avg_quality_score: float | None = None
    trend: Trend = "stable"
    recommendation_strength: Strength = "weak"
    sample_size: int = 0
    expected: float
    interval: tuple[float, float]
    by_type: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    calibration: Mapping[str, Any] = field(default_factory=dict)
    history: Sequence[Mapping[str, Any]] = ()
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A condition under which recommendations turn out well, or badly.

    ``condition`` maps features to what they must be, such as {"type": "strategy", "agents_agree": 2}. ``success_rate``
    is among the ``frequency_count`` that fit it, ``base_rate`` among the others, ``confidence_level`` the confidence in
    the difference, corrected for the number of patterns tried.
    """

    workspace_id: str
    pattern_id: str
    pattern_type: PatternKind
    condition: Mapping[str, Any]
    description: str
    success_rate: float
    base_rate: float
    frequency_count: int
    confidence_level: float
    strength: Strength
    is_confirmed: bool = False
    first_validated: datetime
    last_validated: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What follows from a pattern: for recommendations that fit ``condition``, prefer (or avoid) ``agents``."""

    rule_id: str
    pattern_id: str
    condition: Mapping[str, Any]
    action: Literal["prefer", "avoid", "accept", "review"]
    agents: Sequence[str] = ()
    sentence: str = ""
    effectiveness: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentProfile:
    """What one agent is good and bad at: success and count by type and context, each with its interval."""

    workspace_id: str
    agent_id: str
    agent_name: str = ""
    sample_size: int
    success_rate: float
    strengths: Sequence[Mapping[str, Any]] = ()
    weaknesses: Sequence[Mapping[str, Any]] = ()
    by_type: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningCycle:
    """One iteration of the meta-learner over one workspace; accuracy and coverage are on held-out, later data."""

    workspace_id: str
    iteration_id: str
    trigger: str
    status: Literal["running", "completed", "failed", "interrupted"]
    samples_analyzed: int = 0
    patterns_tried: int = 0
    patterns_discovered: int = 0
    patterns_confirmed: int = 0
    patterns_dropped: int = 0
    rules_updated: int = 0
    iteration_accuracy: float | None = None
    iteration_coverage: float | None = None
    pattern_confidence_improvement: float | None = None
    rule_effectiveness_improvement: float | None = None
    key_insights: Sequence[str] = ()
    recommendations_for_swarm: Sequence[str] = ()
    rules: Sequence[Rule] = ()
    profiles: Sequence[AgentProfile] = ()
    error: str = ""
    started_at: datetime
    completed_at: datetime | None = None
    processing_time_seconds: float | None = None


def key_of(workspace_id: str, name: str) -> str:
    """Return the key of a record of a workspace, and the status by which an agent's records are listed.

    >>> key_of("acme", "r-1")
    'acme/r-1'
    """
    return f"{workspace_id}/{name}"


def source_of(workspace_id: str, what: Literal["recommendations", "outcomes"]) -> str:
    """Return the source under which a workspace's recommendations or outcomes stand on the journal.

    >>> source_of("acme", "recommendations")
    'workspaces/acme/recommendations'
    """
    return f"workspaces/{workspace_id}/{what}"
