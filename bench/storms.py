"""Storms for tests and benchmarks: events of known faults, each seen by several senders in several wordings.

`storm(...)` returns the events, and which fault each is of. The vocabulary is real alerting rules
where ../shared/data/alerts is there, else a small one of our own.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from grace_ray.core.event import Event

RULES = Path(__file__).resolve().parents[2] / "shared/data/alerts/rules.yml"
KINDS = ("own_service", "two_a_service", "any_service", "text_only", "alerts_only", "common_wording", "no_alerts")
_SYLLABLES = ("ka", "lo", "mi", "ter", "ven", "do", "sal", "pri", "gon", "hex", "bru", "mar", "tin", "cor", "fa", "zel")
_OWN = (
    ("HostOutOfDiskSpace", "Disk is almost full, {value}% left on {instance}"),
    ("CertificateExpiresSoon", "The certificate of {instance} expires in {value} days"),
    ("ReplicationLag", "Replica {instance} is {value} seconds behind its primary"),
    ("QueueBacklog", "{value} messages wait on {instance}"),
    ("HighErrorRate", "{value} of requests to {instance} fail"),
    ("PodCrashLooping", "Pod {instance} restarted {value} times"),
    ("OutOfMemory", "{instance} has {value} MB of memory left"),
    ("NodeNotReady", "Node {instance} has been unready for {value} minutes"),
    ("ClockSkew", "The clock of {instance} is off by {value} seconds"),
    ("TooManyConnections", "{instance} holds {value}% of the connections it may have"),
    ("SlowQueries", "{value} queries on {instance} take longer than a minute"),
    ("BackupMissing", "The last backup of {instance} is {value} hours old"),
    ("RaidDegraded", "A disk of the array on {instance} has failed"),
    ("HighTemperature", "{instance} is {value} degrees hot"),
    ("NetworkErrors", "An interface of {instance} received {value} bad frames"),
    ("DeploymentStuck", "The rollout on {instance} has not moved for {value} minutes"),
    ("CacheEvictions", "{instance} evicts {value} keys a second"),
    ("LeaderLost", "No leader among the members, says {instance}"),
    ("TargetDown", "{instance} cannot be scraped"),
    ("QuotaExceeded", "The account behind {instance} used {value}% of its quota"),
    ("DnsFailures", "{value} lookups a second fail on {instance}"),
    ("SwapFilling", "Swap is {value}% used on {instance}"),
    ("ThreadsExhausted", "Every worker thread of {instance} is busy"),
    ("ConsumerLag", "The consumer on {instance} is {value} records late"),
    ("HighLatency", "The slowest requests to {instance} take {value} s"),
    ("ConfigReloadFailed", "{instance} runs an old configuration"),
)
_COMMON = "upstream {service} answered 503 after {value} ms"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: an alert, what it says, and where."""

    number: int
    alert: str
    text: str
    severity: str
    service: str
    code: str
    verbs: tuple[str, str]


@cache
def vocabulary() -> list[tuple[str, str, str]]:
    """Return (name, description, severity) of alerting rules."""
    if not RULES.exists():
        return [(name, text, "high") for name, text in _OWN]
    import yaml

    document = yaml.safe_load(RULES.read_text())
    exporters = [e for g in document["groups"] for s in g["services"] for e in s["exporters"]]
    rules = [rule for exporter in exporters for rule in exporter.get("rules") or ()]
    severity = {"critical": "critical", "warning": "medium", "info": "low"}
    return [(rule["name"], rule["description"], severity.get(rule["severity"], "medium")) for rule in rules]


def faults(kind: str, count: int, rng: Random) -> list[Fault]:
    """Return so many faults, of different alerts, on services as the kind of storm has it."""
    words = vocabulary()
    chosen = rng.sample(words, count) if count <= len(words) else [rng.choice(words) for _ in range(count)]
    services = rng.sample(sorted({_name(rng) for _ in range(4 * count)}), count)
    if kind == "two_a_service":
        services = [services[number // 2] for number in range(count)]
    found = []
    for number, (name, text, severity) in enumerate(chosen):
        alert = "".join(word[:1].upper() + word[1:] for word in re.findall(r"\w+", name))
        verbs = (_name(rng, 2), _name(rng, 2))
        found.append(Fault(number, alert, text, severity, services[number], f"E{rng.randint(1000, 9999)}", verbs))
    return found


def storm(
    kind: str, count: int, events: int, rng: Random, start: datetime
) -> tuple[list[Event], list[int], list[Fault]]:
    """Return the events in order of time, the number of the fault of each, and the faults."""
    known = faults(kind, count, rng)
    services = [_name(rng) for _ in range(30)]
    out: list[Event] = []
    truth: list[int] = []
    for number in range(events):
        fault = rng.choice(known)
        service = rng.choice(services) if kind == "any_service" else fault.service
        at = start + timedelta(seconds=600 * number / events)
        out.append(_event(kind, fault, service, f"storm-{number}", at, rng))
        truth.append(fault.number)
    return out, truth, known


def _event(kind: str, fault: Fault, service: str, event_id: str, at: datetime, rng: Random) -> Event:
    senders = {"alerts_only": (_alert,), "any_service": (_alert, _alert, _gossip)}
    senders["no_alerts"] = (_log, _agent, _retrieval)
    senders["common_wording"] = (_alert, _log, _common)
    sender = rng.choice(senders.get(kind, (_alert, _log, _agent, _retrieval)))
    fields: dict[str, Any] = sender(fault, service, rng)
    if kind == "text_only":
        fields["message"] = f"{service}: {fields['message']}" if service not in fields["message"] else fields["message"]
        fields |= {"data": {}, "subject": ""}
    return Event(id=event_id, at=at, **fields)


def _alert(fault: Fault, service: str, rng: Random) -> dict[str, Any]:
    instance = f"{service}-{rng.randint(0, 199)}:9100"
    text = re.sub(r"\{\{[^}]*[lL]abels[^}]*\}\}|\{instance\}", instance, fault.text)
    text = re.sub(r"\{\{[^}]*\}\}|\{value\}", str(rng.randint(1, 10_000) / 100), text)
    labels = {"alertname": fault.alert, "instance": instance, "service": service, "namespace": "prod", "job": "node"}
    return {
        "source": "alertmanager",
        "type": "alertmanager.alert.firing",
        "domain": "alerts",
        "severity": rng.choice((fault.severity, "high")),
        "message": text,
        "subject": instance,
        "data": {"labels": labels, "annotations": {"description": text}},
    }


def _log(fault: Fault, service: str, rng: Random) -> dict[str, Any]:
    host = f"{service}-{rng.randint(0, 199)}"
    return {
        "source": f"otel/{service}",
        "type": "log.record",
        "domain": rng.choice(("system", "custom")),
        "severity": rng.choice(("high", "medium")),
        "pattern": "error",
        "message": f"{fault.verbs[0]} failed with {fault.code} after {rng.randint(1, 9999)} ms on {host}",
        "subject": host,
        "data": {"attributes": {"service.name": service, "host.name": host}},
    }


def _agent(fault: Fault, service: str, rng: Random) -> dict[str, Any]:
    return {
        "source": "agents",
        "type": "agent.task.failed",
        "domain": "agents",
        "severity": rng.choice(("high", "medium")),
        "pattern": "error",
        "message": f"Task {rng.randint(1, 99999)} could not {fault.verbs[1]} the {fault.verbs[0]} of {service}",
        "subject": f"agent-{rng.randint(1, 40)}",
        "data": {"service": service, "task_id": str(rng.randint(1, 99999))},
    }


def _retrieval(fault: Fault, service: str, rng: Random) -> dict[str, Any]:
    return {
        "source": "rag",
        "type": "rag.retrieval.failed",
        "domain": "rag",
        "severity": "medium",
        "pattern": "",
        "message": f"no passage on {fault.verbs[0]} {fault.verbs[1]} of {service}, confidence 0.{rng.randint(10, 99)}",
        "data": {"service": service},
    }


def _gossip(fault: Fault, service: str, rng: Random) -> dict[str, Any]:
    return {**_alert(fault, service, rng), "source": "backup-alertmanager", "domain": "system", "pattern": "degraded"}


def _common(fault: Fault, service: str, rng: Random) -> dict[str, Any]:
    fields = _log(fault, service, rng)
    return {**fields, "message": _COMMON.format(service=service, value=rng.randint(1, 9999))}


def _name(rng: Random, parts: int = 3) -> str:
    name = "".join(rng.choice(_SYLLABLES) for _ in range(parts))
    return f"{name}-{rng.choice(('api', 'db', 'web', 'worker', 'cache'))}" if parts == 3 else name


def judged(group_of: Sequence[str], truth: Sequence[int], *, least_share: float = 0.01) -> tuple[int, int]:
    """Return how many groups there are, and how many hold two faults or more (a stray event is not a second fault)."""
    held: dict[str, dict[int, int]] = {}
    for group_id, fault in zip(group_of, truth, strict=True):
        counts = held.setdefault(group_id, {})
        counts[fault] = counts.get(fault, 0) + 1
    mixed = sum(sum(n > least_share * sum(counts.values()) for n in counts.values()) > 1 for counts in held.values())
    return len(held), mixed
