"""What the store takes and gives: records (views that followers keep), commits, pages, and the ports to them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from grace_ray.core.entry import Entry
from grace_ray.core.fact import Row
from grace_ray.core.sample import Point, Series, Snapshot, StoredPoint

_SERIES_PAGE = 2000


class Record(NamedTuple):
    """One row of a view that a follower keeps beside the journal, such as a cluster as it stands now.

    ``(view, key)`` is unique. Lists are by ``status`` (a short word, "" where there is none) and go down by ``rank``
    (a float: urgency, seconds since the epoch, ...), ties by key. ``body`` is opaque: canonical JSON, or raw bytes
    such as a vector. A ``body`` of None deletes the record.

    The views of core/recommendation.py are typed: the body is the JSON of the view's noun, and the store keeps each
    field of it in a column of its own. What is read back has every field, and loads to the same noun.
    """

    view: str
    key: str
    status: str
    rank: float
    body: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What one follower hands the journal: all of it is committed in one transaction, or none of it.

    ``cursor`` is the last journal seq whose effects are in this commit, ``expected`` the cursor that the follower
    started from: where that is no longer the stored one, StaleCursor is raised and nothing is written. ``cursor``
    None leaves the cursor alone (an operator's action). ``state``, when given, is the follower's snapshot as of
    ``cursor``. Facts that stand on the journal already (same source and id) are skipped. Of ``points`` one that the
    store has already (same series and time) is skipped; ``snapshots`` replace what the store has for the same series,
    step and start.
    """

    follower: str
    expected: int = 0
    cursor: int | None = None
    rows: Sequence[Row] = ()
    records: Sequence[Record] = ()
    state: bytes | None = None
    points: Sequence[Point] = ()
    snapshots: Sequence[Snapshot] = ()


class Appended(NamedTuple):
    """What became of appended rows: ``seqs`` in the order given (a duplicate has its first seq), and which are new.

    ``points`` counts those of a commit's points that were new.
    """

    seqs: list[int]
    is_new: list[bool]
    points: int = 0

    @property
    def accepted(self) -> int:
        """How many rows were new."""
        return sum(self.is_new)


class FollowerState(NamedTuple):
    """Where a follower stands: its cursor, its last snapshot, and the seq that the snapshot was made at."""

    cursor: int
    state: bytes | None
    state_seq: int


class RecordPage(NamedTuple):
    """Records in list order; ``next`` is the ``after`` of the next page, None at the end."""

    items: list[Record]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFilter:
    """Which entries to read; an empty field matches everything. ``text`` is a substring of the body, in any case.

    ``lowest`` and ``highest`` (0: no bound) are the seqs to look between: what bounds the work where few entries match.
    """

    kinds: frozenset[str] = field(default_factory=frozenset)
    source: str = ""
    type: str = ""
    subject: str = ""
    trace: str = ""
    text: str = ""
    lowest: int = 0
    highest: int = 0


ANY = EntryFilter()


class Reader(Protocol):
    """Reads the store; any process may hold one. Safe to use from several threads."""

    def head(self) -> int:
        """Return the seq of the last entry, 0 on an empty journal."""
        ...

    def entries(self, after: int, limit: int, where: EntryFilter = ANY) -> list[Entry]:
        """Return up to ``limit`` entries with seq > ``after`` that match, in seq order."""
        ...

    def latest(self, limit: int, where: EntryFilter = ANY, before: int | None = None) -> list[Entry]:
        """Return up to ``limit`` matching entries with seq < ``before`` (None: from the head), newest first."""
        ...

    def find(self, entry_id: str) -> list[Entry]:
        """Return the entries with this id (one per source that used it)."""
        ...

    def record(self, view: str, key: str) -> Record | None:
        """Return one record, or None."""
        ...

    def records(self, view: str, status: str | None = None, limit: int = 100, after: str | None = None) -> RecordPage:
        """Return a page of records, highest rank first. Raises InvalidInput (field ``after``) for a bad cursor."""
        ...

    def scan(self, view: str) -> list[Record]:
        """Return every record of a view, in no particular order."""
        ...

    def count(self, view: str) -> dict[str, int]:
        """Return how many records a view holds, by status."""
        ...

    def find_records(self, view: str, keys: Sequence[str]) -> list[Record]:
        """Return the records with these keys, each once, in no particular order."""
        ...

    def below(self, view: str, rank: float, limit: int) -> list[str]:
        """Return the keys of up to ``limit`` records with a rank below ``rank``, lowest first."""
        ...

    def cells(
        self,
        view: str,
        columns: Sequence[str],
        workspace_id: str,
        above: float,
        upto: float,
        limit: int = 1_000_000,
    ) -> list[tuple[Any, ...]]:
        """Return columns of a workspace's records in a typed view with above < rank <= upto, newest first.

        A column is a field of the noun: text, number or boolean, times as RFC 3339 text, nested values as JSON text,
        None where the noun has None. Beside them "key", "rank" and "record_status" are those of the record. Raises
        InvalidInput for a view or column that there is not.
        """
        ...

    def matching(self, view: str, column: str, value: str, workspace_id: str, limit: int = 100) -> list[Record]:
        """Return a workspace's records with ``value`` in a column of a typed view, newest first; none for "".

        The columns are correlation_id and workflow_id of recommendations, and recommendation_id of outcomes; raises
        InvalidInput for another one.
        """
        ...

    def workspaces(self, view: str) -> list[str]:
        """Return the workspaces that a typed view has records of, in order. Raises InvalidInput for another view."""
        ...

    def of_workspace(self, view: str, workspace_id: str) -> Iterator[Record]:
        """Yield each record of a workspace (keys from core.recommendation.key_of) in order of key, a page at a time.

        What is put meanwhile may be among them or not; everything else comes once.
        """
        ...

    def follower(self, name: str) -> FollowerState:
        """Return where a follower stands; cursor 0 and no state where it never committed."""
        ...

    def series(self, metric: str = "", after: str = "", limit: int = 1000) -> list[Series]:
        """Return up to ``limit`` series with key > ``after``, in order of key; of one metric, or ("") of all."""
        ...

    def points_after(self, seq: int, limit: int) -> list[StoredPoint]:
        """Return up to ``limit`` points that came in after ``seq``, in the order in which they came in."""
        ...

    def last_point(self) -> int:
        """Return the seq of the point that came in last, 0 where there is none."""
        ...

    def points(self, series: str, start_us: int, end_us: int, limit: int = 100_000) -> list[StoredPoint]:
        """Return up to ``limit`` points of a series with start_us <= at_us < end_us, oldest first."""
        ...

    def snapshots(self, series: str, step_s: int, start_us: int, end_us: int, limit: int = 10_000) -> list[Snapshot]:
        """Return up to ``limit`` of the newest snapshots with start_us <= their start < end_us, oldest first."""
        ...

    def size_bytes(self) -> int:
        """Return how much the store holds on disk, 0 while there is none."""
        ...

    def cursors(self) -> dict[str, tuple[int, int]]:
        """Return (cursor, state_seq) of every follower that ever committed."""
        ...

    def count_entries(self, kind: str, after: int, upto: int) -> int:
        """Return how many entries of this kind have after < seq <= upto."""
        ...

    def tile(self, level: int, index: int) -> bytes:
        """Return the hashes of one tile of the Merkle tree (see prove/merkle.py), empty where there is none."""
        ...

    def frontier(self) -> list[tuple[int, int, bytes]]:
        """Return (level, index, hashes) of the last tile of each level, lowest level first."""
        ...

    def checkpoints(self, after: int = 0) -> list[bytes]:
        """Return the signed checkpoints of trees larger than ``after``, smallest first."""
        ...

    def checkpoint(self) -> bytes | None:
        """Return the newest signed checkpoint, None where there is none yet."""
        ...

    def close(self) -> None:
        """Release connections; the reader cannot be used afterwards."""
        ...


def series_keys(reader: Reader, metric: str = "") -> Iterator[str]:
    """Return the keys of all series of a metric, or ("") of all metrics, in order, however many there are."""
    page = reader.series(metric, limit=_SERIES_PAGE)
    while page:
        yield from (series.key for series in page)
        page = reader.series(metric, page[-1].key, _SERIES_PAGE) if len(page) == _SERIES_PAGE else []


class Writer(Reader, Protocol):
    """The single writer's side of the store. ``transact`` is all or nothing, and durable (fsync) when it returns."""

    def transact(self, work: "Callable[[Transaction], None]") -> None:
        """Run ``work`` in one transaction. Raises StoreUnavailable when it cannot be made durable."""
        ...

    def migrate(self) -> None:
        """Bring the schema up to this version's. Raises NewerVersion for a store of a newer Grace."""
        ...

    def vacuum(self, limit_s: float) -> None:
        """Give the space of what was deleted back. Raises StoreUnavailable where it takes longer than ``limit_s``."""
        ...


class Transaction(Protocol):
    """The writes of one transaction; the journal (prove/journal.py) composes them."""

    def seqs(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """Return the seq of each (source, id) that stands on the journal already."""
        ...

    def append(self, entries: Sequence[Entry]) -> None:
        """Insert entries. Raises Conflict where a (source, id) or a seq stands already."""
        ...

    def put_tiles(self, tiles: Sequence[tuple[int, int, bytes]]) -> None:
        """Upsert (level, index, hashes) of the Merkle tree; see prove/merkle.py."""
        ...

    def put_checkpoint(self, tree_size: int, body: bytes) -> None:
        """Keep a signed checkpoint; one for the same size is replaced."""
        ...

    def put_records(self, records: Sequence[Record]) -> None:
        """Upsert records; a body of None deletes. Raises InvalidInput for a body that does not fit a typed view."""
        ...

    def follower(self, name: str) -> FollowerState:
        """Return where a follower stands inside this transaction."""
        ...

    def put_follower(self, name: str, cursor: int, state: bytes | None) -> None:
        """Set a follower's cursor and, where ``state`` is not None, its snapshot as of that cursor."""
        ...

    def put_points(self, points: Sequence[Point]) -> int:
        """Keep points; one whose series and time are there already is skipped. Return how many were new."""
        ...

    def put_snapshots(self, snapshots: Sequence[Snapshot]) -> None:
        """Upsert snapshots by series, step and start."""
        ...

    def prune_points(self, before_us: int, upto: int, limit: int) -> int:
        """Delete up to ``limit`` points older than ``before_us`` with seq <= ``upto``; return how many."""
        ...

    def prune_snapshots(self, step_s: int, before_us: int, limit: int) -> int:
        """Delete up to ``limit`` snapshots of this step that began before ``before_us``; return how many."""
        ...

    def prune_series(self, limit: int) -> int:
        """Delete up to ``limit`` series that have neither points nor snapshots; return how many."""
        ...

    def prune_bodies(self, after: int, upto: int, kinds: frozenset[str]) -> int:
        """Set the bodies of entries with after < seq <= upto of these kinds to NULL; return how many."""
        ...


class JournalPort(Protocol):
    """What everyone but the journal itself sees of it: in one process the journal, on Ray the journal actor."""

    def append(self, rows: Sequence[Row]) -> Appended:
        """Make rows durable. Raises Backpressure, StoreUnavailable."""
        ...

    def commit(self, commit: Commit) -> Appended:
        """Commit a follower's effects. Raises StaleCursor, StoreUnavailable."""
        ...

    def read(self, after: int, limit: int, kinds: frozenset[str] = frozenset()) -> list[Entry]:
        """Return up to ``limit`` entries after ``after``."""
        ...


class Clock(Protocol):
    """Where actors and the CLI get the time from; a test passes its own."""

    def __call__(self) -> datetime:
        """Return now, aware UTC."""
        ...
