"""What several sites have learned, each kept apart, so that a site counts once however often and late it is merged.

A site's statistics carry its epoch (raised by whoever starts it anew) and version (raised with every reward). The
newest of a site replaces what was known of it; the sites' sum is what beliefs are computed from.
"""

from dataclasses import dataclass, field
from typing import Any

from grace_ray.models.choose.statistics import PointStatistics
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


def summed(sites: dict[str, SiteStatistics]) -> dict[str, PointStatistics]:
    """The sum over sites, point by point, always in the same order."""
    total: dict[str, PointStatistics] = {}
    for name in sorted(sites):
        for point, statistics in sites[name].points.items():
            total.setdefault(point, PointStatistics()).add(statistics)
    return total
