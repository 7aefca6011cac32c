"""Requests for missions: what triage decides and what a person asks for, as a mission that waits."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from grace_ray.act.missions.ledger import SOURCE
from grace_ray.act.missions.priority import OutcomeModel
from grace_ray.core.clock import from_us
from grace_ray.core.entry import Entry
from grace_ray.core.errors import InvalidInput
from grace_ray.core.fact import Fact
from grace_ray.core.ids import derived_id
from grace_ray.core.jsonable import from_plain
from grace_ray.core.mission import MISSION_TYPES, Mission, Question, requested_mission_id

OPERATOR_PRIORITY = 0.9
TEXT_MAX = 4000


def requested_mission(entry: Entry, model: OutcomeModel) -> Mission:
    """Return the mission that a decision ``mission.requested`` asks for, with the priority that outcomes suggest."""
    body = entry.content()
    at = from_us(entry.at_us)
    cluster_key = body.get("cluster_key") or entry.subject or None
    judged = model.priority(float(body.get("priority", 0.5)), cluster_key, from_us(entry.recorded_us))
    description = body.get("description") or f"Learn about {cluster_key}"
    return Mission(
        mission_id=body.get("mission_id") or requested_mission_id(entry.id, at),
        mission_type=body.get("mission_type", "autonomous_learning"),
        description=description,
        cluster_key=cluster_key,
        priority=judged.value,
        status="pending",
        created_at=at,
        question=_question(body.get("question") or description, "", cluster_key),
        reason=f"{body.get('reason', '')} {judged.reason}".strip(),
    )


def operator_mission(args: Mapping[str, Any], model: OutcomeModel, now: datetime) -> Mission:
    """Return the mission that a person asks for. Raises InvalidInput naming the field at fault."""
    text = args.get("question") or args.get("description")
    if isinstance(text, Mapping):
        text = text.get("text")
    if not isinstance(text, str) or not text.strip():
        raise InvalidInput("A mission must have a description or a question.", "description")
    if len(text) > TEXT_MAX:
        raise InvalidInput(f"A question has at most {TEXT_MAX} characters, not {len(text)}.", "question")
    mission_type = args.get("mission_type") or "generic_learning"
    if mission_type not in MISSION_TYPES:
        raise InvalidInput(f"The mission type must be one of {', '.join(MISSION_TYPES)}.", "mission_type")
    cluster_key, by = args.get("cluster_key") or None, str(args.get("by") or "operator")
    judged = model.priority(_share(args.get("priority", OPERATOR_PRIORITY)), cluster_key, now)
    return Mission(
        mission_id=derived_id(now, "mission", by, str(args.get("key", "")), text, str(cluster_key)),
        mission_type=mission_type,
        description=str(args.get("description") or text),
        cluster_key=cluster_key,
        priority=judged.value,
        status="pending",
        created_at=now,
        question=_question(args.get("question") or text, str(args.get("topic") or ""), cluster_key),
        reason=f"{by} asked for it. {judged.reason}",
    )


def cancelled_decision(mission: Mission, args: Mapping[str, Any], now: datetime) -> Fact:
    """Return a person's decision to cancel a mission."""
    by, note = str(args.get("by") or "operator"), str(args.get("note") or "")
    return Fact(
        id=derived_id(now, mission.mission_id, "operator.cancel_mission", by),
        at=now,
        kind="decision",
        type="operator.cancel_mission",
        source=SOURCE,
        subject=mission.mission_id,
        trace=mission.cluster_key or mission.mission_id,
        body={"mission_id": mission.mission_id, "cluster_key": mission.cluster_key, "by": by, "note": note},
    )


def is_by_person(entry: Entry) -> bool:
    """Whether a finding ``cluster.resolved`` is a person's doing, and not a mission's or Grace's own."""
    body = entry.content()
    by = str(body.get("resolved_by") or body.get("by") or "")
    return bool(by) and not by.startswith(("mission ", "mission:", "recovery", "grace/"))


def _question(plain: Any, topic: str, cluster_key: str | None) -> Question:
    """Return a question as triage asked it, or as a person wrote it; it knows its cluster either way."""
    domain, _, rest = (cluster_key or "").partition(":")
    pattern = rest.partition(":")[2]
    topic = topic or f"{domain} {'' if pattern.startswith('t-') else pattern}".strip()  # t-: a template's hash
    cluster = {"cluster_key": cluster_key} if cluster_key else {}
    if isinstance(plain, Mapping):
        return from_plain(Question, {"topic": topic, "text": "", "cluster": cluster, **plain})
    return Question(text=str(plain), topic=topic, cluster=cluster)


def _share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InvalidInput("The priority must be a number from 0 to 1.", "priority")
    return float(value)
