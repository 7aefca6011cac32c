"""A cluster while triage works on it: mutable, times in microseconds; its record holds all of it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from grace_ray.core.clock import from_us, to_text, to_us
from grace_ray.core.cluster import Override
from grace_ray.core.jsonable import from_plain, to_plain
from grace_ray.core.store import Record
from grace_ray.diagnose.signal import Signal
from grace_ray.diagnose.urgency import decayed

OTHER = "other"  # the tally of names beyond the limit
_SOURCES_KEPT = 50
_TEMPLATES_KEPT = 100
_REASONS_KEPT = 12


@dataclass(slots=True)
class LiveCluster:
    """See core.cluster.Cluster for what the fields mean."""

    key: str
    domain: str
    severity: str
    pattern: str
    first_us: int
    last_us: int
    count: int = 0
    recent: float = 0.0
    status: str = "open"
    oldest: list[Signal | dict[str, Any]] = field(default_factory=list)
    newest: list[Signal | dict[str, Any]] = field(default_factory=list)
    urgency: float = 0.0
    recurrence: float = 0.0
    mission_id: str | None = None
    mission_status: str = ""
    mission_us: int | None = None
    missions: int = 0
    resolved_us: int | None = None
    resolved_by: str = ""
    reopened_count: int = 0
    sources: dict[str, int] = field(default_factory=dict)
    templates: dict[str, int] = field(default_factory=dict)
    group_id: str | None = None
    merged_into: str | None = None
    overrides: list[Override] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    knowledge: list[str] = field(default_factory=list)

    def add(self, signal: Signal, halflife_s: float, sample_max: int) -> None:
        """Take one more like event in, in constant time and space."""
        age_s = (signal.at_us - self.last_us) / 1e6
        if age_s >= 0:
            self.recent = round(decayed(self.recent, age_s, halflife_s) + 1.0, 6)
            self.last_us = signal.at_us
        else:
            self.recent = round(self.recent + decayed(1.0, -age_s, halflife_s), 6)
            self.first_us = min(self.first_us, signal.at_us)
        self.count += 1
        tally(self.sources, signal.entry.source, _SOURCES_KEPT)
        is_worded_anew = signal.template_id not in self.templates
        if signal.template_id:
            tally(self.templates, signal.template_id, _TEMPLATES_KEPT)
        if not signal.is_noisy or is_worded_anew or self.count <= sample_max:
            self.keep(signal, sample_max)

    def keep(self, signal: Signal, sample_max: int) -> None:
        """Keep an event in the sample: the oldest half stays, the newest half moves on."""
        if len(self.oldest) < sample_max // 2:
            self.oldest.append(signal)
            return
        self.newest.append(signal)
        if len(self.newest) > sample_max - sample_max // 2:
            del self.newest[0]

    def say(self, reason: str) -> bool:
        """Add a reason; False where it is the last one said already."""
        if self.reasons and self.reasons[-1] == reason:
            return False
        self.reasons.append(reason)
        del self.reasons[:-_REASONS_KEPT]
        return True

    def sample(self) -> list[dict[str, Any]]:
        """Return the sample as plain JSON values, oldest first."""
        for half in (self.oldest, self.newest):
            for place, event in enumerate(half):
                if isinstance(event, Signal):
                    half[place] = event.sample()
        return [event for half in (self.oldest, self.newest) for event in half if isinstance(event, dict)]

    def plain(self) -> dict[str, Any]:
        """Return it as to_plain(Cluster) would."""
        return {
            "cluster_key": self.key,
            "domain": self.domain,
            "severity": self.severity,
            "pattern_type": self.pattern,
            "event_count": self.count,
            "first_seen": text_of(self.first_us),
            "last_seen": text_of(self.last_us),
            "status": self.status,
            "sample": self.sample(),
            "urgency_score": self.urgency,
            "recurrence_score": self.recurrence,
            "learning_mission_id": self.mission_id,
            "resolved": self.status == "resolved",
            "resolved_at": text_of(self.resolved_us),
            "resolved_by": self.resolved_by,
            "reopened_count": self.reopened_count,
            "sources": self.sources,
            "templates": self.templates,
            "group_id": self.group_id,
            "merged_into": self.merged_into,
            "overrides": [to_plain(override) for override in self.overrides],
            "reasons": self.reasons,
            "knowledge": self.knowledge,
            "recent_count": self.recent,
            "mission_status": self.mission_status,
            "mission_at": text_of(self.mission_us),
            "missions_launched": self.missions,
        }

    def record(self, view: str = "clusters") -> Record:
        """Return its record."""
        return Record(
            view, self.key, self.status, self.urgency, orjson.dumps(self.plain(), option=orjson.OPT_SORT_KEYS)
        )


def tally(counts: dict[str, int], name: str, limit: int) -> None:
    """Count a name; beyond ``limit`` names, count it as OTHER."""
    if name not in counts and len(counts) >= limit:
        name = OTHER
    counts[name] = counts.get(name, 0) + 1


def text_of(us: int | None) -> str | None:
    """Return a time as RFC 3339 text."""
    return None if us is None else to_text(from_us(us))


def us_of(text: str | None) -> int | None:
    """Return the microseconds of RFC 3339 text."""
    return None if text is None else to_us(datetime.fromisoformat(text))


def load(body: bytes, sample_max: int) -> LiveCluster:
    """Return the cluster that a record's body holds."""
    plain = orjson.loads(body)
    sample = plain["sample"]
    return LiveCluster(
        key=plain["cluster_key"],
        domain=plain["domain"],
        severity=plain["severity"],
        pattern=plain["pattern_type"],
        first_us=us_of(plain["first_seen"]) or 0,
        last_us=us_of(plain["last_seen"]) or 0,
        count=plain["event_count"],
        recent=plain["recent_count"],
        status=plain["status"],
        oldest=sample[: sample_max // 2],
        newest=sample[sample_max // 2 :],
        urgency=plain["urgency_score"],
        recurrence=plain["recurrence_score"],
        mission_id=plain["learning_mission_id"],
        mission_status=plain["mission_status"],
        mission_us=us_of(plain["mission_at"]),
        missions=plain["missions_launched"],
        resolved_us=us_of(plain["resolved_at"]),
        resolved_by=plain["resolved_by"],
        reopened_count=plain["reopened_count"],
        sources=plain["sources"],
        templates=plain["templates"],
        group_id=plain["group_id"],
        merged_into=plain["merged_into"],
        overrides=[from_plain(Override, override) for override in plain["overrides"]],
        reasons=plain["reasons"],
        knowledge=plain["knowledge"],
    )
