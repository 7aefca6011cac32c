"""Whether outcomes are better or worse where something holds: a score test that dependence does not fool.

Rows that answer one question share its difficulty, an agent's rows share its skill, and the rows of one batch whatever
befell it. So for an indicator x the statistic is U = x' P G P y: P takes the mean of each stratum (agent), and what is
explained already, out of both; G is the inverse covariance under a random effect for each question (generalised least
squares, the Balestra-Nerlove transform), which takes out difficulty as far as several answers show it.

The variance of U is the largest of the one under that model and the cluster-robust ones (questions, batches; Liang and
Zeger 1986, with Student's t by the number of clusters). Where few rows fit, U is skewed: the tail is that of a gamma
with U's third moment, by the cube root of Wilson and Hilferty (1931). Each alone errs somewhere; p is the largest.
"""

import math
from collections.abc import Sequence
from copy import copy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from grace_ray.models.patterns.outcomes import Codes, Floats, Outcomes

_STRATUM_MIN = 5  # rows of a stratum of its own; smaller ones are one together
_NOTHING = 1e-6  # what is left of an indicator that is explained already
_BATCHES_MIN = 50  # a robust variance of few clusters says nothing


class Effect(NamedTuple):
    """``size`` is the adjusted difference, ``z`` signed and as normal as can be, ``p`` one-sided in its direction."""

    size: float
    z: float
    p: float


NO_EFFECT = Effect(0.0, 0.0, 1.0)


class NullModel:
    """What is expected of outcomes where nothing tried holds; tests indicators against it.

    ``strata`` are dense codes whose means are taken out, ``known`` indicators (n each) that explain something already.
    """

    def __init__(self, outcomes: Outcomes, *, is_by_agent: bool, known: Sequence[NDArray[np.bool_]] = ()) -> None:
        self._question = outcomes.question
        self._batch = _useful_batches(outcomes)
        self._strata = _strata(outcomes.agent) if is_by_agent else np.zeros(len(outcomes), np.int32)
        self._sizes = np.maximum(np.bincount(self._strata), 1)
        self._known: list[Floats] = []  # what is known, without strata: orthonormal
        self._rest = self._centred(outcomes.value)
        counts = np.bincount(self._question)
        self.within, self.between = _variances(self._rest, self._question, counts)
        self._gamma: Floats = np.asarray((self.between / (self.within + counts * self.between))[self._question])
        self._third = _cubes(self._rest) / max(len(outcomes), 1)
        sums: Floats = np.asarray(np.bincount(self._question, self._rest), np.float64)
        several = counts > 1
        shared = sums[several] / counts[several]
        self._third_between = _cubes(shared) / max(len(shared), 1)
        for indicator in known:
            self.learn(indicator)

    def slopes(self) -> Floats:
        """Return numbers for the rows: U of an indicator is their sum where it holds."""
        return self.without_known(self.whitened(self._rest))

    def knowing(self, indicator: NDArray[np.bool_]) -> "NullModel":
        """Return the model to which this is known as well; variances are those from before."""
        more = copy(self)
        more.learn(indicator)
        return more

    def without_known(self, values: Floats) -> Floats:
        """Return P v: without the means of strata and what the known indicators explain."""
        rest = self._centred(values)
        for each in self._known:
            rest -= float(each @ rest) * each
        return rest

    def whitened(self, values: Floats) -> Floats:
        """Return G v, times the variance within a question."""
        return np.asarray(values - self._gamma * np.bincount(self._question, values)[self._question])

    def rough_variance(self, count: NDArray[np.signedinteger[Any]], squares: Floats) -> Floats:
        """Return about the variance of U for indicators of ``count`` rows.

        ``squares`` are the sums over questions of gamma times the squared number of an indicator's rows in it.
        """
        return np.multiply(self.within, np.maximum(count - squares, 1e-12))

    def gamma_of_rows(self) -> Floats:
        """Return each row's share of its question's sum that difficulty explains."""
        return self._gamma

    def test(self, fits: NDArray[np.bool_]) -> Effect:
        """Return the effect of an indicator."""
        plain = self.without_known(fits.astype(np.float64))
        weights = self.without_known(self.whitened(plain))
        scale = float(weights @ plain)
        if scale < 1e-9 * len(fits) or scale < 1e-6:
            return NO_EFFECT
        score = float(weights @ self._rest)
        size = score / scale
        sums: Floats = np.asarray(np.bincount(self._question, weights), np.float64)
        model = self.within * float(weights @ weights) + self.between * float(sums @ sums)
        if model <= 0:
            return NO_EFFECT
        z = abs(score) / math.sqrt(model)
        sign = math.copysign(1.0, score)
        skew_rows = sign * self._third * _cubes(weights) / model**1.5
        skew_questions = sign * self._third_between * _cubes(sums) / model**1.5
        zs = [unskewed(z, skew_rows), unskewed(z, skew_questions) if self.between > 0 else z]
        contributions = weights * (self._rest - size * plain)
        clusterings = [self._question] if self._batch is None else [self._question, self._batch]
        zs += [_robust(score, contributions, clusters, fits) for clusters in clusterings]
        least = max(min(zs), 0.0)
        return Effect(size, sign * least, upper_tail(least))

    def _centred(self, values: Floats) -> Floats:
        return np.asarray(values - (np.bincount(self._strata, values) / self._sizes)[self._strata])

    def learn(self, indicator: NDArray[np.bool_]) -> None:
        """Know one more indicator."""
        column = self.without_known(indicator.astype(np.float64))
        length = math.sqrt(float(column @ column))
        if length < _NOTHING * math.sqrt(len(column)):
            return
        column /= length
        self._known = [*self._known, column]
        self._rest = self._rest - float(column @ self._rest) * column


def unskewed(z: float, skew: float) -> float:
    """Return the normal deviate whose upper tail is that of a standardised gamma with this skewness at ``z``.

    >>> round(unskewed(5.13, 0.923), 1)  # 6 of 20 where 1 in 20 is usual: exactly 3.4e-4, not 1.5e-7
    3.4
    """
    if abs(skew) < 1e-6:
        return z
    base = 1.0 + skew * z / 2.0
    if base <= 0:  # beyond the end of a gamma that has one
        return z
    return float(6.0 / skew * (base ** (1 / 3) - 1.0) + skew / 6.0)


def as_normal(t: float, degrees: float) -> float:
    """Return the normal deviate with about the same tail as Student's ``t`` (Wallace 1959)."""
    return (8 * degrees + 1) / (8 * degrees + 3) * math.sqrt(degrees * math.log1p(t * t / degrees))


def upper_tail(z: float) -> float:
    """Return the chance that a standard normal exceeds ``z``."""
    return 0.5 * math.erfc(z / math.sqrt(2.0))


def _robust(score: float, contributions: Floats, clusters: Codes, fits: NDArray[np.bool_]) -> float:
    """Return z by the variance of what clusters contribute, as far as those that fit can tell it."""
    held = int(np.count_nonzero(np.bincount(clusters[fits])))
    if held < 2:
        return 0.0
    sums = np.bincount(clusters, contributions)
    variance = float(sums @ sums) * held / (held - 1)
    if variance <= 0:
        return math.inf
    return as_normal(abs(score) / math.sqrt(variance), held - 1)


def _cubes(values: Floats) -> float:
    return float((values * values) @ values)


def _strata(agent: Codes) -> Codes:
    counts = np.bincount(agent)
    numbers = np.where(counts >= _STRATUM_MIN, np.arange(1, len(counts) + 1), 0)
    renumbered = np.cumsum(np.bincount(numbers) > 0) - 1
    return np.asarray(renumbered[numbers][agent], np.int32)


def _useful_batches(outcomes: Outcomes) -> Codes | None:
    if outcomes.batch is None or int(outcomes.batch.max(initial=0)) + 1 < _BATCHES_MIN:
        return None
    return outcomes.batch


def _variances(rest: Floats, question: Codes, counts: NDArray[np.int64]) -> tuple[float, float]:
    """Return the variance within questions and of their effects (moments over pairs of one question's rows)."""
    total = float(np.mean(rest * rest))
    pairs = float(counts @ (counts - 1))
    if pairs < 1:
        return total, 0.0
    sums = np.bincount(question, rest)
    between = (float(sums @ sums) - float(rest @ rest)) / pairs
    between = min(max(between, 0.0), 0.98 * total)
    return total - between, between
