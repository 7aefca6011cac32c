"""The scheduler in a running Grace: its jobs are listed, and one that is asked for is done by another part."""

import time

import pytest

from tests.conftest import Running

pytestmark = pytest.mark.cluster


def test_a_job_that_is_asked_for_is_done_and_its_end_is_known(running: Running) -> None:
    jobs = {job["job"]: job for job in running.http.get("/api/schedules").json()["items"]}
    assert jobs["forecasts"]["is_on"]
    started = running.http.post("/api/schedules/forecaster_training/run", json={"by": "ada"})
    assert started.status_code == 202, started.text
    job = started.json()
    deadline = time.monotonic() + 60
    while job["last_status"] == "running" and time.monotonic() < deadline:
        time.sleep(0.2)
        job = running.http.get(started.headers["Location"]).json()
    assert (job["last_status"], job["runs"]) == ("completed", jobs["forecaster_training"]["runs"] + 1)
    assert "snapshots" in job["last_detail"]  # none of its metrics has a day of them
