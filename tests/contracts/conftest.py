"""The stores that a contract is tried on: SQLite in a temporary folder, PostgreSQL as Debian packages it."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

import psycopg
import pytest

from grace_ray.adapters.store import postgres, sqlite
from grace_ray.adapters.store.tables import TableReader, TableWriter

_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
_numbers = count(1)


@dataclass(frozen=True)
class Store:
    """One fresh store: ``reader()`` and ``writer()`` open it, ``execute`` changes it behind their back.

    ``name`` is sqlite or postgres, ``place`` the file or the URL.
    """

    name: str
    place: str
    reader: Callable[[], TableReader]
    writer: Callable[[], TableWriter]
    execute: Callable[[str], None]


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "postgres":
        return _postgres_store(request.getfixturevalue("postgres_url"))
    path = tmp_path / "grace.db"
    return Store(
        "sqlite", str(path), partial(sqlite.reader, path), partial(sqlite.writer, path), partial(_in_sqlite, path)
    )


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of our own on a Unix socket, as a user that it accepts, stopped by its pid."""
    if not _BINARIES:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql).")
    folder = Path(tempfile.mkdtemp(prefix="grace-pg-"))
    as_user = _drop_root(folder)
    server = None
    try:
        initdb = [_BINARIES[-1], "-D", folder / "data", "-U", "grace", "-A", "trust", "--no-sync", "-E", "UTF8"]
        subprocess.run([*as_user, *map(str, initdb)], check=True, capture_output=True, cwd=folder)
        options = ["-D", folder / "data", "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"]
        command = [*as_user, str(_BINARIES[-1].with_name("postgres")), *map(str, options)]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
        url = f"postgresql://grace@/postgres?host={folder}"
        _await_server(url)
        yield url
    finally:
        if server is not None:
            server.send_signal(signal.SIGINT)  # a fast shutdown: sessions still open are ended
            server.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def _drop_root(folder: Path) -> list[str]:
    """Return how to run a command as another user, since PostgreSQL refuses root; it ends with this process."""
    command = ["setpriv", "--pdeathsig=INT"]
    if os.getuid() != 0:
        return command
    user = pwd.getpwnam("postgres")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return [*command, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _await_server(url: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _postgres_store(server: str) -> Store:
    schema = f"grace_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
    url = f"{server}&options=-csearch_path%3D{schema}"
    return Store(
        "postgres", url, partial(postgres.reader, url), partial(postgres.writer, url), partial(_in_postgres, url)
    )


def _in_sqlite(path: Path, statement: str) -> None:
    session = sqlite._open(path, "rw")
    session.execute(statement)
    session.close()


def _in_postgres(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


@pytest.fixture
def writer(store: Store) -> Iterator[TableWriter]:
    writer = store.writer()
    writer.migrate()
    yield writer
    writer.close()


@pytest.fixture
def reader(store: Store, writer: TableWriter) -> Iterator[TableReader]:
    reader = store.reader()
    yield reader
    reader.close()
