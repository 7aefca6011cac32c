"""Beliefs with features: the hierarchy's effects, where an arm's effect is a line in features rather than a number.

reward = cell effect + w_a . f + effect of the arm in the cell + noise, with f = (1, features standardised by their
own mean and spread) and w_a Gaussian around what all arms have in common, w_0, which is Gaussian around 0. Given the
variances, w_a follows by generalised least squares (the effects of arms in cells integrated out), w_0 from all w_a,
cell effects and effects in cells from what is left; the variances by a few steps of EM with weak priors, as in
`hierarchy`, whose case of no features this is. Between two full solutions, single rewards move only their arm's line,
by the Sherman-Morrison formula.
"""

import numpy as np
from numpy.typing import NDArray

from grace_ray.models.choose.hierarchy import (
    ARM_SHARE,
    ARM_WORTH,
    CELL_SHARE,
    CELL_WORTH,
    FIRST_VARIANCE,
    FIRST_WORTH,
    NOISE_SHARE,
    TINY,
    expected_noise,
)
from grace_ray.models.choose.statistics import COUNT, REWARD, SQUARE, WEIGHT, PointStatistics

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

_SLOPE_SHARE, _SLOPE_WORTH = 0.05, 4.0  # prior variance of a slope, in units of the rewards', and its worth in slopes
_COMMON_SHARE, _COMMON_WORTH = 0.1, 1.0
_PAIR_SHARE, _PAIR_WORTH = 0.2, 4.0
_SWEEPS = 4


class Regression:
    """Posterior mean and deviation of the reward of each arm in each cell, given features, at one point."""

    def __init__(self, statistics: PointStatistics, fading: float = 1.0) -> None:
        self.statistics = statistics
        self.settle(fading)

    def settle(self, fading: float) -> None:
        """Solve anew from the sums."""
        self.fading = fading
        sums = self.statistics
        table = sums.table
        self.overall = table[COUNT].sum(axis=0)
        self.weight, self._reward = table[WEIGHT] * fading, table[REWARD] * fading
        self._seen = self.weight > TINY
        self._standardise(sums.gram.sum(axis=0))
        turn = self._turn
        gram = turn @ (sums.gram * fading) @ turn.T
        moment, reach = (sums.moment * fading) @ turn.T, (sums.reach * fading) @ turn.T
        self._solve(gram, moment, reach, float(table[SQUARE].sum()) * fading)

    def _standardise(self, pooled: Floats) -> None:
        """The matrix that takes a raw row (1, features) to (1, features in standard units)."""
        width = len(pooled)
        count = max(float(pooled[0, 0]), TINY)
        centre = pooled[0] / count
        centre[0] = 0.0
        variance = np.diag(pooled) / count - centre**2
        is_varied = variance > 1e-10 * (centre**2 + TINY)
        scale = np.where(is_varied, 1.0 / np.sqrt(np.where(is_varied, variance, 1.0)), 0.0)
        scale[0] = 1.0
        self._turn = np.diag(scale)
        self._turn[1:, 0] = -(centre * scale)[1:width]

    def _solve(self, gram: Floats, moment: Floats, reach: Floats, squares: float) -> None:
        seen, weight = self._seen, self.weight
        total, width = float(weight.sum()), gram.shape[1]
        safe = np.where(seen, weight, 1.0)
        level = float(self._reward.sum()) / total if total > 0 else 0.0
        scale = (max(squares - total * level**2, 0.0) + FIRST_WORTH * FIRST_VARIANCE) / (total + FIRST_WORTH)
        arm_v, cell_v, pair_v, noise = (scale * s for s in (ARM_SHARE, CELL_SHARE, _PAIR_SHARE, NOISE_SHARE))
        slope_v, common_v = _SLOPE_SHARE * scale, _COMMON_SHARE * scale
        in_cells, in_arms = seen.any(axis=1), seen.any(axis=0)
        cells, arms, pairs = int(in_cells.sum()), int(in_arms.sum()), int(seen.sum())
        has_cells = cells > 1
        if not has_cells:
            cell_v = pair_v = TINY * scale
        cell = np.zeros(len(weight))
        for _ in range(_SWEEPS):
            known_gram, known = gram, moment
            if has_cells:
                share = np.where(seen, pair_v / (noise + safe * pair_v), 0.0)
                known_gram = gram - np.einsum("ca,cai,caj->aij", share, reach, reach, optimize=True)
                apart = self._reward - weight * cell[:, None]
                known = moment - np.einsum("ca,cai->ai", cell[:, None] + share * apart, reach)
            lines, spread, common = self._lines(known_gram, known, (arm_v, slope_v, common_v), noise)
            fitted = np.einsum("cai,ai->ca", reach, lines)
            left = np.where(seen, (self._reward - fitted) / safe, 0.0)
            noise_of = noise / safe
            precision = np.where(seen, 1.0 / (pair_v + noise_of), 0.0)
            if has_cells:
                cell_precision = precision.sum(axis=1) + 1 / cell_v
                cell = (precision * left).sum(axis=1) / cell_precision
                moved = (cell**2 + 1 / cell_precision)[in_cells].sum()
                cell_v = (CELL_WORTH * CELL_SHARE * scale + moved) / (CELL_WORTH + cells)
            pair = pair_v * precision * (left - cell[:, None])
            doubt = noise_of * pair_v * precision
            off = (lines - common) ** 2 + np.einsum("aii->ai", spread)
            arm_v = (ARM_WORTH * ARM_SHARE * scale + off[in_arms, 0].sum()) / (ARM_WORTH + arms)
            if width > 1:
                slope_v = _SLOPE_WORTH * _SLOPE_SHARE * scale + off[in_arms, 1:].mean(axis=1).sum()
                slope_v /= _SLOPE_WORTH + arms
                common_v = _COMMON_WORTH * _COMMON_SHARE * scale + (common[1:] ** 2).sum()
                common_v /= _COMMON_WORTH + width - 1
            effects = cell[:, None] + pair
            errors = squares - 2 * (lines * moment).sum() + np.einsum("ai,aij,aj->", lines, gram, lines)
            errors += -2 * (effects * (self._reward - fitted)).sum() + (weight * effects**2).sum()
            errors = max(float(errors), 0.0) + np.einsum("aij,aji->", gram, spread) + (weight * doubt)[seen].sum()
            if has_cells:
                pair_v = (_PAIR_WORTH * _PAIR_SHARE * scale + (pair**2 + doubt)[seen].sum()) / (_PAIR_WORTH + pairs)
            noise = expected_noise(scale, float(errors), total)
        self.noise, self.pair_variance = noise, float(pair_v)
        self.lines, self.spread, self.cell, self.pair = lines, spread, cell, pair

    @staticmethod
    def _lines(
        gram: Floats, moment: Floats, variances: tuple[float, float, float], noise: float
    ) -> tuple[Floats, Floats, Floats]:
        """Lines (arms, d) and their covariances (arms, d, d), and the line (d,) that arms have in common."""
        arm_v, slope_v, common_v = variances
        width = gram.shape[1]
        ridge, around = np.full(width, noise / slope_v), np.full(width, noise / common_v)
        ridge[0], around[0] = noise / arm_v, 1e-3
        inverse: Floats = np.asarray(np.linalg.inv(gram + np.diag(ridge)), dtype=np.float64)
        drawn = np.einsum("aij,aj->ai", inverse, moment)
        information = (np.diag(ridge) - ridge[:, None] * inverse * ridge).sum(axis=0) + np.diag(around)
        common: Floats = np.asarray(np.linalg.solve(information, ridge * drawn.sum(axis=0)), dtype=np.float64)
        lines: Floats = drawn + (inverse * ridge) @ common
        return lines, inverse * noise, common

    def learned(self, cell: int, arm: int, reward: float, features: Floats) -> None:
        """Follow the statistics after one more reward of an arm in a cell, with its raw row of features (d,)."""
        row = self._turn @ features
        surprise = reward - self.cell.item(cell) - self.pair.item(cell, arm) - float(row @ self.lines[arm])
        gain = self.spread[arm] @ row
        gain_share = gain / (self.noise + float(row @ gain))
        self.lines[arm] += gain_share * surprise
        self.spread[arm] -= gain_share[:, None] * gain
        self.weight[cell, arm] = self.statistics.table.item(WEIGHT, cell, arm) * self.fading

    def expect(self, cell: int, arms: Indices | slice, features: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation, each (k,), of ``arms`` in a cell, with raw rows of features (k, d)."""
        rows = features @ self._turn.T
        mean = (rows * self.lines[arms]).sum(axis=1) + self.cell.item(cell) + self.pair[cell, arms]
        weight = self.weight[cell, arms]
        rest = self.noise / (weight * self.pair_variance + self.noise)
        line = np.matmul(self.spread[arms], rows[:, :, None])[:, :, 0]
        variance = rest * rest * (rows * line).sum(axis=1) + self.pair_variance * rest
        return mean, np.sqrt(np.maximum(variance, 0.0))
