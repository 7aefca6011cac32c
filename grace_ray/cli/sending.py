"""Sending events: what became of them, and how long a Grace that went away is waited for."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import typer

from grace_ray.client.blocking_grace import Grace
from grace_ray.core.errors import Backpressure, StoreUnavailable, Unreachable

T = TypeVar("T")
REASONS_MAX = 20
BUSY_S = 3.0  # a full buffer is drained within this time as a rule: not worth a line


def tell(line: str) -> None:
    """Show a person a line, beside the output."""
    typer.echo(line, err=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Waits ``wait_s`` for a Grace that is away, or that takes nothing for now, and ``say``s so."""

    wait_s: float
    say: Callable[[str], None] = tell
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def wait_for(self, work: Callable[[], T]) -> T:
        """Return what ``work`` does, once it can be done. Raises what keeps it from that when the time is over."""
        began, pause_s, has_told = self.clock(), 0.2, False
        while True:
            try:
                result = work()
            except (Unreachable, Backpressure, StoreUnavailable) as error:
                waited_s = self.clock() - began
                if waited_s >= self.wait_s:
                    raise
                if not has_told and (isinstance(error, Unreachable) or waited_s >= BUSY_S):
                    self.say(f"{error.message} Waiting for it, {self.wait_s:.0f} s at most (--wait-s) ...")
                    has_told = True
                self.sleep(max(0.0, min(pause_s, self.wait_s - waited_s)))
                pause_s = min(2 * pause_s, 2.0)
                continue
            if has_told:
                self.say("Grace answers again.")
            return result


NOW = Patience(wait_s=0.0)


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

    def send(self, grace: Grace, events: Sequence[dict[str, Any]], patience: Patience = NOW) -> None:
        """Send events and count what became of them; ids make a batch that is sent twice harmless."""
        receipt = patience.wait_for(lambda: grace.send(events))
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
