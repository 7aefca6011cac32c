"""Accepts or rejects a recommendation before its outcome is known, where that is sure enough, and else leaves it.

Ridge logistic regression (Newton's steps) on what is known beforehand: who recommends and in what (an indicator for
each value that enough questions had), and numbers. Each number enters as it stands to the same agent's others, squared
too, and as the mean over all answers to the question: where every agent takes many steps, the task is hard. The
threshold that leaves a share of decisions open (Chow 1970) is chosen on the data learned from.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from grace_ray.models.patterns.outcomes import AGENT, Codes, Floats, Outcomes, split_questions

_RIDGE = 3.0  # in rows: what a coefficient must be worth
_STEPS = 8
_QUESTIONS_MIN = 10  # that had a value, before it may count
_INDICATORS_MAX = 150
_ROWS_MAX = 20_000  # the newest; a second of work
_FAR = 4.0  # standard deviations that a number may count as

_EARLIER = 0.6
_BLOCKS = 4


class Measured(NamedTuple):
    """How decisions went on later questions: right among those made, and the share that was made."""

    accuracy: float | None
    coverage: float | None
    decided: int


class Decider:
    """Learns from judged outcomes; tells the chance that others turn out well.

    >>> rng = np.random.default_rng(1)
    >>> agent = rng.integers(0, 2, 400).astype(np.int32)
    >>> outcomes = Outcomes(columns=[], value=(agent == 1).astype(float), question=np.arange(400, dtype=np.int32),
    ...                     agent=agent)
    >>> decider = Decider(outcomes, {}, coverage=0.7)
    >>> bool(decider.chances(outcomes, {})[agent == 1].min() > 0.9)
    True
    """

    def __init__(self, outcomes: Outcomes, numbers: Mapping[str, Floats], *, coverage: float) -> None:
        rows = np.arange(max(len(outcomes) - _ROWS_MAX, 0), len(outcomes))
        newest = outcomes.rows(rows)
        figures = {name: values[rows] for name, values in numbers.items()}
        self._chosen = _indicators(newest)
        self._scales = {name: _Scale(values, newest.agent) for name, values in figures.items()}
        design = self._design(newest, figures)
        self._mean = design.mean(axis=0)
        self._weights = _fitted(design - self._mean, newest.value)
        sure = np.abs(self.chances(newest, figures) - 0.5)
        self.sureness = float(np.quantile(sure, 1.0 - coverage)) if len(newest) else 0.5
        """How far from 0.5 a chance must be for a decision."""

    def chances(self, outcomes: Outcomes, numbers: Mapping[str, Floats]) -> Floats:
        """Return the chance of a good outcome for each row; outcomes are not looked at."""
        design = self._design(outcomes, numbers) - self._mean
        return np.asarray(1.0 / (1.0 + np.exp(-(design @ self._weights[1:] + self._weights[0]))))

    def _design(self, outcomes: Outcomes, numbers: Mapping[str, Floats]) -> Floats:
        parts = [
            outcomes.agent == code if number < 0 else outcomes.columns[number].codes == code
            for number, code in self._chosen
        ]
        for name, scale in self._scales.items():
            parts += scale.columns(numbers[name], outcomes)
        if not parts:
            return np.zeros((len(outcomes), 0))
        return np.stack(parts, axis=1).astype(np.float64)


def measure(outcomes: Outcomes, numbers: Mapping[str, Floats], *, coverage: float) -> Measured:
    """Return how decisions on later questions would have gone, each learned from earlier questions alone.

    The later 40% come in blocks, each decided before it is learned from; no question is on both sides. Something that
    turned out partly right is half a hit.
    """
    hits, decided, seen = 0.0, 0, 0
    ends = [split_questions(outcomes, share) for share in np.linspace(_EARLIER, 1.0, _BLOCKS + 1)[:-1]]
    ends.append(np.ones(len(outcomes), np.bool_))
    for before, upto in pairwise(ends):
        now = upto & ~before
        if not before.any() or not now.any():
            continue
        decider = Decider(outcomes.rows(before), _of(numbers, before), coverage=coverage)
        chances = decider.chances(outcomes.rows(now), _of(numbers, now))
        sure = np.abs(chances - 0.5) >= decider.sureness
        hits += float(np.sum(1.0 - np.abs((chances > 0.5) - outcomes.value[now]), where=sure))
        decided += int(sure.sum())
        seen += int(now.sum())
    if not seen:
        return Measured(None, None, 0)
    return Measured(hits / decided if decided else None, decided / seen, decided)


class _Scale:
    """How one number is distributed, overall and for each agent."""

    def __init__(self, values: Floats, agent: Codes) -> None:
        self._is_log = bool(np.nanmin(values, initial=0.0) >= 0 and np.nanmax(values, initial=0.0) > 5.0)
        values = self._bent(values)
        known = np.isfinite(values)
        self._middle = float(values[known].mean()) if known.any() else 0.0
        spread = float(values[known].std()) if known.any() else 0.0
        self._spread = spread or 1.0
        count = np.bincount(agent[known])
        total = np.bincount(agent[known], values[known])
        self._middles = (total + self._middle) / (count + 1.0)

    def columns(self, values: Floats, outcomes: Outcomes) -> list[NDArray[np.float64]]:
        """Return what a model makes of the numbers: 0 for one that is not known."""
        known = np.isfinite(values)
        agents = len(self._middles)
        middle = np.where(outcomes.agent < agents, self._middles[np.minimum(outcomes.agent, agents - 1)], self._middle)
        bent = np.where(known, (self._bent(np.where(known, values, 0.0)) - middle) / self._spread, 0.0)
        bent = np.clip(bent, -_FAR, _FAR)
        there = np.maximum(np.bincount(outcomes.question, known), 1)
        shared = (np.bincount(outcomes.question, bent) / there)[outcomes.question]
        return [bent, bent * bent, shared]

    def _bent(self, values: Floats) -> Floats:
        return np.log1p(np.maximum(values, 0.0)) if self._is_log else values


def _of(numbers: Mapping[str, Floats], rows: NDArray[np.bool_]) -> dict[str, Floats]:
    return {name: values[rows] for name, values in numbers.items()}


def _indicators(outcomes: Outcomes) -> list[tuple[int, int]]:
    """Return the (column, code) that get a coefficient, -1 for the agent; the most frequent ones."""
    features = [(-1, outcomes.agent), *((number, column.codes) for number, column in enumerate(outcomes.columns))]
    counted: list[tuple[int, int, int]] = []
    for number, codes in features:
        if number >= 0 and outcomes.columns[number].name == AGENT:
            continue
        held = np.flatnonzero(codes >= 0)
        pairs = np.unique(np.stack([codes[held], outcomes.question[held]], axis=1), axis=0)[:, 0]
        questions = np.bincount(pairs) if len(pairs) else np.zeros(0, np.int64)
        counted += [(int(n), number, code) for code, n in enumerate(questions) if n >= _QUESTIONS_MIN]
    counted.sort(key=lambda each: (-each[0], each[1], each[2]))
    return [(number, code) for _, number, code in counted[:_INDICATORS_MAX]]


def _fitted(design: Floats, value: Floats) -> Floats:
    """Return intercept and coefficients of a ridge logistic regression."""
    full = np.concatenate([np.ones((len(design), 1)), design], axis=1)
    ridge = np.full(full.shape[1], _RIDGE)
    ridge[0] = 0.5  # all good or all bad so far need not stay so
    weights = np.zeros(full.shape[1])
    for _ in range(_STEPS):
        chance = 1.0 / (1.0 + np.exp(-(full @ weights)))
        slope = full.T @ (value - chance) - ridge * weights
        bend = (full * (chance * (1.0 - chance))[:, None]).T @ full
        bend[np.diag_indices_from(bend)] += ridge
        step = np.linalg.solve(bend, slope)
        weights += step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
    return weights
