"""Exponential smoothing: the level is an average in which each older value weighs a factor 1 - alpha less.

Why: hard to beat on operations metrics, whose level wanders and whose noise is heavy-tailed. alpha 1 is the naive
forecast, a small alpha a long average. Source: Brown 1956; Gardner 2006.
"""

from functools import lru_cache

import numpy as np

from grace_ray.models.forecast.base import Floats, reads_of


class Smoothing:
    """Flat forecasts at the smoothed level.

    >>> Smoothing(0.5).paths(np.array([[0.0, 4.0, 4.0]]), 12)[0, :, 0].tolist()
    [0.0, 2.0, 3.0]
    """

    def __init__(self, alpha: float) -> None:
        self.alpha = alpha
        self.name = "naive" if alpha == 1.0 else f"smoothing-{alpha:g}"
        self.reads = reads_of(alpha * (1 - alpha) ** np.arange(288))

    def paths(self, values: Floats, horizon: int) -> Floats:
        """Levels after each step, (series, steps, 1); the horizon makes no difference."""
        return smoothed(values, self.alpha)[:, :, None]


def smoothed(values: Floats, alpha: float) -> Floats:
    """Smoothed levels of windows (series, steps), starting at the first value."""
    if alpha == 1.0:
        return values
    return np.asarray(values @ smoothing_weights(values.shape[1], alpha))


@lru_cache(maxsize=64)
def smoothing_weights(steps: int, alpha: float) -> Floats:
    """(value, level): the recursion written out, so that a batch is one matrix product."""
    age = np.arange(steps)[None, :] - np.arange(steps)[:, None]
    weights = np.where(age >= 0, alpha * (1 - alpha) ** np.maximum(age, 0), 0.0)
    weights[0] = (1 - alpha) ** np.arange(steps)
    return weights
