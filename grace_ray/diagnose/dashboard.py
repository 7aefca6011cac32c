"""The loop at a glance: what GET /api/learning-feedback/dashboard answers, read from records alone."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from grace_ray.core.clock import to_us
from grace_ray.core.store import Reader
from grace_ray.diagnose.counters import Counters, events_per_minute
from grace_ray.diagnose.health import health

_TOP = 10
_MISSIONS_SHOWN = 50
_SHOWN = (
    "cluster_key",
    "domain",
    "severity",
    "pattern_type",
    "event_count",
    "urgency_score",
    "recurrence_score",
    "status",
    "first_seen",
    "last_seen",
    "learning_mission_id",
    "resolved",
)


def dashboard(reader: Reader, now: datetime) -> dict[str, Any]:
    """Return overview, statistics (since the first start), current_state and metrics, as the specification names them.

    ``health_score`` is 0..100; ``overview.health`` has its parts and the reason for each. ``active_clusters`` are those
    neither resolved nor merged; ``learning_coverage`` is the share of them that a mission or knowledge was for.
    """
    stats = {**_nothing(), **_body(reader, "triage", "stats")}
    missions = reader.count("missions")
    completed = max(missions.get("completed", 0), stats["missions_completed"])
    failed = max(missions.get("failed", 0) + missions.get("timed_out", 0), stats["missions_failed"])
    top = [orjson.loads(record.body or b"{}") for record in _open_clusters(reader)]
    success_rate = round(completed / (completed + failed), 4) if completed + failed else 0.0
    active = stats["active_clusters"]
    state = health(stats, success_rate if completed + failed else None, to_us(now))
    return {
        "overview": {"status": state.status, "health_score": state.score, "health": state.parts},
        "statistics": {
            "events_processed": stats["events_processed"],
            "clusters_created": stats["clusters_created"],
            "active_clusters": active,
            "missions_launched": stats["missions_launched"],
            "missions_completed": completed,
            "missions_failed": failed,
        },
        "current_state": {
            "top_clusters": [{name: cluster.get(name) for name in _SHOWN} for cluster in top],
            "active_missions": _missions(reader, "running"),
            "pending_missions": _missions(reader, "pending"),
        },
        "metrics": {
            "events_per_minute": events_per_minute(stats["minutes"], to_us(now)),
            "active_clusters": active,
            "mission_success_rate": success_rate,
            "average_urgency": stats["average_urgency"],
            "learning_coverage": stats["learning_coverage"],
        },
    }


def _nothing() -> dict[str, Any]:
    return {
        **Counters().plain(),
        "active_clusters": 0,
        "average_urgency": 0.0,
        "learning_coverage": 0.0,
        "noisy_sources": [],
        "warnings": [],
    }


def _open_clusters(reader: Reader) -> list[Any]:
    found = reader.records("clusters", "open", _TOP).items
    if len(found) < _TOP:
        for status in ("acknowledged", "silenced"):
            found = [*found, *reader.records("clusters", status, _TOP).items]
        found.sort(key=lambda record: (-record.rank, record.key))
    return found[:_TOP]


def _missions(reader: Reader, status: str) -> list[Any]:
    page = reader.records("missions", status, _MISSIONS_SHOWN)
    return [orjson.loads(record.body or b"{}") for record in page.items]


def _body(reader: Reader, view: str, key: str) -> Mapping[str, Any]:
    record = reader.record(view, key)
    body: Mapping[str, Any] = orjson.loads(record.body) if record is not None and record.body else {}
    return body
