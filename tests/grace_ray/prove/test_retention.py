"""Retention prunes bodies that nobody needs any more, and keeps every proof."""

from datetime import timedelta

import pytest

from grace_ray.core.clock import to_us
from grace_ray.core.sample import POINTS_CURSOR, Point, Snapshot
from grace_ray.core.store import Commit, Record
from grace_ray.prove import proofs
from grace_ray.prove.retention import Retention, SeriesRetention
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


DAY_US = 86_400_000_000


def snapshots(house, step_s: int) -> list[int]:
    return [each.start_us // DAY_US for each in house.writer.snapshots("m", step_s, 0, 2**62)]


@pytest.fixture
def series(house, now):
    """A point and a snapshot of both steps a day, for 1,000 days up to now."""
    days = [to_us(now) - day * DAY_US for day in range(1000)]
    figures = dict.fromkeys(("min", "max", "mean", "p50", "p95", "p99"), 1.0)
    made = [
        Snapshot(series="m", step_s=step_s, start_us=day, count=1, band="", **figures)
        for day in days
        for step_s in (300, 3600)
    ]
    house.journal.commit(Commit(follower="sensors", points=[Point("m", day, 1.0) for day in days], snapshots=made))
    return house


def prune_series(house, now, *, is_followed: bool = False) -> int:
    keep = {300: timedelta(days=90), 3600: timedelta(days=730)}
    retention = SeriesRetention(house.journal, house.writer, timedelta(hours=48), keep, is_followed=is_followed)
    return run(retention, now)


def test_points_go_first_then_five_minute_snapshots_then_hourly_ones(series, now):
    assert prune_series(series, now) == 997 + 909 + 269
    assert len(series.writer.points_after(0, 2000)) == 3
    assert len(snapshots(series, 300)) == 91
    assert len(snapshots(series, 3600)) == 731
    assert prune_series(series, now) == 0


def test_a_series_of_which_nothing_is_left_makes_room_for_another(series, now):
    prune_series(series, now + timedelta(days=729))
    assert [each.key for each in series.writer.series()] == ["m"], "hours of it are left"
    prune_series(series, now + timedelta(days=731))
    assert series.writer.series() == []


def test_a_point_that_the_metrics_part_has_not_taken_stays(series, now):
    prune_series(series, now, is_followed=True)
    assert len(series.writer.points_after(0, 2000)) == 1000
    taken = series.writer.points_after(0, 500)[-1].seq
    series.journal.commit(Commit(follower="metrics", records=[Record(*POINTS_CURSOR, "", 0.0, b"%d" % taken)]))
    prune_series(series, now, is_followed=True)
    assert series.writer.points_after(0, 1)[0].seq in range(1, taken + 1), "three of them are young"
    assert len(series.writer.points_after(0, 2000)) == 503
