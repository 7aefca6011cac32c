"""The Fact: the one noun that every room passes on, and the journal keeps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from grace_ray.core.canonical import canonical
from grace_ray.core.clock import from_us, to_us

KINDS = frozenset({"event", "finding", "decision", "outcome", "change", "mission", "knowledge", "recommendation"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that happened, was found, was decided or was done; it never changes.

    ``kind`` is one of KINDS, ``type`` a dotted name such as ``cluster.created``; ``(source, id)`` is unique on the
    journal; ``subject`` is what it is about, ``trace`` groups what belongs together, ``cause`` is the id of the fact
    that led to this one. ``at`` is when it happened (aware UTC).
    """

    id: str
    at: datetime
    kind: str
    type: str
    source: str
    subject: str = ""
    trace: str = ""
    cause: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)

    def to_row(self) -> "Row":
        """Return the fact as it crosses process borders: time in microseconds, body as canonical JSON."""
        return Row(
            self.id,
            to_us(self.at),
            self.kind,
            self.type,
            self.source,
            self.subject,
            self.trace,
            self.cause,
            canonical(dict(self.body)),
        )


class Row(NamedTuple):
    """A fact in transit: plain strings, time in microseconds since the epoch, and the body as canonical JSON bytes."""

    id: str
    at_us: int
    kind: str
    type: str
    source: str
    subject: str
    trace: str
    cause: str
    body: bytes

    @property
    def at(self) -> datetime:
        """When it happened, aware UTC."""
        return from_us(self.at_us)
