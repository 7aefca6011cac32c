"""Ridge regression on distances from smoothed levels: an autoregression of few numbers.

Why: whether a metric returns to its level, carries on, or stays where it is differs between metrics and is learnt from
the window itself. The inputs are x - level at several alphas, so seven coefficients a horizon take the place of dozens
of lags; the ridge holds them near "stays where it is". Inputs and targets are clipped, as one spike would own the fit.
Source: Hoerl and Kennard 1970; the inputs follow the heterogeneous autoregression of Corsi 2009.
"""

import numpy as np

from grace_ray.models.forecast.base import Floats, reads_of
from grace_ray.models.forecast.smoothing import smoothed

_TINY = 1e-9
_ALPHAS = (0.03, 0.08, 0.2, 0.4, 0.7)


class LevelRegression:
    """x[t + h] - x[t] regressed on x[t] - level_alpha[t], for each horizon h."""

    name = "regression"
    reads = reads_of(np.sum([alpha * (1 - alpha) ** np.arange(288) for alpha in (*_ALPHAS, 1.0)], axis=0))

    def __init__(self, ridge: float = 20.0, clip: float = 4.0) -> None:
        self.ridge = ridge
        self.clip = clip

    def paths(self, values: Floats, horizon: int) -> Floats:
        """Forecasts (series, steps, horizon); the coefficients come from the whole window."""
        inputs = np.stack([values - smoothed(values, alpha) for alpha in _ALPHAS], axis=2)
        clipped = self._clipped(inputs)
        steps = values.shape[1]
        changes = np.zeros((*values.shape, horizon))
        for h in range(1, min(horizon, steps - 1) + 1):
            changes[:, : steps - h, h - 1] = values[:, h:] - values[:, :-h]
        targets = self._clipped(changes)
        fitted = slice(min(8, steps // 4), max(steps - horizon, 1))
        left, right = clipped[:, fitted], targets[:, fitted]
        gram = np.einsum("bti,btj->bij", left, left)
        gram += np.eye(len(_ALPHAS)) * (self.ridge * np.einsum("bii->b", gram) / steps + _TINY)[:, None, None]
        weights = np.linalg.solve(gram, np.einsum("bti,bth->bih", left, right))
        return np.asarray(values[:, :, None] + clipped @ weights)

    def _clipped(self, numbers: Floats) -> Floats:
        """Each column within `clip` times its mean absolute value."""
        bound = self.clip * np.abs(numbers).mean(axis=1, keepdims=True)
        return np.clip(numbers, -bound, bound)
