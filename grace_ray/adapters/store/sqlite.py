"""SQLite: one file in WAL mode; one process writes, any number read."""

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from grace_ray.adapters.store import schema, sql
from grace_ray.adapters.store.tables import TableReader, TableWriter
from grace_ray.core.entry import Entry
from grace_ray.core.errors import Conflict, InvalidInput, StoreUnavailable

BUSY_S = 5.0
_WRITER_CACHE_KIB = 32 * 1024
_PROGRESS_OPS = 10_000  # of SQLite's machine between two looks at the clock: about a millisecond
_CHECKPOINT_PAGES = 4000  # 16 MB of WAL between checkpoints: fewer fsyncs of the main file than the default of 1000


def reader(path: Path) -> TableReader:
    """Return a Reader of the file at ``path``; while there is none it reads as empty."""
    return TableReader(partial(_connect_reader, path))


def writer(path: Path) -> TableWriter:
    """Return the Writer of the file at ``path``; a lock file beside it keeps a second one out."""
    return TableWriter(partial(_connect_reader, path), partial(_connect_writer, path), partial(_upgrade, path))


class SqliteSession:
    """One connection to the file; see session.Session. ``lock`` is a file descriptor that is closed with it."""

    contains = "holds_text(body, ?)"
    size = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"

    def __init__(self, connection: sqlite3.Connection, lock: int | None = None) -> None:
        self._connection = connection
        self._lock = lock
        connection.create_function("holds_text", 2, _holds_text, deterministic=True)

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query and return its rows."""
        with _translated():
            return self._connection.execute(statement, values).fetchall()

    def many(self, statement: str, rows: Iterable[Sequence[Any]]) -> int:
        """Run a statement for each row of values; return how many rows of the table it changed."""
        with _translated():
            return self._connection.executemany(statement, rows).rowcount

    def append(self, entries: Sequence[Entry]) -> None:
        """Insert entries."""
        with _translated():
            self._connection.executemany(sql.ADD_ENTRY, entries)

    def begin(self) -> None:
        """Start a transaction that holds the write lock from the first moment."""
        with _translated():
            self._connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Make the transaction durable: the WAL is synced."""
        with _translated():
            self._connection.execute("COMMIT")

    def rollback(self) -> None:
        """Undo the transaction; SQLite has done so itself after some errors."""
        if self._connection.in_transaction:
            with _translated():
                self._connection.execute("ROLLBACK")

    def vacuum(self, limit_s: float) -> None:
        """Write the file anew without its holes; given up, and nothing changed, where it takes too long."""
        ends_at = time.monotonic() + limit_s
        with _translated():
            self._connection.set_progress_handler(lambda: time.monotonic() > ends_at, _PROGRESS_OPS)
            try:
                self._connection.execute("VACUUM")
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._connection.execute("PRAGMA optimize")
            finally:
                self._connection.set_progress_handler(None, 0)

    def close(self) -> None:
        """Close the connection and give up the lock."""
        self._connection.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _connect_reader(path: Path) -> SqliteSession | None:
    if not path.exists():
        return None
    with _translated():
        connection = _open(path, "ro")
        if not schema.is_current(_version(connection)):
            connection.close()
            return None
    return SqliteSession(connection)


def _connect_writer(path: Path) -> SqliteSession:
    lock = _lock(path)
    try:
        with _translated():
            connection = _open(path, "rw")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            connection.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}")
            if not schema.is_current(_version(connection)):
                raise StoreUnavailable("The store has not been migrated yet.")
    except BaseException:
        os.close(lock)
        raise
    return SqliteSession(connection, lock)


def _upgrade(path: Path) -> None:
    """Make or migrate the file; a plain query finds out whether there is anything to do."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"The store's folder cannot be made: {error}.") from error
    with _translated():
        connection = _open(path, "rwc")
        is_current = schema.is_current(_version(connection))
        connection.close()
    if is_current:
        return
    lock = _lock(path)
    try:
        with _translated():
            schema.upgrade("sqlite", partial(_open_wal, path))
    finally:
        os.close(lock)


def _open_wal(path: Path) -> sqlite3.Connection:
    connection = _open(path, "rwc")
    connection.execute("PRAGMA journal_mode = WAL")
    return connection


def _open(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_S,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )


def _version(connection: sqlite3.Connection) -> str:
    try:
        row = connection.execute(sql.VERSION).fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return ""
        raise
    return row[0] if row else ""


def _lock(path: Path) -> int:
    """Return a descriptor that holds the writer's lock; the kernel drops it with the process, however that ends."""
    deadline = time.monotonic() + BUSY_S
    try:
        descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreUnavailable(f"The store's lock file cannot be opened: {error}.") from error
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < deadline:
                time.sleep(0.02)
                continue
            os.close(descriptor)
            raise StoreUnavailable(f"Another process writes the store at {path}.") from None
        return descriptor


@contextmanager
def _translated() -> Iterator[None]:
    """Turn SQLite's errors into ours."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise Conflict(f"The store refused a row: {error}.") from error
    except (OverflowError, UnicodeEncodeError, sqlite3.InterfaceError, sqlite3.ProgrammingError) as error:
        raise InvalidInput(f"The store cannot hold a value: {error}.") from error
    except sqlite3.Error as error:
        raise StoreUnavailable(f"The store cannot be used now: {error}.") from error


def _holds_text(body: bytes | None, folded: str) -> bool:
    return body is not None and folded in body.decode(errors="replace").casefold()
