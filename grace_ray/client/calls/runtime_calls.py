"""Calls about the whole: status, health, explanations, the learning dashboard."""

from typing import Any
from urllib.parse import quote

from grace_ray.client.calls.call import Call, get, plain


def explain(thing_id: str) -> Call[dict[str, Any]]:
    """Ask why: the id is an event's, cluster's, mission's, group's or statement's. Raises NotFound."""
    return get(f"/api/explain/{quote(thing_id, safe=':')}", plain)


def status() -> Call[dict[str, Any]]:
    """Ask how each part is."""
    return get("/api/status", plain)


def health() -> Call[dict[str, Any]]:
    """Ask whether Grace is alive: {status}."""
    return get("/healthz", plain)


def session() -> Call[dict[str, Any]]:
    """Ask who this client is to Grace: {name, scopes, required}."""
    return get("/api/session", plain)


def dashboard() -> Call[dict[str, Any]]:
    """Get the learning-feedback dashboard: overview, statistics, current state, metrics."""
    return get("/api/learning-feedback/dashboard", plain)


def registry() -> Call[Any]:
    """List the registered event types."""
    return get("/api/registry", lambda answer: answer)


def ml_overview() -> Call[dict[str, Any]]:
    """Get health, forecaster, warnings, playbooks and learning at a glance."""
    return get("/api/ml/dashboard/overview", plain)


def learning_progress(*, days: int = 14) -> Call[dict[str, Any]]:
    """Get experiences, rewards and policies day by day."""
    return get("/api/ml/dashboard/learning-progress", plain, days=days)


def ml_health() -> Call[dict[str, Any]]:
    """Get the ML health score, 0..100, and its parts."""
    return get("/api/ml/dashboard/health-report", plain)
