"""A stream seen at four scales of time, and how surprising that is."""

import numpy as np

from grace_ray.models.detect.pyramid import Pyramid
from grace_ray.models.detect.tails import Tails


class Watch:
    """A stream's window means (and spreads), each judged against its own past extremes (`Pyramid`, then `Tails`)."""

    def __init__(self, *, has_spread: bool) -> None:
        self._pyramid = Pyramid(has_spread=has_spread)
        self._tails = Tails(self._pyramid.rows)

    def push_one(self, value: float) -> float:
        """The surprise at the next value, which is then learned."""
        return self._tails.push_one(self._pyramid.push_one(value))

    def push_many(self, values: np.ndarray) -> np.ndarray:
        """The surprises at values in turn: exactly what `push_one` of each would give."""
        rows = self._pyramid.push_many(values)
        found = np.empty(values.size)
        start = 0
        while start < values.size:
            end = min(start + self._tails.left_in_block, values.size)
            found[start:end] = self._tails.push_block(rows[:, start:end])
            start = end
        return found

    def state(self) -> list[bytes]:
        """What was learned: of the means, of their extremes."""
        return [self._pyramid.state(), self._tails.state()]

    def restore(self, pyramid: bytes, tails: bytes) -> None:
        """Be as the watch was that gave this state."""
        self._pyramid.restore(pyramid)
        self._tails.restore(tails)
