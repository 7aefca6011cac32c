"""How batches cross process borders: plain tuples, pickled once to bytes (Ray copies them and never looks inside).

Only Grace's own processes, which Ray's token authentication keeps apart from others, exchange these bytes.
"""

import pickle
from collections.abc import Iterable

from grace_ray.core.entry import Entry
from grace_ray.core.fact import Row
from grace_ray.core.sample import Point
from grace_ray.core.store import Appended, Commit, Record


def encode_rows(rows: Iterable[Row]) -> bytes:
    """Return rows as bytes."""
    return pickle.dumps([tuple(row) for row in rows], 5)


def decode_rows(payload: bytes) -> list[Row]:
    """Return the rows that ``encode_rows`` took."""
    return [Row._make(row) for row in pickle.loads(payload)]  # noqa: S301 - our own bytes, see above


def encode_commit(commit: Commit) -> bytes:
    """Return a follower's commit as bytes."""
    rows = [tuple(row) for row in commit.rows]
    records = [tuple(record) for record in commit.records]
    points = [tuple(point) for point in commit.points]
    parts = (commit.follower, commit.expected, commit.cursor, rows, records, commit.state, points)
    return pickle.dumps((*parts, list(commit.snapshots)), 5)


def decode_commit(payload: bytes) -> Commit:
    """Return the commit that ``encode_commit`` took."""
    follower, expected, cursor, rows, records, state, points, snapshots = pickle.loads(payload)  # noqa: S301
    return Commit(
        follower=follower,
        expected=expected,
        cursor=cursor,
        rows=[Row._make(row) for row in rows],
        records=[Record._make(record) for record in records],
        state=state,
        points=[Point._make(point) for point in points],
        snapshots=snapshots,
    )


def encode_appended(appended: Appended) -> bytes:
    """Return the answer to an append as bytes."""
    return pickle.dumps(tuple(appended), 5)


def decode_appended(payload: bytes) -> Appended:
    """Return the answer that ``encode_appended`` took."""
    return Appended._make(pickle.loads(payload))  # noqa: S301


def encode_entries(entries: Iterable[Entry], upto: int) -> bytes:
    """Return entries, and the seq up to which the journal was looked through, as bytes."""
    return pickle.dumps((upto, [tuple(entry) for entry in entries]), 5)


def decode_entries(payload: bytes) -> tuple[list[Entry], int]:
    """Return (entries, upto) as ``encode_entries`` took them."""
    upto, entries = pickle.loads(payload)  # noqa: S301
    return [Entry._make(entry) for entry in entries], upto
