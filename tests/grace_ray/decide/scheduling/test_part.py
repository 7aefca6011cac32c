"""The scheduler: due once, caught up once, never twice at a time, whatever restarts and clocks do."""

import json
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from grace_ray.adapters.store import sqlite
from grace_ray.core.errors import Conflict, Disabled, InvalidInput, NotFound
from grace_ray.core.jsonable import from_plain
from grace_ray.core.schedule import JOB_DUE, SCHEDULES_VIEW, Job, job_ended
from grace_ray.decide.scheduling.jobs import Planned, planned_jobs
from grace_ray.decide.scheduling.part import Scheduler
from grace_ray.decide.scheduling.timetable import Daily, Every
from grace_ray.loop import Loop
from grace_ray.prove.journal import Journal
from grace_ray.settings import load

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
TWO = datetime(2026, 11, 22, 2, tzinfo=UTC)
DAY = timedelta(days=1)
NIGHTLY = Planned(
    job="nightly", part="learner", description="Learn", timetable=Daily(time(2), ZoneInfo("UTC")), limit_s=600
)
HOURLY = Planned(job="hourly", part="trust", description="Count", timetable=Every(3600), limit_s=600)


class House:
    """A loop with one scheduler; ``now`` is ours to move, and the jobs are ours to end."""

    def __init__(self, path):
        self._path = path
        self._writer = sqlite.writer(path)
        self._writer.migrate()
        self.now = NOON
        self.build(NIGHTLY)

    def build(self, *planned):
        """Make the part anew over the same store, as after a kill -9."""
        journal = Journal(self._writer)
        journal.recover()
        self.reader = sqlite.reader(self._path)
        self.loop = Loop(journal, self.reader, [Scheduler(planned)], lambda: self.now)
        return self

    def at(self, now):
        self.now = now
        self.loop.settle()
        self.loop.tick()
        return self

    def wait(self, seconds, step_s=1.0):
        end = self.now + timedelta(seconds=seconds)
        while self.now < end:
            self.at(min(self.now + timedelta(seconds=step_s), end))

    def due(self, job="nightly"):
        return [entry for entry in self.reader.entries(0, 10_000) if (entry.type, entry.subject) == (JOB_DUE, job)]

    def end(self, status="completed", detail="", of=-1, job="nightly"):
        fact = job_ended(job, self.due(job)[of].id, "learner", self.now, status, detail)
        self.loop.append([fact.to_row()])
        self.loop.settle()

    def job(self, name="nightly"):
        return from_plain(Job, json.loads(self.reader.record(SCHEDULES_VIEW, name).body))

    def run(self, name="nightly"):
        return self.loop.change("scheduler", "operate", "run", {"job": name, "by": "ada"})


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path / "grace.db").at(NOON)
    yield made
    made.reader.close()


def test_a_job_is_listed_before_it_ever_ran(house):
    job = house.job()
    assert (job.part, job.timetable, job.next_at, job.runs) == ("learner", "daily at 02:00 UTC", TWO, 0)
    assert not house.due()


def test_a_job_is_due_at_its_time_and_not_before(house):
    house.at(TWO - timedelta(seconds=1))
    assert not house.due()
    house.at(TWO + timedelta(seconds=1))
    (due,) = house.due()
    assert (due.kind, due.source) == ("decision", "grace/scheduler")
    assert due.content() == {"scheduled_for": "2026-11-22T02:00:00Z", "reason": "scheduled"}
    assert (house.job().last_status, house.job().next_at, house.job().missed) == ("running", TWO + DAY, 0)


def test_its_end_is_noted_and_the_next_day_it_is_due_again(house):
    house.at(TWO)
    house.at(TWO + timedelta(seconds=30)).end(detail="12 patterns")
    job = house.job()
    assert (job.last_status, job.last_detail, job.last_ended_at) == ("completed", "12 patterns", house.now)
    house.at(TWO + timedelta(hours=1)).at(TWO + DAY)
    assert [entry.content()["scheduled_for"] for entry in house.due()] == [
        "2026-11-22T02:00:00Z",
        "2026-11-23T02:00:00Z",
    ]


def test_a_failure_is_noted_with_its_reason(house):
    house.at(TWO).end("failed", "no outcomes")
    assert (house.job().last_status, house.job().last_detail) == ("failed", "no outcomes")


def test_two_runs_never_overlap(house):
    house.build(HOURLY).at(NOON).at(NOON + timedelta(hours=1))
    for _ in range(9):
        house.at(house.now + timedelta(minutes=10))  # the clock shows more than its limit and its next time
    assert len(house.due("hourly")) == 1
    house.end(job="hourly")
    house.at(house.now + timedelta(seconds=1))
    late = house.due("hourly")[-1]
    assert late.content() == {"scheduled_for": "2026-11-21T14:00:00Z", "reason": "caught up", "missed": 1}


def test_what_was_missed_while_grace_was_down_is_caught_up_once_and_told(house):
    house.now = TWO + 4 * DAY + timedelta(hours=3)
    house.build(NIGHTLY).at(house.now).end()
    house.at(house.now + timedelta(minutes=1))
    (due,) = house.due()
    assert due.content() == {"scheduled_for": "2026-11-26T02:00:00Z", "reason": "caught up", "missed": 5}
    assert (house.job().missed, house.job().runs, house.job().next_at) == (5, 1, TWO + 5 * DAY)


def test_one_that_comes_back_right_at_a_time_runs_for_that_time(house):
    house.now = TWO + 2 * DAY
    house.build(NIGHTLY).at(house.now)
    (due,) = house.due()
    assert due.content() == {"scheduled_for": "2026-11-24T02:00:00Z", "reason": "caught up", "missed": 2}


def test_a_clock_that_jumps_over_a_time_does_not_skip_it(house):
    house.at(TWO - timedelta(minutes=5)).at(TWO + timedelta(hours=5)).end()
    assert [entry.content()["reason"] for entry in house.due()] == ["caught up"]


def test_a_clock_put_back_over_a_time_does_not_repeat_it(house):
    house.at(TWO + timedelta(minutes=5)).end()
    house.at(TWO - timedelta(hours=1)).at(TWO + timedelta(minutes=10)).at(TWO + timedelta(hours=1))
    assert len(house.due()) == 1
    house.at(TWO + DAY)
    assert len(house.due()) == 2


def test_a_clock_that_was_a_year_ahead_does_not_stop_a_job_for_a_year(house):
    house.at(TWO + 365 * DAY).end()
    house.at(NOON).at(TWO)
    assert [entry.content()["scheduled_for"][:10] for entry in house.due()] == ["2027-11-22", "2026-11-22"]
    house.end()
    assert house.job().last_status == "completed"


def test_a_clock_that_jumps_ahead_does_not_end_a_run(house):
    house.at(TWO).at(TWO + DAY + timedelta(hours=1))
    assert house.job().last_status == "running"
    assert len(house.due()) == 1


def test_a_run_without_an_end_times_out_and_is_due_again(house):
    house.at(TWO)
    house.wait(590, step_s=10)
    assert house.job().last_status == "running"
    house.wait(20, step_s=10)
    assert (house.job().last_status, house.job().last_detail) == ("timed_out", "It did not end within 600 s.")
    house.at(TWO + DAY)
    assert len(house.due()) == 2


def test_an_end_after_the_limit_is_believed_and_one_of_an_older_run_is_not(house):
    house.at(TWO)
    house.wait(610, step_s=10)
    house.end(detail="at last")
    assert (house.job().last_status, house.job().last_detail) == ("completed", "at last")
    house.at(TWO + DAY).wait(5)
    house.end("failed", of=0)
    assert house.job().last_status == "running"


def test_a_restart_between_due_and_end_keeps_the_run(house):
    house.at(TWO)
    house.build(NIGHTLY).at(TWO + timedelta(seconds=20))
    assert (len(house.due()), house.job().last_status) == (1, "running")
    house.build(NIGHTLY)
    house.end(detail="done")
    assert (house.job().last_status, house.job().last_detail) == ("completed", "done")


def test_a_run_that_a_restart_lost_times_out_by_the_time_since(house):
    house.at(TWO)
    house.now = TWO + timedelta(hours=5)
    house.build(NIGHTLY).at(house.now)
    assert house.job().last_status == "running"
    house.wait(610, step_s=10)
    assert house.job().last_status == "timed_out"


def test_a_person_runs_a_job_now_and_its_timetable_stays(house):
    job = house.run()
    (due,) = house.due()
    assert (job.last_status, job.next_at) == ("running", TWO)
    assert due.content() == {"scheduled_for": "2026-11-21T12:00:00Z", "reason": "asked for", "by": "ada"}
    house.end()
    house.at(TWO)
    assert [entry.content()["reason"] for entry in house.due()] == ["asked for", "scheduled"]


def test_a_job_that_runs_is_not_run_a_second_time(house):
    house.run()
    with pytest.raises(Conflict, match="runs since 2026-11-21T12:00:00Z"):
        house.run()


def test_an_unknown_job_is_not_found_with_the_nearest_names(house):
    with pytest.raises(NotFound, match="nearest are nightly"):
        house.run("nigthly")
    with pytest.raises(NotFound, match="There are nightly"):
        house.run("xxxx")
    with pytest.raises(InvalidInput, match="cannot walk"):
        house.loop.change("scheduler", "operate", "walk", {})


def test_a_job_of_a_part_that_is_off_is_listed_and_never_due(house):
    off = Planned(**{**{name: getattr(NIGHTLY, name) for name in NIGHTLY.__dataclass_fields__}, "is_on": False})
    house.build(off).at(TWO + DAY)
    assert (house.due(), house.job().is_on) == ([], False)
    with pytest.raises(Disabled, match="part learner is switched off"):
        house.run()
    house.build(NIGHTLY).at(TWO + DAY + timedelta(hours=1))
    assert (house.due(), house.job().next_at) == ([], TWO + 2 * DAY)  # nothing was missed


def test_another_timetable_counts_from_now_and_a_job_that_is_gone_is_not_listed(house):
    other = Planned(job="nightly", part="learner", description="Learn", timetable=Every(900))
    house.now = TWO + timedelta(minutes=1)
    house.build(other, HOURLY).at(house.now)
    assert (house.due(), house.job().next_at) == ([], TWO + timedelta(minutes=15))
    house.build(HOURLY).at(house.now)
    assert [record.key for record in house.reader.scan(SCHEDULES_VIEW)] == ["hourly"]


def test_graces_jobs_are_those_of_the_specification(tmp_path):
    jobs = {each.job: each for each in planned_jobs(load(home=tmp_path, scheduler={"timezone": "Europe/Berlin"}))}
    assert {name: str(each.timetable) for name, each in jobs.items()} == {
        "meta_learning": "daily at 02:00 Europe/Berlin",
        "pattern_refresh": "daily at 01:00 Europe/Berlin",
        "trust_recalculation": "every 6 h",
        "recommendation_cleanup": "Sundays at 03:00 Europe/Berlin",
        "forecaster_training": "every 6 h",
        "forecasts": "every 15 min",
    }
    off = {each.job: each.is_on for each in planned_jobs(load(home=tmp_path, forecaster={"enabled": False}))}
    assert not off["forecasts"]
    assert not off["forecaster_training"]
