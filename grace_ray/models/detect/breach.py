"""Early warning: how likely a series crosses its threshold within each horizon, from path maxima and trend."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from grace_ray.core.errors import InvalidInput
from grace_ray.models.detect.trend import Trend, trend_of

_LONGEST_HISTORY = 2016
_TREND_WINDOW = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """The outlook of one series against one threshold.

    ``probabilities``: horizon in steps -> probability in 0..1 that the threshold is passed within it, not falling with
    the horizon. ``steps_to_breach``: when the trend gets there (0: it is beyond it now; None: it does not).
    ``predicted``: the expected extreme within the longest horizon. ``trend_per_step``: the robust slope.
    ``confidence`` 0..1: how much history speaks.
    """

    probabilities: Mapping[int, float]
    steps_to_breach: float | None
    predicted: float
    trend_per_step: float
    confidence: float


def breach_probability(
    values: np.ndarray,
    *,
    threshold: float,
    is_higher_worse: bool,
    horizons: Sequence[int],
    step_s: float,
) -> Breach:
    """How likely the path of ``values`` (regular steps of ``step_s`` seconds, NaN gaps) passes ``threshold``.

    >>> import numpy as np
    >>> ramp = np.concatenate([np.sin(np.arange(200.0)), np.arange(30.0) * 0.5])
    >>> out = breach_probability(ramp, threshold=17.0, is_higher_worse=True, horizons=[3, 12], step_s=300.0)
    >>> out.probabilities[12] > 0.5 > out.probabilities[3]
    True
    """
    _check(threshold, horizons, step_s)
    sign = 1.0 if is_higher_worse else -1.0
    path = sign * np.asarray(values, dtype=float)[-_LONGEST_HISTORY:]
    path = np.where(np.isfinite(path), path, np.nan)
    seen = path[np.isfinite(path)]
    if seen.size == 0:
        return Breach(
            probabilities=dict.fromkeys(horizons, 0.0),
            steps_to_breach=None,
            predicted=0.0,
            trend_per_step=0.0,
            confidence=0.0,
        )
    slope = trend_of(path[-_TREND_WINDOW:])
    probabilities = _probabilities(path, seen, sign * threshold, slope, sorted(set(horizons)))
    longest = max(horizons)
    level = float(seen[-1])
    drift = slope.slope if slope.p_value < 0.05 else 0.0
    return Breach(
        probabilities={h: probabilities[h] for h in horizons},
        steps_to_breach=_steps(level, sign * threshold, drift),
        predicted=sign * (max(level, level + drift * longest)),
        trend_per_step=sign * slope.slope,
        confidence=seen.size / (seen.size + 100),
    )


def _check(threshold: float, horizons: Sequence[int], step_s: float) -> None:
    if not math.isfinite(threshold):
        raise InvalidInput(f"The threshold must be a finite number, not {threshold}.", "threshold")
    if not horizons or min(horizons) < 1:
        raise InvalidInput("The horizons must be one or more numbers of steps from 1 up.", "horizons")
    if not (math.isfinite(step_s) and step_s > 0):
        raise InvalidInput(f"step_s must be a positive number of seconds, not {step_s}.", "step_s")


def _steps(level: float, threshold: float, slope: float) -> float | None:
    if level >= threshold:
        return 0.0
    steps = (threshold - level) / slope if slope > 0 else math.inf
    return steps if math.isfinite(steps) else None


def _probabilities(
    path: np.ndarray, seen: np.ndarray, threshold: float, slope: Trend, horizons: Sequence[int]
) -> dict[int, float]:
    """For each horizon the share of past rises from a point to the maximum after it that would pass the threshold."""
    level = float(seen[-1])
    if level >= threshold:
        return dict.fromkeys(horizons, 1.0)
    drift = max(0.0, slope.slope) if slope.p_value < 0.05 else 0.0
    probabilities, least = {}, 0.0
    for horizon in horizons:
        needed = threshold - level - drift * horizon
        least = max(least, _share_of_rises(path, horizon, needed))
        probabilities[horizon] = least
    return probabilities


def _share_of_rises(path: np.ndarray, horizon: int, needed: float) -> float:
    if path.size <= horizon:
        return 0.5 if needed <= 0 else 0.0
    filled = np.where(np.isfinite(path), path, -np.inf)
    ahead = np.lib.stride_tricks.sliding_window_view(filled[1:], horizon).max(axis=1)
    start = path[: ahead.size]
    known = np.isfinite(start) & np.isfinite(ahead)
    above = float((ahead[known] - start[known] >= needed).sum())
    return (above + 0.5) / (float(known.sum()) + 1.0) if needed > 0 else 1.0 - 0.5 / (float(known.sum()) + 1.0)
