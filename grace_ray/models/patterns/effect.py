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
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from grace_ray.models.patterns.outcomes import Codes, Floats, Outcomes

_STRATUM_MIN = 5  # rows of a stratum of its own; smaller ones are one together
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
        self._basis = self._orthonormal(known)
        self._rest = self.without_known(outcomes.value)
        counts = np.bincount(self._question)
        self.within, self.between = _variances(self._rest, self._question, counts)
        self._gamma: Floats = np.asarray(self.between / (self.within + counts * self.between))[self._question]
        self._third = float(np.mean(self._rest**3))
        sums = np.bincount(self._question, self._rest)
        several = counts > 1
        self._third_between = float(np.mean((sums[several] / counts[several]) ** 3)) if several.any() else 0.0
        self.slopes = self.without_known(self.whitened(self._rest))
        """U of an indicator is the sum of these where it holds."""

    def without_known(self, values: Floats) -> Floats:
        """Return P v: without the means of strata and what the known indicators explain."""
        centred = self._centred(values)
        if self._basis is None:
            return centred
        explained: Floats = self._basis @ (self._basis.T @ centred)
        return np.subtract(centred, explained)

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
        sums = np.bincount(self._question, weights)
        model = self.within * float(weights @ weights) + self.between * float(sums @ sums)
        if model <= 0:
            return NO_EFFECT
        z = abs(score) / math.sqrt(model)
        sign = math.copysign(1.0, score)
        skew_rows = sign * self._third * float(np.sum(weights**3)) / model**1.5
        skew_questions = sign * self._third_between * float(np.sum(sums**3)) / model**1.5
        zs = [unskewed(z, skew_rows), unskewed(z, skew_questions) if self.between > 0 else z]
        contributions = weights * (self._rest - size * plain)
        clusterings = [self._question] if self._batch is None else [self._question, self._batch]
        zs += [_robust(score, contributions, clusters, fits) for clusters in clusterings]
        least = max(min(zs), 0.0)
        return Effect(size, sign * least, upper_tail(least))

    def _centred(self, values: Floats) -> Floats:
        return np.asarray(values - (np.bincount(self._strata, values) / self._sizes)[self._strata])

    def _orthonormal(self, known: Sequence[NDArray[np.bool_]]) -> Floats | None:
        if not known:
            return None
        columns = np.stack([self._centred(each.astype(np.float64)) for each in known], axis=1)
        columns = columns[:, np.linalg.norm(columns, axis=0) > 1e-6]
        q, r = np.linalg.qr(columns)
        return np.asarray(q[:, np.abs(np.diag(r)) > 1e-6])


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
    held = len(np.unique(clusters[fits]))
    if held < 2:
        return 0.0
    sums = np.bincount(clusters, contributions)
    variance = float(sums @ sums) * held / (held - 1)
    if variance <= 0:
        return math.inf
    return as_normal(abs(score) / math.sqrt(variance), held - 1)


def _strata(agent: Codes) -> Codes:
    counts = np.bincount(agent)
    numbers = np.where(counts >= _STRATUM_MIN, np.arange(1, len(counts) + 1), 0)
    return np.unique(numbers[agent], return_inverse=True)[1].astype(np.int32)


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
