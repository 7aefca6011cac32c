"""Damped trend: a level and a slope, whose effect fades with the horizon.

Why: ramps (a queue filling, a leak) need a slope, and an undamped one runs away. Level and slope come from smoothing
twice (Brown 1963), the damping is Gardner and McKenzie's (1985).
"""

import numpy as np

from grace_ray.models.forecast.base import Floats, reads_of
from grace_ray.models.forecast.smoothing import smoothed


class DampedTrend:
    """level + slope * (phi + phi^2 + ... + phi^h), from double smoothing with `alpha`."""

    def __init__(self, alpha: float, damping: float = 0.9) -> None:
        self.alpha = alpha
        self.damping = damping
        self.name = f"trend-{alpha:g}"
        self.reads = reads_of(self._lag_weights())

    def _lag_weights(self, middle: int = 6) -> Floats:
        """What each lag adds to the forecast in the middle of the horizon: the recursion fed a single one."""
        return self.paths(np.eye(288)[::-1], middle)[:, -1, -1]

    def paths(self, values: Floats, horizon: int) -> Floats:
        """Forecasts (series, steps, horizon)."""
        once = smoothed(values, self.alpha)
        twice = smoothed(once, self.alpha)
        slope = (once - twice) * (self.alpha / (1 - self.alpha))
        reach = np.cumsum(self.damping ** np.arange(1, horizon + 1))
        return np.asarray((2 * once - twice)[:, :, None] + slope[:, :, None] * reach)
