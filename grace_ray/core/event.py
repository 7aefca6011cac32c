"""The Event: what sensing makes of a raw signal; outside a CloudEvents 1.0 event, on the journal a fact of its kind."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from grace_ray.core.canonical import canonical
from grace_ray.core.clock import from_us, to_us
from grace_ray.core.entry import Entry
from grace_ray.core.event_types import lookup
from grace_ray.core.fact import Fact, Row

SEVERITIES = ("low", "medium", "high", "critical")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A normalised, redacted event.

    ``severity`` is one of SEVERITIES. ``pattern`` says what kind of trouble it is (``error``, ``blocked``, ...); it is
    empty where neither the sender nor the registry knows it, and triage then takes the mined message template.
    ``message`` is the human-readable line that templates are mined from. ``success`` marks baseline events, which
    never form a cluster. ``data`` is the payload, JSON values only.
    """

    id: str
    source: str
    type: str
    at: datetime
    domain: str
    severity: str
    pattern: str = ""
    message: str = ""
    success: bool = False
    subject: str = ""
    trace: str = ""
    cause: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_type(
        cls,
        name: str,
        *,
        id: str,  # noqa: A002 -- as the field
        source: str,
        at: datetime,
        message: str,
        subject: str = "",
        trace: str = "",
        cause: str = "",
        data: Mapping[str, Any] | None = None,
        severity: str = "",
        pattern: str = "",
    ) -> "Event":
        """Return an event that means what the registry says of its type; ``severity``, ``pattern`` where they differ.

        >>> Event.of_type("github.rate_limit", id="1", source="s", at=datetime.now(), message="").pattern
        'blocked'
        """
        kind = lookup(name)
        return cls(
            id=id,
            source=source,
            type=name,
            at=at,
            domain=kind.domain,
            severity=severity or kind.severity,
            pattern=pattern or kind.pattern,
            message=message,
            success=kind.success,
            subject=subject,
            trace=trace,
            cause=cause,
            data=data or {},
        )

    def to_row(self) -> Row:
        """Return the event as a journal row; empty fields are left out of the body."""
        return Row(
            self.id,
            to_us(self.at),
            "event",
            self.type,
            self.source,
            self.subject,
            self.trace,
            self.cause,
            canonical(self._body()),
        )

    def to_fact(self) -> Fact:
        """Return the event as a fact, for a follower that has something to say to triage."""
        return Fact(
            id=self.id,
            at=self.at,
            kind="event",
            type=self.type,
            source=self.source,
            subject=self.subject,
            trace=self.trace,
            cause=self.cause,
            body=self._body(),
        )

    def _body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"domain": self.domain, "severity": self.severity}
        if self.pattern:
            body["pattern"] = self.pattern
        if self.message:
            body["message"] = self.message
        if self.success:
            body["success"] = True
        if self.data:
            body["data"] = self.data
        return body

    @classmethod
    def from_entry(cls, entry: Entry) -> "Event":
        """Return the event that a journal entry of kind "event" holds; a pruned body gives the bare envelope."""
        body = json.loads(entry.body) if entry.body else {}
        return cls(
            id=entry.id,
            source=entry.source,
            type=entry.type,
            at=from_us(entry.at_us),
            domain=body.get("domain", "custom"),
            severity=body.get("severity", "low"),
            pattern=body.get("pattern", ""),
            message=body.get("message", ""),
            success=body.get("success", False),
            subject=entry.subject,
            trace=entry.trace,
            cause=entry.cause,
            data=body.get("data", {}),
        )
