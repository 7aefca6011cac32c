"""Sending batches of events: patient with a runtime that asks to wait, and honest about what it refused."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from grace_ray.cli.connection import Connection
from grace_ray.core.errors import Backpressure, CallerError, GraceError, Unreachable

BATCH = "application/cloudevents-batch+json"
PATIENCE_S = 300.0
PAUSE_MAX_S = 10.0
REASONS_MAX = 20


@dataclass(slots=True)
class Tally:
    """What became of the events sent so far."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    waits: int = 0
    reasons: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many events were answered for."""
        return self.accepted + self.duplicates + self.rejected

    def plain(self) -> dict[str, Any]:
        """Return the tally as JSON values."""
        names = ("accepted", "duplicates", "rejected", "waits", "reasons")
        return {name: getattr(self, name) for name in names}


class Sender:
    """Posts batches; ids make a batch that is sent twice harmless, so whatever went wrong on the way is repeated."""

    def __init__(self, runtime: Connection, sleep: Callable[[float], None] = time.sleep) -> None:
        self._runtime = runtime
        self._sleep = sleep
        self.tally = Tally()

    def send(self, events: Sequence[dict[str, Any]], patience_s: float = PATIENCE_S) -> None:
        """Send one batch. Raises Unreachable, or Backpressure, when the runtime does not take it in time."""
        body = orjson.dumps(events)
        waited_s, pause_s = 0.0, 0.2
        while True:
            try:
                self._note(self._runtime.send("/api/events", body, BATCH))
            except CallerError as error:
                self._note_refusal(events, error)
            except (Backpressure, Unreachable) as error:
                pause_s = self._pause(error, pause_s)
                waited_s += pause_s
                if waited_s > patience_s:
                    raise
                continue
            return

    def _pause(self, error: GraceError, pause_s: float) -> float:
        asked_s = error.retry_after_s if isinstance(error, Backpressure) else 0.0
        pause_s = min(max(asked_s, pause_s), PAUSE_MAX_S)
        self.tally.waits += 1
        self._sleep(pause_s)
        return min(pause_s * 1.5, PAUSE_MAX_S)

    def _note(self, answer: dict[str, Any]) -> None:
        self.tally.accepted += answer["accepted"]
        self.tally.duplicates += answer["duplicates"]
        self.tally.rejected += len(answer["rejected"])
        for item in answer["rejected"]:
            self._note_reason(f"{item['id'] or item['index']}: {item['field']}: {item['reason']}")

    def _note_refusal(self, events: Sequence[dict[str, Any]], error: CallerError) -> None:
        if error.field in {"Authorization", "Host", "Origin", "intake.enabled"}:
            raise error
        self.tally.rejected += len(events)
        self._note_reason(error.message)

    def _note_reason(self, reason: str) -> None:
        if len(self.tally.reasons) < REASONS_MAX:
            self.tally.reasons.append(reason)
