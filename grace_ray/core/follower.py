"""The Follower: a part of Grace that reads the journal and answers with facts and changed records."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from grace_ray.core.entry import Entry
from grace_ray.core.fact import Fact
from grace_ray.core.sample import Snapshot
from grace_ray.core.store import Reader, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What a follower made of what it read: facts for the journal, and the records and snapshots that changed."""

    facts: Sequence[Fact] = ()
    records: Sequence[Record] = ()
    snapshots: Sequence[Snapshot] = ()

    def __bool__(self) -> bool:
        return bool(self.facts or self.records or self.snapshots)

    def __add__(self, later: "Effects") -> "Effects":
        """Return both, in this order: of two records with one key the later counts."""
        return Effects(
            facts=[*self.facts, *later.facts],
            records=[*self.records, *later.records],
            snapshots=[*self.snapshots, *later.snapshots],
        )


NOTHING = Effects()


class Follower(Protocol):
    """Pure and deterministic: the same entries and times give the same effects, with the same fact ids.

    The host (an actor, or grace_ray/loop.py) reads entries after the cursor, calls ``handle``, and commits cursor and
    effects in one transaction. It saves ``state()`` now and then. After a crash it calls ``restore`` with the last
    snapshot and a reader (records are always as new as the cursor), then ``relearn`` with the entries between the
    snapshot and the cursor: the follower learns from them again, without effects.
    """

    name: str
    follows: frozenset[str]

    def handle(self, entries: Sequence[Entry], now: datetime) -> Effects:
        """Take entries (of the kinds that it follows) in seq order and return what follows from them."""
        ...

    def tick(self, now: datetime) -> Effects:
        """Do what is due by time alone (sweeps, expiries); the host calls it about once a second."""
        ...

    def state(self) -> bytes:
        """Return a snapshot of what is not kept in records."""
        ...

    def restore(self, state: bytes | None, reader: Reader) -> None:
        """Start from a snapshot (None: the first start) and the records as they stand."""
        ...

    def relearn(self, entries: Sequence[Entry]) -> None:
        """Bring what is learned from entries up to date, without effects."""
        ...
