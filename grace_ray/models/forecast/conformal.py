"""Conformal widths: bands stretched or drawn in until the metric's own past fell within them as often as promised.

Why: a band is only worth its promise. Each pair of levels around the median has one factor; it is the quantile, at the
pair's promise, of how far past values lay out in units of the band, drawn towards 1 as far as there was little to learn
from. Source: split conformal prediction (Vovk, Gammerman and Shafer 2005), scaled scores (Romano et al. 2019).
"""

import numpy as np

from grace_ray.models.forecast.base import LEVELS, MEDIAN, Floats

_PAIRS = tuple((MEDIAN - step, MEDIAN + step) for step in range(1, MEDIAN + 1))
_TRUST = 960.0
_LEAST, _MOST = 0.5, 2.0
_TINY = 1e-9
_SHORT = 15.0
_DAY = 288


def widths(past: Floats, actual: Floats) -> Floats:
    """Factors (series, level) from `past` (series, origin, horizon, level) and what then came, `actual`."""
    count = actual.shape[1] * actual.shape[2]
    factors = np.ones((len(actual), len(LEVELS)))
    if count == 0:
        return factors
    median = past[..., MEDIAN]
    error = (actual - median).reshape(len(actual), count)
    for low, high in _PAIRS:
        above = (past[..., high] - median).reshape(error.shape) + _TINY
        below = (median - past[..., low]).reshape(error.shape) + _TINY
        outness = np.where(error >= 0, error / above, -error / below)
        promise = LEVELS[high] - LEVELS[low]
        found = np.quantile(outness, min(1.0, promise * (1 + 1 / count)), axis=1)
        shrunk = np.clip(found, _LEAST, _MOST) ** (count / (count + _TRUST))
        factors[:, low] = factors[:, high] = shrunk
    return factors


def short_history(steps: int) -> float:
    """How much wider bands must be that were learnt from less than a day: a few past errors miss the rare ones."""
    return 1.0 + max(0.0, _SHORT / steps - _SHORT / _DAY)


def stretched(quantiles: Floats, factors: Floats) -> Floats:
    """Quantiles (series, horizon, level) with each band stretched by its factor (series, level), none crossing."""
    median = quantiles[..., MEDIAN : MEDIAN + 1]
    wide = median + (quantiles - median) * factors[:, None, :]
    above = np.maximum.accumulate(wide[..., MEDIAN:], axis=-1)
    below = np.minimum.accumulate(wide[..., MEDIAN::-1], axis=-1)[..., ::-1]
    return np.concatenate([below[..., :-1], above], axis=-1)
