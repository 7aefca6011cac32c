"""Whether success has changed since a cycle, looked at after every outcome.

An e-process: the likelihood of the difference under a normal mixture against none (Robbins 1970). However often one
looks, without a change it ever reaches 1/a with chance a at most (Ville's inequality). Outcomes that depend on each
other count as fewer, by the inflation that the cycle has measured.
"""

import math
from collections.abc import Mapping

DRIFT_ODDS = 1000.0
"""What says that success has changed: wrong once in so many cycles."""

_COUNT_MIN = 30.0
_PRECISION = 20.0  # of the changes looked for: by a ninth, in standard deviations of 0.5
_VARIANCE_MIN = 0.01


def drift_odds(base: Mapping[str, float], count: float, total: float) -> float:
    """Return the odds that the mean of ``count`` outcomes that sum to ``total`` is not that of ``base``.

    ``base`` is {count, mean, inflation}; 0 where there is too little of either.

    >>> base = {"count": 1000.0, "mean": 0.6, "inflation": 1.5}
    >>> drift_odds(base, 100, 60) < 1 < DRIFT_ODDS < drift_odds(base, 100, 25)
    True
    """
    inflation = max(base.get("inflation", 1.0), 1.0)
    before, since = base.get("count", 0.0) / inflation, count / inflation
    if min(base.get("count", 0.0), count) < _COUNT_MIN:
        return 0.0
    mean, now = base["mean"], total / count
    pooled = (mean * before + now * since) / (before + since)
    variance = max(pooled * (1.0 - pooled), _VARIANCE_MIN)
    size = before * since / (before + since)
    exponent = (size * (now - mean)) ** 2 / (2.0 * variance * (size + _PRECISION))
    return math.sqrt(_PRECISION / (size + _PRECISION)) * math.exp(min(exponent, 500.0))
