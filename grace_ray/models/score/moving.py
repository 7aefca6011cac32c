"""The moving-average trust: four dimensions in 0..1, each nudged by every outcome; a read-out, not a probability.

    updated = current + learning_rate * (quality_factor + dimension_impact), clipped to 0..1
    overall = (0.40 accuracy + 0.25 consistency + 0.15 timeliness + 0.20 reliability) * confidence_factor

`quality_factor` is quality / 100 - 0.5. `dimension_impact` is score / 100 - 0.5 where the dimension has a score of its
own, else +0.5, 0 or -0.5 for approved, partial or rejected. So one outcome moves a dimension by at most the learning
rate. `confidence_factor` is n / (n + 10). All dimensions start at 0.5. Being a walk, it does not estimate a rate:
decisions rest on `ability` instead.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from grace_ray.core.errors import InvalidInput

DIMENSIONS = ("accuracy", "consistency", "timeliness", "reliability")
WEIGHTS = (0.40, 0.25, 0.15, 0.20)
IMPACT = {"approved": 0.5, "partial": 0.0, "rejected": -0.5}
START = 0.5
STRENGTHS = ((0.8, "very_strong"), (0.6, "strong"), (0.4, "moderate"), (0.0, "weak"))
_STATE_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """What came of one recommendation of ``agent``.

    ``outcome`` is approved, partial, rejected, or None to withdraw what ``key`` said before. ``quality`` 0..100 (None:
    100, 50 or 0 by the outcome). ``scores`` 0..100 are dimensions' own.
    """

    key: str
    agent: str
    outcome: str | None
    quality: float | None = None
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MovingSettings:
    """``learning_rate`` of each step; ``half_confidence``: outcomes at which the confidence factor is a half.

    ``memory``: outcomes of each agent that may still be revised; ``max_agents``: the longest silent go first.
    """

    learning_rate: float = 0.1
    half_confidence: float = 10.0
    memory: int = 64
    max_agents: int = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The moving averages of one agent, each 0..1; ``trend`` is improving, stable or declining."""

    agent: str
    accuracy: float
    consistency: float
    timeliness: float
    reliability: float
    overall: float
    confidence_factor: float
    samples: int
    trend: str
    strength: str


@dataclass(slots=True)
class _Agent:
    """``base``: the dimensions before the remembered steps; ``steps``: key -> what it adds to each dimension."""

    base: list[float] = field(default_factory=lambda: [START] * len(DIMENSIONS))
    earlier: int = 0
    steps: dict[str, list[float]] = field(default_factory=dict)
    now: list[float] = field(default_factory=lambda: [START] * len(DIMENSIONS))


class MovingTrust:
    """The moving averages of many agents; see the module. The same key again replaces, so a repeat counts once.

    >>> trust = MovingTrust()
    >>> trust.learn_many([Evaluated(key=str(n), agent="a", outcome="approved", quality=90) for n in range(3)])
    >>> reading = trust.reading("a")
    >>> round(reading.accuracy, 2), round(reading.confidence_factor, 2), reading.trend
    (0.77, 0.23, 'improving')
    """

    def __init__(self, settings: MovingSettings | None = None) -> None:
        self.settings = settings or MovingSettings()
        self._agents: dict[str, _Agent] = {}

    def learn_many(self, outcomes: Sequence[Evaluated]) -> None:
        """Take outcomes in order; InvalidInput before anything is learned where one is wrong.

        A key that is older than the memory of its agent counts as a new one; withdrawing such a one does nothing.
        """
        steps = [(one, self._step(one)) for one in outcomes]
        for one, step in steps:
            if step is None and one.agent not in self._agents:
                continue
            agent = self._agents.pop(one.agent, None) or _Agent()
            self._agents[one.agent] = agent
            self._take(agent, one.key, step)
        while len(self._agents) > self.settings.max_agents:
            del self._agents[next(iter(self._agents))]

    def _step(self, one: Evaluated) -> list[float] | None:
        """What an outcome adds to each dimension before clipping; None for a withdrawal."""
        if one.outcome is None:
            return None
        if one.outcome not in IMPACT:
            raise InvalidInput(f"An outcome is approved, partial or rejected, not {one.outcome!r}.", "outcome")
        impact = IMPACT[one.outcome]
        quality = impact + 0.5 if one.quality is None else _percent(one.quality, "quality")
        for name in one.scores:
            _percent(one.scores[name], f"scores.{name}")
        impacts = [one.scores[name] / 100 - 0.5 if name in one.scores else impact for name in DIMENSIONS]
        return [self.settings.learning_rate * (quality - 0.5 + each) for each in impacts]

    def _take(self, agent: _Agent, key: str, step: list[float] | None) -> None:
        if step is None or key in agent.steps:
            if agent.steps.get(key) == step:
                return
            if step is None:
                del agent.steps[key]
            else:
                agent.steps[key] = step
            agent.now = agent.base
            for each in agent.steps.values():
                agent.now = _moved(agent.now, each)
            return
        agent.steps[key] = step
        agent.now = _moved(agent.now, step)
        if len(agent.steps) > self.settings.memory:
            agent.base = _moved(agent.base, agent.steps.pop(next(iter(agent.steps))))
            agent.earlier += 1

    def reading(self, agent: str) -> Reading:
        """How an agent stands; one that is not known stands at the start, with no confidence."""
        known = self._agents.get(agent) or _Agent()
        samples = known.earlier + len(known.steps)
        factor = samples / (samples + self.settings.half_confidence)
        overall = _weighed(known.now) * factor
        accuracy, consistency, timeliness, reliability = known.now
        return Reading(
            agent=agent,
            accuracy=accuracy,
            consistency=consistency,
            timeliness=timeliness,
            reliability=reliability,
            overall=overall,
            confidence_factor=factor,
            samples=samples,
            trend=trend_word(_weighed(known.now) - self._before(known), 0.05),
            strength=strength_of(overall),
        )

    def _before(self, agent: _Agent) -> float:
        """The weighed score at the middle of what is remembered, at most ten outcomes ago."""
        values, steps = agent.base, list(agent.steps.values())
        for step in steps[: max(len(steps) - 10, len(steps) // 2 if agent.earlier else 0)]:
            values = _moved(values, step)
        return _weighed(values)

    def agents(self) -> list[str]:
        """Those that are known, the longest silent first."""
        return list(self._agents)

    def state(self) -> bytes:
        """All that is known, for `restore`."""
        rows = {name: [one.base, one.earlier, one.steps, one.now] for name, one in self._agents.items()}
        return json.dumps([_STATE_VERSION, rows], separators=(",", ":")).encode()

    def restore(self, state: bytes) -> None:
        """Be as the one was that gave this state; only the settings stay one's own."""
        try:
            version, rows = json.loads(state)
            agents: dict[str, Any] = {name: _Agent(*row) for name, row in rows.items()}
        except (ValueError, TypeError, AttributeError) as error:
            raise InvalidInput("These bytes are not the state of moving averages.", "state") from error
        if version != _STATE_VERSION:
            raise InvalidInput(f"The state's version is {version!r}, not {_STATE_VERSION}.", "version")
        self._agents = agents


def strength_of(score: float) -> str:
    """The word for a score in 0..1: weak, moderate (from 0.4), strong (0.6), very_strong (0.8)."""
    return next((word for least, word in STRENGTHS if score >= least), "weak")


def trend_word(change: float, least: float) -> str:
    """Improving or declining where the change is more than ``least``, else stable."""
    return "stable" if abs(change) <= least else "improving" if change > 0 else "declining"


def _moved(values: Sequence[float], step: Sequence[float]) -> list[float]:
    return [min(max(value + each, 0.0), 1.0) for value, each in zip(values, step, strict=True)]


def _weighed(values: Sequence[float]) -> float:
    return math.fsum(weight * value for weight, value in zip(WEIGHTS, values, strict=True))


def _percent(value: float, name: str) -> float:
    """The value as a share; InvalidInput where it is not in 0..100."""
    if not 0 <= value <= 100:
        raise InvalidInput(f"A quality is in 0..100, not {value}.", name)
    return value / 100
