"""Routes as they are kept: what was chosen among what, and what came of it: the log that other ways are judged by."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from grace_ray.core.canonical import canonical
from grace_ray.core.clock import to_text
from grace_ray.core.fact import Fact
from grace_ray.core.jsonable import to_plain
from grace_ray.core.recommendation import key_of
from grace_ray.core.store import Record
from grace_ray.decide.routing.router import POINT, Route, Task
from grace_ray.models.choose import Candidate, Context
from grace_ray.models.choose.judging import LoggedChoice, judge

ROUTES_VIEW = "agent_routes"
CHOSEN = "route.chosen"

Plain = dict[str, Any]


def plain_route(workspace_id: str, task: Task, route: Route, at: datetime) -> Plain:
    """Return a route as it is answered and kept."""
    plain: Plain = to_plain(route)
    return {"workspace_id": workspace_id, **plain, "task": to_plain(task), "at": to_text(at), "reward": None}


def route_record(plain: Mapping[str, Any]) -> Record:
    """Return the record of a route; its status is the workspace."""
    at = datetime.fromisoformat(plain["at"]).timestamp()
    workspace = plain["workspace_id"]
    return Record(ROUTES_VIEW, key_of(workspace, plain["route_id"]), workspace, at, canonical(dict(plain)))


def decision(plain: Mapping[str, Any], at: datetime) -> Fact:
    """Return the fact that tells the choice before anything comes of it."""
    return Fact(
        id=plain["route_id"],
        at=at,
        kind="decision",
        type=CHOSEN,
        source="grace/trust",
        subject=key_of(plain["workspace_id"], plain["agent_id"]),
        trace=plain["task"]["question"],
        body=plain,
    )


def rewarded(plain: Mapping[str, Any], value: float | None) -> Plain:
    """Return a route with what came of it: the outcome's value less the cost, None where it was taken back."""
    (cost,) = [offer["cost"] for offer in plain["offers"] if offer["agent_id"] == plain["agent_id"]]
    return {**plain, "reward": None if value is None else value - cost}


def values(routes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the routing has earned a task, and what others would have, by the log (off-policy, SNDR).

    {rewarded, value, others: {agent: {value, lower, upper}}, best_fixed}; empty where nothing was rewarded.
    """
    log = [_logged(route) for route in routes if route["reward"] is not None]
    if not log:
        return {}
    agents = sorted({candidate.id for each in log for candidate in each.candidates})
    lowest = min(min(each.reward for each in log), -1.0)
    others = {}
    for agent in agents:
        found = judge(log, _always(agent), bounds=(lowest, 1.0))
        others[agent] = {"value": found.value, "lower": found.lower, "upper": found.upper}
    best = max(others, key=lambda agent: others[agent]["value"])
    earned = sum(each.reward for each in log) / len(log)
    return {"rewarded": len(log), "value": earned, "others": others, "best_fixed": best}


def _always(agent: str) -> Callable[[Context, Sequence[Candidate]], list[float]]:
    """Return the policy that chooses one agent, and evenly where it is not offered."""

    def chances(_: Context, offered: Sequence[Candidate]) -> list[float]:
        is_offered = any(candidate.id == agent for candidate in offered)
        return [float(candidate.id == agent) if is_offered else 1.0 / len(offered) for candidate in offered]

    return chances


def _logged(route: Mapping[str, Any]) -> LoggedChoice:
    candidates = tuple(Candidate(id=offer["agent_id"]) for offer in route["offers"])
    place = [candidate.id for candidate in candidates].index(route["agent_id"])
    return LoggedChoice(
        point=POINT,
        context=Context(cell=route["task"]["kind"]),
        candidates=candidates,
        index=place,
        propensity=route["propensity"],
        reward=route["reward"],
        at_s=datetime.fromisoformat(route["at"]).timestamp(),
    )
