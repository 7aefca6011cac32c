"""How a peak ranks among the peaks of the past."""

from array import array
from bisect import bisect_left, insort

from grace_ray.models.detect.tails import BLOCK

_BLOCKS = 640


class Peaks:
    """The highest value of each of the last 640 blocks of 24 points, and how many of them are as high as a new value.

    A rank needs no scale: one threshold on it fits every series, and a quiet series gives as few alarms as a wild one.
    Values are kept in 32 bits: surprises are multiples of 1/1024 below 2**14, which that holds exactly.

    >>> peaks = Peaks()
    >>> for n in range(48):
    ...     peaks.push_one(float(n))
    >>> peaks.blocks, peaks.rank(50.0), peaks.rank(30.0)
    (2, 0, 1)
    """

    def __init__(self) -> None:
        self._kept = array("f")
        self._ordered = array("f")
        self._highest = 0.0
        self._in_block = 0

    @property
    def blocks(self) -> int:
        """How many blocks are kept."""
        return len(self._kept)

    @property
    def left_in_block(self) -> int:
        """How many points are missing to the end of the block."""
        return BLOCK - self._in_block

    def rank(self, value: float) -> int:
        """How many of the kept blocks reached ``value``."""
        return len(self._ordered) - bisect_left(self._ordered, value)

    def push_one(self, value: float, count: int = 1) -> None:
        """Take the next point, or ``count`` of them, not beyond the end of the block, of which this is the highest."""
        self._highest = max(self._highest, value)
        self._in_block += count
        if self._in_block < BLOCK:
            return
        if len(self._kept) == _BLOCKS:
            gone = self._kept.pop(0)
            del self._ordered[bisect_left(self._ordered, gone)]
        self._kept.append(self._highest)
        insort(self._ordered, self._highest)
        self._highest, self._in_block = 0.0, 0

    def state(self) -> bytes:
        """What is kept."""
        return array("f", [self._in_block, self._highest]).tobytes() + self._kept.tobytes()

    def restore(self, state: bytes) -> None:
        """Be as the peaks were that gave this state."""
        kept = array("f", state)
        self._in_block, self._highest, self._kept = int(kept[0]), kept[1], kept[2:]
        self._ordered = array("f", sorted(self._kept))
