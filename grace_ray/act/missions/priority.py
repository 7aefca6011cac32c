"""What missions' outcomes teach: which kinds of cluster are worth a mission, and which strategies lead to resolution.

Each kind of cluster (``domain:pattern``) and each strategy is an arm with a Beta-Bernoulli belief: did the trouble stay
away after the mission? Evidence fades with a half-life, so that what helped last year does not rule today.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from grace_ray.core.clock import to_us
from grace_ray.core.mission import Mission

HALFLIFE_S = 30 * 86_400.0
KINDS_MAX = 2000
_PRIOR_WEIGHT = 2.0
_ORDER_STEP = 0.02
_EMPTY_HANDED_WEIGHT = 0.25


class Judged(NamedTuple):
    """A number and the sentence that explains it."""

    value: float
    reason: str


@dataclass(frozen=True, slots=True)
class Belief:
    """Faded counts of successes and failures, as of ``at_us`` (microseconds since the epoch)."""

    helped: float = 0.0
    failed: float = 0.0
    at_us: int = 0

    def faded(self, at: datetime) -> "Belief":
        """Return the belief as it counts at a later time; time never runs backwards."""
        at_us = max(to_us(at), self.at_us)
        keep = 0.5 ** ((at_us - self.at_us) / 1e6 / HALFLIFE_S)
        return Belief(self.helped * keep, self.failed * keep, at_us)

    def plus(self, has_helped: bool, weight: float, at: datetime) -> "Belief":
        """Return the belief after one more outcome."""
        now = self.faded(at)
        return Belief(now.helped + weight * has_helped, now.failed + weight * (not has_helped), now.at_us)

    def mean(self, at: datetime, prior: float) -> float:
        """Return the posterior mean, in 0..1, under a prior of that mean and the weight of two outcomes."""
        now = self.faded(at)
        return (now.helped + prior * _PRIOR_WEIGHT) / (now.helped + now.failed + _PRIOR_WEIGHT)


def kind_of(cluster_key: str | None) -> str:
    """Return the kind of a cluster, ``domain:pattern``; severity is no part of it. Empty without a cluster.

    >>> kind_of("remote_access:high:blocked")
    'remote_access:blocked'
    """
    domain, _, rest = (cluster_key or "").partition(":")
    return f"{domain}:{rest.partition(':')[2]}" if domain else ""


class OutcomeModel:
    """Learns from mission outcomes; deterministic, bounded (KINDS_MAX kinds, the longest unheard of go first).

    Exploration needs no dice here: every mission tries every strategy that its time allows, so the posterior mean, and
    not a sample of it, sets the order.
    """

    def __init__(self) -> None:
        self._kinds: dict[str, Belief] = {}
        self._strategies: dict[str, Belief] = {}

    def learn_one(
        self, kind: str, contributed: Iterable[str], empty_handed: Iterable[str], has_helped: bool, at: datetime
    ) -> None:
        """Learn from one mission: ``contributed`` strategies share its outcome, empty-handed ones count a little down.

        Strategies that were unreachable or switched off belong in neither: nothing was learned about them.
        """
        belief = self._kinds.pop(kind, Belief())
        self._kinds[kind] = belief.plus(has_helped, 1.0, at)
        while len(self._kinds) > KINDS_MAX:
            del self._kinds[next(iter(self._kinds))]
        for name in contributed:
            self._learn_strategy(kind, name, has_helped, 1.0, at)
        for name in empty_handed:
            self._learn_strategy(kind, name, False, _EMPTY_HANDED_WEIGHT, at)

    def priority(self, requested: float, cluster_key: str | None, at: datetime) -> Judged:
        """Return the priority (0..1) of a mission: what was asked for, times 0.5 to 1.5 by what such missions did."""
        requested = min(1.0, max(0.0, requested))
        kind = kind_of(cluster_key)
        belief = self._kinds.get(kind)
        if belief is None:
            return Judged(
                requested, f"Priority {requested:.2f} as requested; no mission of this kind has been judged yet."
            )
        mean = belief.mean(at, 0.5)
        value = min(1.0, requested * (0.5 + mean))
        return Judged(
            value, f"Priority {value:.2f} of {requested:.2f} requested: missions for {kind} help at {mean:.2f}."
        )

    def order(self, strategies: Sequence[str], cluster_key: str | None, at: datetime) -> list[tuple[str, float]]:
        """Return the strategies, the likeliest to help first, each with its learned chance of helping (0..1).

        The order given is the prior: without evidence it stays.
        """
        chances = [
            (name, self._chance(kind_of(cluster_key), name, 0.5 - _ORDER_STEP * place, at))
            for place, name in enumerate(strategies)
        ]
        return sorted(chances, key=lambda chance: -chance[1])

    def state(self) -> dict[str, Any]:
        """Return the model as plain values."""
        return {
            "kinds": {kind: [b.helped, b.failed, b.at_us] for kind, b in self._kinds.items()},
            "strategies": {name: [b.helped, b.failed, b.at_us] for name, b in self._strategies.items()},
            "order": list(self._kinds),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become the model that ``state`` was taken from."""
        self._kinds = {kind: Belief(*state["kinds"][kind]) for kind in state.get("order", ())}
        self._strategies = {name: Belief(*counts) for name, counts in state.get("strategies", {}).items()}

    def _chance(self, kind: str, name: str, prior: float, at: datetime) -> float:
        """Return the chance for this kind, where the experience with all kinds is the prior."""
        overall = self._strategies.get(name, Belief()).mean(at, prior)
        return self._strategies.get(f"{name}@{kind}", Belief()).mean(at, overall)

    def _learn_strategy(self, kind: str, name: str, has_helped: bool, weight: float, at: datetime) -> None:
        for arm in (name, f"{name}@{kind}"):
            self._strategies[arm] = self._strategies.get(arm, Belief()).plus(has_helped, weight, at)
        if len(self._strategies) > 8 * KINDS_MAX:
            known = {"", *self._kinds}
            self._strategies = {arm: b for arm, b in self._strategies.items() if arm.partition("@")[2] in known}


def credited(mission: Mission) -> tuple[set[str], set[str]]:
    """Return the strategies whose statements a mission learned, and those that looked and found nothing of use."""
    contributed = {statement.origin for statement in mission.knowledge_acquired}
    looked = {report.strategy for report in mission.strategies if report.status in {"found", "nothing"}}
    return contributed & looked, looked - contributed


def base_order(strategies: Sequence[str], learning_priority: Sequence[str]) -> list[str]:
    """Return the configured order: what is at hand first (runbooks, pattern), then LEARNING_PRIORITY's order.

    >>> base_order(("runbooks", "pattern", "web", "github", "rag"), ("rag", "web", "github"))
    ['runbooks', 'pattern', 'rag', 'web', 'github']
    """
    rest = [name for name in strategies if name not in learning_priority]
    return [*rest, *(name for name in learning_priority if name in strategies)]
