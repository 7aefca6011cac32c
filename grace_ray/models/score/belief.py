"""What a fold believes, as answers: the chance of an agent's next success with its credible interval, and trends."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grace_ray.models.score.fold import CONFIDENCE_WORTH, EDGES, Fold
from grace_ray.models.score.grids import SUCCESS, SUCCESS_T, added, through
from grace_ray.models.score.moving import trend_word
from grace_ray.models.score.rows import Rows

Floats = NDArray[np.float64]

LOW, HIGH = 0.025, 0.975
SURE = 2.0  # standard deviations

_ORDER = np.argsort(SUCCESS, axis=None)
_SORTED = SUCCESS.ravel()[_ORDER]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A question: an agent, a kind of task, the task where it has a name, and what the agent says of its own chance."""

    agent: str
    kind: str = ""
    task: str = ""
    confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """The chance of success: ``mean``, and ``low`` to ``high``, which holds it with 95 %; all 0..1.

    Of a task on which there are outcomes, it is the chance on this task; else the share of such tasks that the agent
    would succeed in. ``n`` are the agent's outcomes that still count, ``n_kind`` those of this kind among them.
    """

    mean: float
    low: float
    high: float
    n: float
    n_kind: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """``word`` is improving, stable or declining; ``z`` is how far ability has moved, in standard deviations.

    What is believed now is compared with the mean of what was believed over the last 60 outcomes or so.
    """

    word: str
    z: float


def chances(fold: Fold, asks: Sequence[Ask]) -> Floats:
    """The chances of success (asks,)."""
    if not asks:
        return np.zeros(0)
    ability, difficulty = _looked_up(fold, asks)
    mean = _mean(fold, ability, through(difficulty, SUCCESS_T))
    return _shifted(mean, _offsets(fold, asks))


def beliefs(fold: Fold, asks: Sequence[Ask]) -> list[Belief]:
    """The chances with their intervals."""
    if not asks:
        return []
    ability, difficulty = _looked_up(fold, asks)
    success = through(difficulty, SUCCESS_T)
    edges = [_interval(fold, one.task, *parts) for one, *parts in zip(asks, ability, difficulty, success, strict=True)]
    table = np.column_stack([_mean(fold, ability, success), edges])
    table = _shifted(table, _offsets(fold, asks)[:, None])
    found = []
    for one, (mean, low, high) in zip(asks, table.tolist(), strict=True):
        agent, pair = fold.agents.index.get(one.agent), fold.pairs.index.get((one.agent, one.kind))
        found.append(
            Belief(
                mean=mean,
                low=min(low, mean),
                high=max(high, mean),
                n=0.0 if agent is None else float(fold.agents["n"][agent]),
                n_kind=0.0 if pair is None else float(fold.pairs["n"][pair]),
            )
        )
    return found


def trend(fold: Fold, agent: str) -> Trend:
    """The trend of an agent; one that is not known is stable."""
    row = fold.agents.index.get(agent)
    if row is None:
        return Trend(word="stable", z=0.0)
    mean, deviation = fold.standing(np.array([row]))
    z = float((mean[0] - fold.agents["level"][row]) / deviation[0])
    return Trend(word=trend_word(z, SURE), z=z)


def _looked_up(fold: Fold, asks: Sequence[Ask]) -> tuple[Floats, Floats]:
    """Masses of ability with affinity (asks, worlds, slopes * sums), and of difficulty (asks, worlds, points)."""
    ability = np.array([_row(fold.agents, one.agent, "belief") for one in asks])
    affinity = np.array([_row(fold.pairs, (one.agent, one.kind), "belief") for one in asks])
    difficulty = np.array([_row(fold.kinds, one.kind, "prior") for one in asks])
    difficulty *= np.array([_row(fold.tasks, one.task, "likelihood") for one in asks])
    difficulty /= difficulty.sum(axis=-1, keepdims=True)
    return added(ability, affinity), difficulty


def _row(rows: Rows, name: Hashable, array: str) -> Floats:
    """The row of a name, or what a new one would hold."""
    place = rows.index.get(name)
    return rows.first[array] if place is None else rows[array][place]


def _mean(fold: Fold, ability: Floats, success: Floats) -> Floats:
    found: Floats = (ability * success).sum(axis=-1) @ fold.weights
    return found


def _interval(fold: Fold, task: str, ability: Floats, difficulty: Floats, success: Floats) -> tuple[float, float]:
    """The interval of one chance, from the masses of each world."""
    return _of_task(fold, ability, difficulty) if task in fold.tasks.index else _of_kind(fold, ability, success)


def _of_kind(fold: Fold, ability: Floats, success: Floats) -> tuple[float, float]:
    """The interval of the chance on tasks of a kind: only the agent is uncertain. Both are (worlds, slopes * sums)."""
    order = np.argsort(success, axis=None)
    return _quantiles(success.ravel()[order], (fold.weights[:, None] * ability).ravel()[order])


def _of_task(fold: Fold, ability: Floats, difficulty: Floats) -> tuple[float, float]:
    """The interval of the chance on one task: the agent and the task are uncertain."""
    mass = (fold.weights[:, None] * ability).T @ difficulty
    return _quantiles(_SORTED, mass.ravel()[_ORDER])


def _quantiles(values: Floats, mass: Floats) -> tuple[float, float]:
    """Quantiles of masses at ascending values, each mass spread evenly about the place it has."""
    middle = np.cumsum(mass) - 0.5 * mass
    low, high = np.interp((LOW, HIGH), middle, values).tolist()
    return low, high


def _offsets(fold: Fold, asks: Sequence[Ask]) -> Floats:
    """What the agents' own confidence adds in logits (asks,): how such confidence has been surprised so far.

    Per bin of confidence, one Newton step from what was expected without it, shrunk: the fleet's towards 0, the agent's
    towards the fleet's. So confidence that never varies, or tells nothing, counts for nothing.
    """
    found = np.zeros(len(asks))
    for n, one in enumerate(asks):
        if one.confidence is not None:
            place = int(np.searchsorted(EDGES, one.confidence, side="right"))
            surprise, variance = fold.fleet_bins[place].tolist()
            fleet = surprise / (variance + CONFIDENCE_WORTH)
            row = fold.agents.index.get(one.agent)
            own, own_variance = (0.0, 0.0) if row is None else fold.agents["bins"][row, place].tolist()
            found[n] = fleet + (own - fleet * own_variance) / (own_variance + CONFIDENCE_WORTH)
    return found


def _shifted(chance: Floats, offset: Floats) -> Floats:
    """Chances moved by logits."""
    odds = chance / (1.0 - chance) * np.exp(offset)
    found: Floats = odds / (1.0 + odds)
    return found
