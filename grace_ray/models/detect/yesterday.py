"""What a series was at the same time of day before."""

from array import array
from math import isnan, nan

import numpy as np

_DAY_S = 86_400.0
_SLOTS = 96
_OLDEST_DAYS = 7
_LATEST_S = 1e14


class Yesterday:
    """The value of the last day seen at each quarter of an hour of the day: constant memory, any step of time.

    Within a slot newer values weigh more (each takes half). A slot older than seven days is forgotten. Time that jumps
    back or ahead costs the memory of the slots it overwrites, no more.

    >>> memory = Yesterday()
    >>> memory.push_one(5.0, 0.0) is None
    True
    >>> memory.push_one(7.0, 86_400.0)
    5.0
    """

    def __init__(self) -> None:
        self._day = array("q", [0]) * _SLOTS
        self._now = array("d", [nan]) * _SLOTS  # NaN: nothing is known
        self._before = array("d", [nan]) * _SLOTS

    def push_one(self, value: float, at_s: float) -> float | None:
        """Take the value at a time (seconds); the value a day (at most seven days) before, None if unknown."""
        at_s = min(max(at_s, -_LATEST_S), _LATEST_S)
        return self._take(value, int(at_s // _DAY_S), int(at_s % _DAY_S * _SLOTS / _DAY_S) % _SLOTS)

    def push_many(self, values: list[float], at_s: np.ndarray) -> list[float | None]:
        """The same for values in turn."""
        at_s = np.clip(at_s, -_LATEST_S, _LATEST_S)
        days = (at_s // _DAY_S).astype(int).tolist()
        slots = ((at_s % _DAY_S * _SLOTS / _DAY_S).astype(int) % _SLOTS).tolist()
        return list(map(self._take, values, days, slots))

    def _take(self, value: float, day: int, slot: int) -> float | None:
        now = self._now[slot]
        if isnan(now):
            self._now[slot], self._day[slot] = value, day
        elif self._day[slot] != day:
            self._before[slot] = now if 0 < day - self._day[slot] <= _OLDEST_DAYS else nan
            self._now[slot], self._day[slot] = value, day
        else:
            self._now[slot] = now + (value - now) / 2
        before = self._before[slot]
        return None if isnan(before) else before

    def state(self) -> bytes:
        """What is kept."""
        return self._day.tobytes() + self._now.tobytes() + self._before.tobytes()

    def restore(self, state: bytes) -> None:
        """Be as the memory was that gave this state."""
        third = len(state) // 3
        self._day = array("q", state[:third])
        self._now, self._before = array("d", state[third : 2 * third]), array("d", state[2 * third :])
