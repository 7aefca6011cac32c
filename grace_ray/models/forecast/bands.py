"""Empirical bands: a path model's quantiles are its forecast plus the quantiles of its own past errors.

Why: operations metrics spike, so Gaussian bands are far too wide in the middle and too short at the ends. No shape is
assumed, each horizon has its own errors. Source: Williams and Goodman 1971; the plotting position is Hazen's.
"""

import numpy as np

from grace_ray.models.forecast.base import LEVELS, Floats

_BURN_IN = 12


def error_quantiles(values: Floats, paths: Floats, horizon: int) -> Floats:
    """Quantiles (series, horizon, level) of x[t + h] - forecast[t, h] over a window, its first steps left out.

    A horizon longer than the window allows takes the errors of the longest one that it does.
    """
    steps = values.shape[1]
    result = np.zeros((len(values), horizon, len(LEVELS)))
    start = min(_BURN_IN, steps // 4)
    for h in range(1, horizon + 1):
        reach = min(h, steps - 1 - start)
        if reach < 1:
            continue
        path = paths[:, start : steps - reach, min(h, paths.shape[2]) - 1]
        result[:, h - 1] = quantiles_of(values[:, start + reach :] - path)
    return result


def quantiles_of(sample: Floats, levels: tuple[float, ...] = LEVELS) -> Floats:
    """Quantiles (series, level) of samples (series, size), by Hazen's positions (i - 1/2) / n."""
    ordered = np.sort(sample.astype(np.float32), axis=1)  # twice as fast, and 1e-7 of a step is near enough
    size = sample.shape[1]
    at = np.clip(np.array(levels) * size - 0.5, 0, size - 1)
    below = np.floor(at).astype(int)
    above = np.minimum(below + 1, size - 1)
    part = at - below
    return np.asarray(ordered[:, below] * (1 - part) + ordered[:, above] * part, dtype=float)
