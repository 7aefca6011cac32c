"""What is done at fixed times, over HTTP: the list, a run now, refusals, and the job really done by its part."""

import pytest

from grace_ray.core.clock import utc_now
from grace_ray.core.jsonable import from_plain
from grace_ray.core.schedule import Job


@pytest.fixture
def ticked(house):
    house.loop.tick()
    return house


def test_jobs_are_listed_with_when_they_are_due(ticked):
    items = ticked.http.get("/api/schedules").json()["items"]
    jobs = {item["job"]: from_plain(Job, item) for item in items}
    assert set(jobs) == {
        "forecaster_training", "forecasts", "meta_learning", "pattern_refresh", "recommendation_cleanup",
        "trust_recalculation",
    }  # fmt: skip
    assert jobs["forecasts"].timetable == "every 15 min"
    assert jobs["meta_learning"].timetable == "daily at 02:00 UTC"
    assert all(job.next_at > utc_now() for job in jobs.values())
    first = ticked.http.get("/api/schedules?limit=4").json()
    rest = ticked.http.get("/api/schedules", params={"after": first["next"]}).json()
    assert [item["job"] for item in first["items"] + rest["items"]] == [item["job"] for item in items]


def test_a_job_that_is_run_now_is_done_by_its_part_and_followed_at_its_location(ticked):
    answer = ticked.http.post("/api/schedules/forecaster_training/run", json={"by": "ada"})
    assert (answer.status_code, answer.json()["last_status"]) == (202, "running")
    job = ticked.http.get(answer.headers["Location"]).json()
    assert (job["last_status"], job["runs"]) == ("completed", 1)
    assert "snapshots" in job["last_detail"]
    found = ticked.http.get("/api/journal?type=job.due").json()["items"]
    assert found[0]["body"]["by"] == "ada"
    assert ticked.http.get("/api/journal?type=job.ended").json()["items"][0]["cause"] == found[0]["id"]


def test_a_job_that_runs_is_not_run_twice_but_the_same_request_is_answered_again(ticked):
    key = {"Idempotency-Key": "k1"}
    first = ticked.http.post("/api/schedules/forecasts/run", headers=key)
    assert first.status_code == 202
    assert ticked.http.post("/api/schedules/forecasts/run", headers=key).json() == first.json()
    again = ticked.http.post("/api/schedules/forecasts/run")
    assert (again.status_code, again.json()["field"]) == (409, "job")


def test_an_unknown_job_is_404_with_the_nearest(ticked):
    answer = ticked.http.post("/api/schedules/forcasts/run")
    assert (answer.status_code, "forecasts" in answer.json()["detail"]) == (404, True)
    assert ticked.http.get("/api/schedules/forcasts").status_code == 404


def test_garbage_is_422_naming_the_field(ticked):
    for body, field in (({"by": 1}, "by"), ({"who": "ada"}, "who")):
        answer = ticked.http.post("/api/schedules/forecasts/run", json=body)
        assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_a_job_whose_part_is_off_says_so(make):
    house = make(forecaster={"enabled": False})
    house.loop.tick()
    assert house.http.get("/api/schedules/forecasts").json()["is_on"] is False
    answer = house.http.post("/api/schedules/forecasts/run")
    assert (answer.status_code, "forecaster is switched off" in answer.json()["detail"]) == (503, True)


def test_where_the_scheduler_is_off_it_says_so(make):
    house = make(scheduler={"enabled": False})
    for answer in (
        house.http.get("/api/schedules"),
        house.http.get("/api/schedules/forecasts"),
        house.http.post("/api/schedules/forecasts/run"),
    ):
        assert (answer.status_code, "switched off" in answer.json()["detail"]) == (503, True)


def test_a_time_zone_that_is_none_is_refused_by_name(make):
    with pytest.raises(ValueError, match="'Mars/Olympus' is no time zone"):
        make(scheduler={"timezone": "Mars/Olympus"})
