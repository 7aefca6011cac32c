"""The registry of event types: what a type means where the sender does not say so itself.

Any other dotted type is taken too: ``lookup`` gives it domain ``custom``, and by its last word a success or a trouble.
"""

from dataclasses import dataclass
from functools import lru_cache

SUCCESS_WORDS = frozenset(
    {"completed", "succeeded", "success", "recovered", "resolved", "healthy", "ok", "passed", "fixed", "heartbeat"}
)
"""Last words of a type that make an unregistered type a baseline event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """One type of event.

    ``severity`` is the default (one of core.event.SEVERITIES); ``pattern`` is empty where the message template decides;
    ``success`` marks the baseline, which never forms a cluster; ``emitter`` names who in Grace emits it.
    """

    type: str
    domain: str
    severity: str
    pattern: str
    success: bool
    emitter: str
    description: str

    @property
    def is_carrier(self) -> bool:
        """Whether it only carries what somebody else says (a log line, an alert), so that its own name tells nothing.

        >>> lookup("log.line").is_carrier, lookup("github.rate_limit").is_carrier, lookup("com.acme.lost").is_carrier
        (True, False, False)
        """
        return bool(self.emitter) and not self.pattern and not self.success


def lookup(name: str) -> EventType:
    """Return what is known of the type ``name``; an unregistered one has domain ``custom`` and no emitter.

    >>> lookup("github.rate_limit").pattern, lookup("com.acme.order.lost").domain
    ('blocked', 'custom')
    """
    return REGISTRY.get(name) or _unregistered(name)


@lru_cache(maxsize=4096)
def _unregistered(name: str) -> EventType:
    is_success = name.rpartition(".")[2].lower() in SUCCESS_WORDS
    severity = "low" if is_success else "medium"
    return EventType(
        type=name, domain="custom", severity=severity, pattern="", success=is_success, emitter="", description=""
    )


# type, domain, severity, pattern, description; the pattern "success" is the baseline's and makes a type a success.
_TABLE: dict[str, tuple[tuple[str, str, str, str, str], ...]] = {
    "GuardianEvents": (
        ("mission.created", "guardian", "low", "success", "A mission was created"),
        ("mission.resolved", "guardian", "low", "success", "A mission reached its goal"),
        ("mission.failed", "guardian", "high", "failed", "A mission ended without reaching its goal"),
        ("guardian.error", "guardian", "high", "error", "The guardian met an error"),
        ("guardian.warning", "guardian", "medium", "warning", "The guardian warns"),
    ),
    "HTMEvents": (
        ("htm.anomaly.detected", "htm", "medium", "anomaly", "A metric behaves as it never did"),
        ("htm.pattern.unusual", "htm", "medium", "unusual", "A sequence that is rarely seen"),
        ("htm.degradation", "htm", "high", "degraded", "A metric gets worse steadily"),
    ),
    "RAGEvents": (
        ("rag.health.degraded", "rag", "high", "degraded", "Retrieval answers slowly or in part"),
        ("rag.retrieval.failed", "rag", "high", "error", "A retrieval failed"),
        ("rag.confidence.low", "rag", "medium", "low_confidence", "An answer rests on weak passages"),
    ),
    "RemoteAccessEvents": (
        ("remote_access.action.failed", "remote_access", "medium", "error", "An action on a remote system failed"),
        ("remote_access.blocked", "remote_access", "high", "blocked", "A remote system refuses access"),
        ("firefox.browse.failed", "remote_access", "medium", "error", "The browser could not load a page"),
        ("github.rate_limit", "remote_access", "medium", "blocked", "GitHub limits the rate of requests"),
    ),
    "AgentEvents": (
        ("agent.task.failed", "agents", "medium", "failed", "An agent's task failed"),
        ("agent.task.completed", "agents", "low", "success", "An agent's task was done"),
        ("coding_agent.build.failed", "agents", "high", "build_failed", "A coding agent's build failed"),
        ("self_healing.remediation.failed", "agents", "high", "remediation_failed", "A repair did not help"),
        ("self_healing.remediation.succeeded", "agents", "low", "success", "A repair helped"),
    ),
    "SystemEvents": (
        ("kernel.boot.failed", "system", "critical", "boot_failed", "The runtime did not start"),
        ("kernel.boot.completed", "system", "low", "success", "The runtime started"),
        ("service.degraded", "system", "high", "degraded", "A service or resource is worse than its limit"),
        ("service.recovered", "system", "low", "success", "A service or resource is within its limit again"),
        ("error.unhandled", "system", "high", "error", "An error that nothing handled"),
    ),
    "sensors": (
        ("host.observed", "system", "low", "success", "A reading of the host: CPU, memory, disk, load, files"),
        ("runtime.observed", "system", "low", "success", "A reading of the runtime's parts"),
        ("runtime.part.restarted", "system", "medium", "restarted", "A part of the runtime was restarted"),
        ("metrics.threshold.crossed", "metrics", "high", "threshold", "A metric left its band"),
        ("metrics.threshold.cleared", "metrics", "low", "success", "A metric is back in its band"),
    ),
    "triage": (
        (
            "cluster.warning.noisy_source",
            "triage",
            "medium",
            "noisy_source",
            "One source sends too much and is sampled",
        ),
        ("cluster.warning.cluster_explosion", "triage", "high", "cluster_explosion", "Too many clusters are active"),
        ("cluster.warning.missions_failing", "triage", "high", "missions_failing", "Most missions fail"),
    ),
    "mission_launcher": (
        ("mission.timed_out", "missions", "medium", "timeout", "A mission ran out of time"),
        ("mission.worker.lost", "missions", "medium", "worker_lost", "A mission's worker died"),
        ("source.unreachable", "missions", "low", "unreachable", "A source of knowledge does not answer"),
        ("source.reached", "missions", "low", "success", "A source of knowledge answers again"),
    ),
    "forecaster": (
        (
            "forecast.breach.predicted",
            "forecast",
            "medium",
            "breach_predicted",
            "A metric will probably leave its band",
        ),
        ("forecast.breach.averted", "forecast", "low", "success", "A predicted breach did not come"),
    ),
    "trust": (("trust.dropped", "trust", "medium", "trust_dropped", "An agent's trust fell"),),
    "playbooks": (
        ("playbook.failed", "playbooks", "high", "failed", "A playbook did not do what it should"),
        ("playbook.completed", "playbooks", "low", "success", "A playbook ran to its end"),
        ("deployment.rolled_back", "deployments", "high", "rolled_back", "A change was taken back"),
        ("deployment.promoted", "deployments", "low", "success", "A change was promoted"),
    ),
    "journal": (
        ("journal.store.unavailable", "system", "critical", "store_unavailable", "The journal cannot be written"),
        ("journal.backpressure", "system", "medium", "backpressure", "Senders are told to wait"),
    ),
    "alertmanager": (
        ("alertmanager.alert.firing", "alerts", "medium", "", "A Prometheus alert fires"),
        ("alertmanager.alert.resolved", "alerts", "low", "success", "A Prometheus alert ended"),
    ),
    "logs": (
        ("log.line", "logs", "medium", "", "A line of a log file"),
        ("otlp.log", "logs", "medium", "", "An OpenTelemetry log record"),
    ),
    "github": (
        ("github.check.failed", "github", "high", "check_failed", "A check, check suite or commit status failed"),
        ("github.check.succeeded", "github", "low", "success", "A check, check suite or commit status succeeded"),
        ("github.workflow.failed", "github", "high", "workflow_failed", "A workflow run or job failed"),
        ("github.workflow.succeeded", "github", "low", "success", "A workflow run or job succeeded"),
        ("github.deployment.failed", "github", "high", "deployment_failed", "A deployment failed"),
        ("github.deployment.succeeded", "github", "low", "success", "A deployment succeeded"),
        ("github.security.alert", "github", "high", "vulnerability", "A vulnerability or code scanning alert is open"),
        ("github.security.fixed", "github", "low", "success", "A vulnerability or code scanning alert was closed"),
        ("github.issue.opened", "github", "low", "issue", "An issue was opened or reopened"),
        ("github.issue.closed", "github", "low", "success", "An issue was closed"),
        ("github.activity", "github", "low", "success", "Anything else that happens in a repository"),
    ),
}


def _registered(emitter: str, row: tuple[str, str, str, str, str]) -> EventType:
    name, domain, severity, pattern, description = row
    is_success = pattern == "success"
    return EventType(
        type=name,
        domain=domain,
        severity=severity,
        pattern="" if is_success else pattern,
        success=is_success,
        emitter=emitter,
        description=description,
    )


REGISTRY: dict[str, EventType] = {row[0]: _registered(emitter, row) for emitter, rows in _TABLE.items() for row in rows}
"""Every registered type by its name."""
