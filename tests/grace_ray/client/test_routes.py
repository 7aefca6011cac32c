"""The client has a typed method for everything that the HTTP API offers to programs, with its parameters."""

import inspect
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from grace_ray.client import AsyncGrace, Grace, calls
from grace_ray.client.calls import Call
from grace_ray.core.document import Document
from grace_ray.core.sample import Sample
from serve_apps.app import build

# What is not a call of calls.py: events go through send and watch; webhooks, metrics and the console's cookie are
# others' ways in; an export is a stream; the learning-feedback lists are those of clusters and missions.
ELSEWHERE = re.compile(
    r"/api/(events|stream|integrations/.*|learning-feedback/(clusters|missions))|/v1/.*|/metrics|/readyz|/api/v1/write"
    r"|/api/v1/learning/export"
)
SAMPLES: dict[str, Any] = {
    "keys": ["a", "b"],
    "templates": ["t"],
    "seq": 1,
    "first": 1,
    "second": 2,
    "tree_size": 5,
    "useful": True,
    "severity": "high",
    "limit": 5,
    "k": 3,
    "documents": [Document(source="s", title="t", text="x", origin="upload")],
    "until": None,
    "for_s": 60.0,
    "parameters": {"count": 1},
    "candidates": {"a": 1.0},
    "context": {"badness": 1.0},
    "kpi_deltas": {"api.latency_p95": -1.0},
    "reward": 0.5,
    "trust_delta": 0.0,
    "dry_run": True,
    "metric_ids": ["m"],
    "samples": [Sample(metric="m", value=1.0, at=datetime(2026, 1, 1, tzinfo=UTC))],
    "start": datetime(2026, 1, 1, tzinfo=UTC),
    "to": datetime(2026, 1, 2, tzinfo=UTC),
    "step": 300,
    "hours": 6.0,
    "days": 7,
    "horizon_minutes": 60.0,
    "items": [{"agent_id": "a"}],
    "quality_scores": {"accuracy": 80.0},
    "created_at": datetime(2026, 1, 1, tzinfo=UTC),
    "evaluated_at": datetime(2026, 1, 1, tzinfo=UTC),
}


def _calls() -> list[Call[Any]]:
    made = []
    for _, function in inspect.getmembers(calls, inspect.isfunction):
        if function.__name__.startswith("_"):
            continue
        names = inspect.signature(function).parameters
        positional = [SAMPLES.get(n, n) for n, p in names.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
        named = {n: SAMPLES.get(n, n) for n, p in names.items() if p.kind is p.KEYWORD_ONLY}
        made.append(function(*positional, **named))
    return made


@pytest.fixture
def routes(loopless: Any) -> dict[str, Any]:
    app: Any = build(loopless)
    while not hasattr(app, "openapi"):
        app = app.app
    paths: dict[str, Any] = app.openapi()["paths"]
    return {f"{m.upper()} {p}": o for p, ops in paths.items() for m, o in ops.items() if not ELSEWHERE.fullmatch(p)}


def _matches(route: str, call: Call[Any]) -> bool:
    return bool(re.fullmatch(re.sub(r"\\{\w+\\}", ".+", re.escape(route)), f"{call.method} {call.path}"))


def test_every_route_has_a_call_with_all_its_parameters(routes):
    made = _calls()
    for route, operation in routes.items():
        if route in {"POST /api/session", "DELETE /api/session"}:
            continue
        found = [call for call in made if _matches(route, call)]
        assert found, f"{route} has no call"
        asked = {p["name"] for p in operation.get("parameters", []) if p["in"] == "query"}
        assert asked <= {name for call in found for name in call.params}, route


def test_every_call_has_a_route_and_is_a_method_of_both_clients(routes):
    for call in _calls():
        assert any(_matches(route, call) for route in routes), call.path
    names = {n for n, _ in inspect.getmembers(calls, inspect.isfunction)}
    for name in names:
        assert name.startswith("_") or (hasattr(Grace, name) and hasattr(AsyncGrace, name)), name
