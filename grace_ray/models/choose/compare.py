"""Verdicts that hold whenever one looks: which of two candidates earns more, by confidence sequences.

Unlike a fixed-sample interval, a confidence sequence covers the truth at all times at once, so that one may look after
every reward and stop at will. All that is needed are sums, which add up across sites.

* In one stratum, the empirical Bernstein sequence of Howard, Ramdas, McAuliffe and Sekhon (2021), "Time-uniform,
  nonparametric, nonasymptotic confidence sequences", theorem 4 with their polynomial stitched boundary (eta 2, s 1.4),
  and their two-sided normal mixture, each at half the risk, whichever is narrower.
* Over several strata (cells, so that a candidate mostly tried where it is easy gains nothing by it), the difference is
  the mean of the strata's differences by their precision; the vector-valued mixture of Abbasi-Yadkori, Pál and
  Szepesvári (2011), "Improved algorithms for linear stochastic bandits", theorem 1, bounds every such combination.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from grace_ray.core.errors import InvalidInput

_ETA, _S = 2.0, 1.4
_ZETA = 3.105547  # Riemann's zeta at 1.4
_MIXTURE_AT = 50.0  # rewards at which the normal mixture is narrowest, about


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Rewards of one candidate in one stratum: ``count``, ``total``, and ``spread``.

    ``spread`` is the sum of squared differences between each reward and what was expected of it before it came.
    """

    count: float
    total: float
    spread: float

    @property
    def mean(self) -> float:
        """The mean reward, 0 where there is none."""
        return self.total / self.count if self.count else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Which of two earns more, as far as can be told now.

    ``better`` is one of the two ids, or empty while the interval of ``difference`` (first minus second) holds 0.
    ``level`` is the chance that the interval holds at all times; ``samples`` are the rewards of both.
    """

    better: str
    difference: float
    lower: float
    upper: float
    level: float
    samples: tuple[int, int]


def compare_tallies(
    names: tuple[str, str],
    strata: Sequence[tuple[Tally, Tally]],
    *,
    level: float = 0.95,
    bounds: tuple[float, float] = (-1.0, 1.0),
) -> Verdict:
    """A verdict on two candidates with rewards within ``bounds``, from the tallies of both in each stratum."""
    if not 0 < level < 1:
        raise InvalidInput("The level of a verdict is between 0 and 1.", "level")
    width = bounds[1] - bounds[0]
    if not (math.isfinite(width) and width > 0):
        raise InvalidInput("The bounds of a reward are two finite numbers, the lower first.", "bounds")
    both = [pair for pair in strata if pair[0].count > 0 and pair[1].count > 0]
    samples = (int(sum(a.count for a, _ in strata)), int(sum(b.count for _, b in strata)))
    difference, half = _difference(both, 1.0 - level, width)
    lower, upper = max(difference - half, -width), min(difference + half, width)
    better = names[0] if lower > 0 else names[1] if upper < 0 else ""
    return Verdict(better=better, difference=difference, lower=lower, upper=upper, level=level, samples=samples)


def _difference(strata: Sequence[tuple[Tally, Tally]], risk: float, width: float) -> tuple[float, float]:
    """The difference of the means and how far it may be off."""
    if not strata:
        return 0.0, math.inf
    if len(strata) == 1:
        a, b = strata[0]
        return a.mean - b.mean, radius(a, risk / 2, width) + radius(b, risk / 2, width)
    precision = [1.0 / (1.0 / a.count + 1.0 / b.count) for a, b in strata]
    total = sum(precision)
    shares = [one / total for one in precision]
    difference = sum(share * (a.mean - b.mean) for share, (a, b) in zip(shares, strata, strict=True))
    terms = [(share / t.count, t.count) for share, pair in zip(shares, strata, strict=True) for t in pair]
    return difference, mixture_radius(terms, risk, width)


def radius(tally: Tally, risk: float, width: float) -> float:
    """How far the mean of a tally may be off, at any time, but with probability ``risk``; rewards span ``width``."""
    bernstein = stitched_boundary(tally.spread, risk / 4, width) / tally.count
    return min(bernstein, mixture_radius([(1.0 / tally.count, tally.count)], risk / 2, width))


def stitched_boundary(spread: float, risk: float, width: float) -> float:
    """Howard et al.'s polynomial stitched boundary, one-sided: what a sum of errors stays below at all times."""
    scaled = max(spread / (width * width), 1.0)
    log = _S * math.log(math.log(_ETA * scaled)) + math.log(_ZETA / (risk * math.log(_ETA) ** _S))
    first = (math.pow(_ETA, 0.25) + math.pow(_ETA, -0.25)) / math.sqrt(2.0)
    second = (math.sqrt(_ETA) + 1.0) / 2.0
    return width * (first * math.sqrt(scaled * log) + second * log)


def mixture_radius(terms: Sequence[tuple[float, float]], risk: float, width: float) -> float:
    """What |sum of factor x sum of errors| stays below, two-sided, at all times and for any factors.

    ``terms`` are (factor, count). An error of a reward within ``width`` is sub-Gaussian with variance width^2 / 4.
    """
    variance = width * width / 4.0
    prior = _MIXTURE_AT * variance / len(terms)
    length = math.sqrt(math.fsum(factor * factor * (count * variance + prior) for factor, count in terms))
    growth = sum(math.log1p(count * variance / prior) for _, count in terms)
    return length * math.sqrt(growth + 2.0 * math.log(1.0 / risk))
