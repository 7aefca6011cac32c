"""What several sites have learned, each kept apart, so that a site counts once however often and late it is merged.

A site's statistics carry its epoch (raised by whoever starts it anew) and version (raised with every reward). The
newest of a site replaces what was known of it; the sites' sum is what beliefs are computed from.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from grace_ray.core.errors import Conflict
from grace_ray.models.choose.ledger import Entry
from grace_ray.models.choose.statistics import AVERAGE, COUNT, SPREAD, PointStatistics
from grace_ray.models.codec import Floats


@dataclass(slots=True)
class SiteStatistics:
    """All points of one site, as of one version."""

    epoch: int = 0
    version: int = 0
    points: dict[str, PointStatistics] = field(default_factory=dict)

    def is_newer_than(self, other: "SiteStatistics") -> bool:
        """Whether this is a later state of the same site."""
        return (self.epoch, self.version) > (other.epoch, other.version)

    def copy(self) -> "SiteStatistics":
        """The same, sharing nothing."""
        return SiteStatistics(self.epoch, self.version, {name: point.copy() for name, point in self.points.items()})

    def header(self) -> dict[str, Any]:
        """All but the arrays, in JSON's types."""
        points = {name: point.header() for name, point in self.points.items()}
        return {"epoch": self.epoch, "version": self.version, "points": points}

    def arrays(self) -> list[Floats]:
        """The arrays of all points, in the header's order."""
        return [array for point in self.points.values() for array in point.arrays()]


class Sites:
    """One's own site, the others as far as they are known, and the sum of all, made anew where it is asked for."""

    def __init__(self, name: str, own: SiteStatistics, others: dict[str, SiteStatistics] | None = None) -> None:
        self.name = name
        self.own = own
        self._others = others or {}
        self._total: dict[str, PointStatistics] | None = None

    def all(self) -> dict[str, SiteStatistics]:
        """Every site by its name, one's own last."""
        return self._others | {self.name: self.own}

    @property
    def points(self) -> dict[str, PointStatistics]:
        """The sums over all sites; one's own, the same object, where there are no others."""
        if self._total is None:
            self._total = summed(self.all()) if self._others else self.own.points
        return self._total

    def both(self, point: str) -> list[PointStatistics]:
        """One's own sums of a point and those of all sites, made where they are new; alone they are the same."""
        return [sums.setdefault(point, PointStatistics()) for sums in (self.own.points, self.points)]

    def merge(self, theirs: Mapping[str, SiteStatistics]) -> bool:
        """Take the newest state of each site; return whether anything was new. Conflict where a site has no name."""
        if "" in theirs and (self.name == "" or theirs[""].version):
            raise Conflict("A policy must have the name of its site to be merged.", "site")
        changed = False
        for site, statistics in theirs.items():
            known = self.own if site == self.name else self._others.get(site, SiteStatistics(-1))
            if not statistics.is_newer_than(known):
                continue
            changed = True
            if site == self.name:
                self.own = statistics.copy()
            else:
                self._others[site] = statistics.copy()
        if changed:
            self._total = None
        return changed

    def cut(self, *, arms: frozenset[str] = frozenset(), cells: frozenset[str] = frozenset(), point: str = "") -> None:
        """Leave arms and cells out, at one point or ("") all."""
        for site in self.all().values():
            for name, statistics in site.points.items():
                if point in ("", name):
                    site.points[name] = statistics.without(arms, cells)
        self._total = None

    def drop(self, point: str) -> None:
        """Leave a point out."""
        for site in self.all().values():
            site.points.pop(point, None)
        self._total = None

    def put(self, entry: Entry, reward: float | None, half_life_s: float, newest_weight: float) -> tuple[int, int]:
        """Hold this reward for a choice in place of what is held for it now; return cell and arm in the sums of all.

        ``entry.reward`` is moved on, too.
        """
        point = entry.choice.point
        own = self.own.points.get(point)
        if own is None:
            own = self.own.points[point] = PointStatistics()
        total = self.points.setdefault(point, own)
        self.own.version += 1
        cell, arm = _move(own, entry, reward, half_life_s)
        table = own.table
        count, average = table.item(COUNT, cell, arm), table.item(AVERAGE, cell, arm)
        before = count - (reward is not None) + (entry.reward is not None)
        newest = entry.moved_average(int(before), average, reward, newest_weight)
        table[AVERAGE, cell, arm] = newest
        if total is not own:
            cell, arm = _move(total, entry, reward, half_life_s)
            everywhere = total.table.item(COUNT, cell, arm)
            others = total.table.item(AVERAGE, cell, arm) * (everywhere - count + before) - before * average
            total.table[AVERAGE, cell, arm] = (others + count * newest) / everywhere if everywhere else 0.0
        entry.reward = reward
        return cell, arm


def _move(statistics: PointStatistics, entry: Entry, reward: float | None, half_life_s: float) -> tuple[int, int]:
    """Change the sums of one site, or of all; return the cell and the arm there."""
    choice, features = entry.choice, entry.features
    if features is not None:
        statistics.widen(len(features))
    arm, cell = statistics.arm(choice.candidate), statistics.cell(choice.context.cell)
    weight = statistics.weight_at(choice.at_s, half_life_s)
    if choice.at_s > statistics.latest_s:
        statistics.latest_s = choice.at_s
    expected = choice.outlook.expected.item(choice.index)
    for value, sign in ((entry.reward, -1.0), (reward, 1.0)):
        if value is not None:
            statistics.take(arm, cell, value, features, weight, sign)
            statistics.table[SPREAD, cell, arm] += sign * (value - expected) ** 2
    return cell, arm


def summed(sites: dict[str, SiteStatistics]) -> dict[str, PointStatistics]:
    """The sum over sites, point by point, always in the same order."""
    total: dict[str, PointStatistics] = {}
    for name in sorted(sites):
        for point, statistics in sites[name].points.items():
            total.setdefault(point, PointStatistics()).add(statistics)
    return total
