"""What the statistics of a point make one expect of each candidate: computed from the sums, kept up cheaply between.

The full solution (`hierarchy`, or `regression` where there are features) is found anew when the rewards since have
grown by a share of all, when time has faded them, and before anything is recommended, saved or merged; single rewards
in between move only what they touch. The same sums give the same beliefs.
"""

import numpy as np
from numpy.typing import NDArray

from grace_ray.models.choose.hierarchy import Hierarchy
from grace_ray.models.choose.regression import Regression
from grace_ray.models.choose.statistics import PointStatistics

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

_LAG = 0.06  # of all rewards
_FADED = 0.02


class Beliefs:
    """Posterior means and deviations for one point's statistics; ``half_life_s`` is how fast those fade."""

    def __init__(self, statistics: PointStatistics, half_life_s: float) -> None:
        self.statistics = statistics
        self.half_life_s = half_life_s
        self._solution: Hierarchy | Regression | None = None
        self._since = 0
        self._total = 0.0

    def settle(self) -> None:
        """Solve anew at the next question, unless nothing was learned since the last solution."""
        if self._since:
            self._solution = None

    def learned(self, cell: int, arm: int, reward: float, features: Floats | None) -> None:
        """Follow the statistics after one more reward, with the raw row of features (d,) where there are some."""
        self._since += 1
        solution = self._solution
        if solution is None:
            return
        faded = self.statistics.fading(self.half_life_s) / solution.fading  # far from 1 where the origin has moved
        is_due = self._since > _LAG * self._total + 1 or not 1 - _FADED < faded <= 1
        if is_due or solution.weight.shape != self.statistics.table.shape[1:]:
            self._solution = None
        elif isinstance(solution, Hierarchy):
            solution.learned(cell, arm)
            solution.overall[arm] += 1.0
        elif features is not None:
            solution.learned(cell, arm, reward, features)
            solution.overall[arm] += 1.0

    def changed(self) -> None:
        """Rewards were replaced or taken back: solve anew."""
        self._since += 1
        self._solution = None

    def solution(self) -> Hierarchy | Regression:
        """The present solution, found anew where it is due."""
        if self._solution is None:
            fading = self.statistics.fading(self.half_life_s)
            kind = Regression if self.statistics.width else Hierarchy
            self._solution = kind(self.statistics, fading)
            self._total = float(self._solution.weight.sum())
            self._since = 0
        return self._solution

    def expect(self, cell: int, arms: Indices | slice, features: Floats | None) -> tuple[Floats, Floats]:
        """Mean and standard deviation, each (k,), of arms (k,) in a cell; raw features (k, d) or None."""
        solution = self.solution()
        if isinstance(solution, Hierarchy):
            return solution.expect(cell, arms)
        assert features is not None
        return solution.expect(cell, arms, features)
