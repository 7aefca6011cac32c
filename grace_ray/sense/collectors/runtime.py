"""The runtime's own readings: which parts answer, which were restarted, how far followers lag behind the journal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from grace_ray.core.event import Event
from grace_ray.core.ids import derived_id

SOURCE = "grace/sensors"
LAG_HIGH = 5000
"""Journal entries that a follower may lag behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartReading:
    """One part: ``state`` is ready, starting, disabled, degraded or failed; ``lag`` counts entries not yet handled."""

    state: str
    restarts: int = 0
    lag: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeReading:
    """All parts by name, the journal's head, and errors that nothing handled since the last reading."""

    parts: Mapping[str, PartReading]
    journal_head: int = 0
    errors: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


class RuntimeCollector:
    """Turns readings into events: each change of a part once, and ``runtime.observed`` each time."""

    def __init__(self, read: Callable[[], RuntimeReading]) -> None:
        self._read = read
        self._is_booted = False
        self._troubled: set[str] = set()
        self._restarts: dict[str, int] = {}

    def collect(self, now: datetime) -> list[Event]:
        """Return what the reading of this moment (aware UTC) has to say."""
        reading = self._read()
        events = [self._observed(reading, now), *self._boot(reading, now)]
        for name, part in sorted(reading.parts.items()):
            events += self._judge(name, part, now)
        for number, error in enumerate(reading.errors):
            events.append(_event("error.unhandled", now, "runtime", error, {"number": number}))
        return events

    def _boot(self, reading: RuntimeReading, now: datetime) -> list[Event]:
        states = [part.state for part in reading.parts.values()]
        if self._is_booted or not states or any(state not in ("ready", "disabled") for state in states):
            return []
        self._is_booted = True
        return [
            _event("kernel.boot.completed", now, "runtime", f"{len(states)} parts are ready", {"parts": len(states)})
        ]

    def _judge(self, name: str, part: PartReading, now: datetime) -> list[Event]:
        events: list[Event] = []
        data = {"part": name, "state": part.state, "restarts": part.restarts, "lag": part.lag}
        before = self._restarts.get(name, part.restarts)
        self._restarts[name] = part.restarts
        if part.restarts > before:
            events.append(_event("runtime.part.restarted", now, name, f"part {name} was restarted", data))
        trouble = self._trouble(name, part)
        if trouble and name not in self._troubled:
            self._troubled.add(name)
            events.append(_event("service.degraded", now, name, trouble, data))
        if not trouble and name in self._troubled and part.state in ("ready", "disabled"):
            self._troubled.discard(name)
            events.append(_event("service.recovered", now, name, f"part {name} is {part.state} again", data))
        return events

    def _trouble(self, name: str, part: PartReading) -> str:
        if part.state in ("failed", "degraded"):
            return f"part {name} is {part.state}: {part.error}" if part.error else f"part {name} is {part.state}"
        # Once behind, half the limit must be reached before it counts as recovered.
        limit = LAG_HIGH // 2 if name in self._troubled else LAG_HIGH
        return f"part {name} is {part.lag} entries behind the journal" if part.lag > limit else ""

    def _observed(self, reading: RuntimeReading, now: datetime) -> Event:
        parts = {
            name: {"state": part.state, "restarts": part.restarts, "lag": part.lag}
            for name, part in reading.parts.items()
        }
        ready = sum(part.state == "ready" for part in reading.parts.values())
        data = {"parts": parts, "journal_head": reading.journal_head} | dict(reading.details)
        return _event("runtime.observed", now, "runtime", f"runtime: {ready} of {len(parts)} parts are ready", data)


def _event(name: str, now: datetime, subject: str, text: str, data: Mapping[str, Any]) -> Event:
    event_id = derived_id(now, SOURCE, name, subject, text)
    return Event.of_type(name, id=event_id, source=SOURCE, at=now, message=text, subject=subject, data=data)
