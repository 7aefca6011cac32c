"""Nine days pass: every job is done by its part at its times, and what a week's stop missed is caught up once."""

import json
from datetime import UTC, datetime, timedelta

from grace_ray import wiring
from grace_ray.core.jsonable import from_plain
from grace_ray.core.schedule import SCHEDULES_VIEW, Job
from grace_ray.loop import Loop
from grace_ray.settings import load

MONDAY = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


class House:
    """The parts that have jobs, in one process, under a clock of ours."""

    def __init__(self, home):
        self._settings = load(home=home, meta_learner={"enabled": False})
        wiring.prepare_home(self._settings)
        self._journal = wiring.open_journal(self._settings)
        self.now = MONDAY
        self.start()

    def start(self):
        build = (wiring.build_scheduler, wiring.build_forecaster, wiring.build_trust)
        parts = [build_part(self._settings) for build_part in build]
        self.loop = Loop(self._journal, wiring.open_reader(self._settings), parts, lambda: self.now)

    def live(self, hours):
        for _ in range(hours):
            self.now += HOUR
            for _ in range(2):  # a round of forecasts begins when the points are in
                self.loop.tick()
                self.loop.settle()
                self.now += timedelta(seconds=20)
            self.now -= timedelta(seconds=40)

    def jobs(self):
        found = (from_plain(Job, json.loads(record.body)) for record in self.loop.reader.scan(SCHEDULES_VIEW))
        return {job.job: job for job in found if job.is_on}


def test_jobs_are_done_at_their_times_and_after_a_stop_once(tmp_path):
    house = House(tmp_path)
    house.live(24 * 9)
    jobs = house.jobs()
    assert {job.last_status for job in jobs.values()} == {"completed"}
    runs = {name: job.runs for name, job in jobs.items()}
    assert runs["trust_recalculation"] == runs["forecaster_training"] == 9 * 4
    assert runs["recommendation_cleanup"] == 1
    assert jobs["recommendation_cleanup"].last_scheduled_for == datetime(2026, 11, 29, 3, tzinfo=UTC)
    house.loop.reader.close()

    house.now += timedelta(days=7)
    house.start()
    house.live(3)
    after = house.jobs()
    assert after["trust_recalculation"].runs == runs["trust_recalculation"] + 1
    assert after["trust_recalculation"].missed - jobs["trust_recalculation"].missed == 7 * 4
    assert after["recommendation_cleanup"].runs == 2
    assert {job.last_status for job in after.values()} == {"completed"}
    house.loop.reader.close()
