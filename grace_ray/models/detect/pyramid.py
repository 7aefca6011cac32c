"""Means and spreads of a stream over windows of 1, 4, 16 and 64 points, from sums that double."""

from collections import deque
from collections.abc import Iterable
from math import sqrt

import numpy as np

SCALES = (1, 4, 16, 64)
_LAGS = (1, 2, 4, 8, 16, 32)  # a window of 2k points is two windows of k, k points apart


class Pyramid:
    """Window means and standard deviations, one value at a time or many at once, with bit for bit the same results.

    Two windows of k values merge into one of 2k: the sums add, and the sums of squared deviations add together with
    (difference of sums)**2 / 2k (Chan, Golub and LeVeque 1979). That is stable, takes no running total that drifts, and
    works on arrays element by element. Before 64 values came, the first one stands for those before it.

    ``has_spread``: whether standard deviations are kept too. Rows come in the order mean of 1, then for each of 4, 16
    and 64 the mean and, with ``has_spread``, the standard deviation.

    >>> pyramid = Pyramid(has_spread=True)
    >>> [pyramid.push_one(value) for value in (1.0, 1.0, 3.0, 3.0)][-1][:3]
    [3.0, 2.0, 1.0]
    """

    def __init__(self, *, has_spread: bool) -> None:
        self.has_spread = has_spread
        self._sums: list[deque[float]] = []
        self._deviations: list[deque[float]] = []

    def push_one(self, value: float) -> list[float]:
        """Take the next value; the rows' values at it."""
        if not self._sums:
            self._begin(value)
        row, total, deviation, size = [value], value, 0.0, 1
        for sums, deviations in zip(self._sums, self._deviations, strict=True):
            before, before_deviation = sums[0], deviations[0]
            sums.append(total)
            if self.has_spread:
                deviations.append(deviation)
                apart = total - before
                deviation = deviation + before_deviation + apart * apart / (2 * size)
            total += before
            size *= 2
            if size in SCALES:
                row.append(total / size)
                if self.has_spread:
                    row.append(sqrt(deviation / size))
        return row

    def push_many(self, values: np.ndarray) -> np.ndarray:
        """Take n values; the rows as an array (rows, n): exactly what `push_one` of each would give."""
        if not values.size:
            return np.empty((self.rows, 0))
        if not self._sums:
            self._begin(float(values[0]))
        rows, total, deviation, size = [values], values, np.zeros(values.size), 1
        for sums, deviations in zip(self._sums, self._deviations, strict=True):
            before = _lagged(sums, total)
            if self.has_spread:
                apart = total - before
                deviation = deviation + _lagged(deviations, deviation) + apart * apart / (2 * size)
            total = total + before
            size *= 2
            if size in SCALES:
                rows.append(total / size)
                if self.has_spread:
                    rows.append(np.sqrt(deviation / size))
        return np.array(rows)

    @property
    def rows(self) -> int:
        """How many rows a push gives."""
        return 1 + (len(SCALES) - 1) * (2 if self.has_spread else 1)

    def state(self) -> list[list[list[float]]]:
        """The sums and deviations kept, in JSON's types."""
        return [[list(kept) for kept in self._sums], [list(kept) for kept in self._deviations]]

    def restore(self, state: Iterable[list[list[float]]]) -> None:
        """Be as the pyramid was that gave this state."""
        self._sums, self._deviations = (
            [deque(kept, maxlen=lag) for kept, lag in zip(part, _LAGS, strict=False)] for part in state
        )

    def _begin(self, value: float) -> None:
        self._sums = [deque([value * lag] * lag, maxlen=lag) for lag in _LAGS]
        self._deviations = [deque([0.0] * lag, maxlen=lag) for lag in _LAGS]


def _lagged(kept: deque[float], values: np.ndarray) -> np.ndarray:
    """The values as many places earlier as are kept; the last of them are kept from now on."""
    joined = np.concatenate([np.array(kept), values])
    kept.extend(joined[-len(kept) :].tolist())
    return joined[: values.size]
