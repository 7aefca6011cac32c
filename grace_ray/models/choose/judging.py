"""Judging a policy by the log of another: what it would have earned, with a reward model fitted on the rest of the log.

The reward model is the same as a policy's own beliefs, cross-fitted: the log is cut into folds, and what is expected at
a choice comes from sums over the other folds, so that no reward helps to predict itself.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from grace_ray.core.errors import InvalidInput
from grace_ray.models.choose.beliefs import Beliefs
from grace_ray.models.choose.choice import Candidate, Context, Outlook, feature_rows
from grace_ray.models.choose.offpolicy import Estimate, Log, estimate
from grace_ray.models.choose.statistics import PointStatistics

Floats = NDArray[np.float64]

_FOLDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedChoice:
    """A choice and its reward: ``index`` is the chosen one's place, ``propensity`` the probability it was drawn with.

    ``at_s`` is when, for the order of the log.
    """

    point: str
    context: Context
    candidates: tuple[Candidate, ...]
    index: int
    propensity: float
    reward: float
    at_s: float = 0.0


class Judged(Protocol):
    """What can be judged: a policy."""

    def outlook(self, point: str, context: Context, candidates: Sequence[Candidate]) -> Outlook:
        """Say the probability of each candidate, without choosing."""
        ...


Target = Judged | Callable[[Context, Sequence[Candidate]], Sequence[float]]


def judge(
    log: Sequence[LoggedChoice],
    target: Target,
    *,
    method: str = "sndr",
    level: float = 0.95,
    bounds: tuple[float, float] = (-1.0, 1.0),
) -> Estimate:
    """What ``target`` would have earned a choice, on average, over the situations of the log.

    ``target`` is a policy, or a function from context and candidates to their probabilities. ``method`` is one of
    `offpolicy.ESTIMATORS`. InvalidInput where the log is empty or a probability is none.
    """
    if not log:
        raise InvalidInput("There is no logged choice to judge by.", "log")
    odds = [_odds(one, target) for one in log]
    expected = cross_fitted(log)
    index = [one.index for one in log]
    arrays = Log.of(
        np.array([one.reward for one in log]),
        np.array([p[i] for p, i in zip(odds, index, strict=True)]),
        np.array([one.propensity for one in log]),
        np.array([q[i] for q, i in zip(expected, index, strict=True)]),
        np.array([float(p @ q) for p, q in zip(odds, expected, strict=True)]),
    )
    return estimate(arrays, method, level=level, bounds=bounds)


def _odds(one: LoggedChoice, target: Target) -> Floats:
    if callable(target):
        odds = np.asarray(target(one.context, one.candidates), dtype=np.float64)
    else:
        odds = target.outlook(one.point, one.context, one.candidates).probability
    if odds.shape != (len(one.candidates),) or not np.isfinite(odds).all() or abs(odds.sum() - 1.0) > 1e-6:
        raise InvalidInput("The probabilities of the policy to judge do not add up to 1.", "target")
    return odds


def cross_fitted(log: Sequence[LoggedChoice], folds: int = _FOLDS) -> list[Floats]:
    """For each logged choice, the reward (k,) expected of each of its candidates by a model of the other folds."""
    rows = [feature_rows(one.context, one.candidates) for one in log]
    parts = [_fitted(log[fold::folds], rows[fold::folds]) for fold in range(folds)]
    total = PointStatistics()
    for part in parts:
        total.add(part)
    expected: list[Floats] = [np.zeros(0)] * len(log)
    for fold, part in enumerate(parts):
        rest = total.copy()
        rest.add(part, sign=-1.0)
        beliefs = Beliefs(rest, math.inf)
        alike: dict[tuple[str, int], Floats] = {}  # without features, the same cell and candidates get the same answer
        for place in range(fold, len(log), folds):
            one, row = log[place], rows[place]
            key = (one.context.cell, id(one.candidates))
            found = alike.get(key) if row is None else None
            if found is None:
                arms = np.array([rest.find_arm(c.id) for c in one.candidates], dtype=np.intp)
                found = alike[key] = beliefs.expect(rest.find_cell(one.context.cell), arms, row)[0]
            expected[place] = found
    return expected


def _fitted(log: Sequence[LoggedChoice], rows: Sequence[Floats | None]) -> PointStatistics:
    statistics = PointStatistics()
    for one, row in zip(log, rows, strict=True):
        arm, cell = statistics.arm(one.candidates[one.index].id), statistics.cell(one.context.cell)
        if row is not None:
            statistics.widen(row.shape[1])
        statistics.take(arm, cell, one.reward, None if row is None else row[one.index], 1.0)
    return statistics
