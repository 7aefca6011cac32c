"""The journal: once each, all or nothing, each caller its own answer, and back by itself after trouble."""

import sqlite3
import tempfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace_ray.adapters.store import sqlite
from grace_ray.core.clock import to_us
from grace_ray.core.errors import Backpressure, InvalidInput, StaleCursor, StoreUnavailable, Tampered
from grace_ray.core.fact import Row
from grace_ray.core.sample import Point
from grace_ray.core.store import Appended, Commit, Record
from grace_ray.prove import merkle
from grace_ray.prove.journal import Journal
from grace_ray.prove.verify import verify

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CLUSTER = Record("clusters", "a", "open", 0.5, b"{}")


def execute(path, *statements):
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_a_fact_stands_once_however_often_it_is_sent(house, rows, now):
    journal = house.journal
    assert journal.append(rows(1, 3)) == Appended([1, 2, 3], [True] * 3)
    assert journal.append([*rows(2, 4), *rows(4, 5)]) == Appended([2, 3, 4, 4, 5], [False, False, True, False, True])
    assert journal.append(rows(1, 1, source="host/b")) == Appended([6], [True])
    assert journal.append(rows(1, 5)).accepted == 0
    assert journal.append([]) == Appended([], [])
    assert [(e.seq, e.source, e.id) for e in journal.read(0, 10)] == [
        *((number, "host/a", f"id-{number}") for number in range(1, 6)),
        (6, "host/b", "id-1"),
    ]
    assert verify(house.writer).is_sound
    assert {entry.recorded_us for entry in journal.read(0, 10)} == {to_us(now)}


def test_the_same_fact_from_two_callers_in_one_group_stands_once(house, rows, now):
    outcomes = house.journal.apply([rows(1, 2), rows(2, 3), Commit(follower="triage", rows=rows(3, 4))], now)
    assert outcomes == [
        Appended([1, 2], [True, True]),
        Appended([2, 3], [False, True]),
        Appended([3, 4], [False, True]),
    ]
    assert house.journal.head == 4


def test_a_commit_moves_cursor_records_state_and_facts_together(house, rows):
    journal = house.journal
    journal.append(rows(1, 4))
    commit = Commit(follower="triage", cursor=3, rows=rows(9, 9, "finding"), records=[CLUSTER], state=b"s")
    assert journal.commit(commit) == Appended([5], [True])
    assert house.writer.follower("triage") == (3, b"s", 3)
    assert house.writer.record("clusters", "a") == CLUSTER
    assert [entry.kind for entry in journal.read(3, 10, frozenset({"finding"}))] == ["finding"]


def test_a_commit_from_a_stale_cursor_writes_nothing(house, rows):
    journal = house.journal
    journal.append(rows(1, 4))
    journal.commit(Commit(follower="triage", cursor=2))
    with pytest.raises(StaleCursor, match="stands at 2"):
        journal.commit(Commit(follower="triage", expected=0, cursor=4, records=[CLUSTER], rows=rows(9, 9)))
    assert house.writer.record("clusters", "a") is None
    assert journal.head == 4
    journal.commit(Commit(follower="triage", expected=2, cursor=4))
    assert house.writer.follower("triage").cursor == 4


def test_commits_of_one_group_build_on_each_other_and_an_operators_needs_no_cursor(house, rows, now):
    journal = house.journal
    journal.append(rows(1, 4))
    outcomes = journal.apply(
        [
            Commit(follower="triage", expected=0, cursor=2, state=b"2"),
            Commit(follower="triage", records=[CLUSTER]),
            Commit(follower="triage", expected=0, cursor=3),
            Commit(follower="triage", expected=2, cursor=4),
            Commit(follower="triage", records=[CLUSTER._replace(status="resolved")]),
        ],
        now,
    )
    assert [type(outcome) for outcome in outcomes] == [Appended, Appended, StaleCursor, Appended, Appended]
    assert house.writer.follower("triage").cursor == 4
    assert house.writer.record("clusters", "a").status == "resolved"


@pytest.mark.parametrize("cursor", [5, 0])
def test_a_cursor_beyond_the_head_or_backwards_is_refused(house, rows, cursor):
    house.journal.append(rows(1, 4))
    house.journal.commit(Commit(follower="triage", cursor=1))
    with pytest.raises(InvalidInput) as refusal:
        house.journal.commit(Commit(follower="triage", expected=1, cursor=cursor))
    assert refusal.value.field == "cursor"


def test_one_callers_bad_row_does_not_hold_up_the_others(house, rows, now):
    bad = [rows(2, 2)[0]._replace(subject="\ud800")]
    outcomes = house.journal.apply([rows(1, 1), bad, rows(3, 3)], now)
    assert [type(outcome) for outcome in outcomes] == [Appended, InvalidInput, Appended]
    assert [entry.id for entry in house.writer.entries(0, 10)] == ["id-1", "id-3"]
    assert verify(house.writer).is_sound


def test_events_are_refused_while_triage_lags_by_the_buffer_and_taken_once_it_has_caught_up(house, rows, now):
    journal = Journal(house.writer, buffer=10)
    outcomes = journal.apply([rows(1, 6), rows(7, 14), rows(15, 15)], now)
    assert [type(outcome) for outcome in outcomes] == [Appended, Appended, Backpressure]
    assert (journal.buffered, journal.has_room) == (14, False)
    with pytest.raises(Backpressure) as refusal:
        journal.append(rows(15, 15))
    assert refusal.value.retry_after_s > 0
    journal.append(rows(20, 29, "knowledge"))
    journal.commit(Commit(follower="triage", cursor=5, rows=rows(30, 30, "finding")))
    assert (journal.buffered, journal.has_room) == (9, True)
    assert Journal(house.writer, buffer=10).buffered == 9
    journal.append(rows(15, 15))
    journal.commit(Commit(follower="triage", expected=5, cursor=journal.head))
    assert journal.buffered == 0


def test_a_journal_goes_on_where_another_ended(house, rows):
    house.journal.append(rows(1, 700))
    house.journal.commit(Commit(follower="triage", cursor=5))
    house.writer.close()
    writer = sqlite.writer(house.path)
    journal = Journal(writer)
    assert journal.recover() == 700
    with pytest.raises(StaleCursor):
        journal.commit(Commit(follower="triage", expected=0, cursor=6))
    assert journal.append(rows(699, 1200)).seqs == [699, 700, *range(701, 1201)]
    leaves = [entry.leaf_hash() for entry in writer.entries(0, 2000)]
    assert merkle.root(1200, writer.tile) == merkle.root_of(leaves)
    assert verify(writer).is_sound
    writer.close()


def test_a_journal_whose_store_was_changed_behind_its_back_is_not_written(house, rows):
    house.journal.append(rows(1, 10))
    execute(house.path, "DELETE FROM entries WHERE seq = 10")
    with pytest.raises(Tampered, match="holds 9 entries, its tree 10"):
        house.journal.recover()
    with pytest.raises(Tampered):
        house.journal.append(rows(11, 11))


def test_a_changed_last_entry_is_noticed_at_the_start(house, rows):
    house.journal.append(rows(1, 10))
    execute(house.path, "UPDATE entries SET subject = 'sdb' WHERE seq = 10")
    with pytest.raises(Tampered, match="Entry 10"):
        house.journal.recover()


def test_a_store_put_back_from_an_old_copy_is_noticed_at_the_start(house, rows, now, tmp_path):
    house.journal.append(rows(1, 10))
    with closing(sqlite3.connect(house.path)) as live, closing(sqlite3.connect(tmp_path / "copy")) as copy:
        live.backup(copy)
    house.journal.append(rows(11, 20))
    house.journal.checkpoint(now)
    house.writer.close()
    for leftover in house.home.glob("grace.db-*"):
        leftover.unlink()
    (tmp_path / "copy").replace(house.path)
    writer = sqlite.writer(house.path)
    with pytest.raises(Tampered, match="ends at entry 10, and a checkpoint covers 20"):
        Journal(writer, notary=house.notary).recover()
    writer.close()


def test_another_writer_of_the_same_store_is_noticed_and_the_journal_reads_itself_anew(house, rows):
    house.journal.append(rows(1, 3))
    intruder = Journal(house.writer)
    intruder.append(rows(4, 6))
    with pytest.raises(StoreUnavailable, match="Another writer"):
        house.journal.append(rows(7, 8))
    assert house.journal.append(rows(7, 8)).seqs == [7, 8]
    assert verify(house.writer).is_sound


def test_who_listens_hears_of_every_entry_once_it_is_durable(house, rows, now):
    heard = []
    house.journal.on_append = heard.extend
    house.journal.append(rows(1, 3))
    house.journal.apply([rows(3, 4), Commit(follower="triage", cursor=2)], now)
    house.journal.append(rows(1, 4))
    assert heard == house.writer.entries(0, 10)


def test_a_checkpoint_is_signed_once_for_a_tree_and_kept_in_the_store_and_beside_it(house, rows, now):
    journal = house.journal
    assert journal.checkpoint(now) is None
    journal.append(rows(1, 3))
    first = journal.checkpoint(now)
    assert journal.checkpoint(now + timedelta(minutes=1)) is None
    journal.append(rows(4, 4))
    second = journal.checkpoint(now)
    assert house.writer.checkpoints() == house.notary.kept() == [first, second]
    assert Journal(house.writer, notary=house.notary).checkpoint(now) is None


NUMBERS = st.integers(1, 60)
STEPS = st.lists(st.one_of(st.lists(st.lists(NUMBERS, max_size=30), min_size=1, max_size=4), st.none()), max_size=8)


@given(STEPS)
@hypothesis.settings(max_examples=40, deadline=None)
def test_any_order_of_groups_repeats_and_restarts_gives_each_fact_its_first_place(steps):
    with tempfile.TemporaryDirectory() as folder:
        writer = sqlite.writer(Path(folder) / "grace.db")
        journal, places = Journal(writer), dict[int, int]()
        for step in steps:
            if step is None:
                journal = Journal(writer)
                continue
            groups = [[Row(f"{n}", n, "event", "t", "s", "", "", "", b"{}") for n in group] for group in step]
            outcomes = journal.apply(groups, NOW)
            for group, outcome in zip(step, outcomes, strict=True):
                for number, seq, is_new in zip(group, outcome.seqs, outcome.is_new, strict=True):
                    assert is_new == (number not in places)
                    assert seq == places.setdefault(number, len(places) + 1)
        assert {int(entry.id): entry.seq for entry in writer.entries(0, 100)} == places
        assert verify(writer).is_sound
        writer.close()


def test_each_commit_hears_how_many_of_its_points_were_new(house, rows, now):
    first = Commit(follower="sensors", points=[Point("m", 1, 1.0), Point("m", 2, 2.0)])
    again = Commit(follower="http", points=[Point("m", 2, 9.0), Point("n", 2, 2.0)], rows=rows(1, 1))
    stale = Commit(follower="triage", expected=5, cursor=6, points=[Point("never", 1, 1.0)])
    answers = house.journal.apply([first, stale, again], now)
    assert [getattr(answer, "points", None) for answer in answers] == [2, None, 1]
    assert [(p.series, p.at_us, p.value) for p in house.writer.points_after(0, 10)] == [
        ("m", 1, 1.0),
        ("m", 2, 2.0),
        ("n", 2, 2.0),
    ]
    assert house.journal.commit(first).points == 0


def test_a_point_that_the_store_cannot_hold_costs_nobody_else_their_commit(house, now):
    good = Commit(follower="sensors", points=[Point("m", 1, 1.0)])
    bad = Commit(follower="http", points=[Point("bad", 1, float("nan"))])
    answers = house.journal.apply([good, bad], now)
    assert answers[0].points == 1
    assert isinstance(answers[1], InvalidInput)
    assert [s.key for s in house.writer.series()] == ["m"]
