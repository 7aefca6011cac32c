"""Combination by quantile: each level is the weighted mean of the models' values at that level.

Why by quantile: averaging distributions widens them, averaging quantiles keeps their shape (Lichtendahl et al. 2013).
Weights come from the models' losses on the metric's own past, exponentially (Vovk 1990), from a prior that speaks alone
where there was little past to judge by.
"""

import numpy as np

from grace_ray.models.forecast.base import Floats


def weights_of(losses: Floats, prior: Floats, sharpness: float, floor: float = 0.05) -> Floats:
    """Weights (series, model): prior * exp(-sharpness * excess), excess being the mean loss relative to the best."""
    best = losses.min(axis=1, keepdims=True)
    scale = np.maximum(best, floor)
    weights = prior * np.exp(-np.minimum(sharpness * (losses - best) / scale, 700.0))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def combined(weights: Floats, quantiles: Floats) -> Floats:
    """Weighted means of (series, model, ...) over the models, by weights (series, model)."""
    return np.asarray(np.einsum("bm,bm...->b...", weights, quantiles))
