"""Calls about learning missions."""

from typing import Any, Literal
from urllib.parse import quote

from grace_ray.client.answers import Page
from grace_ray.client.calls.call import Call, get, page, post
from grace_ray.core.jsonable import from_plain
from grace_ray.core.mission import Mission

MissionType = Literal["autonomous_learning", "knowledge_gap", "pattern_learning", "generic_learning"]


MissionStatus = Literal["pending", "running", "completed", "failed", "timed_out", "cancelled"]


def _mission(answer: Any) -> Mission:
    return from_plain(Mission, answer)


def missions(*, status: MissionStatus | None = None, limit: int = 100, after: str | None = None) -> Call[Page[Mission]]:
    """List missions, newest first."""
    return get("/api/missions", page(Mission), status=status, limit=limit, after=after)


def mission(mission_id: str) -> Call[Mission]:
    """Get one mission with its sources and knowledge. Raises NotFound."""
    return get(f"/api/missions/{quote(mission_id, safe='')}", _mission)


def create_mission(
    question: str,
    *,
    topic: str = "",
    mission_type: MissionType = "generic_learning",
    cluster_key: str | None = None,
    by: str | None = None,
) -> Call[Mission]:
    """Ask Grace to learn something; the mission waits in the queue like any other."""
    named = {"topic": topic, "mission_type": mission_type, "cluster_key": cluster_key}
    return post("/api/missions", _mission, question=question, by=by, **named)


def cancel_mission(mission_id: str, *, by: str | None = None, note: str = "") -> Call[Mission]:
    """Cancel a mission that has not ended. Raises Conflict where it has."""
    return post(f"/api/missions/{quote(mission_id, safe='')}/cancel", _mission, by=by, note=note)
