"""SQLite when things go wrong, and that the lists people look at are read from an index."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from grace_ray.adapters.store import sql, sqlite
from grace_ray.adapters.store.open import open_reader, open_writer
from grace_ray.adapters.store.views import view_of
from grace_ray.core.errors import StoreUnavailable
from grace_ray.core.fact import Row
from grace_ray.core.store import EntryFilter
from grace_ray.prove.journal import Journal
from grace_ray.settings import Settings
from tests.small_disk import small_disk

FILLER = Path(__file__).with_name("writes_until_full.py")


def rows(first: int, last: int) -> list[Row]:
    return [Row(f"id-{n}", n, "event", "t", "host/a", "", "", "", b"{}") for n in range(first, last + 1)]


@pytest.fixture
def tmpfs(tmp_path):
    with small_disk(tmp_path / "small", mib=6) as folder:
        yield folder


@pytest.mark.parametrize("kind", ["limit", "tmpfs"])
def test_a_full_disk_is_refused_clearly_and_recovered_from_once_there_is_room(kind, tmp_path, request):
    home = request.getfixturevalue("tmpfs") if kind == "tmpfs" else tmp_path
    done = subprocess.run(
        [sys.executable, str(FILLER), str(home), kind], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["acknowledged"] > 0
    assert found["readable"] == found["acknowledged"], "nothing acknowledged was lost, nothing refused was kept"
    assert found["first_after"] == found["acknowledged"] + 1
    assert found["entries"] == found["acknowledged"] + 50
    assert found["is_sound"]
    assert all("cannot be used now" in refusal for refusal in found["refusals"])


def test_a_read_only_store_is_refused_clearly_and_taken_again_once_it_may_be_written(tmp_path, monkeypatch):
    path = tmp_path / "grace.db"
    writer = sqlite.writer(path)
    Journal(writer).append(rows(1, 3))
    writer.close()
    really_open = sqlite._open
    monkeypatch.setattr(sqlite, "_open", lambda path, mode: really_open(path, "ro"))  # as root no mode bits would do
    writer = sqlite.writer(path)
    journal = Journal(writer)
    with pytest.raises(StoreUnavailable, match="readonly"):
        journal.append(rows(4, 4))
    assert [entry.seq for entry in journal.read(0, 10)] == [1, 2, 3]
    monkeypatch.undo()
    assert journal.append(rows(4, 4)).seqs == [4]
    writer.close()


def test_a_store_locked_by_someone_else_is_unavailable_until_it_is_free(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "BUSY_S", 0.05)
    path = tmp_path / "grace.db"
    writer = sqlite.writer(path)
    journal = Journal(writer)
    journal.append(rows(1, 1))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            journal.append(rows(2, 2))
        other.execute("ROLLBACK")
    assert journal.append(rows(2, 2)).seqs == [2]
    writer.close()


def test_a_folder_that_cannot_be_made_is_said_to_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="folder"):
        sqlite.writer(tmp_path / "file" / "home" / "grace.db").migrate()


def test_a_file_that_is_no_database_is_said_to_be(tmp_path):
    (tmp_path / "grace.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreUnavailable, match="not a database"):
        sqlite.writer(tmp_path / "grace.db").migrate()


def test_settings_without_a_database_url_open_the_file_in_the_home(tmp_path):
    settings = Settings(home=tmp_path / "home")
    writer, reader = open_writer(settings), open_reader(settings)
    assert reader.head() == 0
    Journal(writer).append(rows(1, 2))
    assert reader.head() == 2
    assert (tmp_path / "home" / "grace.db").exists()
    writer.close()
    reader.close()


ADVICE = view_of("agent_recommendations")


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (view_of("v").page(by_status=False, is_next=True), "records_by_rank (view=? AND (rank_neg,key)>(?,?))"),
        (
            view_of("v").page(by_status=True, is_next=True),
            "records_by_status (view=? AND status=? AND (rank_neg,key)>(?,?))",
        ),
        (view_of("v").page(by_status=False, is_next=False), "records_by_rank (view=?)"),
        (view_of("v").record, "view=? AND key=?"),
        (view_of("v").below, "records_by_rank (view=? AND rank_neg>?)"),
        (view_of("v").between_keys, "view=? AND key>? AND key<?"),
        (ADVICE.record, "key=?"),
        (ADVICE.among(2), "key=?"),
        (ADVICE.below, "agent_recommendations_by_rank (rank_neg>?)"),
        (ADVICE.between_keys, "key>? AND key<?"),
        (ADVICE.page(by_status=False, is_next=False), "agent_recommendations_by_rank"),
        (ADVICE.page(by_status=True, is_next=True), "agent_recommendations_by_status (record_status=? AND rank_neg>?)"),
        (ADVICE.matching("correlation_id"), "by_correlation_id (workspace_id=? AND correlation_id=?)"),
        (ADVICE.matching("workflow_id"), "by_workflow_id (workspace_id=? AND workflow_id=?)"),
        (view_of("recommendation_outcomes").matching("recommendation_id"), "AND recommendation_id=?)"),
        (ADVICE.cells(["outcome"]), "agent_recommendations_by_workspace (workspace_id=? AND rank_neg>? AND rank_neg<"),
        (ADVICE.workspaces(), "COVERING INDEX agent_recommendations_by_workspace (workspace_id>?)"),
        (sql.FIND, "entries_by_id (id=?)"),
        (sql.lookup(3), "entries_by_id (id=? AND source=?)"),
        (sql.select_entries(EntryFilter(kinds=frozenset({"finding"})), "", newest=False)[0], "entries_by_kind (kind=?"),
        (sql.select_entries(EntryFilter(), "", newest=True)[0], "INTEGER PRIMARY KEY (rowid<?)"),
    ],
)
def test_what_is_read_often_is_read_from_an_index_in_order(tmp_path, statement, index):
    writer = sqlite.writer(tmp_path / "grace.db")
    writer.migrate()
    with closing(sqlite3.connect(tmp_path / "grace.db")) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", [1] * statement.count("?")).fetchall()
    steps = [row[3] for row in plan]
    assert any(index in step for step in steps), steps
    assert "USE TEMP B-TREE FOR ORDER BY" not in steps or statement == sql.FIND
    writer.close()
