"""A series as models want it: its snapshots on a regular grid, gaps as NaN."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from grace_ray.core.sample import Snapshot
from grace_ray.core.store import Reader

_DAY_US = 86_400 * 1_000_000
_PHASE_STEP_S = 300


class Steps(NamedTuple):
    """The lengths in seconds of a snapshot, which forecasts count in, and of the time between two points."""

    snapshot_s: int
    point_s: int


class History(NamedTuple):
    """``values`` (steps,), oldest first, NaN where nothing came; the last begins at ``last_us``.

    ``observations`` counts what is not NaN; ``latest`` is the newest snapshot, None where there is none.
    """

    values: NDArray[np.float64]
    last_us: int
    step_s: int
    observations: int
    latest: Snapshot | None

    @property
    def start_phase(self) -> int | None:
        """The place of the first value within its day, 0..287; None where steps are not of five minutes."""
        if self.step_s != _PHASE_STEP_S:
            return None
        step_us = self.step_s * 1_000_000
        first_us = self.last_us - (len(self.values) - 1) * step_us
        return first_us % _DAY_US // step_us


def read_history(reader: Reader, series: str, step_s: int, steps: int, now_us: int) -> History:
    """Return the last ``steps`` steps that ended by ``now_us``, from the first snapshot on.

    While none has ended, the one under way speaks: a fresh start has something to show.
    """
    step_us = step_s * 1_000_000
    end_us = now_us - now_us % step_us  # where the step under way began
    found = reader.snapshots(series, step_s, end_us - steps * step_us, end_us, steps)
    if not found:
        found = reader.snapshots(series, step_s, end_us, now_us + 1, 1)
        end_us += step_us
    return on_grid(found, step_s, end_us, steps)


def read_points(reader: Reader, series: str, step_s: int, steps: int, now_us: int) -> History:
    """Return the last points of a gauge, the mean of each ``step_s`` seconds: what has not become a snapshot yet."""
    step_us = step_s * 1_000_000
    end_us = now_us - now_us % step_us + step_us
    start_us = end_us - steps * step_us
    points = reader.points(series, start_us, end_us)
    if not points:
        return History(np.empty(0), end_us - step_us, step_s, 0, None)
    places = np.array([(point.at_us - start_us) // step_us for point in points])
    counts = np.bincount(places, minlength=steps)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = np.bincount(places, [point.value for point in points], steps) / counts
    last = int(places[-1])  # the step under way may have nothing yet
    first = int(places[0])
    kept = np.where(counts > 0, values, np.nan)[first : last + 1]
    return History(kept, start_us + last * step_us, step_s, int(np.isfinite(kept).sum()), None)


def on_grid(snapshots: Sequence[Snapshot], step_s: int, end_us: int, steps: int) -> History:
    """Return the means of snapshots in the ``steps`` steps before ``end_us``; leading gaps are left out.

    >>> def snap(start_s, mean):
    ...     return Snapshot(series="m", step_s=60, start_us=start_s * 1_000_000, count=1, min=mean, max=mean, mean=mean,
    ...                     p50=mean, p95=mean, p99=mean, band="")
    >>> on_grid([snap(0, 1.0), snap(120, 3.0)], 60, 240_000_000, 10).values
    array([ 1., nan,  3., nan])
    """
    step_us = step_s * 1_000_000
    last_us = end_us - step_us
    values = np.full(steps, np.nan)
    for snapshot in snapshots:
        place = steps - 1 - (last_us - snapshot.start_us) // step_us
        if 0 <= place < steps:
            values[place] = snapshot.mean
    seen = np.flatnonzero(np.isfinite(values))
    first = int(seen[0]) if seen.size else steps
    return History(values[first:], last_us, step_s, int(seen.size), snapshots[-1] if snapshots else None)
