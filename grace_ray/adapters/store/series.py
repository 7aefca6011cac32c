"""Points and snapshots in terms of SQL, over a Session of either database: what tables.py hands on about series."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from grace_ray.adapters.store import sql
from grace_ray.core.errors import InvalidInput
from grace_ray.core.sample import Point, Snapshot, metric_of


class Statements(Protocol):
    """What is needed of a Session."""

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query and return its rows."""
        ...

    def many(self, statement: str, rows: Iterable[Sequence[Any]]) -> int:
        """Run a statement for each row of values; return how many rows of the table it changed."""
        ...


def snapshot(row: tuple[Any, ...]) -> Snapshot:
    """Return the snapshot that a row of sql.SNAPSHOTS holds."""
    key, step_s, start_us, count, low, high, mean, p50, p95, p99, band = row
    return Snapshot(
        series=key,
        step_s=step_s,
        start_us=start_us,
        count=count,
        min=low,
        max=high,
        mean=mean,
        p50=p50,
        p95=p95,
        p99=p99,
        band=band,
    )


def put_points(session: Statements, points: Sequence[Point]) -> int:
    """Insert the points that are new; return how many were. Raises InvalidInput for a value that is not finite."""
    for point in points:
        if not math.isfinite(point[2]):
            raise InvalidInput(f"A value of {point.series} is not finite.", "value")
    firsts: dict[str, Point] = {}
    for point in points:
        firsts.setdefault(point[0], point)
    ids = _ids(session, firsts)
    return session.many(sql.PUT_POINT, [(ids[point[0]], point[1], point[2]) for point in points])


def put_snapshots(session: Statements, snapshots: Sequence[Snapshot]) -> None:
    """Upsert snapshots by series, step and start. Raises InvalidInput for a figure that is not finite."""
    for each in snapshots:
        if not math.isfinite(each.min + each.max + each.mean + each.p50 + each.p95 + each.p99):
            raise InvalidInput(f"A figure of {each.series} is not finite.", "value")
    ids = _ids(session, {each.series: Point(each.series, each.start_us, 0.0) for each in snapshots})
    session.many(sql.PUT_SNAPSHOT, [(ids[each.series], *_figures(each)) for each in snapshots])


def _figures(each: Snapshot) -> tuple[Any, ...]:
    figures = (each.min, each.max, each.mean, each.p50, each.p95, each.p99)
    return (each.step_s, each.start_us, each.count, *figures, each.band)


def _ids(session: Statements, firsts: dict[str, Point]) -> dict[str, int]:
    """Return the number of each series; those that are new are made, as their first point says."""
    ids = _known(session, list(firsts))
    new = [point for key, point in firsts.items() if key not in ids]
    if new:
        rows = [(point.series, metric_of(point.series), point.is_counter, point.at_us) for point in new]
        session.many(sql.ADD_SERIES, rows)
        ids |= _known(session, [point.series for point in new])
    return ids


def _known(session: Statements, keys: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in sql.chunks(keys, sql.LOOKUP_MAX):
        found.update(session.rows(sql.series_ids(len(part)), part))
    return found
