"""Where the records of a view stand, and the SQL that finds and changes them there: the table of all, or its own."""

# ruff: noqa: S608 -- what is put into these strings are our own table and column names; values are bound

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from grace_ray.adapters.store.columns import COLUMNS, INDEXED
from grace_ray.core.errors import InvalidInput
from grace_ray.core.store import Record

_OF_RECORDS = {"key": "key", "record_status": "record_status", "rank": "-rank_neg"}


class View:
    """One view. ``given`` are the values that every statement starts with.

    A record of a typed view is a row of the table that has the view's name, with its body in columns.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._columns = COLUMNS.get(name)
        names = [f'"{column}"' for column in self._columns.names] if self._columns else ["body"]
        self._table = name if self._columns else "records"
        self._status = "record_status" if self._columns else "status"
        self._where = "WHERE " if self._columns else "WHERE view = ? AND "
        self.given: tuple[str, ...] = () if self._columns else (name,)
        self._select = f"SELECT key, {self._status}, -rank_neg, {', '.join(names)} FROM {self._table} {self._where}"
        self.put = self._upsert(["key", self._status, "rank_neg", *names])
        self.delete = f"DELETE FROM {self._table} {self._where}key = ?"
        self.record = f"{self._select}key = ?"
        self.all = f"{self._select}1 = 1"
        self.count = f"SELECT {self._status}, count(*) FROM {self._table} {self._where}1 = 1 GROUP BY {self._status}"
        self.below = f"SELECT key FROM {self._table} {self._where}rank_neg > ? ORDER BY rank_neg DESC, key DESC LIMIT ?"
        self.between_keys = f"{self._select}key > ? AND key < ? ORDER BY key LIMIT ?"

    def row(self, record: Record) -> tuple[Any, ...]:
        """Return the values for ``put`` of a record that has a body. Raises InvalidInput for one that does not fit."""
        body = record.body or b""
        values = self._columns.split(body) if self._columns else (body,)
        return (*self.given, record.key, record.status, -record.rank, *values)

    def read(self, row: tuple[Any, ...]) -> Record:
        """Return the record that a row of one of the queries holds."""
        key, status, rank, *values = row
        return Record(self.name, key, status, rank, self._columns.body(values) if self._columns else values[0])

    def among(self, count: int) -> str:
        """Return the query for the records with one of ``count`` keys."""
        return f"{self._select}key IN ({', '.join('?' * count)})"

    def page(self, *, by_status: bool, is_next: bool) -> str:
        """Return the query for one page: highest rank first, ties by key."""
        terms = f"{self._status} = ?" if by_status else "1 = 1"
        after = " AND (rank_neg, key) > (?, ?)" if is_next else ""
        return f"{self._select}{terms}{after} ORDER BY rank_neg, key LIMIT ?"

    def cells(self, columns: Sequence[str]) -> str:
        """Return the query for columns of a workspace's records between two ranks, newest first."""
        names = self._typed()
        for column in columns:
            if column not in names and column not in _OF_RECORDS:
                raise InvalidInput(f"The table {self.name} has no column {column!r}.", "columns")
        wanted = ", ".join(_OF_RECORDS.get(column, f'"{column}"') for column in columns)
        return (
            f"SELECT {wanted} FROM {self.name} WHERE workspace_id = ? AND rank_neg >= ? AND rank_neg < ? "
            "ORDER BY rank_neg, key LIMIT ?"
        )

    def matching(self, column: str) -> str:
        """Return the query for a workspace's records with a value in an indexed column, newest first."""
        if column not in INDEXED.get(self.name, ()):
            raise InvalidInput(f"Records of {self.name} cannot be looked for by {column!r}.", "column")
        return f"{self._select}workspace_id = ? AND {column} = ? AND {column} <> '' ORDER BY rank_neg, key LIMIT ?"

    def workspaces(self) -> str:
        """Return the query for the workspaces, which goes from one to the next by the index."""
        self._typed()
        lowest = f"SELECT min(workspace_id) FROM {self.name}"
        return (
            f"WITH RECURSIVE found (id) AS ({lowest} UNION ALL "
            f"SELECT ({lowest} WHERE workspace_id > found.id) FROM found WHERE found.id IS NOT NULL) "
            "SELECT id FROM found WHERE id IS NOT NULL"
        )

    def _typed(self) -> tuple[str, ...]:
        if self._columns is None:
            raise InvalidInput(f"The view {self.name!r} has no table of its own.", "view")
        return self._columns.names

    def _upsert(self, names: Sequence[str]) -> str:
        given = ["view"] * len(self.given)
        inserted = [*given, *names]
        changed = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
        return (
            f"INSERT INTO {self._table} ({', '.join(inserted)}) VALUES ({', '.join('?' * len(inserted))}) "
            f"ON CONFLICT ({', '.join([*given, 'key'])}) DO UPDATE SET {changed}"
        )


@lru_cache(256)
def view_of(name: str) -> View:
    """Return the view of this name."""
    return View(name)
