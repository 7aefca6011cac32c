"""Early warning: how likely a series crosses its threshold within each horizon."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from grace_ray.core.errors import InvalidInput
from grace_ray.models.detect.breach_weights import HIDDEN, HIDDEN_BIAS, OUTPUT, OUTPUT_BIAS
from grace_ray.models.detect.evidence import Evidence
from grace_ray.models.detect.trend import trend_of

_LONGEST_HISTORY = 2016
_TREND_WINDOW = 24
_DAY_S = 86_400.0
_LARGEST = 1e300
_CERTAIN = 0.05
_HIDDEN = np.array(HIDDEN)
_HIDDEN_BIAS = np.array(HIDDEN_BIAS)
_OUTPUT = np.array(OUTPUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """The outlook of one series against one threshold.

    ``probabilities``: horizon in steps -> probability in 0..1 that the threshold is passed within it, never falling as
    the horizon grows. ``steps_to_breach``: when the trend gets there (0: the series is beyond it; None: it does not).
    ``predicted``: the expected extreme within the longest horizon, in the series' unit. ``trend_per_step``: the robust
    slope of the last 24 steps. ``confidence`` 0..1: how much history speaks (n / (n + 100) of n values; at 0 the
    rest means nothing).
    """

    probabilities: Mapping[int, float]
    steps_to_breach: float | None
    predicted: float
    trend_per_step: float
    confidence: float


def breach_probability(
    values: np.ndarray, *, threshold: float, is_higher_worse: bool, horizons: Sequence[int], step_s: float
) -> Breach:
    """How likely the path of ``values`` (regular steps of ``step_s`` seconds, NaN gaps, the last is now) passes.

    The maximum of a path is modelled, not its marginal distributions: `Evidence` asks the series' own past how far its
    paths rose from states like this one and along lines like these; a small network (24 inputs, 24 tanh units), fitted
    once on real operations series, upwards and downwards, and on slow ramps injected into them, weighs the answers
    (`bench/breach.py --fit`). The last 2,016 values count. To pass is to be strictly beyond the threshold. A series
    that is beyond it now has the share of such times in its past that were followed by another. Errors: InvalidInput
    for a threshold that is not finite, no horizon or one below 1, a step that is not positive.

    >>> import numpy as np
    >>> ramp = np.concatenate([np.sin(np.arange(300.0)), 1 + np.arange(30.0) * 0.5])
    >>> out = breach_probability(ramp, threshold=18.0, is_higher_worse=True, horizons=[3, 12], step_s=300.0)
    >>> out.probabilities[12] > 0.5 > out.probabilities[3], round(out.steps_to_breach), out.trend_per_step
    (True, 5, 0.5)
    """
    _check(threshold, horizons, step_s)
    sign = 1.0 if is_higher_worse else -1.0
    values = sign * np.asarray(values, dtype=float).ravel()[-_LONGEST_HISTORY:]
    path = _filled(values)
    bound = sign * min(max(threshold, -_LARGEST), _LARGEST)
    if path.size < 2:
        return _unknown(path, bound, sign, horizons)
    day = max(1, round(_DAY_S / step_s))
    evidence = Evidence(path, bound, day)
    ordered = sorted(set(horizons))
    is_beyond = float(path[-1]) > bound
    found = [_stays_beyond(evidence, h) if is_beyond else _network(evidence.row(h)) for h in ordered]
    probabilities = dict(zip(ordered, np.maximum.accumulate(found).tolist(), strict=True))
    recent = trend_of(values[-_TREND_WINDOW:])
    slope = recent.slope if recent.p_value < _CERTAIN else 0.0
    known = int(np.isfinite(values).sum())
    return Breach(
        probabilities={h: probabilities[h] for h in horizons},
        steps_to_breach=0.0 if is_beyond else _steps(bound - recent.level, slope),
        predicted=sign * _expected_extreme(evidence, ordered[-1], recent.level + slope * ordered[-1]),
        trend_per_step=sign * recent.slope,
        confidence=known / (known + 100),
    )


def _check(threshold: float, horizons: Sequence[int], step_s: float) -> None:
    if not math.isfinite(threshold):
        raise InvalidInput(f"The threshold must be a finite number, not {threshold}.", "threshold")
    if not horizons or min(horizons) < 1:
        raise InvalidInput("The horizons must be one or more numbers of steps from 1 up.", "horizons")
    if not (math.isfinite(step_s) and step_s > 0):
        raise InvalidInput(f"step_s must be a positive number of seconds, not {step_s}.", "step_s")


def _filled(values: np.ndarray) -> np.ndarray:
    """The values from the first known one on, gaps filled with the value before."""
    known = np.isfinite(values)
    places = np.maximum.accumulate(np.where(known, np.arange(values.size), -1))
    filled: np.ndarray = np.clip(values[places[places >= 0]], -_LARGEST, _LARGEST)
    return filled


def _unknown(path: np.ndarray, bound: float, sign: float, horizons: Sequence[int]) -> Breach:
    """The outlook of a series with no history: only whether it is beyond the threshold now."""
    is_beyond = bool(path.size) and float(path[-1]) > bound
    return Breach(
        probabilities=dict.fromkeys(horizons, 1.0 if is_beyond else 0.0),
        steps_to_breach=0.0 if is_beyond else None,
        predicted=sign * float(path[-1]) if path.size else 0.0,
        trend_per_step=0.0,
        confidence=0.0,
    )


def _network(row: list[float]) -> float:
    """The probability that the evidence amounts to."""
    score = float(_OUTPUT @ np.tanh(_HIDDEN @ np.array(row) + _HIDDEN_BIAS)) + OUTPUT_BIAS
    return 1.0 / (1.0 + math.exp(-score))


def _stays_beyond(evidence: Evidence, horizon: int) -> float:
    """The share of times beyond the threshold that were followed by another within the horizon; 0.9 without any."""
    ahead = evidence.ahead(horizon)
    beyond = evidence.path[: ahead.size] > evidence.threshold
    again = np.count_nonzero(beyond & (ahead > evidence.threshold))
    return float((again + 1.8) / (np.count_nonzero(beyond) + 2.0))


def _steps(missing: float, slope: float) -> float | None:
    """How many steps a slope takes to rise by what is missing."""
    steps = max(missing, 0.0) / slope if slope > 0 else math.inf
    return steps if math.isfinite(steps) else None


def _expected_extreme(evidence: Evidence, horizon: int, end_of_trend: float) -> float:
    """The present value and the mean rise after times like now, or the end of a significant trend if that is higher."""
    ahead = evidence.ahead(horizon)
    alike = evidence.nearest(ahead.size)
    rise = float((ahead[alike] - evidence.path[alike]).mean())
    expected = (float(evidence.path[-1]) + rise) * evidence.spread + evidence.middle
    return min(max(expected, end_of_trend, -_LARGEST), _LARGEST)
