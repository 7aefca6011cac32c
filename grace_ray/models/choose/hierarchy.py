"""Beliefs without features: a hierarchical Gaussian over what a cell, an arm, and an arm in a cell do to a reward.

reward = level + cell effect + arm effect + effect of the arm in the cell + noise, each Gaussian with a variance of its
own. Given the variances, the effects' posterior means follow by backfitting (which is block Gauss-Seidel on Henderson's
mixed-model equations, "Best linear unbiased estimation and prediction under a selection model", 1975); the variances
follow from the effects and their effective numbers by a few steps, with a weak prior in units of the rewards' own
variance. So an arm that is
new is expected to be like the others, one new in a cell like itself elsewhere, and a cell that is hard for all is not
held against those who were tried in it.

Everything is a function of sums. Between two full solutions, single rewards move only the arm and the cell they touch.
"""

import numpy as np
from numpy.typing import NDArray

from grace_ray.models.choose.statistics import COUNT, REWARD, SQUARE, WEIGHT, PointStatistics

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

SWEEPS = 8
FIRST_VARIANCE, FIRST_WORTH = 0.1, 2.0  # of rewards before there are any, and how many rewards that is worth
ARM_SHARE, CELL_SHARE, PAIR_SHARE, NOISE_SHARE = 0.3, 0.1, 0.1, 0.8  # prior variances, in units of the rewards'
ARM_WORTH, CELL_WORTH, PAIR_WORTH, NOISE_WORTH = 2.0, 2.0, 2.0, 6.0  # how many effects each prior is worth
NOISE_FIRST = 20.0 * FIRST_VARIANCE  # rewards of bad candidates are often steady: not to take that for certainty
NOISE_FIRST_WORTH = 20.0
TINY = 1e-12


def expected_noise(scale: float, errors: float, total: float) -> float:
    """The variance of the noise, from the sum of squared errors of ``total`` rewards of variance ``scale``."""
    return (NOISE_WORTH * NOISE_SHARE * scale + NOISE_FIRST + errors) / (NOISE_WORTH + NOISE_FIRST_WORTH + total)


def settled(worth: float, prior: float, squares: float, free: float) -> float:
    """The variance of effects, from the sum of their squared means and their effective number.

    MacKay, "Bayesian interpolation" (1992), eq. 4.8, with a prior of a ``worth`` in effects: the same fixed point as
    EM's, reached in a few steps also where the variance is nearly 0.
    """
    return float((worth * prior + squares) / (worth + free))


class Hierarchy:
    """Posterior mean and deviation of the reward of each arm in each cell of one point.

    ``fading`` scales the statistics' inflated weights to now.
    """

    def __init__(self, statistics: PointStatistics, fading: float = 1.0) -> None:
        self.statistics = statistics
        self.settle(fading)

    def settle(self, fading: float) -> None:
        """Solve anew from the sums."""
        self.fading = fading
        table = self.statistics.table
        self.weight = table[WEIGHT] * fading
        reward = table[REWARD] * fading
        self._seen = self.weight > TINY
        self.means = np.divide(reward, self.weight, out=np.zeros_like(reward), where=self._seen)
        self.overall = table[COUNT].sum(axis=0)
        within = float((table[SQUARE] * fading - reward * self.means).sum())
        self._solve(max(within, 0.0), float(self.weight.sum()))
        self._spread_out()

    def _solve(self, within: float, total: float) -> None:
        """Backfit the effects and re-estimate the variances, in turn."""
        seen, weight, means = self._seen, self.weight, self.means
        safe = np.where(seen, weight, 1.0)
        self.level = float((weight * means).sum()) / total if total > 0 else 0.0
        spread = within + float((weight * (means - self.level) ** 2).sum())
        scale = (spread + FIRST_WORTH * FIRST_VARIANCE) / (total + FIRST_WORTH)
        arm_v, cell_v, pair_v, noise = (scale * s for s in (ARM_SHARE, CELL_SHARE, PAIR_SHARE, NOISE_SHARE))
        in_cells, in_arms = seen.any(axis=1), seen.any(axis=0)
        cells, pairs = int(in_cells.sum()), int(seen.sum())
        arm, level = np.zeros(weight.shape[1]), self.level
        if cells <= 1:
            cell_v = pair_v = TINY * scale
        for _ in range(SWEEPS):
            noise_of = noise / safe
            precision = np.where(seen, 1.0 / (pair_v + noise_of), 0.0)
            share = pair_v * precision
            cell_precision, arm_precision = precision.sum(axis=1) + 1 / cell_v, precision.sum(axis=0) + 1 / arm_v
            cell = (precision * (means - level - arm)).sum(axis=1) / cell_precision
            apart = means - cell[:, None]
            arm = (precision * (apart - level)).sum(axis=0) / arm_precision
            apart = apart - arm
            level = float((precision * apart).sum() / (precision.sum() + TINY))
            left = apart - level
            pair = share * left
            arm_free = (1.0 - 1.0 / (arm_precision * arm_v))[in_arms].sum()
            arm_v = settled(ARM_WORTH, ARM_SHARE * scale, (arm**2)[in_arms].sum(), arm_free)
            cell_free = pair_free = 0.0
            if cells > 1:
                cell_free = (1.0 - 1.0 / (cell_precision * cell_v))[in_cells].sum()
                cell_v = settled(CELL_WORTH, CELL_SHARE * scale, (cell**2)[in_cells].sum(), cell_free)
                pair_free, taken = share.sum(), share.sum() / max(pairs, 1) * (arm_free + cell_free + 1.0)
                pair_v = settled(PAIR_WORTH, PAIR_SHARE * scale, (pair**2).sum(), max(pair_free - taken, 0.0))
                pair_free -= taken
            errors = within + float((weight * (left - pair) ** 2)[seen].sum())
            free = 1.0 + arm_free + cell_free + max(pair_free, 0.0)
            noise = expected_noise(scale, errors, max(total - free, 0.0))
        self.level, self.arm, self.cell = level, arm, cell
        self.arm_variance, self.cell_variance = float(arm_v), float(cell_v)
        self.pair_variance, self.noise = float(pair_v), float(noise)

    def _spread_out(self) -> None:
        """The tables that `expect` reads, and the sums that `learned` moves."""
        noise, pair = self.noise, self.pair_variance
        self._precision = np.where(self._seen, self.weight / (pair * self.weight + noise), 0.0)
        share = pair * self._precision
        rest = 1.0 - share
        self._rows = np.stack([rest, rest**2, share * self.means, pair * rest], axis=1)
        self._arm_weight = self._precision.sum(axis=0)
        self._cell_weight = self._precision.sum(axis=1)
        residual = self._precision * (self.means - self.level)
        self._arm_sum = (residual - self._precision * self.cell[:, None]).sum(axis=0)
        self._cell_sum = (residual - self._precision * self.arm).sum(axis=1)
        self._base = self.level + self._arm_sum / (self._arm_weight + 1 / self.arm_variance)
        self._cell_base = self._cell_sum / (self._cell_weight + 1 / self.cell_variance)
        self._arm_doubt = 1.0 / (self._arm_weight + 1 / self.arm_variance)

    def learned(self, cell: int, arm: int) -> None:
        """Follow the statistics after one more reward of an arm in a cell."""
        weight = self.statistics.table.item(WEIGHT, cell, arm) * self.fading
        if weight <= TINY:
            self.settle(self.fading)
            return
        mean = self.statistics.table.item(REWARD, cell, arm) * self.fading / weight
        precision = weight / (self.pair_variance * weight + self.noise)
        old, old_mean = self._precision.item(cell, arm), self.means.item(cell, arm)
        arm_effect, cell_effect = self._base.item(arm) - self.level, self._cell_base.item(cell)
        moved = precision * (mean - self.level) - old * (old_mean - self.level)
        self.means[cell, arm], self._precision[cell, arm] = mean, precision
        share = self.pair_variance * precision
        rest = 1.0 - share
        row = self._rows[cell]
        row[0, arm], row[1, arm], row[2, arm], row[3, arm] = rest, rest * rest, share * mean, self.pair_variance * rest
        more = precision - old
        arm_weight = self._arm_weight.item(arm) + more
        arm_sum = self._arm_sum.item(arm) + moved - more * cell_effect
        self._arm_weight[arm], self._arm_sum[arm] = arm_weight, arm_sum
        doubt = 1.0 / (arm_weight + 1.0 / self.arm_variance)
        self._base[arm], self._arm_doubt[arm] = self.level + arm_sum * doubt, doubt
        cell_weight = self._cell_weight.item(cell) + more
        cell_sum = self._cell_sum.item(cell) + moved - more * arm_effect
        self._cell_weight[cell], self._cell_sum[cell] = cell_weight, cell_sum
        self._cell_base[cell] = cell_sum / (cell_weight + 1.0 / self.cell_variance)

    def expect(self, cell: int, arms: Indices | slice) -> tuple[Floats, Floats]:
        """Mean and standard deviation, each (k,), of ``arms`` in a cell."""
        rest, squared, known, doubt = self._rows[cell]
        mean: Floats = self._base[arms] + self._cell_base.item(cell)
        mean *= rest[arms]
        mean += known[arms]
        variance: Floats = squared[arms] * self._arm_doubt[arms]
        variance += doubt[arms]
        return mean, np.sqrt(variance, variance)
