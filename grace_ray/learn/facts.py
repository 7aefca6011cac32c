"""The facts that knowledge tells: what it makes of an entry, and what a person or program asked of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from grace_ray.core.canonical import canonical
from grace_ray.core.clock import from_us
from grace_ray.core.entry import Entry
from grace_ray.core.fact import Fact
from grace_ray.core.ids import derived_id
from grace_ray.learn.usefulness import Evidence

SOURCE = "grace/knowledge"


def told(entry: Entry, now: datetime, fact_type: str, subject: str, body: Mapping[str, Any]) -> Fact:
    """Return what knowledge makes of an entry; of the same entry again it is the same fact."""
    return Fact(
        id=derived_id(from_us(entry.at_us), fact_type, entry.source, entry.id, subject),
        at=now,
        kind="knowledge",
        type=fact_type,
        source=SOURCE,
        subject=subject,
        trace=entry.trace,
        cause=entry.id,
        body=body,
    )


def scored(entry: Entry, now: datetime, key: str, evidence: Evidence, has_helped: bool) -> Fact:
    """Return that something known was judged, and how useful it is by all the evidence."""
    body = {"statement_id": key, "helped": has_helped, "usefulness": evidence.usefulness}
    return told(entry, now, "knowledge.scored", key, body)


def requested(fact_type: str, subject: str, body: Mapping[str, Any], args: Mapping[str, Any], now: datetime) -> Fact:
    """Return what was asked, by whom ``args`` names as ``by``."""
    by = str(args.get("by") or "operator")
    return Fact(
        id=derived_id(now, fact_type, by, canonical(dict(body)).decode()),
        at=now,
        kind="knowledge",
        type=fact_type,
        source=f"grace/operator/{by}",
        subject=subject[:200],
        body=body,
    )
