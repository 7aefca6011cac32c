"""What one site knows of one point of choice: sums over its rewards, which add up across sites and fade with time.

A reward r of the chosen candidate ("arm") a in cell c with features f (context's and candidate's, with a 1 before them)
adds its weight g, g r and g r^2 to the tables at (c, a), and g f f', g f r to the ridge statistics of a. Beside them
stand what does not fade: the count, the plain sum, the squares of surprises (for confidence sequences) and the moving
average, a read-out (of several sites: the mean by their counts). Weights are
kept inflated, g = 2^((t - origin) / half-life): nothing needs touching as time passes, and moving the origin by whole
half-lives scales by a power of two, which is exact in floating point. So decay is exact, and so is addition.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WEIGHT, REWARD, SQUARE, COUNT, PLAIN, SPREAD, AVERAGE = range(7)  # layers of the table; the first three fade
FIELDS = 7
MAX_WIDTH = 257
MAX_ENTRIES = 500_000  # numbers in the tables of a point; what is new beyond them is counted together
OTHER = "*"
_LAYERS = np.arange(FIELDS)
_REBASE_AT = 32  # half-lives: 2^32 is far from overflow, and rare


@dataclass(slots=True)
class PointStatistics:
    """Tables of shape (FIELDS, cells, arms) with room to grow; where there are features, linear models' sums.

    ``gram`` (arms, d, d) are sums of g f f', ``moment`` (arms, d) of g f r, ``reach`` (cells, arms, d) of g f.
    ``origin`` counts whole half-lives since time 0. ``latest_s`` is the newest time seen.
    """

    arms: dict[str, int] = field(default_factory=dict)
    cells: dict[str, int] = field(default_factory=dict)
    table: Floats = field(default_factory=lambda: np.zeros((FIELDS, 4, 8)))
    width: int = 0
    gram: Floats = field(default_factory=lambda: np.zeros((8, 0, 0)))
    moment: Floats = field(default_factory=lambda: np.zeros((8, 0)))
    reach: Floats = field(default_factory=lambda: np.zeros((4, 8, 0)))
    origin: int = 0
    latest_s: float = -math.inf

    def arm(self, name: str) -> int:
        """The index of an arm, made where it is new; of `OTHER` where there is no more room.

        There is always one unused column beyond the last.
        """
        found = self.arms.get(name)
        if found is None:
            count = len(self.arms)
            if name != OTHER and self._is_full(len(self.cells), count + 1):
                return self.arm(OTHER)
            found = self.arms[name] = count
            if count + 2 > self.table.shape[2]:
                self._grow(self.table.shape[1], 2 * self.table.shape[2])
        return found

    def cell(self, name: str) -> int:
        """The index of a cell, made where it is new; of `OTHER` where there is no more room.

        There is always one unused row beyond the last.
        """
        found = self.cells.get(name)
        if found is None:
            count = len(self.cells)
            if name != OTHER and self._is_full(count + 1, len(self.arms)):
                return self.cell(OTHER)
            found = self.cells[name] = count
            if count + 2 > self.table.shape[1]:
                self._grow(2 * self.table.shape[1], self.table.shape[2])
        return found

    def find_arm(self, name: str) -> int:
        """The index of an arm, or of the one that speaks for those that are not known."""
        found = self.arms.get(name)
        return self.arms.get(OTHER, len(self.arms)) if found is None else found

    def find_cell(self, name: str) -> int:
        """The index of a cell, or of the one that speaks for those that are not known."""
        found = self.cells.get(name)
        return self.cells.get(OTHER, len(self.cells)) if found is None else found

    def _is_full(self, cells: int, arms: int) -> bool:
        return cells * arms * (FIELDS + self.width) + arms * self.width**2 > MAX_ENTRIES

    def widen(self, width: int) -> None:
        """Make room for ridge statistics of ``width`` numbers, where there is none yet."""
        if width and not self.width:
            self.width = width
            cells, arms = self.table.shape[1:]
            self.gram, self.moment = np.zeros((arms, width, width)), np.zeros((arms, width))
            self.reach = np.zeros((cells, arms, width))

    def _grow(self, cells: int, arms: int) -> None:
        table = np.zeros((FIELDS, cells, arms))
        table[:, : self.table.shape[1], : self.table.shape[2]] = self.table
        self.table = table
        reach = np.zeros((cells, arms, self.width))
        reach[: self.reach.shape[0], : self.reach.shape[1]] = self.reach
        self.reach = reach
        if arms > len(self.gram):
            gram, moment = np.zeros((arms, self.width, self.width)), np.zeros((arms, self.width))
            gram[: len(self.gram)], moment[: len(self.moment)] = self.gram, self.moment
            self.gram, self.moment = gram, moment

    def take(
        self, arm: int, cell: int, reward: float, features: Floats | None, weight: float, sign: float = 1.0
    ) -> None:
        """Add a reward of an arm in a cell (or with ``sign`` -1 take it away), its features (width,) or None."""
        table, amount = self.table, sign * weight
        table[WEIGHT, cell, arm] += amount
        table[REWARD, cell, arm] += amount * reward
        table[SQUARE, cell, arm] += amount * reward * reward
        table[COUNT, cell, arm] += sign
        table[PLAIN, cell, arm] += sign * reward
        if features is not None:
            self.gram[arm] += np.outer(amount * features, features)
            self.moment[arm] += amount * reward * features
            self.reach[cell, arm] += amount * features

    def rebase(self, origin: int) -> None:
        """Count weights from another origin (whole half-lives): exact."""
        if origin == self.origin:
            return
        factor = math.ldexp(1.0, max(self.origin - origin, -1000))
        self.table[:COUNT] *= factor
        self.gram *= factor
        self.moment *= factor
        self.reach *= factor
        self.origin = origin

    def weight_at(self, now_s: float, half_life_s: float) -> float:
        """The inflated weight of something that happens now."""
        ages = now_s / half_life_s - self.origin
        if ages > _REBASE_AT:
            self.rebase(math.floor(now_s / half_life_s))
            ages = now_s / half_life_s - self.origin
        return math.exp2(ages)

    def fading(self, half_life_s: float) -> float:
        """What the inflated sums must be multiplied with to be those of ``latest_s``."""
        return math.exp2(self.origin - self.latest_s / half_life_s) if self.latest_s > -math.inf else 1.0

    def add(self, other: "PointStatistics", sign: float = 1.0) -> None:
        """Add what another site knows."""
        self.widen(other.width)
        arms = np.array([self.arm(name) for name in other.arms], dtype=np.intp)
        cells = np.array([self.cell(name) for name in other.cells], dtype=np.intp)
        origin = max(self.origin, other.origin) if self.arms and np.any(self.table) else other.origin
        self.rebase(origin)
        factor = math.ldexp(1.0, max(other.origin - origin, -1000))
        if len(arms) and len(cells):
            part = other.table[:, : len(cells), : len(arms)].copy()
            part[:COUNT] *= factor
            target = np.ix_(_LAYERS, cells, arms)
            mixed = self.table[target]
            averages = mixed[COUNT] * mixed[AVERAGE] + sign * part[COUNT] * part[AVERAGE]
            mixed += sign * part
            mixed[AVERAGE] = np.divide(averages, mixed[COUNT], out=np.zeros_like(averages), where=mixed[COUNT] > 0)
            self.table[target] = mixed
        if other.width:
            self.gram[arms] += other.gram[: len(arms)] * (factor * sign)
            self.moment[arms] += other.moment[: len(arms)] * (factor * sign)
            self.reach[np.ix_(cells, arms)] += other.reach[: len(cells), : len(arms)] * (factor * sign)
        self.latest_s = max(self.latest_s, other.latest_s)

    def copy(self) -> "PointStatistics":
        """The same, sharing nothing."""
        return replace(
            self,
            arms=dict(self.arms),
            cells=dict(self.cells),
            table=self.table.copy(),
            gram=self.gram.copy(),
            moment=self.moment.copy(),
            reach=self.reach.copy(),
        )

    def without(self, arms: frozenset[str] = frozenset(), cells: frozenset[str] = frozenset()) -> "PointStatistics":
        """The same as if these arms and cells had never been (the ridge of an arm that stays keeps its cells)."""
        left = PointStatistics(origin=self.origin, latest_s=self.latest_s)
        left.widen(self.width)
        old_arms = np.array([place for name, place in self.arms.items() if name not in arms], dtype=np.intp)
        old_cells = np.array([place for name, place in self.cells.items() if name not in cells], dtype=np.intp)
        new_arms = np.array([left.arm(name) for name in self.arms if name not in arms], dtype=np.intp)
        new_cells = np.array([left.cell(name) for name in self.cells if name not in cells], dtype=np.intp)
        if len(new_arms):
            left.table[np.ix_(_LAYERS, new_cells, new_arms)] = self.table[np.ix_(_LAYERS, old_cells, old_arms)]
            left.gram[new_arms], left.moment[new_arms] = self.gram[old_arms], self.moment[old_arms]
            left.reach[np.ix_(new_cells, new_arms)] = self.reach[np.ix_(old_cells, old_arms)]
        return left

    def refaded(self, old_s: float, new_s: float) -> None:
        """Go on with another half-life: what counts at the newest time seen stays, from there on the new one holds."""
        if old_s == new_s or not math.isfinite(self.latest_s):
            return
        fading = self.fading(old_s)
        self.origin = math.floor(self.latest_s / new_s)
        factor = fading / self.fading(new_s)
        self.table[:COUNT] *= factor
        self.gram *= factor
        self.moment *= factor
        self.reach *= factor

    def header(self) -> dict[str, Any]:
        """All but the arrays, in JSON's types."""
        latest = self.latest_s if math.isfinite(self.latest_s) else None
        return {"arms": list(self.arms), "cells": list(self.cells), "origin": self.origin, "latest_s": latest}

    def arrays(self) -> list[Floats]:
        """Table, gram, moment and reach, without the room to grow."""
        arms, cells = len(self.arms), len(self.cells)
        return [self.table[:, :cells, :arms], self.gram[:arms], self.moment[:arms], self.reach[:cells, :arms]]

    @classmethod
    def read(cls, header: dict[str, Any], arrays: Iterator[Floats]) -> "PointStatistics":
        """What `header` and `arrays` gave."""
        latest = -math.inf if header["latest_s"] is None else float(header["latest_s"])
        made = cls(origin=int(header["origin"]), latest_s=latest)
        table, gram, moment, reach = (next(arrays) for _ in range(4))
        made.widen(moment.shape[1])
        arms, cells = [made.arm(name) for name in header["arms"]], [made.cell(name) for name in header["cells"]]
        made.table[:, : len(cells), : len(arms)] = table
        made.gram[: len(arms)], made.moment[: len(arms)] = gram, moment
        made.reach[: len(cells), : len(arms)] = reach
        return made
