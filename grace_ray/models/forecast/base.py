"""What every forecasting algorithm shares: the quantile levels, the protocols, and values made safe to compute with.

Algorithms work on *windows*: a batch of series of one length, (series, steps), oldest first, finite and scaled by
`Windows`, so that none of them thinks of units, gaps or overflow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVELS: tuple[float, ...] = (0.025, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.975)
MEDIAN = LEVELS.index(0.5)
HORIZON = 12
LARGEST = 1e307
_FLAT = 1e-9
_USUAL = 0.98
_GLITCH = 100.0
_NEW = 24


class PathModel(Protocol):
    """Point forecasts from every step of a window at once: the cheap kind, its bands are its own past errors.

    Causal: the forecast made at step t reads no value after t.
    """

    name: str
    reads: dict[str, float]

    def paths(self, values: Floats, horizon: int) -> Floats:
        """Forecasts (series, steps, horizon), or (series, steps, 1) where the horizon makes no difference."""
        ...


class QuantileModel(Protocol):
    """Quantiles from the end of each window: the kind that says itself how uncertain it is.

    `phase` (series,) is the index within the day, 0 to 287, of the first step ahead, NaN where it is not known.
    """

    name: str

    def quantiles(self, values: Floats, horizon: int, phase: Floats | None = None) -> Floats:
        """Quantiles (series, horizon, level) at LEVELS, none crossing, of finite windows (series, steps)."""
        ...

    def explain(self, values: Floats, horizon: int, phase: Floats | None = None) -> list[dict[str, float]]:
        """For each series: which inputs and parts of the past mattered, summing to 1."""
        ...


TrainedModel = QuantileModel


_PARTS = (("last value", 1), ("last 30 min", 6), ("last 2 h", 24), ("last 8 h", 96), ("last day", 288))


def reads_of(lag_weights: NDArray[np.floating[Any]]) -> dict[str, float]:
    """Which part of the past matters how much, from the weight of each lag (the last value first); sums to 1."""
    size = np.abs(lag_weights)
    total = float(size.sum())
    shares, start = {}, 0
    for name, end in _PARTS:
        share = float(size[start:end].sum()) / total if total > 0 else 0.0
        if share > 0:
            shares[name] = share
        start = end
    return shares


@dataclass(frozen=True, slots=True)
class Windows:
    """Series of one length without gaps, in units of their own typical step: `values` = (raw - centre) / scale."""

    values: Floats
    centre: Floats
    scale: Floats

    def raw(self, scaled: Floats) -> Floats:
        """Scaled results (series, ...) back in the metric's unit, never infinite."""
        shape = (-1,) + (1,) * (scaled.ndim - 1)
        with np.errstate(over="ignore"):
            back = self.centre.reshape(shape) + self.scale.reshape(shape) * scaled
        return np.clip(back, -LARGEST, LARGEST)


def windows_of(series: Sequence[Floats]) -> Windows:
    """Equally long series made finite, centred on their last value and scaled by their mean absolute step.

    The mean absolute step is what naive forecasts err by (Hyndman and Koehler 2006), so errors of different metrics can
    be compared. A constant series keeps scale 0: whatever a model says, its forecast is the constant.
    """
    values = np.stack([without_gaps(one) for one in series])
    largest = np.maximum(np.abs(values).max(axis=1), np.finfo(float).tiny)
    # Dividing by the largest first keeps sums and squares of 1e300 in range.
    values = without_glitches(values / largest[:, None])
    centre = values[:, -1]
    step = np.abs(np.diff(values, axis=1)).mean(axis=1) if values.shape[1] > 1 else np.zeros(len(values))
    flat = step <= _FLAT
    scaled = (values - centre[:, None]) / np.where(flat, 1.0, step)[:, None]
    scaled[flat] = 0.0
    return Windows(scaled, centre * largest, np.where(flat, 0.0, step) * largest)


def without_glitches(values: Floats) -> Floats:
    """Windows (series, steps) with what lies a hundred times further out than all but one in fifty moved in to there.

    One wrong reading in a day (a counter that wrapped) would otherwise be the scale of everything else. The last two
    hours are left as they are: what has just begun may be no glitch.
    """
    middle = np.median(values, axis=1, keepdims=True)
    far = np.quantile(np.abs(values - middle), _USUAL, axis=1, keepdims=True)
    bound = np.where(far > 0, _GLITCH * far, np.inf)
    kept = values.copy()
    old = slice(0, max(0, values.shape[1] - _NEW))
    kept[:, old] = np.clip(values[:, old], middle - bound, middle + bound)
    return kept


def without_gaps(values: Floats) -> Floats:
    """The series with NaN and infinities replaced by the last value before them (at the start: the first after)."""
    values = np.asarray(values, dtype=float)
    known = np.isfinite(values)
    if known.all():
        return np.clip(values, -LARGEST, LARGEST)
    if not known.any():
        return np.zeros_like(values)
    last = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    return np.clip(values[np.where(last < 0, int(known.argmax()), last)], -LARGEST, LARGEST)
