"""Records read and written, whether a view stands in the table of all or in one of its own (see views.py)."""

from collections.abc import Iterator, Sequence
from typing import Any

from grace_ray.adapters.store import sql
from grace_ray.adapters.store.session import Session, SessionPool
from grace_ray.adapters.store.views import view_of
from grace_ray.core.recommendation import key_of
from grace_ray.core.store import Record, RecordPage

_PAGE = 1000


class RecordReader(SessionPool):
    """The part of core.store.Reader that is about records."""

    def record(self, view: str, key: str) -> Record | None:
        """Return one record, or None."""
        of = view_of(view)
        rows = self._rows(of.record, (*of.given, key))
        return of.read(rows[0]) if rows else None

    def find_records(self, view: str, keys: Sequence[str]) -> list[Record]:
        """Return the records with these keys, each once, in no particular order."""
        of = view_of(view)
        found: list[Record] = []
        for part in sql.chunks(list(dict.fromkeys(keys)), sql.LOOKUP_MAX):
            found += map(of.read, self._rows(of.among(len(part)), (*of.given, *part)))
        return found

    def records(self, view: str, status: str | None = None, limit: int = 100, after: str | None = None) -> RecordPage:
        """Return a page of records, highest rank first. Raises InvalidInput (field ``after``) for a bad cursor."""
        of = view_of(view)
        values: list[Any] = [*of.given]
        if status is not None:
            values.append(status)
        if after is not None:
            values.extend(sql.decode_after(after))
        statement = of.page(by_status=status is not None, is_next=after is not None)
        rows = self._rows(statement, (*values, limit + 1))
        items = [of.read(row) for row in rows[:limit]]
        return RecordPage(items, sql.encode_after(items[-1].rank, items[-1].key) if items and rows[limit:] else None)

    def scan(self, view: str) -> list[Record]:
        """Return every record of a view, in no particular order."""
        of = view_of(view)
        return [of.read(row) for row in self._rows(of.all, of.given)]

    def count(self, view: str) -> dict[str, int]:
        """Return how many records a view holds, by status."""
        of = view_of(view)
        return dict(self._rows(of.count, of.given))

    def below(self, view: str, rank: float, limit: int) -> list[str]:
        """Return the keys of up to ``limit`` records with a rank below ``rank``, lowest first."""
        of = view_of(view)
        return [key for (key,) in self._rows(of.below, (*of.given, -rank, limit))]

    def cells(
        self,
        view: str,
        columns: Sequence[str],
        workspace_id: str,
        above: float,
        upto: float,
        limit: int = 1_000_000,
    ) -> list[tuple[Any, ...]]:
        """Return columns of a typed view's records with above < rank <= upto, newest first. Raises InvalidInput."""
        return self._rows(view_of(view).cells(columns), (workspace_id, -upto, -above, limit))

    def matching(self, view: str, column: str, value: str, workspace_id: str, limit: int = 100) -> list[Record]:
        """Return a workspace's records with ``value`` in an indexed column, newest first. Raises InvalidInput."""
        of = view_of(view)
        return [of.read(row) for row in self._rows(of.matching(column), (workspace_id, value, limit))]

    def workspaces(self, view: str) -> list[str]:
        """Return the workspaces that a typed view has records of, in order. Raises InvalidInput for another view."""
        return [name for (name,) in self._rows(view_of(view).workspaces())]

    def of_workspace(self, view: str, workspace_id: str) -> Iterator[Record]:
        """Yield each record of a workspace (keys from core.recommendation.key_of) in order of key, a page at a time."""
        of = view_of(view)
        after, end = key_of(workspace_id, ""), f"{workspace_id}0"  # "0" comes right after "/"
        while rows := self._rows(of.between_keys, (*of.given, after, end, _PAGE)):
            yield from map(of.read, rows)
            after = rows[-1][0]


def put_records(session: Session, records: Sequence[Record]) -> None:
    """Upsert records; a body of None deletes. Of several for one key the last counts."""
    puts: dict[str, list[tuple[Any, ...]]] = {}
    deletes: dict[str, list[tuple[Any, ...]]] = {}
    for record in {record[:2]: record for record in records}.values():
        of = view_of(record.view)
        if record.body is None:
            deletes.setdefault(of.delete, []).append((*of.given, record.key))
        else:
            puts.setdefault(of.put, []).append(of.row(record))
    for statement, rows in (*puts.items(), *deletes.items()):
        session.many(statement, rows)
