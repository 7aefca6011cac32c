"""Tasks that were given to agents by route: chosen once, on the journal, rewarded by outcomes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from random import Random
from typing import Any

import orjson

from grace_ray.core.errors import InvalidInput
from grace_ray.core.follower import NOTHING, Effects
from grace_ray.core.ids import time_id
from grace_ray.core.recommendation import VALUES, key_of
from grace_ray.core.store import Reader, Record
from grace_ray.decide.routing import route as kept
from grace_ray.decide.routing.router import Task
from grace_ray.decide.routing.rules import last_cycle
from grace_ray.decide.trust.sheet import Plain
from grace_ray.decide.trust.workspace import Workspace
from grace_ray.settings import TrustSettings

_ROUTES_MAX = 2000


class Routes:
    """The newest routes of all workspaces; each is a record, and its reward is known by its question and agent."""

    def __init__(self, reader: Reader, settings: TrustSettings) -> None:
        self._reader = reader
        self._settings = settings
        self._rng = Random()
        self._open: dict[tuple[str, str], str] = {}
        for record in reversed(reader.records(kept.ROUTES_VIEW, None, _ROUTES_MAX).items):
            self._remember(orjson.loads(record.body or b"{}"))

    def route(self, args: Mapping[str, Any], workspace: Workspace | None, now: datetime) -> tuple[Effects, Plain]:
        """Choose an agent; see TrustPart.operate. The same ``route_id`` again gives the same answer."""
        workspace_id, route_id = args["workspace_id"], args.get("route_id") or time_id(now, self._rng)
        known = self._reader.record(kept.ROUTES_VIEW, key_of(workspace_id, route_id))
        if known is not None and known.body:
            return NOTHING, orjson.loads(known.body)
        task = Task(
            kind=args.get("recommendation_type") or "general",
            question=args.get("correlation_id") or "",
            context=args.get("context") or {},
        )
        costs, cycle = _costs(args.get("candidates") or ()), last_cycle(self._reader, workspace_id)
        rules = cycle["rules"] if cycle else []
        chosen = (workspace or Workspace(workspace_id, self._settings)).route(route_id, task, costs, rules)
        plain = kept.plain_route(workspace_id, task, chosen, now)
        self._remember(plain)
        return Effects(facts=[kept.decision(plain, now)], records=[kept.route_record(plain)]), plain

    def rewards(self, sheets: Sequence[Plain]) -> list[Record]:
        """Return the routes whose agents' outcomes these are, with their rewards."""
        records = []
        for sheet in sheets:
            workspace_id, question = sheet["workspace_id"], sheet.get("correlation_id", "")
            route_id = self._open.get((key_of(workspace_id, question), sheet["agent_id"]))
            found = self._reader.record(kept.ROUTES_VIEW, key_of(workspace_id, route_id)) if route_id else None
            if found is not None and found.body:
                plain = kept.rewarded(orjson.loads(found.body), VALUES.get(sheet["outcome"]))
                records.append(kept.route_record(plain))
        return records

    def values(self, workspace_id: str) -> dict[str, Any]:
        """Return what the newest routes earned, and what always choosing one agent would have; see routing.route."""
        page = self._reader.records(kept.ROUTES_VIEW, workspace_id, _ROUTES_MAX)
        return kept.values([orjson.loads(record.body) for record in page.items if record.body])

    def _remember(self, plain: Plain) -> None:
        if plain["task"]["question"]:
            self._open[key_of(plain["workspace_id"], plain["task"]["question"]), plain["agent_id"]] = plain["route_id"]
            while len(self._open) > _ROUTES_MAX:
                del self._open[next(iter(self._open))]


def _costs(candidates: Sequence[Any]) -> dict[str, float]:
    """Return the cost of each candidate by agent. Raises InvalidInput."""
    named = [each if isinstance(each, Mapping) else {"agent_id": each} for each in candidates]
    costs = {str(each["agent_id"]): float(each.get("cost") or 0.0) for each in named}
    if len(costs) < len(named):
        raise InvalidInput("An agent is named twice.", "candidates")
    return costs
