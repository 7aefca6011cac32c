"""Calls about recommendations, how they turned out, how far agents can be trusted, and what was learned."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from grace_ray.client.answers import Page, Receipt, receipt
from grace_ray.client.calls.call import Call, get, page, plain, plain_page, post
from grace_ray.core.clock import to_text
from grace_ray.core.jsonable import from_plain
from grace_ray.core.recommendation import (
    AgentProfile,
    LearningCycle,
    Outcome,
    Pattern,
    PatternKind,
    Recommendation,
    Rule,
    TrustScore,
)

PREFIX = "/api/v1/learning"
EXPORT_PATH = f"{PREFIX}/export"
"""Answered line by line: see ``export_workspace`` of the clients."""


def track_recommendation(
    workspace_id: str,
    agent_id: str,
    *,
    recommendation_id: str | None = None,
    agent_name: str | None = None,
    recommendation_type: str | None = None,
    recommendation_content: Any = None,
    confidence_score: float | None = None,
    reasoning: str | None = None,
    evidence: Sequence[Any] | None = None,
    context: Mapping[str, Any] | None = None,
    correlation_id: str | None = None,
    workflow_id: str | None = None,
    latency_ms: float | None = None,
    within_ms: float | None = None,
    created_at: datetime | None = None,
) -> Call[dict[str, Any]]:
    """Track what an agent recommends; {recommendation_id, status}, durable. The same id again changes nothing."""
    return post(
        f"{PREFIX}/recommendations/track",
        plain,
        workspace_id=workspace_id,
        recommendation_id=recommendation_id,
        agent_id=agent_id,
        agent_name=agent_name,
        recommendation_type=recommendation_type,
        recommendation_content=recommendation_content,
        confidence_score=confidence_score,
        reasoning=reasoning,
        evidence=evidence,
        context=context,
        correlation_id=correlation_id,
        workflow_id=workflow_id,
        latency_ms=latency_ms,
        within_ms=within_ms,
        created_at=to_text(created_at) if created_at else None,
    )


def track_recommendations(items: Sequence[Mapping[str, Any]], *, workspace_id: str | None = None) -> Call[Receipt]:
    """Track many; the good ones are durable, the others are named. ``workspace_id`` is that of items without one."""
    return post(f"{PREFIX}/recommendations/track", receipt, workspace_id=workspace_id, items=items)


def recommendation(workspace_id: str, recommendation_id: str) -> Call[Recommendation]:
    """Get a recommendation and what became of it. Raises NotFound."""
    path = f"{PREFIX}/recommendations/{quote(recommendation_id, safe='')}"
    return get(path, lambda answer: from_plain(Recommendation, answer), workspace_id=workspace_id)


def recommendations(
    workspace_id: str,
    *,
    correlation_id: str | None = None,
    workflow_id: str | None = None,
    limit: int = 100,
    after: str | None = None,
) -> Call[Page[Recommendation]]:
    """List a workspace's recommendations, newest first: all, those on one question, or those of one workflow."""
    return get(
        f"{PREFIX}/recommendations",
        page(Recommendation),
        workspace_id=workspace_id,
        correlation_id=correlation_id,
        workflow_id=workflow_id,
        limit=limit,
        after=after,
    )


def agent_recommendations(
    workspace_id: str, agent_id: str, *, limit: int = 100, after: str | None = None
) -> Call[Page[Recommendation]]:
    """List an agent's recommendations, newest first. Raises NotFound for an agent that the workspace does not know."""
    path = f"{PREFIX}/recommendations/agent/{quote(agent_id, safe='')}"
    return get(path, page(Recommendation), workspace_id=workspace_id, limit=limit, after=after)


def evaluate_outcome(
    workspace_id: str,
    recommendation_id: str,
    *,
    outcome: Outcome | None = None,
    quality_scores: Mapping[str, float] | None = None,
    overall_quality_score: float | None = None,
    comparative_rank: float | None = None,
    evaluator_feedback: str | None = None,
    outcome_id: str | None = None,
    evaluated_at: datetime | None = None,
) -> Call[dict[str, Any]]:
    """Say how a recommendation turned out; without an outcome it follows from the quality. Pending takes it back."""
    return post(
        f"{PREFIX}/outcomes/evaluate",
        plain,
        workspace_id=workspace_id,
        recommendation_id=recommendation_id,
        outcome=outcome,
        quality_scores=quality_scores,
        overall_quality_score=overall_quality_score,
        comparative_rank=comparative_rank,
        evaluator_feedback=evaluator_feedback,
        outcome_id=outcome_id,
        evaluated_at=to_text(evaluated_at) if evaluated_at else None,
    )


def evaluate_outcomes(items: Sequence[Mapping[str, Any]], *, workspace_id: str | None = None) -> Call[Receipt]:
    """Say how many turned out; the good ones are durable, the others are named."""
    return post(f"{PREFIX}/outcomes/evaluate", receipt, workspace_id=workspace_id, items=items)


def evaluate_workflow(
    workspace_id: str,
    workflow_id: str,
    *,
    outcome: Outcome | None = None,
    quality_scores: Mapping[str, float] | None = None,
    overall_quality_score: float | None = None,
    evaluator_feedback: str | None = None,
) -> Call[Receipt]:
    """Say how a workflow turned out: it counts for each of its recommendations. Raises NotFound where there is none."""
    return post(
        f"{PREFIX}/outcomes/evaluate-workflow",
        receipt,
        workspace_id=workspace_id,
        workflow_id=workflow_id,
        outcome=outcome,
        quality_scores=quality_scores,
        overall_quality_score=overall_quality_score,
        evaluator_feedback=evaluator_feedback,
    )


def trust_scores(
    workspace_id: str, *, min_trust: float = 0.0, limit: int = 100, after: str | None = None
) -> Call[Page[TrustScore]]:
    """List agents by what is expected of them, of those with at least this overall_trust_score."""
    return get(
        f"{PREFIX}/trust-scores",
        page(TrustScore),
        workspace_id=workspace_id,
        min_trust=min_trust,
        limit=limit,
        after=after,
    )


def trust_score(workspace_id: str, agent_id: str) -> Call[TrustScore]:
    """Get how far an agent can be trusted. Raises NotFound for one that the workspace does not know."""
    path = f"{PREFIX}/trust-scores/{quote(agent_id, safe='')}"
    return get(path, lambda answer: from_plain(TrustScore, answer), workspace_id=workspace_id)


def agent_profile(workspace_id: str, agent_id: str) -> Call[AgentProfile]:
    """Get what an agent is good and bad at. Raises NotFound."""
    path = f"{PREFIX}/agent-profiles/{quote(agent_id, safe='')}"
    return get(path, lambda answer: from_plain(AgentProfile, answer), workspace_id=workspace_id)


def decision_boost(
    workspace_id: str, agent_id: str, *, recommendation_type: str = "general", confidence_score: float | None = None
) -> Call[dict[str, Any]]:
    """Get by how much to adjust the confidence in an agent's advice: {boost, expected, low, high, fleet, samples}.

    With ``confidence_score``, as sure as the agent says it is, also ``calibrated``: what that is worth.
    """
    return get(
        f"{PREFIX}/decision-boost",
        plain,
        workspace_id=workspace_id,
        agent_id=agent_id,
        recommendation_type=recommendation_type,
        confidence_score=confidence_score,
    )


def workspaces() -> Call[Page[str]]:
    """List the workspaces that have agents, of those that the token may see."""
    return get(f"{PREFIX}/workspaces", page(str))


def consensus(workspace_id: str, correlation_id: str) -> Call[dict[str, Any]]:
    """Get what the agents that answered one question together say."""
    return get(f"{PREFIX}/consensus", plain, workspace_id=workspace_id, correlation_id=correlation_id)


def route_task(
    workspace_id: str,
    candidates: Sequence[str] | Mapping[str, float],
    *,
    recommendation_type: str = "general",
    correlation_id: str = "",
    context: Mapping[str, Any] | None = None,
) -> Call[dict[str, Any]]:
    """Choose an agent for a task; ``candidates`` are ids, or costs by id in units of a success.

    {route_id, agent_id, propensity, reasons, offers}; it is rewarded by that agent's outcome on this correlation_id.
    """
    costs = dict(candidates) if isinstance(candidates, Mapping) else dict.fromkeys(candidates, 0.0)
    return post(
        f"{PREFIX}/route",
        plain,
        workspace_id=workspace_id,
        task={
            "recommendation_type": recommendation_type,
            "correlation_id": correlation_id,
            "context": dict(context or {}),
        },
        candidates=[{"agent_id": agent_id, "cost": cost} for agent_id, cost in costs.items()],
    )


def routes(workspace_id: str, *, limit: int = 100, after: str | None = None) -> Call[Page[dict[str, Any]]]:
    """List tasks that were given to agents, newest first, with what came of them."""
    return get(f"{PREFIX}/routes", plain_page, workspace_id=workspace_id, limit=limit, after=after)


def routing(workspace_id: str) -> Call[dict[str, Any]]:
    """Get what the choosing has earned: {rewarded, value, others, best_fixed}, {} before the first reward."""
    return get(f"{PREFIX}/routing", plain, workspace_id=workspace_id)


def trigger_learning_cycle(
    workspace_id: str, *, lookback_days: float | None = None, by: str | None = None
) -> Call[LearningCycle]:
    """Learn of a workspace's outcomes now. Raises Conflict while one of its cycles runs."""
    path = f"{PREFIX}/learning-cycles/trigger"
    return post(path, _cycle, workspace_id=workspace_id, lookback_days=lookback_days, by=by)


def learning_cycles(workspace_id: str, *, limit: int = 20, after: str | None = None) -> Call[Page[LearningCycle]]:
    """List learning cycles, newest first, without their rules and profiles."""
    path = f"{PREFIX}/learning-cycles"
    return get(path, page(LearningCycle), workspace_id=workspace_id, limit=limit, after=after)


def learning_cycle(workspace_id: str, iteration_id: str) -> Call[LearningCycle]:
    """Get a learning cycle with what follows from it. Raises NotFound."""
    return get(f"{PREFIX}/learning-cycles/{quote(iteration_id, safe='')}", _cycle, workspace_id=workspace_id)


def should_trigger_learning_cycle(workspace_id: str) -> Call[dict[str, Any]]:
    """Ask whether it is time to learn: {is_due, reason, new_outcomes, drift_odds, is_running}. Raises NotFound."""
    return get(f"{PREFIX}/should-trigger", plain, workspace_id=workspace_id)


def learning_patterns(
    workspace_id: str, *, category: PatternKind | None = None, limit: int = 100, after: str | None = None
) -> Call[Page[Pattern]]:
    """List when recommendations turn out well, and when badly, the surest first."""
    path = f"{PREFIX}/patterns"
    return get(path, page(Pattern), workspace_id=workspace_id, category=category, limit=limit, after=after)


def learning_rules(workspace_id: str) -> Call[list[Rule]]:
    """List what follows from the patterns: for which tasks to prefer or avoid whom."""
    path = f"{PREFIX}/rules"
    return get(path, lambda answer: [from_plain(Rule, each) for each in answer["items"]], workspace_id=workspace_id)


def learning_stats(workspace_id: str) -> Call[dict[str, Any]]:
    """Get a workspace in figures."""
    return get(f"{PREFIX}/stats", plain, workspace_id=workspace_id)


def _cycle(answer: Any) -> LearningCycle:
    return from_plain(LearningCycle, answer)
