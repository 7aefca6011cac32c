"""Means and spreads of a stream over windows of 1, 4, 16 and 64 points, from sums that double."""

from array import array
from math import sqrt

import numpy as np

SCALES = (1, 4, 16, 64)
_LAGS = (1, 2, 4, 8, 16, 32)  # a window of 2k points is two windows of k, k points apart
_KEPT = sum(_LAGS)
_TURN = _LAGS[-1]
_STEPS = [  # for each turn, of each lag's ring the place of the oldest value; twice the lag; is that one of SCALES
    [(lag - 1 + turn % lag, 2.0 * lag, 2 * lag in SCALES) for lag in _LAGS] for turn in range(_TURN)
]


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
        self._turn = -1  # how many values came, modulo the longest ring; -1 before the first
        self._sums = array("d")  # the rings of all lags, one behind the other
        self._deviations = array("d")

    def push_one(self, value: float) -> list[float]:
        """Take the next value; the rows' values at it."""
        if self._turn < 0:
            self._begin(value)
        row, total, deviation = [value], value, 0.0
        sums, deviations, has_spread = self._sums, self._deviations, self.has_spread
        for place, size, is_scale in _STEPS[self._turn]:
            before = sums[place]
            sums[place] = total
            if has_spread:
                before_deviation, deviations[place] = deviations[place], deviation
                apart = total - before
                deviation = deviation + before_deviation + apart * apart / size
            total += before
            if is_scale:
                row.append(total / size)
                if has_spread:
                    row.append(sqrt(deviation / size))
        self._turn = (self._turn + 1) % _TURN
        return row

    def push_many(self, values: np.ndarray) -> np.ndarray:
        """Take n values; the rows as an array (rows, n): exactly what `push_one` of each would give."""
        if not values.size:
            return np.empty((self.rows, 0))
        if self._turn < 0:
            self._begin(float(values[0]))
        rows, total, deviation, size = [values], values, np.zeros(values.size), 1
        all_sums, all_deviations = np.frombuffer(self._sums), np.frombuffer(self._deviations)
        for lag in _LAGS:
            ring = slice(lag - 1, 2 * lag - 1)
            before = self._lagged(all_sums[ring], total)
            if self.has_spread:
                apart = total - before
                deviation = deviation + self._lagged(all_deviations[ring], deviation) + apart * apart / (2 * size)
            total = total + before
            size *= 2
            if size in SCALES:
                rows.append(total / size)
                if self.has_spread:
                    rows.append(np.sqrt(deviation / size))
        self._turn = (self._turn + values.size) % _TURN
        return np.array(rows)

    @property
    def rows(self) -> int:
        """How many rows a push gives."""
        return 1 + (len(SCALES) - 1) * (2 if self.has_spread else 1)

    def state(self) -> bytes:
        """The sums and deviations kept, and where in their rings the next come."""
        return array("d", [self._turn]).tobytes() + self._sums.tobytes() + self._deviations.tobytes()

    def restore(self, state: bytes) -> None:
        """Be as the pyramid was that gave this state."""
        kept = array("d", state)
        self._turn, self._sums, self._deviations = int(kept[0]), kept[1 : 1 + _KEPT], kept[1 + _KEPT :]

    def _begin(self, value: float) -> None:
        self._turn = 0
        self._sums = array("d", [value * lag for lag in _LAGS for _ in range(lag)])
        self._deviations = array("d", [0.0] * (_KEPT if self.has_spread else 0))

    def _lagged(self, ring: np.ndarray, values: np.ndarray) -> np.ndarray:
        """The values as many places earlier as the ring is long; the last of them stay in it."""
        turn = self._turn % ring.size
        joined = np.concatenate([ring[turn:], ring[:turn], values])
        turn = (turn + values.size) % ring.size
        middle = joined.size - turn
        ring[:turn], ring[turn:] = joined[middle:], joined[middle - ring.size + turn : middle]
        return joined[: values.size]
