"""What a series' own past says about how high its path will rise: the inputs of the breach probability."""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

NAMES = (
    *("base", "rise", "rise_mean3", "rise_mean12", "rise_today", "alike", "alike_rise"),
    *("line6", "half6", "line12", "half12", "line24", "half24", "significance6", "significance12", "significance24"),
    *("yesterday", "gap", "peak", "log_horizon"),
    *("near", "base_today", "base_6h", "ceiling"),
)
_LINES = (6, 12, 24)
_LEAST_LOG_ODDS = -15.0
_FARTHEST = 1e6
_NEAR = 0.05  # of a usual rise: nearer than that to the threshold is as good as there


class Evidence:
    """The evidence for a breach within a horizon, as a row of numbers (`NAMES`), most of them log odds.

    ``path``: the finite values of regular steps, upwards being worse; ``threshold`` in the same unit; ``day``: steps in
    a day. Everything is measured in the path's own spread, so that a unit does not matter. For a horizon of h steps and
    each past time s let F(s) be the maximum of the h values after s. Of the current value's counterpart, the log odds:

    - base: that F passed the threshold where the path was below it;
    - rise, rise_mean3, rise_mean12, rise_today: that F rose above the value (or the mean of 3 or 12 values) at s by as
      much as is missing now; ``today`` over the last day alone; beyond the largest rises by an exponential tail;
    - alike, alike_rise: the same among the times most like now (level, short and long movement);
    - line, half: that F exceeded the line through the last 6, 12, 24 values (or one of half its slope) by as much as is
      missing at the end of that line now: a series whose lines never hold says so itself;

    and significance: t values of those lines' slopes; yesterday: what the same hours of earlier days rose, less what is
    missing, in units of usual rises; gap: what is missing, and peak: how far the path's maximum passed the threshold,
    in the same units. A threshold at a natural bound (an idle processor, a success rate of 100%) is touched and never
    passed, which is what most thresholds look like where less is worse:

    - near: of the times whose F came within a twentieth of a usual rise of the threshold, or beyond, that it passed;
    - base_today, base_6h: base over the last day, the last quarter of one, shrunk towards base;
    - ceiling: the logarithm of the share of times whose F is exactly the highest of all.
    """

    def __init__(self, path: np.ndarray, threshold: float, day: int) -> None:
        quartiles = np.quantile(path, [0.1, 0.25, 0.5, 0.75, 0.9])
        steps = float(np.abs(np.diff(path)).mean()) if path.size > 1 else 0.0
        middle = float(quartiles[2])
        spread = max(quartiles[3] - quartiles[1], (quartiles[4] - quartiles[0]) / 2, steps, 1e-9 * abs(middle), 1e-300)
        self.path = np.clip((path - middle) / spread, -_FARTHEST, _FARTHEST)
        self.threshold = min(max((threshold - middle) / spread, -_FARTHEST), _FARTHEST)
        self.middle, self.spread, self.day = middle, float(spread), day
        self._sums = np.concatenate([[0.0], np.cumsum(self.path)])
        self._means = {width: self._running_mean(width) for width in (3, 12, 48)}
        self._lines = [self._running_lines(width) for width in _LINES if path.size > width]
        self._significance = [_significance(self.path[-width:]) for width in _LINES]

    def row(self, horizon: int) -> list[float]:
        """The evidence at one horizon."""
        path, threshold = self.path, self.threshold
        ahead = self.ahead(horizon)
        past = path[: ahead.size]
        missing = threshold - float(path[-1])
        rises = ahead - past
        usual = max(float(np.quantile(rises, 0.9)), 1e-6)
        rise = _log_odds_above(rises, missing)
        below = past <= threshold
        passed = (ahead > threshold) & below
        base = (np.count_nonzero(passed) + 0.2) / (np.count_nonzero(below) + 4)
        means = [
            _log_odds_above(ahead - self._means[width][: ahead.size], threshold - float(self._means[width][-1]))
            for width in (3, 12)
        ]
        today = _log_odds_above(rises[-self.day :], missing)
        return [
            *(_log_odds(base), rise, *means, today),
            *self._alike(ahead, rises, missing, rise),
            *self._along_lines(ahead, horizon, rise),
            *self._significance,
            self._earlier_days(rises, missing, usual),
            min(max(-missing / usual, -8.0), 0.0),
            min(max((float(path.max()) - threshold) / usual, -8.0), 8.0),
            math.log(horizon),
            _log_odds(
                (np.count_nonzero(passed) + 1) / (np.count_nonzero(below & (ahead >= threshold - _NEAR * usual)) + 2)
            ),
            *(self._base_lately(passed, below, base, self.day // part) for part in (1, 4)),
            math.log((np.count_nonzero(below & (ahead == float(path.max()))) + 1) / (ahead.size + 1)),
        ]

    def ahead(self, horizon: int) -> np.ndarray:
        """At each past time but the last few, the maximum of the ``horizon`` values after it."""
        if self.path.size <= horizon:
            return np.array([self.path.max()])
        maxima: np.ndarray = sliding_window_view(self.path[1:], horizon).max(axis=1)
        return maxima

    def nearest(self, count: int) -> np.ndarray:
        """Which of the first ``count`` times were most like now: a tenth of them, 5 to 60."""
        short = self._means[3] - self._means[12]
        long = self._means[12] - self._means[48]
        apart = (self.path[:count] - self.path[-1]) ** 2 + (short[:count] - short[-1]) ** 2
        apart += (long[:count] - long[-1]) ** 2 / 2
        wanted = min(60, max(5, count // 10))
        return np.argpartition(apart, wanted - 1)[:wanted] if count > wanted else np.arange(count)

    @staticmethod
    def _base_lately(passed: np.ndarray, below: np.ndarray, base: float, steps: int) -> float:
        steps = max(1, steps)
        return _log_odds((np.count_nonzero(passed[-steps:]) + 4 * base) / (np.count_nonzero(below[-steps:]) + 4))

    def _alike(self, ahead: np.ndarray, rises: np.ndarray, missing: float, rise: float) -> tuple[float, float]:
        nearest = self.nearest(ahead.size)
        prior = 4.0 / (1.0 + math.exp(-rise))
        passed = np.count_nonzero(ahead[nearest] > self.threshold)
        rose = np.count_nonzero(rises[nearest] > missing)
        return _log_odds((passed + prior) / (nearest.size + 4)), _log_odds((rose + prior) / (nearest.size + 4))

    def _along_lines(self, ahead: np.ndarray, horizon: int, otherwise: float) -> list[float]:
        found: list[float] = []
        for level, slope, width in self._lines:
            for part in (1.0, 0.5):
                ends = level + part * horizon * slope
                off = (ahead - ends[: ahead.size])[width - 1 :]
                is_enough = off.size > 20
                found.append(_log_odds_above(off, self.threshold - float(ends[-1])) if is_enough else otherwise)
        return found + [otherwise] * (2 * len(_LINES) - len(found))

    def _earlier_days(self, rises: np.ndarray, missing: float, usual: float) -> float:
        places = [self.path.size - 1 - self.day * days for days in (1, 2, 3, 7)]
        known = [float(rises[place]) - missing for place in places if 3 <= place < rises.size - 3]
        return sum(min(max(over / usual, -8.0), 8.0) for over in known) / len(known) if known else -3.0

    def _running_mean(self, width: int) -> np.ndarray:
        """The mean of the last ``width`` values at each time, of fewer at the beginning."""
        ends = np.arange(1, self.path.size + 1)
        starts = np.maximum(ends - width, 0)
        means: np.ndarray = (self._sums[ends] - self._sums[starts]) / (ends - starts)
        return means

    def _running_lines(self, width: int) -> tuple[np.ndarray, np.ndarray, int]:
        """The least-squares line through the last ``width`` values at each time: its value there, and its slope."""
        size = self.path.size
        moments = np.concatenate([[0.0], np.cumsum(self.path * np.arange(size))])
        ends = np.arange(width, size + 1)
        total = self._sums[ends] - self._sums[ends - width]
        centre = ends - 1 - (width - 1) / 2
        slope = np.zeros(size)
        level = np.zeros(size)
        slope[width - 1 :] = (moments[ends] - moments[ends - width] - centre * total) / (width * (width**2 - 1) / 12)
        level[width - 1 :] = total / width + slope[width - 1 :] * (width - 1) / 2
        return level, slope, width


def _log_odds(probability: float) -> float:
    probability = min(max(probability, 1e-6), 1 - 1e-4)
    return math.log(probability / (1 - probability))


def _log_odds_above(values: np.ndarray, bound: float) -> float:
    """The log odds that such a value is above ``bound``: by count, beyond the top twentieth by an exponential tail."""
    count = values.size
    top = min(max(3, count // 20), count)
    highest = np.partition(values, count - top)[count - top :]
    begin = float(highest.min())
    if bound <= begin:
        probability = float(np.count_nonzero(values > bound) + 0.5) / (count + 1)
    else:
        excess = max(float(highest.mean()) - begin, 1e-9)
        probability = (top + 0.5) / (count + 1) * math.exp(-min((bound - begin) / excess, 25.0))
    probability = min(max(float(probability), 1e-12), 1 - 1e-4)
    return max(math.log(probability / (1 - probability)), _LEAST_LOG_ODDS)


def _significance(values: np.ndarray) -> float:
    """The t value of the least-squares slope, within -20..20."""
    if values.size < 3:
        return 0.0
    times = np.arange(values.size) - (values.size - 1) / 2
    squares = float(times @ times)
    slope = float(times @ values) / squares
    rest = values - float(values.mean()) - slope * times
    error = math.sqrt((float(rest @ rest) / (values.size - 2) + 1e-12) / squares)
    return min(max(slope / error, -20.0), 20.0)
