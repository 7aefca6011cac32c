"""A function for each event type that the six emitters know: typed arguments in, a Signal out, nothing sent.

Synchronous callers hand the Signal to ``Emitter.emit``; the emitters' async methods do both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from grace_ray.core.clock import to_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What happened, before it has an id, a time and a source; an empty ``message`` is derived from ``data``."""

    type: str
    data: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""
    subject: str = ""


def _signal(name: str, message: str, subject: str, **data: Any) -> Signal:
    kept = {key: to_text(value) if isinstance(value, datetime) else value for key, value in data.items()}
    return Signal(
        type=name,
        message=message,
        subject=subject,
        data={key: value for key, value in kept.items() if value is not None},
    )


def mission_created(*, mission_id: str, description: str = "") -> Signal:
    """Return that a mission was created."""
    return _signal("mission.created", description, mission_id, mission_id=mission_id)


def mission_resolved(*, mission_id: str, description: str = "", duration_s: float | None = None) -> Signal:
    """Return that a mission reached its goal."""
    return _signal("mission.resolved", description, mission_id, mission_id=mission_id, duration_s=duration_s)


def mission_failed(*, mission_id: str, error: str) -> Signal:
    """Return that a mission ended without its goal."""
    return _signal("mission.failed", error, mission_id, mission_id=mission_id, error=error)


def guardian_error(*, component: str, error: str) -> Signal:
    """Return that the guardian met an error in a component."""
    return _signal("guardian.error", error, component, component=component, error=error)


def guardian_warning(*, component: str, warning: str) -> Signal:
    """Return that the guardian warns of a component."""
    return _signal("guardian.warning", warning, component, component=component, warning=warning)


def anomaly_detected(*, detector_id: str, metric_name: str, anomaly_score: float, value: float) -> Signal:
    """Return an anomaly; the score is in 0..1 and decides the severity: 0.95 critical, 0.8 high, 0.5 medium."""
    return _signal(
        "htm.anomaly.detected",
        f"{metric_name} is anomalous",
        metric_name,
        detector_id=detector_id,
        metric_name=metric_name,
        anomaly_score=anomaly_score,
        value=value,
    )


def pattern_unusual(*, detector_id: str, pattern_name: str, anomaly_score: float | None = None) -> Signal:
    """Return that a sequence came that is rarely seen."""
    text = f"unusual pattern {pattern_name}"
    return _signal(
        "htm.pattern.unusual",
        text,
        detector_id,
        detector_id=detector_id,
        pattern_name=pattern_name,
        anomaly_score=anomaly_score,
    )


def degradation(*, detector_id: str, metric_name: str, value: float, baseline: float) -> Signal:
    """Return that a metric gets worse steadily; ``baseline`` is what it used to be."""
    return _signal(
        "htm.degradation",
        f"{metric_name} degrades",
        metric_name,
        detector_id=detector_id,
        metric_name=metric_name,
        value=value,
        baseline=baseline,
    )


def rag_health_degraded(*, component: str, reason: str, latency_ms: float | None = None) -> Signal:
    """Return that retrieval answers slowly or in part."""
    return _signal("rag.health.degraded", reason, component, component=component, reason=reason, latency_ms=latency_ms)


def rag_retrieval_failed(*, query: str, error: str) -> Signal:
    """Return that a retrieval failed."""
    return _signal("rag.retrieval.failed", error, "", query=query, error=error)


def rag_confidence_low(*, query: str, confidence: float) -> Signal:
    """Return that an answer rests on weak passages; ``confidence`` is in 0..1 and decides the severity."""
    return _signal("rag.confidence.low", "low retrieval confidence", "", query=query, confidence=confidence)


def remote_action_failed(*, target: str, action: str, error: str) -> Signal:
    """Return that an action on a remote system failed."""
    return _signal("remote_access.action.failed", error, target, target=target, action=action, error=error)


def remote_blocked(*, target: str, reason: str, status_code: int | None = None) -> Signal:
    """Return that a remote system refuses access."""
    return _signal("remote_access.blocked", reason, target, target=target, reason=reason, status_code=status_code)


def firefox_browse_failed(*, url: str, error: str) -> Signal:
    """Return that the browser could not load a page."""
    return _signal("firefox.browse.failed", error, url, url=url, error=error)


def github_rate_limit(*, remaining: int, reset_time: datetime | str | float | None = None) -> Signal:
    """Return GitHub's rate limit; below 10 ``remaining`` it is high, at 0 critical, else medium."""
    return _signal(
        "github.rate_limit", f"GitHub rate limit: {remaining} remaining", "", remaining=remaining, reset_time=reset_time
    )


def agent_task_failed(*, agent_id: str, task: str, error: str) -> Signal:
    """Return that an agent's task failed."""
    return _signal("agent.task.failed", error, agent_id, agent_id=agent_id, task=task, error=error)


def agent_task_completed(*, agent_id: str, task: str, duration_s: float | None = None) -> Signal:
    """Return that an agent's task was done."""
    text = f"task completed: {task}"
    return _signal("agent.task.completed", text, agent_id, agent_id=agent_id, task=task, duration_s=duration_s)


def coding_agent_build_failed(*, agent_id: str, repository: str, error: str) -> Signal:
    """Return that a coding agent's build failed."""
    return _signal(
        "coding_agent.build.failed", error, repository, agent_id=agent_id, repository=repository, error=error
    )


def remediation_failed(*, target: str, remediation: str, error: str) -> Signal:
    """Return that a repair did not help."""
    return _signal(
        "self_healing.remediation.failed", error, target, target=target, remediation=remediation, error=error
    )


def remediation_succeeded(*, target: str, remediation: str) -> Signal:
    """Return that a repair helped."""
    text = f"{remediation} succeeded"
    return _signal("self_healing.remediation.succeeded", text, target, target=target, remediation=remediation)


def kernel_boot_failed(*, component: str, error: str) -> Signal:
    """Return that the runtime did not start."""
    return _signal("kernel.boot.failed", error, component, component=component, error=error)


def kernel_boot_completed(*, duration_s: float, parts: int | None = None) -> Signal:
    """Return that the runtime started."""
    return _signal("kernel.boot.completed", "boot completed", "runtime", duration_s=duration_s, parts=parts)


def service_degraded(*, service: str, reason: str, error_rate: float | None = None) -> Signal:
    """Return that a service is worse than its limit; an ``error_rate`` in 0..1 decides the severity."""
    return _signal("service.degraded", reason, service, service=service, reason=reason, error_rate=error_rate)


def service_recovered(*, service: str, reason: str = "") -> Signal:
    """Return that a service is within its limit again."""
    return _signal("service.recovered", reason or f"{service} recovered", service, service=service)


def error_unhandled(*, component: str, error: str, traceback: str | None = None) -> Signal:
    """Return an error that nothing handled."""
    return _signal("error.unhandled", error, component, component=component, error=error, traceback=traceback)
