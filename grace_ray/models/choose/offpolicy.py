"""What another policy would have earned, from a log of choices made by this one: IPS, SNIPS, DM, DR, SNDR.

Arrays, one entry a logged choice: ``reward`` (n,), ``target`` (n,) the probability with which the policy that is judged
would have made the logged choice, ``logged`` (n,) the one with which it was made. The direct methods also need a reward
model: ``predicted`` (n,) what it expects of the logged choice, and ``baseline`` (n,) what it expects of the policy that
is judged, sum_a target(a | x) q(x, a).

* IPS: Horvitz and Thompson (1952), "A generalization of sampling without replacement from a finite universe".
* SNIPS: Swaminathan and Joachims (2015), "The self-normalized estimator for counterfactual learning".
* DM, DR: Dudík, Langford and Li (2011), "Doubly robust policy evaluation and learning".
* SNDR: Thomas and Brunskill (2016), "Data-efficient off-policy policy evaluation" (the weighted doubly robust one).
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from grace_ray.core.errors import InvalidInput

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value with its interval.

    ``method`` made the value; ``level`` is how often the limits should hold.
    ``effective_samples`` is (sum w)^2 / sum w^2 of the importance weights: how many choices really speak for it.
    """

    method: str
    value: float
    lower: float
    upper: float
    level: float
    samples: int
    effective_samples: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The arrays that an estimate needs, checked; ``predicted`` and ``baseline`` are zero without a reward model."""

    reward: Floats
    target: Floats
    logged: Floats
    predicted: Floats
    baseline: Floats

    @classmethod
    def of(
        cls,
        reward: Floats,
        target: Floats,
        logged: Floats,
        predicted: Floats | None = None,
        baseline: Floats | None = None,
    ) -> "Log":
        """Check and keep the arrays; InvalidInput names the one at fault."""
        reward = np.asarray(reward, dtype=np.float64)
        nothing = np.zeros_like(reward)
        given = {
            "reward": reward,
            "target": np.asarray(target, dtype=np.float64),
            "logged": np.asarray(logged, dtype=np.float64),
            "predicted": nothing if predicted is None else np.asarray(predicted, dtype=np.float64),
            "baseline": nothing if baseline is None else np.asarray(baseline, dtype=np.float64),
        }
        for name, array in given.items():
            if array.ndim != 1 or len(array) != len(reward) or not len(array):
                raise InvalidInput(f"{name} must have one entry for every logged choice.", name)
            if not np.isfinite(array).all():
                raise InvalidInput(f"{name} has an entry that is not a finite number.", name)
        if (given["logged"] <= 0).any() or (given["logged"] > 1).any():
            raise InvalidInput("A choice must have been logged with a probability above 0, at most 1.", "logged")
        if (given["target"] < 0).any() or (given["target"] > 1 + 1e-9).any():
            raise InvalidInput("A probability of the policy to judge is not between 0 and 1.", "target")
        return cls(**given)

    @property
    def weight(self) -> Floats:
        """Importance weights (n,)."""
        return self.target / self.logged


def ips(log: Log) -> float:
    """Inverse propensity score: mean of w r. Unbiased; wild where weights are large."""
    return float(np.mean(log.weight * log.reward))


def snips(log: Log) -> float:
    """Self-normalised: sum w r / sum w. Steadier, slightly biased; 0 where no logged choice is one of the target's."""
    total = log.weight.sum()
    return float((log.weight * log.reward).sum() / total) if total > 0 else 0.0


def direct(log: Log) -> float:
    """Direct method: mean of what the reward model expects of the target. As good as the model."""
    return float(np.mean(log.baseline))


def doubly_robust(log: Log) -> float:
    """Direct method, corrected by the weighted errors of the model: right if either model or propensities are."""
    return float(np.mean(log.baseline + log.weight * (log.reward - log.predicted)))


def self_normalised_dr(log: Log) -> float:
    """Doubly robust with self-normalised weights."""
    total = log.weight.sum()
    correction = (log.weight * (log.reward - log.predicted)).sum() / total if total > 0 else 0.0
    return float(np.mean(log.baseline) + correction)


ESTIMATORS = {
    "ips": ips,
    "snips": snips,
    "dm": direct,
    "dr": doubly_robust,
    "sndr": self_normalised_dr,
}


def effective_samples(weight: Floats) -> float:
    """(sum w)^2 / sum w^2, 0 where all weights are 0."""
    squares = float((weight**2).sum())
    return float(weight.sum() ** 2 / squares) if squares > 0 else 0.0


def influence(log: Log, method: str) -> Floats:
    """How much each logged choice (n,) moves the estimate: their mean is about its error, their spread its variance."""
    weight, residual = log.weight, log.reward - log.predicted
    share = weight / max(float(weight.mean()), 1e-300)
    if method == "ips":
        return weight * log.reward - ips(log)
    if method == "snips":
        return share * (log.reward - snips(log))
    if method == "dm":
        return log.baseline - direct(log)
    if method == "dr":
        return log.baseline + weight * residual - doubly_robust(log)
    return log.baseline - direct(log) + share * (residual - float((share * residual).mean()))


def estimate(
    log: Log, method: str = "sndr", *, level: float = 0.95, bounds: tuple[float, float] = (-1.0, 1.0)
) -> Estimate:
    """An estimate by one method, with its interval.

    The spread of the influences gives the standard error, Student's t with the effective samples as degrees of freedom
    the factor; a term after Bernstein's inequality, of the largest influence, is added for heavy weights that a sample
    may have missed. Limits never leave ``bounds``, the least and the most a reward can be; where no logged choice is
    one of the target's, they are the bounds.
    """
    if method not in ESTIMATORS:
        raise InvalidInput(f"There is no estimator {method!r}; there are {', '.join(ESTIMATORS)}.", "method")
    if not 0 < level < 1:
        raise InvalidInput("The level of an interval is between 0 and 1.", "level")
    value, speaking = ESTIMATORS[method](log), effective_samples(log.weight)
    half = _half_width(log, method, speaking, level)
    return Estimate(
        method=method,
        value=value,
        lower=max(value - half, bounds[0]),
        upper=min(value + half, bounds[1]),
        level=level,
        samples=len(log.reward),
        effective_samples=speaking,
    )


def _half_width(log: Log, method: str, speaking: float, level: float) -> float:
    count = len(log.reward)
    if speaking < 2 or count < 2:
        return math.inf
    moves = influence(log, method)
    error = float(moves.std(ddof=1)) / math.sqrt(count)
    unseen = float(np.abs(moves).max()) * math.log(2 / (1 - level)) / (6 * count)
    return student_quantile(level, speaking - 1) * error + unseen


def student_quantile(level: float, freedom: float) -> float:
    """The t beyond which, on both sides together, Student's t has 1 - ``level`` of its weight.

    Hill (1970), "Algorithm 396: Student's t-quantiles"; good to 1e-5 for ``freedom`` above 3, exact at 1 and 2.
    """
    beyond = 1.0 - level
    if freedom <= 1:
        return 1.0 / math.tan(beyond * math.pi / 2)
    if freedom == 2:
        return math.sqrt(2.0 / (beyond * (2.0 - beyond)) - 2.0)
    a = 1.0 / (freedom - 0.5)
    b = 48.0 / a**2
    c = ((20700.0 * a / b - 98.0) * a - 16.0) * a + 96.36
    d = ((94.5 / (b + c) - 3.0) / b + 1.0) * math.sqrt(a * math.pi / 2) * freedom
    y = (d * beyond) ** (2.0 / freedom)
    if y > 0.05 + a:
        x = NormalDist().inv_cdf(beyond / 2)
        y = x * x
        c += 0.3 * (freedom - 4.5) * (x + 0.6) if freedom < 5 else 0.0
        c += (((0.05 * d * x - 5.0) * x - 7.0) * x - 2.0) * x + b
        y = (((((0.4 * y + 6.3) * y + 36.0) * y + 94.5) / c - y - 3.0) / b + 1.0) * x
        y = math.expm1(a * y * y)
    else:
        y = ((1.0 / (((freedom + 6.0) / (freedom * y) - 0.089 * d - 0.822) * (freedom + 2.0) * 3.0)
              + 0.5 / (freedom + 4.0)) * y - 1.0) * (freedom + 1.0) / (freedom + 2.0) + 1.0 / y  # fmt: skip
    return math.sqrt(freedom * y)
