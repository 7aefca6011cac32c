"""Clusters of like events, and incident groups of clusters that one fault explains."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A person's word on a cluster. No sensor overwrites it; it ends at ``until`` (None: when a person takes it back).

    ``action`` is acknowledge, silence, resolve or severity; ``by`` is who, ``at`` when, ``note`` why; ``value`` is the
    severity that a person set, else empty.
    """

    action: str
    by: str
    at: datetime
    until: datetime | None = None
    note: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Events that belong together: ``{domain}:{severity}:{pattern}``.

    ``status`` is open, acknowledged, silenced or resolved. ``sample`` holds at most a set number of its events, oldest
    and newest. ``urgency_score`` and ``recurrence_score`` are in 0..1. ``templates`` counts events by message
    template. ``group_id`` is the incident group that most of its events are part of. ``reasons`` says why it was
    launched, suppressed or scored as it is, newest last. ``knowledge`` holds the ids of the statements applied to it.

    ``recent_count`` is the number of its events, each halved with every half-life of its age, as of ``last_seen``.
    ``learning_mission_id`` is its newest mission, begun at ``mission_at``; ``mission_status`` is open, completed,
    failed, timed_out or cancelled, then helped or did_not_help once what happened afterwards is known.
    """

    cluster_key: str
    domain: str
    severity: str
    pattern_type: str
    event_count: int
    first_seen: datetime
    last_seen: datetime
    status: str = "open"
    sample: Sequence[Mapping[str, Any]] = ()
    urgency_score: float = 0.0
    recurrence_score: float = 0.0
    learning_mission_id: str | None = None
    resolved: bool = False
    resolved_at: datetime | None = None
    resolved_by: str = ""
    reopened_count: int = 0
    sources: Mapping[str, int] = field(default_factory=dict)
    templates: Mapping[str, int] = field(default_factory=dict)
    group_id: str | None = None
    merged_into: str | None = None
    overrides: Sequence[Override] = ()
    reasons: Sequence[str] = ()
    knowledge: Sequence[str] = ()
    recent_count: float = 0.0
    mission_status: str = ""
    mission_at: datetime | None = None
    missions_launched: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentGroup:
    """Clusters and templates that one fault explains, across domains and severities, with the reason shown.

    ``parts`` counts its events by cluster; ``entities`` are the services, hosts and the like that most of them name.
    """

    group_id: str
    title: str
    clusters: Sequence[str]
    templates: Sequence[str]
    event_count: int
    first_seen: datetime
    last_seen: datetime
    severity: str
    reasons: Sequence[str] = ()
    status: str = "open"
    parts: Mapping[str, int] = field(default_factory=dict)
    entities: Sequence[str] = ()
