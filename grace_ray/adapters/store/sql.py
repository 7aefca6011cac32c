"""The store's SQL statements but those of records (views.py): what both databases know, with ``?`` for a value."""

# ruff: noqa: S608 -- what is put into these strings are our own column names and question marks; values are bound

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any

from grace_ray.core.entry import Entry
from grace_ray.core.errors import InvalidInput
from grace_ray.core.store import EntryFilter

COLUMNS = Entry._fields
_ENTRY = ", ".join(COLUMNS)
LOOKUP_MAX = 500

VERSION = "SELECT version_num FROM alembic_version"

HEAD = "SELECT coalesce(max(seq), 0) FROM entries"
FIND = f"SELECT {_ENTRY} FROM entries WHERE id = ? ORDER BY seq"
COUNT_ENTRIES = "SELECT count(*) FROM entries WHERE kind = ? AND seq > ? AND seq <= ?"
ADD_ENTRY = f"INSERT INTO entries ({_ENTRY}) VALUES ({', '.join('?' * len(COLUMNS))})"

TILE = "SELECT hashes FROM tiles WHERE level = ? AND idx = ?"
FRONTIER = """SELECT t.level, t.idx, t.hashes
    FROM (SELECT level, max(idx) AS idx FROM tiles GROUP BY level) AS last
    JOIN tiles AS t ON t.level = last.level AND t.idx = last.idx ORDER BY t.level"""
PUT_TILE = """INSERT INTO tiles (level, idx, hashes) VALUES (?, ?, ?)
    ON CONFLICT (level, idx) DO UPDATE SET hashes = excluded.hashes"""

CHECKPOINTS = "SELECT body FROM checkpoints WHERE tree_size > ? ORDER BY tree_size"
CHECKPOINT = "SELECT body FROM checkpoints ORDER BY tree_size DESC LIMIT 1"
PUT_CHECKPOINT = """INSERT INTO checkpoints (tree_size, body) VALUES (?, ?)
    ON CONFLICT (tree_size) DO UPDATE SET body = excluded.body"""

FOLLOWER = "SELECT cursor_seq, state, state_seq FROM followers WHERE name = ?"
CURSORS = "SELECT name, cursor_seq, state_seq FROM followers"
PUT_CURSOR = """INSERT INTO followers (name, cursor_seq, state, state_seq) VALUES (?, ?, NULL, 0)
    ON CONFLICT (name) DO UPDATE SET cursor_seq = excluded.cursor_seq"""
PUT_STATE = """INSERT INTO followers (name, cursor_seq, state, state_seq) VALUES (?, ?, ?, ?)
    ON CONFLICT (name) DO UPDATE
    SET cursor_seq = excluded.cursor_seq, state = excluded.state, state_seq = excluded.state_seq"""

SERIES = "SELECT key, metric, is_counter, first_us FROM series WHERE key > ? ORDER BY key LIMIT ?"
SERIES_OF = "SELECT key, metric, is_counter, first_us FROM series WHERE metric = ? AND key > ? ORDER BY key LIMIT ?"
ADD_SERIES = """INSERT INTO series (key, metric, is_counter, first_us) VALUES (?, ?, ?, ?)
    ON CONFLICT (key) DO NOTHING"""

LAST_POINT = "SELECT coalesce(max(seq), 0) FROM points"
POINTS_AFTER = """SELECT p.seq, s.key, p.at_us, p.value FROM points AS p JOIN series AS s ON s.id = p.series_id
    WHERE p.seq > ? ORDER BY p.seq LIMIT ?"""
POINTS = """SELECT p.seq, s.key, p.at_us, p.value FROM series AS s JOIN points AS p ON p.series_id = s.id
    WHERE s.key = ? AND p.at_us >= ? AND p.at_us < ? ORDER BY p.at_us LIMIT ?"""
PUT_POINT = """INSERT INTO points (series_id, at_us, value) VALUES (?, ?, ?)
    ON CONFLICT (series_id, at_us) DO NOTHING"""
PRUNE_POINTS = """DELETE FROM points WHERE seq IN
    (SELECT seq FROM points WHERE at_us < ? AND seq <= ? ORDER BY at_us LIMIT ?)"""

_FIGURES = "step_s, start_us, count, min, max, mean, p50, p95, p99, band"
SNAPSHOTS = f"""SELECT s.key, {_FIGURES} FROM series AS s JOIN snapshots AS n ON n.series_id = s.id
    WHERE s.key = ? AND n.step_s = ? AND n.start_us >= ? AND n.start_us < ? ORDER BY n.start_us DESC LIMIT ?"""
PUT_SNAPSHOT = f"""INSERT INTO snapshots (series_id, {_FIGURES}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (series_id, step_s, start_us) DO UPDATE SET count = excluded.count, min = excluded.min,
    max = excluded.max, mean = excluded.mean, p50 = excluded.p50, p95 = excluded.p95, p99 = excluded.p99,
    band = excluded.band"""
PRUNE_SNAPSHOTS = """DELETE FROM snapshots WHERE (series_id, step_s, start_us) IN
    (SELECT series_id, step_s, start_us FROM snapshots WHERE step_s = ? AND start_us < ? ORDER BY start_us LIMIT ?)"""

PRUNE_SERIES = """DELETE FROM series WHERE id IN (SELECT id FROM series AS s
    WHERE NOT EXISTS (SELECT 1 FROM points AS p WHERE p.series_id = s.id)
    AND NOT EXISTS (SELECT 1 FROM snapshots AS n WHERE n.series_id = s.id) LIMIT ?)"""


def series_ids(count: int) -> str:
    """Return the statement that finds (key, id) of ``count`` series by their keys."""
    return f"SELECT key, id FROM series WHERE key IN ({_marks(count)})"


def lookup(count: int) -> str:
    """Return the statement that finds (id, source, seq) of ``count`` pairs of (id, source)."""
    pairs = ", ".join(["(?, ?)"] * count)
    return (
        f"WITH wanted (id, source) AS (VALUES {pairs}) SELECT e.id, e.source, e.seq "
        "FROM wanted CROSS JOIN entries AS e WHERE e.id = wanted.id AND e.source = wanted.source"
    )


def prune(kinds: int) -> str:
    """Return the statement that clears bodies in a range of seqs, of this many kinds."""
    return (
        f"UPDATE entries SET body = NULL WHERE seq > ? AND seq <= ? AND body IS NOT NULL AND kind IN ({_marks(kinds)})"
    )


def select_entries(where: EntryFilter, contains: str, *, newest: bool) -> tuple[str, list[Any]]:
    """Return the statement that pages through entries, and the filter's values.

    The caller appends the seq to start from and the limit. ``contains`` is the database's spelling of "the body holds
    this text". The term on ``kind <> 'event'`` lets the partial indexes, which leave events out, be used.
    """
    terms: list[str] = []
    values: list[Any] = []
    if where.kinds:
        terms.append(f"kind IN ({_marks(len(where.kinds))})")
        values.extend(sorted(where.kinds))
        if "event" not in where.kinds:
            terms.append("kind <> 'event'")
    for column in ("source", "type", "subject", "trace"):
        if value := getattr(where, column):
            terms.append(f"{column} = ?")
            values.append(value)
    for bound, seq in (("seq >= ?", where.lowest), ("seq <= ?", where.highest)):
        if seq:
            terms.append(bound)
            values.append(seq)
    if where.text:
        terms.append(contains)
        values.append(where.text.casefold())
    terms.append("seq < ?" if newest else "seq > ?")
    return f"SELECT {_ENTRY} FROM entries WHERE {' AND '.join(terms)} ORDER BY seq{' DESC' * newest} LIMIT ?", values


def encode_after(rank: float, key: str) -> str:
    """Return the opaque cursor that stands behind this record."""
    return base64.urlsafe_b64encode(json.dumps([rank, key]).encode()).decode()


def decode_after(after: str) -> tuple[float, str]:
    """Return (-rank, key) of a cursor. Raises InvalidInput (field ``after``) for what is none."""
    try:
        rank, key = json.loads(base64.urlsafe_b64decode(after.encode("ascii")))
        if isinstance(key, str) and isinstance(rank, int | float):
            return -float(rank), key
    except (ValueError, TypeError, binascii.Error):
        pass
    raise InvalidInput("The cursor is not one that a list gave.", "after")


def chunks(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    """Return ``items`` in slices of at most ``size``."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def _marks(count: int) -> str:
    return ", ".join("?" * count)
