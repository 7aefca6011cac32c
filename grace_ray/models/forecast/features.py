"""What the pretrained network sees of a window: numbers about its recent values, its day, its spread and its habits.

All on the network's scale (scaling.py), so that a metric's unit makes no difference.
"""

import numpy as np

from grace_ray.models.forecast.bands import quantiles_of
from grace_ray.models.forecast.base import LEVELS, Floats
from grace_ray.models.forecast.scaling import FULL, LAST_HOUR, Scaled
from grace_ray.models.forecast.smoothing import smoothing_weights

_RECENT = 48
_BLOCK = 6
_DAY_BEFORE = 18
_ALPHAS = (0.03, 0.08, 0.2, 0.5)
_CHANGES = (1, 6, 12)
_LAGS = (1, 2, 3, 6, 12, 24)
_FIVE = (0.1, 0.3, 0.5, 0.7, 0.9)
_SEVEN = (0.03, *_FIVE, 0.97)

# Part of the past -> how many features tell of it, in their order.
PARTS: tuple[tuple[str, int], ...] = (
    ("last value", 1),
    ("last 30 min", 5),
    ("last 2 h", 18),
    ("last 4 h", 24),
    ("last day", (FULL - _RECENT) // _BLOCK),
    ("highs and lows", 2 * FULL // LAST_HOUR),
    ("spread", len(_FIVE) + len(_SEVEN) + len(LEVELS)),
    ("same time yesterday", _DAY_BEFORE),
    ("roughness", 6),
    ("habits", len(_LAGS)),
    ("smoothed level", len(_ALPHAS)),
    ("size of changes", len(_CHANGES) * len(_SEVEN)),
)
COUNT = sum(size for _, size in PARTS)


def features_of(window: Scaled) -> Floats:
    """Features (series, COUNT)."""
    values = window.values
    count = len(values)
    hours = values.reshape(count, FULL // LAST_HOUR, LAST_HOUR)
    parts = [
        values[:, : FULL - _RECENT - 1 : -1],
        values[:, : FULL - _RECENT].reshape(count, -1, _BLOCK).mean(axis=2),
        hours.max(axis=2),
        hours.min(axis=2),
        quantiles_of(values[:, -24:], _FIVE),
        quantiles_of(values[:, -72:], _SEVEN),
        quantiles_of(values, LEVELS),
        values[:, :_DAY_BEFORE],
        _roughness(values),
        _habits(values),
        *_plain(window),
    ]
    return np.concatenate(parts, axis=1)


def _roughness(values: Floats) -> Floats:
    steps = np.abs(np.diff(values, axis=1))
    still = steps == 0
    lowest = values == values.min(axis=1, keepdims=True)
    columns = [steps[:, -12:], steps[:, -48:], steps, still[:, -24:], still, lowest]
    return np.stack([column.mean(axis=1) for column in columns], axis=1)


def _habits(values: Floats) -> Floats:
    """Autocorrelation at a few lags."""
    around = values - values.mean(axis=1, keepdims=True)
    power = np.einsum("bt,bt->b", around, around) + 1e-9
    return np.stack([np.einsum("bt,bt->b", around[:, lag:], around[:, :-lag]) / power for lag in _LAGS], axis=1)


def _plain(window: Scaled) -> list[Floats]:
    """Levels and changes of the values before asinh, where sums mean something; asinh after."""
    steps = np.sinh(window.values)
    weights = np.stack([smoothing_weights(FULL, alpha)[:, -1] for alpha in _ALPHAS], axis=1)
    changes = [np.arcsinh(steps[:, h:] - steps[:, :-h]) for h in _CHANGES]
    return [np.arcsinh(steps @ weights), *(quantiles_of(change, _SEVEN) for change in changes)]
