"""Retention prunes bodies that nobody needs any more, and keeps every proof."""

from datetime import timedelta

import pytest

from grace_ray.core.store import Commit
from grace_ray.prove import proofs
from grace_ray.prove.retention import Retention
from grace_ray.prove.verify import verify


@pytest.fixture
def retention(house, rows, now):
    """2,500 events 40 days ago and 1,000 today, all triaged."""
    house.journal.apply([rows(1, 2499), rows(2500, 2500, "decision")], now - timedelta(days=40))
    house.journal.append(rows(2501, 3500))
    house.journal.commit(Commit(follower="triage", cursor=3500, state=b"s"))
    return Retention(house.journal, house.writer, 30)


def run(retention, now) -> int:
    gone_through = 0
    while step := retention.step(now):
        gone_through += step
    return gone_through


def pruned(house) -> list[int]:
    return [entry.seq for entry in house.writer.entries(0, 5000) if entry.body is None]


def test_old_bodies_go_in_bounded_steps_and_young_ones_stay(house, retention, now):
    assert retention.step(now) == 1000
    assert pruned(house) == list(range(1, 1001))
    assert run(retention, now) == 1000
    assert pruned(house) == list(range(1, 2001))
    assert run(retention, now + timedelta(days=31)) == 1000
    assert pruned(house) == [seq for seq in range(1, 3001) if seq != 2500], "a decision explains itself for ever"


def test_a_pruned_body_keeps_its_proof(house, retention, now):
    before = proofs.inclusion(house.writer, 700)
    assert run(retention, now)
    assert proofs.inclusion(house.writer, 700) == before
    assert proofs.is_inclusion_sound(before)
    assert verify(house.writer).is_sound


def test_it_goes_on_where_it_stopped_after_a_restart(house, retention, now):
    retention.step(now)
    again = Retention(house.journal, house.writer, 30)
    assert run(again, now) == 1000
    assert house.journal.recover() == 3500


@pytest.mark.parametrize(
    ("commit", "kept_from"),
    [
        (Commit(follower="knowledge", cursor=1999, state=b"s"), 1001),
        (Commit(follower="knowledge", cursor=3000), 1),
    ],
    ids=["not yet handled", "handled, to be learned again without a snapshot"],
)
def test_a_body_that_a_follower_may_still_read_stays(house, retention, now, commit, kept_from):
    house.journal.commit(commit)
    run(retention, now)
    assert pruned(house) == list(range(1, kept_from))
