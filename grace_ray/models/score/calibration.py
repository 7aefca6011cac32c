"""Does an agent's 0.9 mean 90 %? Reliability curves of agents' own confidence, and what to make of it.

What is learned are sums by agent and bin of confidence, each site's apart, so that sites add up exactly (the newest
sums of a site count, once). A confidence c is made honest by Platt's (1999) line in logits, a + b logit(c), fitted to
the bins: the fleet's drawn towards c itself, each agent's towards the fleet's. So one that always says 1.0 comes to
its own rate of success, and one that is new is taken as the fleet is.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grace_ray.core.errors import Conflict, InvalidInput

Floats = NDArray[np.float64]

EDGES: Floats = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
BINS = len(EDGES) + 1
_COUNT, _SAID, _CAME = range(3)
_CLIP = 0.01  # a confidence of 0 or 1 is taken for this much less
_FLEET_SPREAD = (1.5, 0.5)  # prior deviations of a and b: of the fleet from 0 and 1,
_AGENT_SPREAD = (0.8, 0.3)  # of an agent from the fleet
_NEWTON, _FARTHEST = 30, 1.5  # steps, and how far in logits one may go
_Z = 1.959964
_STATE_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """``agent`` was sure by ``confidence`` 0..1, and ``value`` 0..1 came of it; None withdraws what ``key`` said."""

    key: str
    agent: str
    confidence: float
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Claims of ``start`` to ``end``: what was said and what came on average, and the 95 % interval of that."""

    start: float
    end: float
    count: int
    said: float
    came: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationSettings:
    """``max_claims``: the newest that may still be revised; ``max_agents``: the longest silent go first."""

    max_claims: int = 20_000
    max_agents: int = 10_000


@dataclass(slots=True)
class _Site:
    """Sums (3, BINS) by agent: claims, confidence, value. ``version`` rises with every claim."""

    version: int = 0
    sums: dict[str, Floats] = field(default_factory=dict)


class Calibration:
    """Curves of many agents; see the module.

    >>> calibration = Calibration()
    >>> calibration.learn_many([Claim(key=str(n), agent="a", confidence=0.9, value=float(n % 2)) for n in range(200)])
    >>> round(calibration.calibrated("a", 0.9), 1), round(calibration.error("a"), 2)
    (0.5, 0.4)
    """

    def __init__(self, *, site: str = "", settings: CalibrationSettings | None = None) -> None:
        self.site = site
        self.settings = settings or CalibrationSettings()
        self._sites: dict[str, _Site] = {site: _Site()}
        self._claims: dict[str, tuple[str, float, float]] = {}
        self._lines: dict[str, tuple[float, float]] = {}

    def learn_many(self, claims: Sequence[Claim]) -> None:
        """Learn claims; the same key again replaces. InvalidInput before anything is learned where one is wrong."""
        for one in claims:
            if not 0 <= one.confidence <= 1:
                raise InvalidInput(f"A confidence is in 0..1, not {one.confidence}.", "confidence")
            if one.value is not None and not 0 <= one.value <= 1:
                raise InvalidInput(f"The value of an outcome is in 0..1, not {one.value}.", "value")
        for one in claims:
            new = None if one.value is None else (one.agent, float(one.confidence), float(one.value))
            self._replace(self._claims.pop(one.key, None), new)
            if new is not None:
                self._claims[one.key] = new
                if len(self._claims) > self.settings.max_claims:
                    del self._claims[next(iter(self._claims))]

    def _replace(self, old: tuple[str, float, float] | None, new: tuple[str, float, float] | None) -> None:
        if old == new:
            return
        own = self._sites[self.site]
        own.version += 1
        self._lines.clear()
        for claim, sign in ((old, -1.0), (new, 1.0)):
            if claim is not None:
                agent, confidence, value = claim
                sums = own.sums.pop(agent, None)
                own.sums[agent] = sums = np.zeros((3, BINS)) if sums is None else sums
                sums[:, np.searchsorted(EDGES, confidence, side="right")] += (sign, sign * confidence, sign * value)
        while len(own.sums) > self.settings.max_agents:
            del own.sums[next(iter(own.sums))]

    def curve(self, agent: str = "") -> list[Bin]:
        """The bins in which there are claims, of an agent or ('') of all; Wilson's interval."""
        limits, found = (0.0, *EDGES.tolist(), 1.0), []
        for place, (count, said, came) in enumerate(self._summed(agent).T.tolist()):
            if count > 0.5:
                rate = min(max(came / count, 0.0), 1.0)
                middle = (rate + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
                half = _Z * math.sqrt(rate * (1 - rate) / count + _Z**2 / (4 * count**2)) / (1 + _Z**2 / count)
                edges = {"start": limits[place], "end": limits[place + 1], "low": middle - half, "high": middle + half}
                found.append(Bin(count=round(count), said=said / count, came=rate, **edges))
        return found

    def error(self, agent: str = "") -> float:
        """The expected calibration error: how far said and came are apart, by bin, weighed by claims; 0..1."""
        bins = self.curve(agent)
        total = sum(one.count for one in bins)
        return sum(one.count * abs(one.said - one.came) for one in bins) / total if total else 0.0

    def calibrated(self, agent: str, confidence: float) -> float:
        """The chance of success when an agent says so much."""
        if not 0 <= confidence <= 1:
            raise InvalidInput(f"A confidence is in 0..1, not {confidence}.", "confidence")
        offset, slope = self._line(agent)
        return 1.0 / (1.0 + math.exp(-offset - slope * float(_logit(np.array(confidence)))))

    def agents(self) -> list[str]:
        """Those that are known."""
        return sorted({agent for site in self._sites.values() for agent in site.sums})

    def _line(self, agent: str) -> tuple[float, float]:
        """Offset and slope of an agent, or of the fleet ('')."""
        found = self._lines.get(agent)
        if found is None:
            prior = self._line("") if agent else (0.0, 1.0)
            spread = _AGENT_SPREAD if agent else _FLEET_SPREAD
            found = self._lines[agent] = _fitted(self._summed(agent), prior, spread)
        return found

    def _summed(self, agent: str) -> Floats:
        """Sums (3, BINS) over sites, of an agent or of all."""
        total = np.zeros((3, BINS))
        for name in sorted(self._sites):
            sums = self._sites[name].sums
            for one in (sums[key] for key in ([agent] if agent else sorted(sums)) if key in sums):
                total += one
        return total

    def merge(self, other: "Calibration") -> None:
        """Know what another knows, of its own site and of those merged into it; each site's newest sums count, once."""
        if not other.site:
            raise Conflict("A calibration must have the name of its site to be merged.", "site")
        for name, theirs in other.sites().items():
            if theirs.version > self._sites.get(name, _Site()).version:
                sums = {agent: one.copy() for agent, one in theirs.sums.items()}
                self._sites[name] = _Site(theirs.version, sums)
                self._lines.clear()

    def sites(self) -> dict[str, _Site]:
        """What is known of every site."""
        return self._sites

    def state(self) -> bytes:
        """All that is known, for `restore`."""
        sites = {
            name: [site.version, {agent: sums.tolist() for agent, sums in site.sums.items()}]
            for name, site in self._sites.items()
        }
        return json.dumps([_STATE_VERSION, self.site, sites, self._claims], separators=(",", ":")).encode()

    def restore(self, state: bytes) -> None:
        """Be as the one was that gave this state; only the settings stay one's own."""
        try:
            version, site, sites, claims = json.loads(state)
        except (ValueError, TypeError) as error:
            raise InvalidInput("These bytes are not the state of a calibration.", "state") from error
        if version != _STATE_VERSION:
            raise InvalidInput(f"The state's version is {version!r}, not {_STATE_VERSION}.", "version")
        self.site, self._lines = site, {}
        self._sites = {name: _site(*row) for name, row in sites.items()}
        self._claims = {key: (agent, confidence, value) for key, (agent, confidence, value) in claims.items()}


def _site(version: int, sums: dict[str, Any]) -> _Site:
    return _Site(version, {agent: np.array(one) for agent, one in sums.items()})


def _fitted(sums: Floats, prior: tuple[float, float], spread: tuple[float, float]) -> tuple[float, float]:
    """Offset and slope at the maximum of the posterior, by Newton's method; it is concave, so a few steps do."""
    count = np.maximum(sums[_COUNT], 0.0)
    said = np.divide(sums[_SAID], count, out=np.full(BINS, 0.5), where=count > 0)
    rows = np.stack([np.ones(BINS), _logit(said)], axis=1)
    centre, precision = np.array(prior), np.diag(1.0 / np.square(spread))
    line = centre.copy()
    for _ in range(_NEWTON):
        chance = 1.0 / (1.0 + np.exp(-rows @ line))
        slope = rows.T @ (sums[_CAME] - count * chance) - precision @ (line - centre)
        bend = (rows * (count * np.maximum(chance * (1.0 - chance), 0.02))[:, None]).T @ rows + precision
        step = np.linalg.solve(bend, slope)
        line = line + step * min(1.0, _FARTHEST / max(float(np.abs(rows @ step).max()), 1e-12))
    return float(line[0]), float(line[1])


def _logit(confidence: Floats) -> Floats:
    inside = np.clip(confidence, _CLIP, 1.0 - _CLIP)
    found: Floats = np.log(inside / (1.0 - inside))
    return found
