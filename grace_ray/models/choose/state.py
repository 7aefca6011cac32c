"""What a policy keeps as bytes: the sums of every site, and the remembered choices.

States of version 1 are read too; but a point that had features then starts anew, since they were counted otherwise.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from grace_ray.models.choose.ledger import Ledger
from grace_ray.models.choose.sites import SiteStatistics
from grace_ray.models.choose.statistics import PointStatistics
from grace_ray.models.codec import Floats, pack, unpack

_CENTRED = 2  # the first version whose candidates' features are differences from the mean of those offered


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kept:
    """All that a policy is, but for its settings: the name of its own site, the sums of each, the choices."""

    site: str
    sites: dict[str, SiteStatistics]
    ledger: Ledger


def written(kept: Kept, half_life_s: float) -> bytes:
    """The bytes, for `read`."""
    rows, outlooks = kept.ledger.rows()
    header = {
        "site": kept.site,
        "half_life_s": half_life_s,
        "sites": {name: site.header() for name, site in kept.sites.items()},
        "ledger": rows,
    }
    return pack(header, [*(array for site in kept.sites.values() for array in site.arrays()), outlooks])


def read(data: bytes, half_life_s: float, max_choices: int) -> Kept:
    """What `written` was given, going on with another half-life and bound of the ledger where they differ."""
    version, header, arrays = unpack(data)
    sites = {name: _site(site, arrays) for name, site in header["sites"].items()}
    ledger = Ledger(max_choices)
    ledger.read(header["ledger"], next(arrays))
    if version < _CENTRED:
        _start_anew(sites, ledger)
    for site in sites.values():
        for statistics in site.points.values():
            statistics.refaded(header["half_life_s"], half_life_s)
    return Kept(site=header["site"], sites=sites, ledger=ledger)


def _site(header: dict[str, Any], arrays: Iterator[Floats]) -> SiteStatistics:
    points = {point: PointStatistics.read(one, arrays) for point, one in header["points"].items()}
    return SiteStatistics(header["epoch"], header["version"], points)


def _start_anew(sites: dict[str, SiteStatistics], ledger: Ledger) -> None:
    """Drop the points that have features, at every site, and the choices made there."""
    gone = {name for site in sites.values() for name, statistics in site.points.items() if statistics.width}
    for site in sites.values():
        site.points = {name: statistics for name, statistics in site.points.items() if name not in gone}
    ledger.drop(lambda choice: choice.point in gone)
