"""What persons do: their actions on clusters, checked, done once, and put on the journal with their name."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from grace_ray.core.clock import to_us
from grace_ray.core.errors import Conflict, InvalidInput, NotFound
from grace_ray.core.jsonable import to_plain
from grace_ray.diagnose import overrides
from grace_ray.diagnose.clusters import Clusters
from grace_ray.diagnose.counters import Counters
from grace_ray.diagnose.lessons import Lessons
from grace_ray.diagnose.lifecycle import Lifecycle
from grace_ray.diagnose.live_cluster import LiveCluster
from grace_ray.diagnose.outbox import Outbox

_TOLD = ("note", "until", "for_s", "value", "keys", "templates")


class Operator:
    """Persons' actions; `act` changes the clusters and says whether anything changed."""

    def __init__(
        self, clusters: Clusters, lessons: Lessons, lifecycle: Lifecycle, counters: Counters, out: Outbox
    ) -> None:
        self._clusters = clusters
        self._lessons = lessons
        self._lifecycle = lifecycle
        self._counters = counters
        self._out = out

    def act(self, action: str, args: Mapping[str, Any], now: datetime) -> tuple[Any, bool]:
        """Return the answer (plain JSON values) and whether anything changed; see Triage.operate."""
        if action in overrides.ACTIONS:
            return self._override(action, args, now)
        if action == "merge":
            survivor = self._lessons.merge(args, now)
            return self._taught(action, survivor, args, now, self._shown(survivor))
        if action == "split":
            clusters = self._lessons.split(args, now)
            return self._taught(action, clusters[0], args, now, {"clusters": [self._shown(live) for live in clusters]})
        if action == "undo":
            return self._undo(args, now)
        raise InvalidInput(f"There is no action {action}.", "action")

    def _override(self, action: str, args: Mapping[str, Any], now: datetime) -> tuple[Any, bool]:
        live = self._addressed(args)
        was_resolved = live.status == "resolved"
        if not overrides.ACTIONS[action](live, args, now):
            return self._shown(live), False
        by, now_us = overrides.text_arg(args, "by") or "operator", to_us(now)
        self._clusters.score(live, now_us)
        live.say(f"{by}: {action}" + (f" ({args['note']})" if args.get("note") else ""))
        if live.status == "resolved" and not was_resolved:
            self._lifecycle.resolved_by_person(live, by, now_us)
        elif was_resolved and live.status != "resolved":
            self._lifecycle.reopened_by_person(live, by, now_us)
        self._lifecycle.set_timers(live)
        self._say(action, live, args, now)
        return self._shown(live), True

    def _undo(self, args: Mapping[str, Any], now: datetime) -> tuple[Any, bool]:
        key = str(args.get("cluster_key") or "")
        lesson = self._lessons.undo(key)
        live = next((found for name in (key, *lesson.keys) if (found := self._clusters.get(name))), None)
        if live is None:
            raise NotFound(f"There is no cluster {key}.", "cluster_key")
        return self._taught("undo", live, args, now, self._shown(live))

    def _taught(
        self, action: str, live: LiveCluster, args: Mapping[str, Any], now: datetime, answer: Any
    ) -> tuple[Any, bool]:
        if self._lessons.has_changed:
            self._say(action, live, args, now)
        return answer, self._lessons.has_changed

    def _say(self, action: str, live: LiveCluster, args: Mapping[str, Any], now: datetime) -> None:
        """Put a person's action on the journal."""
        self._clusters.touch(live)
        self._counters.operator_actions += 1
        by = overrides.text_arg(args, "by") or "operator"
        told = {name: to_plain(args[name]) for name in _TOLD if args.get(name)}
        self._out.operator(action, live.key, to_us(now), by, {"cluster_key": live.key, "by": by, **told})

    def _addressed(self, args: Mapping[str, Any]) -> LiveCluster:
        key = str(args.get("cluster_key") or "")
        live = self._clusters.get(key)
        if live is None:
            raise NotFound(f"There is no cluster {key}.", "cluster_key")
        if live.merged_into is not None:
            raise Conflict(f"{key} was merged into {live.merged_into}: act on that, or undo the merge.", "cluster_key")
        return live

    def _shown(self, live: LiveCluster) -> dict[str, Any]:
        shown = self._clusters.shown(live) if live.merged_into is None else live
        plain: dict[str, Any] = orjson.loads(orjson.dumps(shown.plain()))
        return plain
