"""How far values lie beyond the extremes that several signals have shown before."""

from array import array

import numpy as np

BLOCK = 24
_BLOCKS = 128
_LEAST_BLOCKS = 4
_TOP_SHARE = 4  # the top quarter of the blocks makes the tail
_OFFSET = 1.5
_CAP = 3.0
_GRAIN = 1024.0  # surprises are multiples of 1/1024: so small sums are exact, in any order
_SMALLEST = 1e-140  # so that no value within 1e150, over a billionth of this, overflows


class Tails:
    """Peaks over threshold, upwards and downwards, of several signals at once.

    The past is cut into blocks of 24 points, and of each of the last 128 blocks only each signal's maximum and minimum
    are kept, so that an excursion counts once. Above the third quartile u of the maxima their mean excess is m (an
    exponential tail); the surprise of a value is (value - u) / m - 1.5, not below 0 nor above 3; the same downwards.
    The sum over signals and directions is how much of the bank is surprised, whichever signal it is. The tails move
    only when a block ends.

    ``signals``: how many; the first one's size bounds what counts as a difference at all (1e-9 of it).
    """

    def __init__(self, signals: int) -> None:
        self.signals = signals
        self._extremes = np.empty((2 * signals, 2 * _LEAST_BLOCKS))  # each signal's maxima, then its negative's
        self._learned = 0
        self._high = [-np.inf] * signals
        self._low = [np.inf] * signals
        self._in_block = 0
        self._begin = self._excess = np.empty((0, 1))
        self._gates: list[tuple[float, ...]] = []
        self._usual: list[tuple[float, float]] = []  # between these a value is neither news nor a surprise

    @property
    def left_in_block(self) -> int:
        """How many points are missing to the end of the block."""
        return BLOCK - self._in_block

    def push_one(self, row: list[float]) -> float:
        """The surprise at one value of each signal, which is then learned."""
        grains = 0.0
        if not self._usual:
            self._make_gates()
        for number, (value, (low, high)) in enumerate(zip(row, self._usual, strict=True)):
            if not low <= value <= high:
                grains += self._grains(number, value)
        self._in_block += 1
        if self._in_block == BLOCK:
            self._end_block()
        return grains / _GRAIN

    def push_block(self, rows: np.ndarray) -> np.ndarray:
        """The same for an array (signals, n) that reaches no further than to the end of the block."""
        grains = np.zeros(rows.shape[1])
        if self._begin.size:
            both = np.concatenate([rows, -rows])
            both -= self._begin
            both /= self._excess
            both -= _OFFSET
            np.maximum(both, 0.0, out=both)
            np.minimum(both, _CAP, out=both)
            both *= _GRAIN
            np.floor(both, out=both)
            grains = both.sum(axis=0)
        self._high = np.maximum(self._high, rows.max(axis=1)).tolist()
        self._low = np.minimum(self._low, rows.min(axis=1)).tolist()
        self._usual = []
        self._in_block += rows.shape[1]
        if self._in_block == BLOCK:
            self._end_block()
        return grains / _GRAIN

    def state(self) -> bytes:
        """What was learned."""
        head = [self._learned, self._in_block, *(value + 0.0 for value in (*self._high, *self._low))]
        return array("d", head).tobytes() + self._extremes[:, : min(self._learned, _BLOCKS)].tobytes()

    def restore(self, state: bytes) -> None:
        """Be as the tails were that gave this state."""
        self.__init__(self.signals)  # type: ignore[misc]
        kept = array("d", state)
        n, self._learned, self._in_block = self.signals, int(kept[0]), int(kept[1])
        self._high, self._low = kept[2 : 2 + n].tolist(), kept[2 + n : 2 + 2 * n].tolist()
        extremes = np.array(kept[2 + 2 * n :]).reshape(2 * n, -1)
        if extremes.shape[1]:
            self._extremes = extremes
        self._fit()

    def _end_block(self) -> None:
        """Keep the block's extremes and fit the tails anew."""
        if self._learned == self._extremes.shape[1] < _BLOCKS:
            longer = np.empty((2 * self.signals, min(2 * self._learned, _BLOCKS)))
            longer[:, : self._learned] = self._extremes
            self._extremes = longer
        column = self._extremes[:, self._learned % _BLOCKS]
        column[: self.signals] = self._high
        column[self.signals :] = self._low
        column[self.signals :] *= -1
        column += 0.0  # no negative zero: which of two zeros is the larger is chance
        self._learned += 1
        self._high, self._low = [-np.inf] * self.signals, [np.inf] * self.signals
        self._in_block = 0
        self._usual = []
        self._fit()

    def _fit(self) -> None:
        """Where each tail begins and its mean excess, from the extremes kept."""
        blocks = min(self._learned, _BLOCKS)
        if blocks < _LEAST_BLOCKS:
            return
        top = blocks // _TOP_SHARE
        places = [blocks // 2, blocks - top - 1, blocks - 1] if top > 1 else [blocks // 2, blocks - 2, blocks - 1]
        ordered = np.partition(self._extremes[:, :blocks], places, axis=1)
        begin, most = ordered[:, blocks - top - 1].copy(), ordered[:, -1]  # a copy: a view would keep all of them
        excess = ordered[:, blocks - top :].sum(axis=1) / top - begin
        size = max(abs(most[0]), abs(most[self.signals]), _SMALLEST)
        np.maximum(excess, 0.05 * (most - ordered[:, blocks // 2]), out=excess)
        np.maximum(excess, 1e-9 * size, out=excess)
        self._begin, self._excess = begin[:, np.newaxis], excess[:, np.newaxis]
        self._gates = []

    def _make_gates(self) -> None:
        """Per signal: gates a little within its tails (what passes is then measured exactly), and the tails."""
        n = self.signals
        if self._begin.size and not self._gates:
            begin, excess = self._begin[:, 0], self._excess[:, 0]
            gate = begin + 0.999 * _OFFSET * excess
            columns = (gate[:n], -gate[n:], begin[:n], excess[:n], begin[n:], excess[n:])
            self._gates = list(zip(*(column.tolist() for column in columns), strict=True))
        self._usual = [self._usual_of(number) for number in range(n)]

    def _usual_of(self, number: int) -> tuple[float, float]:
        """What lies within the block's extremes so far, and within the gates."""
        if not self._gates:
            return self._low[number], self._high[number]
        high, low = self._gates[number][:2]
        return max(low, self._low[number]), min(high, self._high[number])

    def _grains(self, number: int, value: float) -> float:
        """The surprise at a value that may be one, and the block's extremes moved along."""
        grains = 0.0
        if self._gates:
            high, low, begin, excess, begin_low, excess_low = self._gates[number]
            if value > high:
                grains = min(max((value - begin) / excess - _OFFSET, 0.0), _CAP) * _GRAIN // 1.0
            elif value < low:
                grains = min(max((-value - begin_low) / excess_low - _OFFSET, 0.0), _CAP) * _GRAIN // 1.0
        self._high[number] = max(self._high[number], value)
        self._low[number] = min(self._low[number], value)
        self._usual[number] = self._usual_of(number)
        return grains
