"""Grace's own agents as agents like any other: their decisions on the journal, told as recommendations and outcomes.

Agents of the workspace "grace": ``strategy:NAME`` (what it found was learned in a mission; did the trouble stay away?),
``playbooks`` (the policy's choice; did the metrics get better?), ``forecaster`` (a warning; did the breach come?).
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from grace_ray.core.clock import from_us
from grace_ray.core.entry import Entry
from grace_ray.core.fact import Fact
from grace_ray.core.jsonable import to_plain
from grace_ray.core.recommendation import (
    JUDGED,
    KIND,
    OWN_WORKSPACE,
    TRACKED,
    Judgement,
    Recommendation,
    Verdict,
    source_of,
)
from grace_ray.models.score.moving import Evaluated, MovingTrust

STRATEGY = "strategy:"
PLAYBOOKS = "playbooks"
FORECASTER = "forecaster"
FOLLOWS = frozenset({"mission", "decision", "outcome", "finding"})

_MOVED = 0.05  # a reward nearer to 0 than this is no change that one would notice
_WARNINGS: Mapping[str, Verdict] = {"breached": "approved", "prevented": "partial", "false_alarm": "rejected"}

Noun = Recommendation | Judgement


def told(entry: Entry) -> list[Fact]:
    """Return the recommendations and outcomes that an entry of Grace's own tells of; the same for the same entry."""
    tell = _TELLS.get(entry.type)
    if tell is None or entry.body is None or not entry.source.startswith("grace/"):
        return []
    return [_fact(noun, entry) for noun in tell(entry.content(), entry, from_us(entry.at_us))]


def verdict_of(reward: float) -> Verdict:
    """Return what a reward in [-1, 1] says of the choice."""
    return "approved" if reward > _MOVED else "rejected" if reward < -_MOVED else "partial"


def quality_of(reward: float) -> float:
    """Return a reward in [-1, 1] as a quality, 0-100."""
    return 50.0 * (1.0 + reward)


def trust_delta(reward: float) -> float:
    """Return by how much a reward moves the policy's trust (its accuracy, where that is not at 0 or 1 already).

    >>> trust_delta(1.0), trust_delta(0.0), trust_delta(-1.0)
    (0.1, 0.0, -0.1)
    """
    trust, outcome = MovingTrust(), verdict_of(reward)
    before = trust.reading(PLAYBOOKS).accuracy
    trust.learn_many([Evaluated(key="", agent=PLAYBOOKS, outcome=outcome, quality=quality_of(reward))])
    return round(trust.reading(PLAYBOOKS).accuracy - before, 9)


def _progress(body: Mapping[str, Any], entry: Entry, at: datetime) -> Iterable[Noun]:
    if body.get("status") == "found":
        yield Recommendation(
            workspace_id=OWN_WORKSPACE,
            recommendation_id=_of_strategy(body["mission_id"], body["strategy"]),
            agent_id=STRATEGY + body["strategy"],
            correlation_id=body["mission_id"],
            workflow_id=entry.trace,
            recommendation_type="learning",
            recommendation_content={"sources": list(body.get("sources", ()))[:20]},
            reasoning=str(body.get("detail", "")),
            latency_ms=1000.0 * float(body.get("duration_s", 0.0)),
            created_at=at,
        )


def _mission_judged(body: Mapping[str, Any], entry: Entry, at: datetime) -> Iterable[Noun]:
    outcome: Verdict = "approved" if body["helped"] else "rejected"
    said = "The trouble stayed away." if body["helped"] else "The trouble came back."
    for strategy in body["contributed"]:
        yield _judgement(_of_strategy(entry.subject, strategy), outcome, entry, at, said)


def _chosen(body: Mapping[str, Any], entry: Entry, at: datetime) -> Iterable[Noun]:
    yield Recommendation(
        workspace_id=OWN_WORKSPACE,
        recommendation_id=body["choice_id"],
        agent_id=PLAYBOOKS,
        correlation_id=body["choice_id"],
        workflow_id=entry.trace,
        recommendation_type="playbook",
        recommendation_content={"playbook": body["playbook"], "propensity": body["propensity"]},
        context={name: body[name] for name in ("service", "diagnosis", "playbook")},
        created_at=at,
    )


def _rewarded(body: Mapping[str, Any], entry: Entry, at: datetime) -> Iterable[Noun]:
    if body.get("choice_id"):
        reward = float(body["reward"])
        said = f"reward {reward:+.2f}"
        yield _judgement(body["choice_id"], verdict_of(reward), entry, at, said, quality_of(reward))


def _warned(body: Mapping[str, Any], entry: Entry, at: datetime) -> Iterable[Noun]:
    yield Recommendation(
        workspace_id=OWN_WORKSPACE,
        recommendation_id=body["warning_id"],
        agent_id=FORECASTER,
        correlation_id=body["warning_id"],
        workflow_id=entry.trace,
        recommendation_type="incident_warning",
        recommendation_content={"threshold": body["threshold"], "horizon_minutes": body["horizon_minutes"]},
        confidence_score=min(max(float(body["probability"]), 0.0), 1.0),
        context={"metric": body["metric_id"], "service": body.get("service", "")},
        created_at=at,
    )


def _closed(body: Mapping[str, Any], entry: Entry, at: datetime) -> Iterable[Noun]:
    outcome = _WARNINGS.get(body["status"])
    if outcome is not None:
        yield _judgement(body["warning_id"], outcome, entry, at, body["status"])


def _judgement(
    name: str, outcome: Verdict, entry: Entry, at: datetime, said: str, quality: float | None = None
) -> Judgement:
    return Judgement(
        workspace_id=OWN_WORKSPACE,
        outcome_id=f"{entry.id}:{name}",
        recommendation_id=name,
        outcome=outcome,
        overall_quality_score=quality,
        evaluator_feedback=said,
        evaluated_at=at,
    )


def _of_strategy(mission_id: str, strategy: str) -> str:
    return f"{mission_id}:{strategy}"


def _fact(noun: Noun, entry: Entry) -> Fact:
    is_judged = isinstance(noun, Judgement)
    return Fact(
        id=noun.outcome_id if isinstance(noun, Judgement) else noun.recommendation_id,
        at=from_us(entry.at_us),
        kind=KIND,
        type=JUDGED if is_judged else TRACKED,
        source=source_of(OWN_WORKSPACE, "outcomes" if is_judged else "recommendations"),
        subject=noun.recommendation_id,
        trace=entry.trace,
        cause=entry.id,
        body={name: value for name, value in to_plain(noun).items() if value not in ("", None, [], {})},
    )


_TELLS: Mapping[str, Callable[[Mapping[str, Any], Entry, datetime], Iterable[Noun]]] = {
    "mission.progress": _progress,
    "mission.judged": _mission_judged,
    "playbook.chosen": _chosen,
    "playbook.rewarded": _rewarded,
    "incident.warned": _warned,
    "incident.closed": _closed,
}
