"""Rolling median: the middle of the last `width` values.

Why: a spike moves an average and leaves a median where it was.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from grace_ray.models.forecast.base import Floats, reads_of


class RollingMedian:
    """Flat forecasts at the median of the last `width` values (fewer at the start).

    >>> RollingMedian(3).paths(np.array([[1.0, 1.0, 90.0, 1.0]]), 12)[0, :, 0].tolist()
    [1.0, 1.0, 1.0, 1.0]
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self.name = f"median-{width}"
        self.reads = reads_of(np.ones(width))

    def paths(self, values: Floats, horizon: int) -> Floats:
        """Medians after each step, (series, steps, 1); the horizon makes no difference."""
        padded = np.concatenate([np.repeat(values[:, :1], self.width - 1, axis=1), values], axis=1)
        ordered = np.partition(sliding_window_view(padded, self.width, axis=1), self._middle(), axis=2)
        return np.asarray(ordered[:, :, self._middle()].mean(axis=2, keepdims=True))

    def _middle(self) -> list[int]:
        return sorted({(self.width - 1) // 2, self.width // 2})
