"""The journal: append-only, one writer, many callers' work in one durable transaction, a Merkle tree over it all."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from grace_ray.core.clock import to_us, utc_now
from grace_ray.core.entry import Entry
from grace_ray.core.errors import (
    Backpressure,
    Conflict,
    GraceError,
    InvalidInput,
    RuntimeFault,
    StaleCursor,
    StoreUnavailable,
    Tampered,
)
from grace_ray.core.fact import Row
from grace_ray.core.sample import Point, Snapshot
from grace_ray.core.store import Appended, Commit, EntryFilter, Record, Transaction, Writer
from grace_ray.prove.checkpoints import Notary
from grace_ray.prove.leaves import leaf_hashes, made_entries
from grace_ray.prove.merkle import Frontier

Work = Sequence[Row] | Commit
"""What one caller hands in: rows to append, or a follower's commit."""

GATE = "triage"
"""The follower whose unread events are the buffer that back-pressure is about."""


class Journal:
    """Appends facts to the store, once each, and commits what followers make of them.

    One thread at a time may write; ``read`` is free. ``buffer`` is how many events the follower ``triage`` may lag
    behind before appends of events are refused (0: no limit, for a Grace without triage). ``notary`` signs
    checkpoints. Nothing is read from the store until the first use, and again after every failure, so a journal comes
    back by itself once its store does. ``on_append`` hears, in the writing thread, of entries once they are durable.
    """

    def __init__(
        self, writer: Writer, *, buffer: int = 0, notary: Notary | None = None, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._writer = writer
        self._buffer = buffer
        self._notary = notary
        self._clock = clock
        self._tip: _Tip | None = None
        self._had_duplicates = False
        self.on_append: Callable[[Sequence[Entry]], None] = _ignore

    def close(self) -> None:
        """Let go of the store, so that another process may write it."""
        self._writer.close()

    @property
    def head(self) -> int:
        """The seq of the last entry."""
        return self._recovered().frontier.size

    @property
    def buffered(self) -> int:
        """How many events stand on the journal that triage has not taken yet; not counted without a ``buffer``."""
        return self._recovered().buffered

    @property
    def has_room(self) -> bool:
        """Whether an append of events would be taken now."""
        return not self._buffer or self.buffered < self._buffer

    def append(self, rows: Sequence[Row]) -> Appended:
        """Make rows durable. Raises Backpressure, InvalidInput, StoreUnavailable."""
        return self._one(rows)

    def commit(self, commit: Commit) -> Appended:
        """Commit a follower's effects. Raises StaleCursor, InvalidInput, StoreUnavailable."""
        return self._one(commit)

    def read(self, after: int, limit: int, kinds: frozenset[str] = frozenset()) -> list[Entry]:
        """Return up to ``limit`` entries with seq > ``after``, of these kinds (empty: all)."""
        return self._writer.entries(after, limit, EntryFilter(kinds=kinds))

    def apply(self, batch: Sequence[Work], now: datetime) -> list[Appended | GraceError]:
        """Commit many callers' work in one transaction, in order; return what became of each.

        A caller whose work cannot be taken gets its own error (Backpressure, StaleCursor, InvalidInput) and does not
        hold up the others. When the store fails, every one gets StoreUnavailable and nothing is written.
        """
        try:
            return self._apply(batch, now)
        except InvalidInput as error:
            if len(batch) == 1:
                return [error]
            return [outcome for work in batch for outcome in self.apply([work], now)]
        except (RuntimeFault, Conflict) as error:
            return [copy.copy(error) for _ in batch]

    def recover(self) -> int:
        """Read where the journal stands from the store, check it, and return the head's seq.

        Raises Tampered where the tree, the last entry and the newest checkpoint do not agree; StoreUnavailable.
        """
        self._tip = None
        return self._recovered().frontier.size

    def checkpoint(self, now: datetime) -> bytes | None:
        """Sign the tree as it stands and keep the checkpoint; return None when nothing was appended since the last.

        Raises StoreUnavailable.
        """
        tip = self._recovered()
        if self._notary is None or tip.frontier.size <= tip.checked:
            return None
        size = tip.frontier.size
        signed = self._notary.sign(size, tip.frontier.root(), now)
        self._notary.keep(signed)
        self._writer.transact(lambda transaction: transaction.put_checkpoint(size, signed))
        tip.checked = size
        return signed

    def prune(self, after: int, upto: int, kinds: frozenset[str], mark: str) -> int:
        """Clear the bodies of entries with after < seq <= upto of these kinds and move follower ``mark`` to ``upto``.

        See prove/retention.py, which decides what may go.
        """
        pruned = 0

        def work(transaction: Transaction) -> None:
            nonlocal pruned
            pruned = transaction.prune_bodies(after, upto, kinds)
            transaction.put_follower(mark, upto, None)

        tip = self._recovered()
        self._writer.transact(work)
        tip.cursors[mark] = upto
        return pruned

    def vacuum(self, limit_s: float) -> tuple[int, int]:
        """Vacuum the store; return its size in bytes before and after. Raises StoreUnavailable beyond ``limit_s``."""
        before = self._writer.size_bytes()
        self._writer.vacuum(limit_s)
        return before, self._writer.size_bytes()

    def prune_series(self, work: Callable[[Transaction], int]) -> int:
        """Run one deletion of old points, snapshots or series; return how many rows went. See prove/retention.py."""
        counts: list[int] = []
        self._recovered()
        self._writer.transact(lambda transaction: counts.append(work(transaction)))
        return counts[0]

    def _one(self, work: Work) -> Appended:
        (outcome,) = self.apply([work], self._clock())
        if isinstance(outcome, GraceError):
            raise outcome
        return outcome

    def _apply(self, batch: Sequence[Work], now: datetime) -> list[Appended | GraceError]:
        """Look rows up only where the store says that one stands already, or where the last batch had such rows.

        Most batches have none, and are written without a question.
        """
        tip = self._recovered()
        plan = _Plan(tip, self._buffer, self._standing(batch) if self._had_duplicates else {})
        plan.take(batch)
        try:
            self._write(plan, now)
        except Conflict:
            plan = _Plan(tip, self._buffer, self._standing(batch))
            plan.take(batch)
            self._write_checked(plan, now)
        return plan.outcomes

    def _standing(self, batch: Sequence[Work]) -> dict[tuple[str, str], int]:
        """Return the seqs of those of the batch's rows that stand on the journal already."""
        keys = [(row.source, row.id) for work in batch for row in (work.rows if isinstance(work, Commit) else work)]
        found: dict[tuple[str, str], int] = {}
        self._writer.transact(lambda transaction: found.update(transaction.seqs(keys)))
        self._had_duplicates = bool(found)
        return found

    def _write_checked(self, plan: "_Plan", now: datetime) -> None:
        try:
            self._write(plan, now)
        except Conflict as error:
            raise StoreUnavailable("Another writer has written the journal; it is read again.") from error

    def _write(self, plan: "_Plan", now: datetime) -> None:
        """Write a plan in one transaction and move the tip; after a failure the tip is read from the store again."""
        tip = plan.tip
        entries, hashes = made_entries(plan.rows, tip.frontier.size + 1, to_us(now))
        frontier, tiles = tip.frontier.extended(hashes) if hashes else (tip.frontier, [])
        if not (entries or plan.records or plan.moves or plan.points or plan.snapshots):
            self._tip = tip
            return

        def work(transaction: Transaction) -> None:
            if entries:
                transaction.append(entries)
                transaction.put_tiles(tiles)
            if plan.records:
                transaction.put_records(plan.records)
            for place, points in plan.points.items():
                kept[place] = transaction.put_points(points)
            if plan.snapshots:
                transaction.put_snapshots(plan.snapshots)
            for name, (cursor, state) in plan.moves.items():
                transaction.put_follower(name, cursor, state)

        kept: dict[int, int] = {}
        self._tip = None
        self._writer.transact(work)
        plan.note_kept(kept)
        self._tip = self._moved(plan, frontier)
        self.on_append(entries)

    def _moved(self, plan: "_Plan", frontier: Frontier) -> "_Tip":
        tip = plan.tip
        taken = 0
        if self._buffer and GATE in plan.moves:
            taken = self._writer.count_entries("event", tip.cursors.get(GATE, 0), plan.moves[GATE][0])
        cursors = tip.cursors | {name: cursor for name, (cursor, _) in plan.moves.items()}
        waiting = tip.buffered + plan.events - taken if self._buffer else 0
        return _Tip(frontier, cursors, waiting, tip.checked)

    def _recovered(self) -> "_Tip":
        if self._tip is None:
            self._tip = self._read_tip()
        return self._tip

    def _read_tip(self) -> "_Tip":
        writer = self._writer
        writer.migrate()
        frontier = Frontier.restored(writer.frontier())
        head = writer.head()
        if head != frontier.size:
            raise Tampered(f"The journal holds {head} entries, its tree {frontier.size}: run grace journal verify.")
        last = leaf_hashes(writer.entries(head - 1, 1)) if head else []
        if last and not writer.tile(0, (head - 1) // 256).endswith(last[0]):
            raise Tampered(f"Entry {head} is not the one that the tree was made over: run grace journal verify.")
        checked = self._notary.check(writer) if self._notary else 0
        cursors = {name: cursor for name, (cursor, _) in writer.cursors().items()}
        buffered = writer.count_entries("event", cursors.get(GATE, 0), head) if self._buffer else 0
        return _Tip(frontier, cursors, buffered, checked)


def _ignore(_: Sequence[Entry]) -> None:
    return


@dataclass(slots=True)
class _Tip:
    """Where the journal stands: the tree's edge, followers' cursors, events unread by triage, the last checkpoint."""

    frontier: Frontier
    cursors: dict[str, int]
    buffered: int
    checked: int


@dataclass(slots=True)
class _Plan:
    """What one transaction will write. ``known`` are the seqs of rows that stand on the journal already.

    ``points`` are by the place in the batch of the commit that holds them: each hears how many of its own were new.
    """

    tip: _Tip
    buffer: int
    known: dict[tuple[str, str], int]
    rows: list[Row] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    moves: dict[str, tuple[int, bytes | None]] = field(default_factory=dict)
    points: dict[int, Sequence[Point]] = field(default_factory=dict)
    snapshots: list[Snapshot] = field(default_factory=list)
    events: int = 0
    outcomes: list[Appended | GraceError] = field(default_factory=list)

    def take(self, batch: Sequence[Work]) -> None:
        """Take each caller's work, or note why it is refused."""
        for work in batch:
            try:
                if isinstance(work, Commit):
                    self._take_commit(work)
                    self.outcomes.append(self._take_rows(work.rows))
                else:
                    self._check_room(work)
                    self.outcomes.append(self._take_rows(work))
            except (Backpressure, StaleCursor, InvalidInput) as error:
                self.outcomes.append(error)

    def _check_room(self, rows: Sequence[Row]) -> None:
        waiting = self.tip.buffered + self.events
        if self.buffer and waiting >= self.buffer and any(row.kind == "event" for row in rows):
            raise Backpressure(f"{waiting} events wait for triage, and the buffer takes {self.buffer}.")

    def _take_commit(self, commit: Commit) -> None:
        name, head = commit.follower, self.tip.frontier.size
        stands = self.moves[name][0] if name in self.moves else self.tip.cursors.get(name, 0)
        cursor = stands if commit.cursor is None else commit.cursor
        if commit.cursor is not None and commit.expected != stands:
            raise StaleCursor(f"Follower {name} stands at {stands}, not at {commit.expected}.", "expected")
        if not stands <= cursor <= head:
            raise InvalidInput(f"Cursor {cursor} is not between {stands} and the head, {head}.", "cursor")
        if commit.cursor is not None or commit.state is not None:
            earlier = self.moves[name][1] if name in self.moves else None
            self.moves[name] = (cursor, commit.state if commit.state is not None else earlier)
        self.records.extend(commit.records)
        self.snapshots.extend(commit.snapshots)
        if commit.points:
            self.points[len(self.outcomes)] = commit.points

    def note_kept(self, kept: dict[int, int]) -> None:
        """Tell each commit how many of its points were new."""
        for place, count in kept.items():
            outcome = self.outcomes[place]
            if isinstance(outcome, Appended):
                self.outcomes[place] = outcome._replace(points=count)

    def _take_rows(self, rows: Sequence[Row]) -> Appended:
        known, new, next_seq = self.known, self.rows, self.tip.frontier.size + len(self.rows) + 1
        seqs: list[int] = []
        is_new: list[bool] = []
        for row in rows:
            key = (row[4], row[0])
            seq = known.get(key)
            is_new.append(seq is None)
            if seq is None:
                known[key] = seq = next_seq
                next_seq += 1
                new.append(row)
                if row[2] == "event":
                    self.events += 1
            seqs.append(seq)
        return Appended(seqs, is_new)
