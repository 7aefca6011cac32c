"""A journal on SQLite in a temporary folder, with rows to put on it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from grace_ray.adapters.store import sqlite
from grace_ray.core.fact import Row
from grace_ray.prove.checkpoints import Notary
from grace_ray.prove.journal import Journal

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def rows() -> Callable[..., list[Row]]:
    def make(first: int, last: int, kind: str = "event", source: str = "host/a") -> list[Row]:
        return [
            Row(f"id-{number}", 1000 + number, kind, "disk.full", source, "sda", "", "", b'{"number":%d}' % number)
            for number in range(first, last + 1)
        ]

    return make


@pytest.fixture
def house(tmp_path: Path) -> Iterator[SimpleNamespace]:
    """``home``, ``path`` of the database, ``writer``, ``notary``, and ``journal`` over them."""
    path = tmp_path / "grace.db"
    writer, notary = sqlite.writer(path), Notary(tmp_path)
    journal = Journal(writer, notary=notary, clock=lambda: NOW)
    yield SimpleNamespace(home=tmp_path, path=path, writer=writer, notary=notary, journal=journal)
    writer.close()
