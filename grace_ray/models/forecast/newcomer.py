"""Naive for a metric that is new: the last value goes on, within bands from what few steps it took.

Why: with a handful of points no model can be judged. Steps are pooled with one pretended step of 1% of the value, so
that two equal points do not promise a constant. Source: the random walk's growth with the root of the horizon
(Hyndman and Athanasopoulos, Forecasting, 5.5); the pretended step is a weak prior.
"""

from statistics import NormalDist

import numpy as np

from grace_ray.models.forecast.base import LARGEST, LEVELS, Floats, without_gaps

_Z = np.array([NormalDist().inv_cdf(level) for level in LEVELS])


def newcomer_quantiles(values: Floats, horizon: int) -> Floats:
    """Quantiles (horizon, level) of one series with at least one finite value."""
    filled = without_gaps(values)
    largest = max(float(np.abs(filled).max()), float(np.finfo(float).tiny))
    scaled = filled / largest
    steps = np.append(np.abs(np.diff(scaled)), 0.01 * abs(scaled[-1]))
    sigma = float(np.sqrt((steps**2).mean()))
    reach = np.sqrt(np.arange(1, horizon + 1))
    with np.errstate(over="ignore"):
        quantiles = largest * (scaled[-1] + sigma * reach[:, None] * _Z)
    return np.asarray(np.clip(quantiles, -LARGEST, LARGEST))
