"""Retention: old bodies go, their hashes and so every proof stay."""

from datetime import datetime, timedelta

from grace_ray.core.clock import to_us
from grace_ray.core.store import Reader
from grace_ray.prove.journal import Journal

MARK = "retention"
"""The follower under whose name the store keeps how far bodies have been pruned."""

STEP = 1000
RAW = frozenset({"event"})


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
