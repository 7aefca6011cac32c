"""What triage has done so far, in numbers; kept as the record ("triage", "stats") that the dashboard reads."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

_MINUTE_US = 60_000_000
_MINUTES_KEPT = 15


@dataclass(slots=True)
class Counters:
    """Totals since the first start. ``minutes``: events by minute since the epoch, for the last quarter of an hour."""

    events_processed: int = 0
    success_events: int = 0
    clusters_created: int = 0
    clusters_reopened: int = 0
    clusters_resolved: int = 0
    missions_launched: int = 0
    missions_suppressed: int = 0
    missions_completed: int = 0
    missions_failed: int = 0
    operator_actions: int = 0
    minutes: dict[str, int] = field(default_factory=dict)

    def event(self, recorded_us: int) -> None:
        """Count one event by the minute in which it was recorded."""
        self.events_processed += 1
        minute = str(recorded_us // _MINUTE_US)
        if minute in self.minutes:
            self.minutes[minute] += 1
            return
        self.minutes[minute] = 1
        for old in sorted(self.minutes, key=int)[:-_MINUTES_KEPT]:
            del self.minutes[old]

    def restore(self, plain: Mapping[str, Any]) -> None:
        """Go on from what `plain` gave."""
        for name in plain.keys() & set(type(self).__slots__):
            setattr(self, name, dict(plain[name]) if name == "minutes" else plain[name])

    def plain(self) -> dict[str, Any]:
        """Return the totals as JSON values."""
        return asdict(self)


def events_per_minute(minutes: Mapping[str, int], now_us: int) -> float:
    """Return the rate over the last 60 s, the last whole minute counted by the share that is still in the window.

    >>> events_per_minute({"9": 60, "10": 30}, 630_000_000)
    60.0
    """
    minute, into = divmod(now_us, _MINUTE_US)
    before = minutes.get(str(minute - 1), 0) * (1 - into / _MINUTE_US)
    return round(minutes.get(str(minute), 0) + before, 2)
