"""Timetables: once a day whatever the clocks do, at year's end, on leap days, and counted in closed form."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from grace_ray.decide.scheduling.timetable import Daily, Every, Weekly

UTC_ZONE = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


def times(table, start, count):
    found = [table.next_after(start)]
    while len(found) < count:
        found.append(table.next_after(found[-1]))
    return found


def test_a_time_itself_is_not_after_itself_and_is_the_last_until_itself():
    for table, at in (
        (Daily(time(2), UTC_ZONE), utc(2026, 11, 21, 2)),
        (Weekly(6, time(3), UTC_ZONE), utc(2026, 11, 22, 3)),
        (Every(900), utc(2026, 11, 21, 12, 15)),
    ):
        assert table.next_after(at) > at
        assert table.last_until(at) == at
        assert table.next_after(at - timedelta(microseconds=1)) == at


def test_a_day_follows_the_day_over_the_end_of_a_year_and_a_leap_day():
    night = Daily(time(2), UTC_ZONE)
    assert times(night, utc(2026, 12, 30, 3), 3) == [utc(2026, 12, 31, 2), utc(2027, 1, 1, 2), utc(2027, 1, 2, 2)]
    assert times(night, utc(2028, 2, 28, 2), 2) == [utc(2028, 2, 29, 2), utc(2028, 3, 1, 2)]


def test_a_week_follows_the_week_over_the_end_of_a_year():
    sunday = Weekly(6, time(3), UTC_ZONE)
    found = times(sunday, utc(2026, 12, 27, 3), 2)
    assert found == [utc(2027, 1, 3, 3), utc(2027, 1, 10, 3)]
    assert sunday.next_after(utc(2026, 11, 22, 2, 59)) == utc(2026, 11, 22, 3)
    assert sunday.last_until(utc(2026, 11, 22, 2, 59)) == utc(2026, 11, 15, 3)


def test_a_local_time_moves_with_the_clocks():
    early = Daily(time(7), BERLIN)
    assert early.next_after(utc(2026, 7, 1)) == utc(2026, 7, 1, 5)
    assert early.next_after(utc(2026, 12, 1)) == utc(2026, 12, 1, 6)


def test_a_time_that_the_clocks_leave_out_is_due_once_that_day():
    left_out = Daily(time(2, 30), BERLIN)  # on 29 March 2026 02:00 becomes 03:00
    found = times(left_out, utc(2026, 3, 27, 12), 3)
    assert found == [utc(2026, 3, 28, 1, 30), utc(2026, 3, 29, 1, 30), utc(2026, 3, 30, 0, 30)]


def test_a_time_that_comes_twice_is_due_once_that_day():
    twice = Daily(time(2, 30), BERLIN)  # on 25 October 2026 03:00 becomes 02:00
    found = times(twice, utc(2026, 10, 24, 12), 3)
    assert found == [utc(2026, 10, 25, 0, 30), utc(2026, 10, 26, 1, 30), utc(2026, 10, 27, 1, 30)]
    weekly = Weekly(6, time(2, 30), BERLIN)
    assert times(weekly, utc(2026, 10, 24, 12), 2) == [utc(2026, 10, 25, 0, 30), utc(2026, 11, 1, 1, 30)]


def test_a_gap_at_midnight_and_a_day_that_a_country_left_out_are_survived():
    midnight = Daily(time(0), ZoneInfo("America/Sao_Paulo"))  # on 4 November 2018 00:00 became 01:00
    assert times(midnight, utc(2018, 11, 3, 12), 2) == [utc(2018, 11, 4, 3), utc(2018, 11, 5, 2)]
    apia = Daily(time(2), ZoneInfo("Pacific/Apia"))  # there was no 30 December 2011
    assert times(apia, utc(2011, 12, 29, 0), 3) == [utc(2011, 12, 29, 12), utc(2011, 12, 30, 12), utc(2011, 12, 31, 12)]


def test_intervals_keep_step_with_the_hour_and_may_be_fractions():
    assert Every(900).next_after(utc(2026, 11, 21, 12, 7)) == utc(2026, 11, 21, 12, 15)
    assert Every(0.25).next_after(utc(2026, 11, 21)) == utc(2026, 11, 21) + timedelta(seconds=0.25)


def test_timetables_say_what_they_are():
    tables = (
        Daily(time(2), BERLIN),
        Weekly(6, time(3), UTC_ZONE),
        Every(21_600),
        Every(900),
        Every(90),
        Every(172_800),
    )
    assert [str(table) for table in tables] == [
        "daily at 02:00 Europe/Berlin", "Sundays at 03:00 UTC", "every 6 h", "every 15 min", "every 90 s", "every 2 d"
    ]  # fmt: skip


ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca")
TABLES = some.one_of(
    some.builds(Every, some.floats(1, 1e6)),
    some.builds(Daily, some.times().map(lambda at: at.replace(fold=0)), some.sampled_from(ZONES).map(ZoneInfo)),
    some.builds(
        Weekly,
        some.integers(0, 6),
        some.times().map(lambda at: at.replace(fold=0)),
        some.sampled_from(ZONES).map(ZoneInfo),
    ),
)
MOMENTS = some.datetimes(datetime(2001, 1, 1), datetime(2036, 1, 1), timezones=some.just(UTC))  # noqa: DTZ001


@settings(max_examples=150, deadline=None)
@given(TABLES, MOMENTS)
def test_every_time_is_found_from_both_sides_and_counted(table, moment):
    after, before = table.next_after(moment), table.last_until(moment)
    assert before <= moment < after
    assert table.next_after(before) == after
    assert table.last_until(after) == after
    found = times(table, moment, 20)
    assert found == sorted(set(found))
    assert table.count(found[0], found[-1]) == 20
    assert table.count(after, after) == 1


@pytest.mark.parametrize("zone", ZONES)
def test_each_local_day_has_its_time_once(zone):
    table = Daily(time(2, 30), ZoneInfo(zone))
    found = times(table, utc(2026, 1, 1), 730)
    days = [at.astimezone(ZoneInfo(zone)).date() for at in found]
    assert len(set(days)) == 730
    assert (days[-1] - days[0]).days == 729
