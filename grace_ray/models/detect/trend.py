"""Monotone trends in a window: Mann-Kendall's test and Theil-Sen's slope."""

import math
from dataclasses import dataclass

import numpy as np

MAX_POINTS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A monotone trend.

    ``slope`` is per step, ``level`` the fitted value at the window's last step, ``z`` Mann-Kendall's normal statistic
    (positive: rising), ``p_value`` two-sided in 0..1, ``tau`` Kendall's rank correlation with time in -1..1,
    ``points`` the finite values used.
    """

    slope: float
    level: float
    z: float
    p_value: float
    tau: float
    points: int


def trend_of(values: np.ndarray) -> Trend:
    """The trend of regular steps with NaN gaps.

    A window of more than 256 finite values is thinned to medians of equal blocks first: the cost is quadratic. Fewer
    than three finite values have no trend (slope 0, p 1). Sources: Mann (1945), Kendall (1975) with the correction of
    the variance for ties; Sen (1968) for the slope.

    >>> import numpy as np
    >>> found = trend_of(np.array([1.0, 2.0, np.nan, 4.0, 5.0, 6.1, 7.0, 8.0]))
    >>> round(found.slope, 2), round(found.level, 2), found.p_value < 0.01
    (1.0, 8.0, True)
    >>> trend_of(np.array([3.0, 3.0, 3.0, 3.0])).p_value
    1.0
    """
    values = np.asarray(values, dtype=float)
    steps = np.flatnonzero(np.isfinite(values)).astype(float)
    last = float(values.size - 1)
    kept = values[np.isfinite(values)]
    if kept.size < 3:
        return Trend(slope=0.0, level=_middle(kept), z=0.0, p_value=1.0, tau=0.0, points=kept.size)
    scale = float(np.max(np.abs(kept))) or 1.0
    steps, thinned = _thinned(steps, kept / scale)
    slopes, signs = _pairs(steps, thinned)
    slope = float(np.median(slopes))
    level = float(np.median(thinned + slope * (last - steps)))
    z, p_value, tau = _kendall(thinned, signs)
    return Trend(
        slope=_bounded(slope, scale), level=_bounded(level, scale), z=z, p_value=p_value, tau=tau, points=kept.size
    )


def _bounded(value: float, scale: float) -> float:
    """The product, at most the largest float."""
    largest = float(np.finfo(float).max)
    return min(max(value * scale, -largest), largest)


def _middle(values: np.ndarray) -> float:
    """The median of none to two values."""
    return float(np.median(values)) if values.size else 0.0


def _thinned(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most MAX_POINTS of them: medians of blocks of equal size, the newest block complete."""
    if values.size <= MAX_POINTS:
        return steps, values
    block = -(-values.size // MAX_POINTS)
    start = values.size % block
    return (np.median(steps[start:].reshape(-1, block), axis=1), np.median(values[start:].reshape(-1, block), axis=1))


def _pairs(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, float]:
    """The slopes between all pairs, and the sum of the signs of their differences (Mann-Kendall's S)."""
    earlier, later = np.triu_indices(values.size, k=1)
    rises = values[later] - values[earlier]
    return rises / (steps[later] - steps[earlier]), float(np.sign(rises).sum())


def _kendall(values: np.ndarray, signs: float) -> tuple[float, float, float]:
    """z, two-sided p and tau of Mann-Kendall's S."""
    n = values.size
    ties = np.unique(values, return_counts=True)[1].astype(float)
    variance = (n * (n - 1) * (2 * n + 5) - float((ties * (ties - 1) * (2 * ties + 5)).sum())) / 18
    z = (signs - math.copysign(1.0, signs)) / math.sqrt(variance) if variance > 0 and signs else 0.0
    return z, math.erfc(abs(z) / math.sqrt(2)), 2 * signs / (n * (n - 1))
