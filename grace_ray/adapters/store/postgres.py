"""PostgreSQL through psycopg 3: the same tables, entries by binary COPY, an advisory lock for the single writer."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from typing import Any, LiteralString

import psycopg

from grace_ray.adapters.store import schema, sql
from grace_ray.adapters.store.tables import TableReader, TableWriter
from grace_ray.core.entry import Entry
from grace_ray.core.errors import Conflict, InvalidInput, StoreUnavailable

LOCK_WAIT_S = 5.0
_CONNECT_S = 5
_COPY: LiteralString = f"COPY entries ({', '.join(sql.COLUMNS)}) FROM STDIN (FORMAT BINARY)"
_COPY_TYPES = ("int8", "text", "int8", *["text"] * 6, "int8", "bytea", "bytea")
_LOCK = "SELECT pg_try_advisory_lock(20260601, hashtext(current_schema()))"


def reader(url: str) -> TableReader:
    """Return a Reader of the database at ``url``; while its tables are not there it reads as empty."""
    return TableReader(partial(_connect_reader, url))


def writer(url: str) -> TableWriter:
    """Return the Writer of the database at ``url``; an advisory lock keeps a second one out."""
    return TableWriter(partial(_connect_reader, url), partial(_connect_writer, url), partial(_upgrade, url))


class PostgresSession:
    """One connection; see session.Session."""

    contains = "position(? in lower(convert_from(body, 'UTF8'))) > 0"
    size = "SELECT pg_database_size(current_database())"

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query and return its rows."""
        with _translated():
            return self._connection.execute(_marked(statement), values, binary=True).fetchall()

    def many(self, statement: str, rows: Iterable[Sequence[Any]]) -> int:
        """Run a statement for each row of values; return how many rows of the table it changed."""
        with _translated(), self._connection.cursor() as cursor:
            cursor.executemany(_marked(statement), rows)
            return cursor.rowcount

    def append(self, entries: Sequence[Entry]) -> None:
        """Insert entries by COPY."""
        with _translated(), self._connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            copy.set_types(_COPY_TYPES)
            for entry in entries:
                copy.write_row(entry)

    def begin(self) -> None:
        """Start a transaction."""
        with _translated():
            self._connection.execute("BEGIN")

    def commit(self) -> None:
        """Make the transaction durable."""
        with _translated():
            self._connection.execute("COMMIT")

    def rollback(self) -> None:
        """Undo the transaction. Raises StoreUnavailable where the connection is gone, and the transaction with it."""
        with _translated():
            self._connection.execute("ROLLBACK")

    def vacuum(self, limit_s: float) -> None:
        """Make the space of deleted rows usable again, and look at the tables anew."""
        with _translated():
            self._connection.execute("SELECT set_config('statement_timeout', %s, false)", [str(int(limit_s * 1000))])
            try:
                self._connection.execute("VACUUM (ANALYZE)")
            finally:
                self._connection.execute("RESET statement_timeout")

    def close(self) -> None:
        """Close the connection; its advisory lock goes with it."""
        self._connection.close()


def _connect(url: str) -> psycopg.Connection[tuple[Any, ...]]:
    return psycopg.connect(url, autocommit=True, connect_timeout=_CONNECT_S, application_name="grace")


def _connect_reader(url: str) -> PostgresSession | None:
    with _translated():
        connection = _connect(url)
        if not schema.is_current(_version(connection)):
            connection.close()
            return None
    return PostgresSession(connection)


def _connect_writer(url: str) -> PostgresSession:
    with _translated():
        connection = _connect(url)
        try:
            connection.execute("SET synchronous_commit = on")
            _lock(connection)
            if not schema.is_current(_version(connection)):
                raise StoreUnavailable("The store has not been migrated yet.")
        except BaseException:
            connection.close()
            raise
    return PostgresSession(connection)


def _upgrade(url: str) -> None:
    with _translated(), _connect(url) as connection:
        if schema.is_current(_version(connection)):
            return
        _lock(connection)
        schema.upgrade("postgresql+psycopg", partial(psycopg.connect, url))


def _version(connection: psycopg.Connection[tuple[Any, ...]]) -> str:
    try:
        row = connection.execute(sql.VERSION).fetchone()
    except psycopg.errors.UndefinedTable:
        return ""
    return row[0] if row else ""


def _lock(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    deadline = time.monotonic() + LOCK_WAIT_S
    while connection.execute(_LOCK).fetchall() != [(True,)]:
        if time.monotonic() > deadline:
            raise StoreUnavailable("Another process writes this PostgreSQL store.")
        time.sleep(0.02)


@cache
def _marked(statement: LiteralString) -> LiteralString:
    return statement.replace("?", "%s")


@contextmanager
def _translated() -> Iterator[None]:
    """Turn PostgreSQL's errors into ours."""
    try:
        yield
    except psycopg.IntegrityError as error:
        raise Conflict(f"The store refused a row: {error}.") from error
    except (psycopg.DataError, psycopg.ProgrammingError, UnicodeEncodeError, OverflowError) as error:
        raise InvalidInput(f"The store cannot hold a value: {error}.") from error
    except psycopg.Error as error:
        raise StoreUnavailable(f"The store cannot be used now: {error}.") from error
