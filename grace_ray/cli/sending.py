"""Counting what became of sent events, and keeping the first reasons of refusals to show."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from grace_ray.client.blocking_grace import Grace
from grace_ray.client.retry import Retry

REASONS_MAX = 20
PATIENTLY = Retry(attempts=200, base_s=0.2, cap_s=5.0, longest_s=120.0)
FOR_EVER = Retry(attempts=2**31, base_s=0.5, cap_s=10.0, longest_s=3600.0)


@dataclass(slots=True)
class Tally:
    """What became of the events sent so far."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    reasons: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many events were answered for."""
        return self.accepted + self.duplicates + self.rejected

    def send(self, grace: Grace, events: Sequence[dict[str, Any]]) -> None:
        """Send events and count what became of them; ids make a batch that is sent twice harmless."""
        receipt = grace.send(events)
        self.accepted += receipt.accepted
        self.duplicates += receipt.duplicates
        self.rejected += len(receipt.rejected)
        for item in receipt.rejected[: max(0, REASONS_MAX - len(self.reasons))]:
            self.reasons.append(f"{item.id or item.index}: {item.field}: {item.reason}")

    def plain(self) -> dict[str, Any]:
        """Return the tally as JSON values."""
        return {name: getattr(self, name) for name in ("accepted", "duplicates", "rejected", "reasons")}

    def sentence(self) -> str:
        """Return the tally in words."""
        return f"{self.accepted} accepted, {self.duplicates} known already, {self.rejected} refused"
