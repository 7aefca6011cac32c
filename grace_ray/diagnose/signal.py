"""The Signal: one journal event as triage works with it, decoded once, with its template."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from grace_ray.core.clock import from_us, to_text
from grace_ray.core.entry import Entry
from grace_ray.diagnose.urgency import SEVERITY_WEIGHTS

_MESSAGE_KEPT = 500
_LABELS_KEPT = 16


@dataclass(slots=True)
class Signal:
    """An event in triage.

    ``at_us`` is when it happened, never later than ``recorded_us``, when it was committed. ``template_id`` and
    ``template`` are empty where it has no message. ``is_noisy``: its source sends so much that it is only counted.
    """

    entry: Entry
    at_us: int
    domain: str
    severity: str
    pattern: str
    message: str
    success: bool
    data: Mapping[str, Any]
    template_id: str = ""
    template: str = ""
    is_noisy: bool = False

    @property
    def rule_key(self) -> str:
        """The key of the cluster that the rule puts it in: ``{domain}:{severity}:{pattern}``."""
        return f"{self.domain}:{self.severity}:{self.pattern}"

    def sample(self) -> dict[str, Any]:
        """Return what a cluster's sample keeps of it."""
        entry = self.entry
        return {
            "id": entry.id,
            "seq": entry.seq,
            "at": to_text(from_us(self.at_us)),
            "type": entry.type,
            "source": entry.source,
            "subject": entry.subject,
            "message": self.message[:_MESSAGE_KEPT],
            "template": self.template_id,
            "labels": dict(list(labels_of(self.data).items())[:_LABELS_KEPT]),
        }


def decode(entry: Entry) -> Signal:
    """Return the signal that an entry of kind "event" holds; a pruned body gives the bare envelope."""
    body = orjson.loads(entry.body) if entry.body else {}
    severity = body.get("severity", "low")
    return Signal(
        entry,
        min(entry.at_us, entry.recorded_us),
        body.get("domain", "custom"),
        severity if severity in SEVERITY_WEIGHTS else "low",
        body.get("pattern", ""),
        body.get("message", ""),
        body.get("success", False),
        body.get("data", {}),
    )


def labels_of(data: Mapping[str, Any]) -> dict[str, str]:
    """Return the short strings of a payload that name things: its labels, attributes, and its own top level.

    >>> labels_of({"labels": {"alertname": "X"}, "service": "pay", "n": 3})
    {'alertname': 'X', 'service': 'pay'}
    """
    found: dict[str, str] = {}
    for place in ("labels", "attributes", "resource"):
        inner = data.get(place)
        if isinstance(inner, dict):
            found.update((k, v) for k, v in inner.items() if isinstance(v, str) and len(v) <= 200)
    found.update((k, v) for k, v in data.items() if isinstance(v, str) and len(v) <= 200)
    return found
