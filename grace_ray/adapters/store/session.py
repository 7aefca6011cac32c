"""Sessions: one connection to either database, and the pool of those that read."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from grace_ray.core.entry import Entry
from grace_ray.core.errors import InvalidInput, StoreUnavailable


class Session(Protocol):
    """One connection, used by one thread at a time. Every failure is a StoreUnavailable, InvalidInput or Conflict."""

    contains: str
    size: str

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query and return its rows."""
        ...

    def many(self, statement: str, rows: Iterable[Sequence[Any]]) -> int:
        """Run a statement for each row of values; return how many rows of the table it changed."""
        ...

    def append(self, entries: Sequence[Entry]) -> None:
        """Insert entries in the fastest way that the database has."""
        ...

    def begin(self) -> None:
        """Start a transaction; outside of one every statement stands alone."""
        ...

    def commit(self) -> None:
        """Make the transaction durable."""
        ...

    def rollback(self) -> None:
        """Undo the transaction, if one is open."""
        ...

    def vacuum(self, limit_s: float) -> None:
        """Give the space of what was deleted back, within so many seconds. Raises StoreUnavailable beyond."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...


class SessionPool:
    """Sessions that read, as many as there are threads that do so at once.

    ``connect`` opens a session, or returns None while there is no store yet: everything then reads as empty.
    """

    def __init__(self, connect: Callable[[], Session | None]) -> None:
        self._connect = connect
        self._idle: deque[Session] = deque()
        self._lock = threading.Lock()
        self._is_closed = False

    def close(self) -> None:
        """Release connections; the reader cannot be used afterwards."""
        with self._lock:
            self._is_closed = True
        self._close_idle()

    def _close_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, deque()
        for session in idle:
            session.close()

    def _number(self, statement: str, values: Sequence[Any] = ()) -> int:
        rows = self._rows(statement, values)
        return int(rows[0][0]) if rows else 0

    def _rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        session = self._take()
        return [] if session is None else self._run(session, statement, values)

    def _take(self) -> Session | None:
        if self._is_closed:
            raise StoreUnavailable("The reader of the store is closed.")
        try:
            return self._idle.pop()
        except IndexError:
            return self._connect()

    def _run(self, session: Session, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        try:
            rows = session.rows(statement, values)
        except InvalidInput:
            self._give_back(session)
            raise
        except BaseException:
            session.close()
            self._close_idle()  # what ended this connection may have ended the others
            raise
        self._give_back(session)
        return rows

    def _give_back(self, session: Session) -> None:
        with self._lock:
            if not self._is_closed:
                self._idle.append(session)
                return
        session.close()
