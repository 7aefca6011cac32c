"""The store's readers and transactions in terms of SQL, over a Session of either database."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from grace_ray.adapters.store import series as series_tables
from grace_ray.adapters.store import sql
from grace_ray.adapters.store.records import RecordReader, put_records
from grace_ray.adapters.store.session import Session
from grace_ray.core.entry import Entry
from grace_ray.core.errors import StoreUnavailable
from grace_ray.core.sample import Point, Series, Snapshot, StoredPoint
from grace_ray.core.store import ANY, EntryFilter, FollowerState, Record, Transaction

_entry: Callable[[tuple[Any, ...]], Entry] = partial(tuple.__new__, Entry)  # Entry._make without its Python frame
_point: Callable[[tuple[Any, ...]], StoredPoint] = partial(tuple.__new__, StoredPoint)


class TableReader(RecordReader):
    """Implements core.store.Reader over a pool of sessions; see session.SessionPool."""

    def head(self) -> int:
        """Return the seq of the last entry, 0 on an empty journal."""
        return self._number(sql.HEAD)

    def entries(self, after: int, limit: int, where: EntryFilter = ANY) -> list[Entry]:
        """Return up to ``limit`` entries with seq > ``after`` that match, in seq order."""
        return self._select(where, after, limit, newest=False)

    def latest(self, limit: int, where: EntryFilter = ANY, before: int | None = None) -> list[Entry]:
        """Return up to ``limit`` matching entries with seq < ``before`` (None: from the head), newest first."""
        return self._select(where, 2**63 - 1 if before is None else before, limit, newest=True)

    def find(self, entry_id: str) -> list[Entry]:
        """Return the entries with this id (one per source that used it)."""
        return list(map(_entry, self._rows(sql.FIND, (entry_id,))))

    def follower(self, name: str) -> FollowerState:
        """Return where a follower stands; cursor 0 and no state where it never committed."""
        rows = self._rows(sql.FOLLOWER, (name,))
        return FollowerState._make(rows[0]) if rows else FollowerState(0, None, 0)

    def series(self, metric: str = "", after: str = "", limit: int = 1000) -> list[Series]:
        """Return up to ``limit`` series with key > ``after``, in order of key; of one metric, or ("") of all."""
        statement, values = (sql.SERIES_OF, (metric, after, limit)) if metric else (sql.SERIES, (after, limit))
        rows = self._rows(statement, values)
        return [Series(key, of, bool(is_counter), first_us) for key, of, is_counter, first_us in rows]

    def points_after(self, seq: int, limit: int) -> list[StoredPoint]:
        """Return up to ``limit`` points that came in after ``seq``, in the order in which they came in."""
        return list(map(_point, self._rows(sql.POINTS_AFTER, (seq, limit))))

    def last_point(self) -> int:
        """Return the seq of the point that came in last, 0 where there is none."""
        return self._number(sql.LAST_POINT)

    def points(self, series: str, start_us: int, end_us: int, limit: int = 100_000) -> list[StoredPoint]:
        """Return up to ``limit`` points of a series with start_us <= at_us < end_us, oldest first."""
        return list(map(_point, self._rows(sql.POINTS, (series, start_us, end_us, limit))))

    def snapshots(self, series: str, step_s: int, start_us: int, end_us: int, limit: int = 10_000) -> list[Snapshot]:
        """Return up to ``limit`` of the newest snapshots with start_us <= their start < end_us, oldest first."""
        rows = self._rows(sql.SNAPSHOTS, (series, step_s, start_us, end_us, limit))
        return [series_tables.snapshot(row) for row in reversed(rows)]

    def cursors(self) -> dict[str, tuple[int, int]]:
        """Return (cursor, state_seq) of every follower that ever committed."""
        return {name: (cursor, state_seq) for name, cursor, state_seq in self._rows(sql.CURSORS)}

    def size_bytes(self) -> int:
        """Return how much the store holds on disk, 0 while there is none."""
        session = self._take()
        return 0 if session is None else int(self._run(session, session.size, ())[0][0])

    def count_entries(self, kind: str, after: int, upto: int) -> int:
        """Return how many entries of this kind have after < seq <= upto."""
        return self._number(sql.COUNT_ENTRIES, (kind, after, upto))

    def tile(self, level: int, index: int) -> bytes:
        """Return the hashes of one tile of the Merkle tree, empty where there is none."""
        rows = self._rows(sql.TILE, (level, index))
        return rows[0][0] if rows else b""

    def frontier(self) -> list[tuple[int, int, bytes]]:
        """Return (level, index, hashes) of the last tile of each level, lowest level first."""
        return [(level, index, hashes) for level, index, hashes in self._rows(sql.FRONTIER)]

    def checkpoints(self, after: int = 0) -> list[bytes]:
        """Return the signed checkpoints of trees larger than ``after``, smallest first."""
        return [row[0] for row in self._rows(sql.CHECKPOINTS, (after,))]

    def checkpoint(self) -> bytes | None:
        """Return the newest signed checkpoint, None where there is none yet."""
        rows = self._rows(sql.CHECKPOINT)
        return rows[0][0] if rows else None

    def _select(self, where: EntryFilter, start: int, limit: int, *, newest: bool) -> list[Entry]:
        session = self._take()
        if session is None:
            return []
        statement, values = sql.select_entries(where, session.contains, newest=newest)
        rows = self._run(session, statement, (*values, start, limit))
        return list(map(_entry, rows))


class TableTransaction:
    """Implements core.store.Transaction over the writer's session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def seqs(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """Return the seq of each (source, id) that stands on the journal already."""
        found: dict[tuple[str, str], int] = {}
        for part in sql.chunks(keys, sql.LOOKUP_MAX):
            values = [value for source, entry_id in part for value in (entry_id, source)]
            for entry_id, source, seq in self._session.rows(sql.lookup(len(part)), values):
                found[source, entry_id] = seq
        return found

    def append(self, entries: Sequence[Entry]) -> None:
        """Insert entries. Raises Conflict where a (source, id) or a seq stands already."""
        self._session.append(entries)

    def put_tiles(self, tiles: Sequence[tuple[int, int, bytes]]) -> None:
        """Upsert (level, index, hashes) of the Merkle tree."""
        self._session.many(sql.PUT_TILE, tiles)

    def put_checkpoint(self, tree_size: int, body: bytes) -> None:
        """Keep a signed checkpoint; one for the same size is replaced."""
        self._session.many(sql.PUT_CHECKPOINT, [(tree_size, body)])

    def put_records(self, records: Sequence[Record]) -> None:
        """Upsert records; a body of None deletes. Of several for one key the last counts."""
        put_records(self._session, records)

    def follower(self, name: str) -> FollowerState:
        """Return where a follower stands inside this transaction."""
        rows = self._session.rows(sql.FOLLOWER, (name,))
        return FollowerState._make(rows[0]) if rows else FollowerState(0, None, 0)

    def put_follower(self, name: str, cursor: int, state: bytes | None) -> None:
        """Set a follower's cursor and, where ``state`` is not None, its snapshot as of that cursor."""
        if state is None:
            self._session.many(sql.PUT_CURSOR, [(name, cursor)])
        else:
            self._session.many(sql.PUT_STATE, [(name, cursor, state, cursor)])

    def put_points(self, points: Sequence[Point]) -> int:
        """Keep points; one whose series and time are there already is skipped. Return how many were new."""
        return series_tables.put_points(self._session, points)

    def put_snapshots(self, snapshots: Sequence[Snapshot]) -> None:
        """Upsert snapshots by series, step and start."""
        series_tables.put_snapshots(self._session, snapshots)

    def prune_points(self, before_us: int, upto: int, limit: int) -> int:
        """Delete up to ``limit`` points older than ``before_us`` with seq <= ``upto``; return how many."""
        return self._session.many(sql.PRUNE_POINTS, [(before_us, upto, limit)])

    def prune_snapshots(self, step_s: int, before_us: int, limit: int) -> int:
        """Delete up to ``limit`` snapshots of this step that began before ``before_us``; return how many."""
        return self._session.many(sql.PRUNE_SNAPSHOTS, [(step_s, before_us, limit)])

    def prune_series(self, limit: int) -> int:
        """Delete up to ``limit`` series that have neither points nor snapshots; return how many."""
        return self._session.many(sql.PRUNE_SERIES, [(limit,)])

    def prune_bodies(self, after: int, upto: int, kinds: frozenset[str]) -> int:
        """Set the bodies of entries with after < seq <= upto of these kinds to NULL; return how many."""
        return self._session.many(sql.prune(len(kinds)), [(after, upto, *sorted(kinds))])


class TableWriter(TableReader):
    """Implements core.store.Writer: a reader, and one session more that writes.

    ``connect_writer`` opens that session at the first use, so that making a writer cannot fail; it raises
    StoreUnavailable where another process writes already. ``upgrade`` runs the migrations.
    """

    def __init__(
        self,
        connect: Callable[[], Session | None],
        connect_writer: Callable[[], Session],
        upgrade: Callable[[], None],
    ) -> None:
        super().__init__(connect)
        self._connect_writer = connect_writer
        self._upgrade = upgrade
        self._writing: Session | None = None
        self._write_lock = threading.Lock()

    def migrate(self) -> None:
        """Bring the schema up to this version's. Raises NewerVersion, StoreUnavailable."""
        self._upgrade()

    def transact(self, work: Callable[[Transaction], None]) -> None:
        """Run ``work`` in one durable transaction. Raises StoreUnavailable, Conflict, InvalidInput: nothing is kept."""
        with self._write_lock:
            session = self._writing = self._writing or self._connect_writer()
            try:
                session.begin()
                work(TableTransaction(session))
                session.commit()
            except StoreUnavailable:
                self._drop(session)
                raise
            except BaseException:
                self._undo(session)
                raise

    def vacuum(self, limit_s: float) -> None:
        """Give the space of what was deleted back. Raises StoreUnavailable where it takes longer than ``limit_s``."""
        with self._write_lock:
            session = self._writing = self._writing or self._connect_writer()
            try:
                session.vacuum(limit_s)
            except StoreUnavailable:
                self._drop(session)
                raise

    def close(self) -> None:
        """Release connections; the writer cannot be used afterwards."""
        super().close()
        with self._write_lock:
            if self._writing is not None:
                self._writing.close()
                self._writing = None

    def _undo(self, session: Session) -> None:
        try:
            session.rollback()
        except StoreUnavailable:
            self._drop(session)

    def _drop(self, session: Session) -> None:
        """Close the connection, which may have gone bad; the next transaction opens another."""
        self._writing = None
        session.close()
