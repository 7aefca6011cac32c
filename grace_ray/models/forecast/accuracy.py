"""How good forecasts were: pinball loss, weighted quantile loss, MASE, sMAPE, coverage.

Sources: pinball (Koenker and Bassett 1978), MASE (Hyndman and Koehler 2006), sMAPE (M4: Makridakis et al. 2020),
weighted quantile loss (Salinas et al. 2020, DeepAR).
"""

import numpy as np

from grace_ray.models.forecast.base import LEVELS, Floats

_LEVELS = np.array(LEVELS)
_BANDS = {0.8: (LEVELS.index(0.1), LEVELS.index(0.9)), 0.95: (0, len(LEVELS) - 1)}
INNER = slice(1, len(LEVELS) - 1)


def pinball(actual: Floats, quantiles: Floats, levels: Floats = _LEVELS) -> Floats:
    """Loss max(l * e, (l - 1) * e), e = actual - quantile: (..., level) of actual (...) and quantiles (..., level)."""
    error = np.asarray(actual)[..., None] - quantiles
    return np.asarray(np.maximum(levels * error, (levels - 1) * error))


def weighted_quantile_loss(actual: Floats, quantiles: Floats) -> float:
    """Twice the mean pinball loss over levels 0.1 to 0.9, in the metric's unit (divide by mean |actual| for WQL)."""
    return float(2 * pinball(actual, quantiles)[..., INNER].mean())


def relative_wql(loss: float, naive_loss: float, in_sample_scale: float) -> float:
    """(loss + 5% of scale) / (naive loss + 5% of scale): below 1 beats Naive; the 5% keep quiet series from 0 / 0."""
    floor = 0.05 * in_sample_scale
    return (loss + floor) / (naive_loss + floor) if naive_loss + floor > 0 else 1.0


def mase(actual: Floats, point: Floats, history: Floats, season: int = 1) -> float:
    """Mean |actual - point| over the in-sample mean |x[t] - x[t - season]|.

    Where history is constant: 0 for a right forecast, infinite for a wrong one.
    """
    error = float(np.abs(np.asarray(actual) - point).mean())
    past = np.asarray(history, dtype=float)
    scale = float(np.nanmean(np.abs(past[season:] - past[:-season]))) if len(past) > season else 0.0
    if scale > 0:
        return error / scale
    return 0.0 if error == 0 else float("inf")


def smape(actual: Floats, point: Floats) -> float:
    """Mean of 200 |a - p| / (|a| + |p|), in percent, 0 to 200; 0 where both are 0."""
    total = np.abs(actual) + np.abs(point)
    gap = np.abs(np.asarray(actual) - point)
    return float((200.0 * np.divide(gap, total, out=np.zeros_like(total), where=total > 0)).mean())


def coverage(actual: Floats, quantiles: Floats, band: float) -> float:
    """Share of actual values within the band 0.8 or 0.95, ends included."""
    low, high = _BANDS[band]
    return float(((actual >= quantiles[..., low]) & (actual <= quantiles[..., high])).mean())
