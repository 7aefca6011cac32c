"""Thresholds tuned from what missions led to: bounded, decayed, explained, and as set until there is evidence.

Each ended mission counts for (1) or against (0) launching in its domain: for, where it learned something and the
trouble stayed away; against, where it failed, learned nothing, the trouble came back, or a person called the cluster
a false positive. The share of misses, shrunk to one half by a prior, moves the thresholds of that domain.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grace_ray.diagnose.urgency import decayed
from grace_ray.settings import TriageSettings

_HALFLIFE_S = 7 * 86_400.0
_EVIDENCE_MIN = 5.0  # decayed outcomes below which nothing moves
_PRIOR = 5.0
_URGENCY_REACH = 0.1
_COUNT_REACH = 2.0


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What launches a mission: urgency (0..1), event count, and why they are what they are."""

    urgency: float
    count: int
    why: str


class Tuning:
    """Learned thresholds by domain; `observe` outcomes, ask `thresholds`."""

    def __init__(self, settings: TriageSettings) -> None:
        self._settings = settings
        self._base = Thresholds(settings.launch_urgency, settings.launch_count, "As set: too few outcomes so far.")
        self._tallies: dict[str, tuple[float, float, int]] = {}  # hits, misses, as of (microseconds)
        self._tuned: dict[str, Thresholds] = {}

    def observe(self, domain: str, *, helped: bool, at_us: int) -> Thresholds:
        """Learn what one mission led to; return the thresholds of the domain that follow."""
        hits, misses, since_us = self._tallies.get(domain, (0.0, 0.0, at_us))
        age_s = (at_us - since_us) / 1e6
        hits, misses = (round(decayed(count, age_s, _HALFLIFE_S), 6) for count in (hits, misses))
        self._tallies[domain] = (hits + helped, misses + (not helped), max(at_us, since_us))
        self._tuned[domain] = self._computed(domain)
        return self._tuned[domain]

    def thresholds(self, domain: str) -> Thresholds:
        """Return the thresholds of a domain; the settings' where there is no evidence."""
        return self._tuned.get(domain, self._base)

    def _computed(self, domain: str) -> Thresholds:
        hits, misses, _ = self._tallies[domain]
        total = hits + misses
        if total < _EVIDENCE_MIN:
            return self._base
        pressure = (misses - hits) / (total + _PRIOR)
        urgency = round(self._settings.launch_urgency + _URGENCY_REACH * pressure, 3)
        count = max(2, round(self._settings.launch_count * _COUNT_REACH**pressure))
        why = (
            f"Of about {total:.0f} recent missions in {domain}, {hits:.0f} helped: urgency"
            f" {self._settings.launch_urgency:.2f} became {urgency:.2f}, count {self._settings.launch_count} {count}."
        )
        return Thresholds(min(1.0, max(0.0, urgency)), count, why)

    def state(self) -> dict[str, Any]:
        """Return what was learned, as JSON values."""
        return {domain: list(tally) for domain, tally in self._tallies.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._tallies = {domain: (tally[0], tally[1], tally[2]) for domain, tally in state.items()}
        self._tuned = {domain: self._computed(domain) for domain in self._tallies}
