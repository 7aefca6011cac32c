"""What only a server can do to us: end our connection, forbid writing, be away."""

from datetime import UTC, datetime

import psycopg
import pytest

from grace_ray.adapters.store import postgres
from grace_ray.core.errors import InvalidInput, StoreUnavailable
from grace_ray.core.fact import Row
from grace_ray.core.store import Appended
from grace_ray.prove.journal import Journal
from grace_ray.prove.verify import verify


@pytest.fixture
def url(postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS trouble CASCADE")
        connection.execute("CREATE SCHEMA trouble")
    return f"{postgres_url}&options=-csearch_path%3Dtrouble"


def rows(first: int, last: int) -> list[Row]:
    return [Row(f"id-{n}", n, "event", "t", "host/a", "", "", "", b"{}") for n in range(first, last + 1)]


def test_a_journal_comes_back_by_itself_after_the_server_ended_its_connections(url):
    writer = postgres.writer(url)
    journal = Journal(writer)
    journal.append(rows(1, 300))
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        with pytest.raises(StoreUnavailable):
            journal.append(rows(301, 302))
        with pytest.raises(StoreUnavailable):
            journal.append(rows(301, 302))  # the connections that read have been ended, too
    assert journal.append(rows(301, 302)).seqs == [301, 302]
    assert verify(writer).is_sound
    writer.close()


def test_a_database_that_forbids_writing_is_refused_clearly_and_taken_again_afterwards(url):
    writer = postgres.writer(url)
    journal = Journal(writer)
    journal.append(rows(1, 3))
    writer.close()
    writer = postgres.writer(f"{url}%20-cdefault_transaction_read_only%3Don")
    with pytest.raises(StoreUnavailable, match="read-only"):
        Journal(writer).append(rows(4, 4))
    writer.close()
    writer = postgres.writer(url)
    assert Journal(writer).append(rows(4, 4)).seqs == [4]
    writer.close()


def test_a_text_that_postgresql_cannot_hold_is_the_callers_fault_and_the_rest_is_kept(url):
    writer = postgres.writer(url)
    bad = [rows(2, 2)[0]._replace(subject="a\x00b")]
    outcomes = Journal(writer).apply([rows(1, 1), bad, rows(3, 3)], datetime(2026, 1, 1, tzinfo=UTC))
    assert [type(outcome) for outcome in outcomes] == [Appended, InvalidInput, Appended]
    with pytest.raises(InvalidInput):
        writer.find("a\x00b")
    assert [entry.id for entry in writer.entries(0, 10)] == ["id-1", "id-3"]
    writer.close()


def test_a_server_that_is_away_is_said_to_be(tmp_path):
    url = f"postgresql://grace@/postgres?host={tmp_path}"
    with pytest.raises(StoreUnavailable):
        Journal(postgres.writer(url)).append(rows(1, 1))
    with pytest.raises(StoreUnavailable):
        postgres.reader(url).head()
