"""What the statistics of a point make one expect of each candidate in each cell: a hierarchical Gaussian and a ridge.

Hierarchy: a reward is the point's mean + what the cell does to all + what the arm does everywhere + what the arm does
in this cell + noise, each a Gaussian effect whose variance is estimated from the data (moments, with a weak prior), so
that a new arm is expected to be like the others, and an arm new in a cell like itself elsewhere.

Ridge: where there are features, each arm has a linear model whose prior is the model of all arms together.

The two are mixed by how well each explains the rewards. Everything is computed from sums (after any merge), in place
of being learned step by step: the same sums give the same beliefs.
"""

import numpy as np
from numpy.typing import NDArray

from grace_ray.models.choose.statistics import REWARD, SQUARE, WEIGHT, PointStatistics

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

_SWEEPS = 4
_PRIOR_VARIANCE = 0.1  # of a reward, before there are any, and how many rewards that is worth
_PRIOR_WORTH = 2.0


class Beliefs:
    """Posterior mean and standard deviation of every (cell, arm) of one point.

    It refers to the statistics, and follows them: `learned` after each reward, `settle` to compute anew.
    """

    def __init__(self, statistics: PointStatistics, fading: float = 1.0) -> None:
        self.statistics = statistics
        self.fading = fading
        self.settle()

    def settle(self, fading: float | None = None) -> None:
        """Compute everything anew from the statistics."""
        if fading is not None:
            self.fading = fading
        table = self.statistics.table
        weight, reward = table[WEIGHT] * self.fading, table[REWARD] * self.fading
        total = weight.sum()
        self.mean = float(reward.sum() / (total + 1e-9)) if total else 0.0
        means = np.divide(reward, weight, out=np.zeros_like(reward), where=weight > 0)
        within = float((table[SQUARE] * self.fading - reward * means).sum())
        seen = weight > 0
        free = max(total - seen.sum(), 0.0)
        self.noise = (max(within, 0.0) + _PRIOR_WORTH * _PRIOR_VARIANCE) / (free + _PRIOR_WORTH)
        self.arm_variance = self.cell_variance = 0.3 * self.noise
        self.pair_variance = 0.1 * self.noise
        self._fit(weight, means, seen)
        self._ridge()

    def _fit(self, weight: Floats, means: Floats, seen: NDArray[np.bool_]) -> None:
        precision = np.where(seen, 1.0 / (self.pair_variance + self.noise / np.where(seen, weight, 1.0)), 0.0)
        arm, cell = np.zeros(weight.shape[1]), np.zeros(weight.shape[0])
        arm_precision = 1.0 / self.arm_variance + precision.sum(axis=0)
        cell_precision = 1.0 / self.cell_variance + precision.sum(axis=1)
        level = self.mean
        for _ in range(_SWEEPS):
            residual = precision * (means - level)
            cell = (residual - precision * arm).sum(axis=1) / cell_precision
            arm = (residual - precision * cell[:, None]).sum(axis=0) / arm_precision
            level = float((precision * (means - cell[:, None] - arm)).sum() / (precision.sum() + 1.0))
        self.level, self.arm, self.cell, self.arm_uncertainty = level, arm, cell, 1.0 / arm_precision

    def _ridge(self) -> None:
        width = self.statistics.width
        if not width:
            return
        gram, moment = self.statistics.gram * self.fading, self.statistics.moment * self.fading
        pooled = gram.sum(axis=0)
        count = pooled[0, 0] + 1.0
        centre = pooled[0] / count
        spread = np.maximum(np.diag(pooled) / count - centre**2, 0.0)
        scale = np.where(spread > 1e-12, spread, 1.0)
        scale[0] = 1.0
        self.prior = np.diag(scale)
        start = np.linalg.solve(pooled + self.prior, moment.sum(axis=0))
        self.inverse = np.linalg.inv(gram + self.prior)
        self.slopes = start + np.einsum("aij,aj->ai", self.inverse, moment - gram @ start)

    def learned(self, cell: int, arm: int, features: Floats | None) -> None:
        """Follow the statistics after one reward of an arm in a cell."""
        self.settle()

    def expect(self, cell: int, arms: Indices, features: Floats | None) -> tuple[Floats, Floats]:
        """Mean and standard deviation, each (k,), of arms (k,) in a cell; features (k, width) or None."""
        table = self.statistics.table
        weight = table[WEIGHT, cell, arms] * self.fading
        reward = table[REWARD, cell, arms] * self.fading
        share = weight * self.pair_variance / (weight * self.pair_variance + self.noise)
        base = self.level + self.cell[cell] + self.arm[arms]
        seen = np.divide(reward, weight, out=np.zeros_like(reward), where=weight > 0)
        mean = base + share * (seen - base)
        variance = (1 - share) ** 2 * self.arm_uncertainty[arms] + self.pair_variance * (1 - share)
        if features is None:
            return mean, np.sqrt(variance)
        slopes, inverse = self.slopes[arms], self.inverse[arms]
        linear = (slopes * features).sum(axis=1)
        doubt = self.noise * np.einsum("ki,kij,kj->k", features, inverse, features)
        return linear, np.sqrt(doubt)
