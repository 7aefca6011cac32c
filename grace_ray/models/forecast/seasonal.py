"""Seasonal naive: what was one period ago comes again, moved by how far the level has gone since.

Why: hourly jobs and daily traffic. It joins the pool only where the window holds the period at least twice (or once and
the horizon, for a day), and stays only where it backtests well.
"""

import numpy as np

from grace_ray.models.forecast.base import Floats, reads_of
from grace_ray.models.forecast.smoothing import smoothed


class SeasonalNaive:
    """x[t + h - period] + `pull` * (level[t] - level[t - period])."""

    def __init__(self, period: int, alpha: float = 0.3, pull: float = 1.0) -> None:
        self.period = period
        self.alpha = alpha
        self.pull = pull
        self.name = f"seasonal-{period}"
        level = reads_of(pull * alpha * (1 - alpha) ** np.arange(288))
        self.reads = {"one season ago": 0.5} | {part: share / 2 for part, share in level.items()}

    def paths(self, values: Floats, horizon: int) -> Floats:
        """Forecasts (series, steps, horizon); before the first whole period, the level."""
        steps = values.shape[1]
        level = smoothed(values, self.alpha)
        result = np.repeat(level[:, :, None], horizon, axis=2)
        start = self.period - 1
        if steps <= start + 1:
            return result
        moved = self.pull * (level[:, self.period :] - level[:, : steps - self.period])
        for h in range(1, horizon + 1):
            first = np.arange(self.period, steps) - (-h) % self.period
            result[:, self.period :, h - 1] = values[:, first] + moved
        return result
