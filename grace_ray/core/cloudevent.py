"""The Event as it travels: one CloudEvents 1.0 JSON object, Grace's own attributes as extension attributes."""

from typing import Any

from grace_ray.core.clock import to_text
from grace_ray.core.event import Event

_EXTENSIONS = ("domain", "severity", "pattern", "message", "subject", "trace", "cause")


def to_cloudevent(event: Event) -> dict[str, Any]:
    """Return the CloudEvents JSON object of ``event``; empty attributes are left out."""
    wire: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "time": to_text(event.at),
    }
    wire |= {name: value for name in _EXTENSIONS if (value := getattr(event, name))}
    if event.success:
        wire["success"] = True
    if event.data:
        wire["data"] = dict(event.data)
    return wire
