"""Self-protection: warnings of a noisy source, of too many clusters, and of missions that mostly fail.

Each warning is given once an episode; `active` says which hold now.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grace_ray.settings import TriageSettings

_MINUTE_US = 60_000_000
_SOURCES_WATCHED = 10_000
_OUTCOMES = 20  # missions looked back on
_OUTCOMES_MIN = 5
_EXPLOSION_OVER = 0.8  # the episode ends below this share of the limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One warning given: ``kind`` is noisy_source, cluster_explosion or missions_failing; ``why`` is a sentence."""

    kind: str
    subject: str
    why: str


class SourceRates:
    """Counts events a minute by source; a source is noisy from its limit on until a minute passes below it."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rates: dict[str, list[int]] = {}  # source -> [minute, events in it, 1 where noisy]

    def count(self, source: str, at_us: int) -> tuple[bool, bool]:
        """Count one event; return whether its source is noisy, and whether it became so now."""
        minute = at_us // _MINUTE_US
        rate = self._rates.get(source)
        if rate is None:
            if len(self._rates) >= _SOURCES_WATCHED:
                del self._rates[next(iter(self._rates))]
            rate = self._rates[source] = [minute, 0, 0]
        if minute > rate[0]:
            was_loud = rate[1] > self._limit and minute == rate[0] + 1
            rate[:] = [minute, 0, int(was_loud)]
        rate[1] += 1
        if rate[1] <= self._limit or rate[2]:
            return bool(rate[2]) and rate[1] > self._limit, False
        rate[2] = 1
        return True, True

    def noisy(self, now_us: int) -> list[str]:
        """Return the sources that are noisy now."""
        minute = now_us // _MINUTE_US
        return sorted(name for name, (at, _, is_noisy) in self._rates.items() if is_noisy and at >= minute - 1)

    def state(self) -> dict[str, list[int]]:
        """Return the counts, as JSON values."""
        return self._rates

    def restore(self, state: Mapping[str, list[int]]) -> None:
        """Go on from a state."""
        self._rates = {source: list(rate) for source, rate in state.items()}


class Alarms:
    """The two warnings about Grace itself: cluster explosion and failing missions."""

    def __init__(self, settings: TriageSettings) -> None:
        self._settings = settings
        self._outcomes: list[int] = []
        self._exploding = False
        self._failing = False

    def clusters(self, active: int) -> Alarm | None:
        """Judge the number of active clusters."""
        limit = self._settings.clusters_warning
        was, self._exploding = self._exploding, active > (limit * _EXPLOSION_OVER if self._exploding else limit)
        if was or not self._exploding:
            return None
        why = (
            f"There are {active} active clusters, more than {limit}; what fails is one thing or the keys are too fine."
        )
        return Alarm(kind="cluster_explosion", subject="clusters", why=why)

    def mission_ended(self, *, succeeded: bool) -> Alarm | None:
        """Judge the missions that ended lately."""
        self._outcomes = [*self._outcomes, int(succeeded)][-_OUTCOMES:]
        total, failed = len(self._outcomes), self._outcomes.count(0)
        was = self._failing
        self._failing = total >= _OUTCOMES_MIN and failed > self._settings.failing_missions_share * total
        if was or not self._failing:
            return None
        why = f"{failed} of the last {total} missions failed."
        return Alarm(kind="missions_failing", subject="missions", why=why)

    def active(self) -> list[str]:
        """Return the kinds of the warnings that hold now."""
        held = {"cluster_explosion": self._exploding, "missions_failing": self._failing}
        return [kind for kind, holds in held.items() if holds]

    def state(self) -> dict[str, Any]:
        """Return what was judged, as JSON values."""
        return {"outcomes": self._outcomes, "exploding": self._exploding, "failing": self._failing}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._outcomes = list(state["outcomes"])
        self._exploding, self._failing = state["exploding"], state["failing"]
