"""The router: chooses an agent for a task by what every judged outcome has taught, what it costs, and learned rules.

What is learned is a policy (models.choose): agents, and agents in a type of task. It learns from every outcome, whoever
was chosen by whomever, and explores those it knows little of. What a choice may earn is the chance of success less the
cost, which is in the same unit: a cost of 0.1 is worth a tenth of a success.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, log

import numpy as np
from numpy.typing import NDArray

from grace_ray.core.errors import InvalidInput
from grace_ray.models.choose import Candidate, Context, Policy, PolicySettings
from grace_ray.models.choose.exploration import probabilities
from grace_ray.models.score.kept import Judged

Floats = NDArray[np.float64]

POINT = "route"
FLOOR = 0.002
"""The share of choices spread evenly over all candidates, so that any other policy can be judged from the log."""

_CELLS_MAX = 50
_OUTCOMES_MAX = 5000
_CANDIDATES_MAX = 1000
_RULE_WORTH = 0.05
_EDGE = 0.01
_EVEN = 0.5  # what is expected where nothing is known; the policy expects 0 then, and so learns how far from this it is
_DAY_S = 86_400.0
_LITTLE = 5  # outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is to be done: its type, its name where agents may have tried it already, and what rules may rest on."""

    kind: str = "general"
    question: str = ""
    context: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """An agent that may be chosen.

    ``cost`` is in units of success; ``shift`` is by how much (log odds) the agents' outcomes on this very task change
    what is expected of it; ``rules`` are (worth, sentence) of the learned rules that speak of it here.
    """

    agent_id: str
    cost: float = 0.0
    shift: float = 0.0
    rules: Sequence[tuple[float, str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What the router thinks of one agent for one task."""

    agent_id: str
    probability: float
    expected: float
    uncertainty: float
    cost: float
    utility: float
    samples: int
    reasons: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A choice: who, with which probability, among whom, and why."""

    route_id: str
    agent_id: str
    propensity: float
    offers: Sequence[Offer]
    reasons: Sequence[str]


class Router:
    """Learns and chooses for one workspace; see the module."""

    def __init__(self) -> None:
        self._policy = Policy(settings=PolicySettings(max_choices=_OUTCOMES_MAX, floor=FLOOR))
        self._cells: set[str] = set()
        self._rng = np.random.default_rng(0)  # for choices among one, which leave nothing to chance

    def learn(self, outcomes: Sequence[Judged]) -> None:
        """Learn outcomes; a key again replaces what it said, None takes it back, as long as it is remembered."""
        groups: dict[tuple[str, float], list[Judged]] = {}
        for one in outcomes:
            groups.setdefault((one.agent, one.at_s // _DAY_S), []).append(one)
        for (agent, _), group in groups.items():  # of one agent and day, since what is alike is worked out once
            self._policy.choose_many(
                POINT,
                [Context(cell=self._cell(one.kind)) for one in group],
                [Candidate(id=agent)],
                self._rng,
                now_s=group[-1].at_s,
                choice_ids=[one.key for one in group],
            )
        if outcomes:
            rewards = [(one.key, None if one.value is None else one.value - _EVEN) for one in outcomes]
            self._policy.learn_many(rewards, now_s=outcomes[-1].at_s)

    def route(self, route_id: str, task: Task, contenders: Sequence[Contender]) -> Route:
        """Choose; the same id, knowledge and question give the same choice. Raises InvalidInput for no candidates."""
        if not 1 <= len(contenders) <= _CANDIDATES_MAX:
            raise InvalidInput(f"A task wants 1 to {_CANDIDATES_MAX} candidates.", "candidates")
        if len({each.agent_id for each in contenders}) < len(contenders):
            raise InvalidInput("An agent is named twice.", "candidates")
        offers = self._offers(task, contenders)
        shares = np.array([offer.probability for offer in offers])
        drawn = int(shares.cumsum().searchsorted(_chance(route_id), "right"))
        chosen = offers[min(drawn, len(offers) - 1)]
        return Route(
            route_id=route_id,
            agent_id=chosen.agent_id,
            propensity=chosen.probability,
            offers=offers,
            reasons=[*chosen.reasons, _why(chosen, offers)],
        )

    def _offers(self, task: Task, contenders: Sequence[Contender]) -> list[Offer]:
        cell = Context(cell=self._cell(task.kind, is_new=False))
        outlook = self._policy.outlook(POINT, cell, [Candidate(id=each.agent_id) for each in contenders])
        shifts = np.array([each.shift for each in contenders])
        chances = outlook.expected + _EVEN
        expected = np.where(shifts == 0.0, np.clip(chances, 0.0, 1.0), _shifted(chances, shifts))
        worth = np.array([sum(value for value, _ in each.rules) for each in contenders])
        utility = expected - np.array([each.cost for each in contenders])
        shares = probabilities(utility + worth, outlook.uncertainty, outlook.overall, FLOOR, 1.0)
        best_known = float(expected.mean())
        return [
            Offer(
                agent_id=each.agent_id,
                probability=float(shares[place]),
                expected=float(expected[place]),
                uncertainty=float(outlook.uncertainty[place]),
                cost=each.cost,
                utility=float(utility[place]),
                samples=int(outlook.overall[place]),
                reasons=_reasons(each, task, float(expected[place]), best_known, int(outlook.overall[place])),
            )
            for place, each in enumerate(contenders)
        ]

    def state(self) -> bytes:
        """All that is learned, for `restore`."""
        return self._policy.state()

    def restore(self, state: bytes) -> None:
        """Be as the one was that gave this state."""
        self._policy.restore(state)
        self._cells = {
            cell
            for site in self._policy.sites().values()
            for point in site.points.values()
            for cell in point.cells
            if cell
        }

    def _cell(self, kind: str, *, is_new: bool = True) -> str:
        """Return the type, or "" for one beyond those that are learned apart."""
        if is_new and kind not in self._cells and len(self._cells) < _CELLS_MAX:
            self._cells.add(kind)
        return kind if kind in self._cells else ""


def rule_worth(action: str) -> float:
    """Return what a rule adds to the expectation of the agents it names: it tips the scales, and no more."""
    return {"prefer": _RULE_WORTH, "avoid": -_RULE_WORTH}.get(action, 0.0)


def odds_shift(generic: float, specific: float) -> float:
    """Return by how much the log odds of success change from ``generic`` to ``specific``."""
    return _logit(specific) - _logit(generic)


def _logit(chance: float) -> float:
    inside = min(max(chance, _EDGE), 1.0 - _EDGE)
    return log(inside / (1.0 - inside))


def _shifted(chances: Floats, shifts: Floats) -> Floats:
    pairs = zip(chances.tolist(), shifts.tolist(), strict=True)
    return np.array([1.0 / (1.0 + exp(-_logit(chance) - shift)) for chance, shift in pairs])


def _chance(route_id: str) -> float:
    """Return a number in [0, 1) that is drawn by the id alone."""
    return int.from_bytes(hashlib.sha256(route_id.encode()).digest()[:7]) / 2**56


def _reasons(each: Contender, task: Task, expected: float, usual: float, samples: int) -> list[str]:
    said = [f"success expected {expected:.0%} for {task.kind}, {expected - usual:+.0%} against these candidates' mean"]
    said.append(f"{samples} outcomes known" if samples >= _LITTLE else f"little is known of it ({samples} outcomes)")
    if each.cost:
        said.append(f"costs {each.cost:g}")
    if each.shift:
        said.append("others' outcomes on this very task count")
    return [*said, *(sentence for _, sentence in each.rules)]


def _why(chosen: Offer, offers: Sequence[Offer]) -> str:
    best = max(offers, key=lambda offer: offer.utility)
    if chosen.agent_id == best.agent_id:
        return "the best value expected"
    return f"tried to learn more of it; {best.agent_id} is expected to be the best"
