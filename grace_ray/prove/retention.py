"""Retention: old bodies go, their hashes and so every proof stay; old points go, then what sums them up."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from grace_ray.core.clock import to_us
from grace_ray.core.sample import POINTS_CURSOR
from grace_ray.core.store import Reader, Transaction
from grace_ray.prove.journal import Journal

MARK = "retention"
"""The follower under whose name the store keeps how far bodies have been pruned."""

STEP = 1000
SERIES_STEP = 5000
RAW = frozenset({"event", "recommendation"})


class Retention:
    """Prunes the bodies of entries older than ``keep_days`` (by when they were recorded), a bounded step at a time.

    Only ``kinds`` are pruned: raw events by default, since the facts made of them are small and explain what was done.
    No body goes that a follower may still read: one that it has not handled, or that it would learn from again after a
    crash (beyond its last snapshot). A follower that is switched off holds the bodies that it has not seen.
    """

    def __init__(self, journal: Journal, reader: Reader, keep_days: float, kinds: frozenset[str] = RAW) -> None:
        self._journal = journal
        self._reader = reader
        self._keep = timedelta(days=keep_days)
        self._kinds = kinds

    def step(self, now: datetime) -> int:
        """Prune the next 1,000 entries if all of them may go; return how many entries were gone through, 0 when done.

        To be called where the journal is written. Raises StoreUnavailable.
        """
        after = self._reader.follower(MARK).cursor
        upto = after + STEP
        if upto > self._unneeded_upto():
            return 0
        last = self._reader.entries(upto - 1, 1)
        if not last or last[0].recorded_us > to_us(now - self._keep):
            return 0
        self._journal.prune(after, upto, self._kinds, MARK)
        return STEP

    def _unneeded_upto(self) -> int:
        cursors = {name: min(places) for name, places in self._reader.cursors().items() if name != MARK}
        return min(cursors.values(), default=self._reader.head())


class SeriesRetention:
    """Prunes points older than ``keep_points``, and snapshots of each step (seconds) older than ``keep_snapshots``.

    A series of which nothing is left goes, too: its name makes room for another one (``metrics.series_max``).

    A point that the metrics part has not taken yet stays, where that part is on (``is_followed``): what it makes of it
    is kept longer.
    """

    def __init__(
        self,
        journal: Journal,
        reader: Reader,
        keep_points: timedelta,
        keep_snapshots: Mapping[int, timedelta],
        *,
        is_followed: bool,
    ) -> None:
        self._journal = journal
        self._reader = reader
        self._keep_points = keep_points
        self._keep_snapshots = keep_snapshots
        self._is_followed = is_followed

    def step(self, now: datetime) -> int:
        """Prune up to SERIES_STEP points, snapshots of one step, or series; return how many went, 0 when done.

        To be called where the journal is written. Raises StoreUnavailable.
        """
        before = to_us(now - self._keep_points)
        upto = self._taken_upto()
        if gone := self._prune(lambda transaction: transaction.prune_points(before, upto, SERIES_STEP)):
            return gone
        for step_s, keep in self._keep_snapshots.items():
            if gone := self._prune_snapshots(step_s, to_us(now - keep)):
                return gone
        return self._prune(lambda transaction: transaction.prune_series(SERIES_STEP))

    def _prune_snapshots(self, step_s: int, before: int) -> int:
        return self._prune(lambda transaction: transaction.prune_snapshots(step_s, before, SERIES_STEP))

    def _prune(self, work: Callable[[Transaction], int]) -> int:
        return self._journal.prune_series(work)

    def _taken_upto(self) -> int:
        if not self._is_followed:
            return self._reader.last_point()
        cursor = self._reader.record(*POINTS_CURSOR)
        return int(cursor.body) if cursor and cursor.body else 0
