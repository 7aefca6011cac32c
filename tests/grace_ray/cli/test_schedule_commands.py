"""grace schedule against a real Grace."""


def test_jobs_are_listed_with_their_times(here, served):
    assert "No jobs yet" in here("schedule", "list").out
    served.loop.tick()
    assert here("schedule").out == here("schedule", "list").out
    lines = here("schedule", "list").out.splitlines()
    assert lines[0].split()[:5] == ["job", "timetable", "next", "last", "status"]
    told = {line.split()[0]: line for line in lines[1:]}
    assert "every 15 min" in told["forecasts"]
    assert "never ran" in told["forecasts"]
    assert "daily at 02:00 UTC" in told["meta_learning"]


def test_a_job_is_run_now_and_its_end_is_shown(here, served):
    served.loop.tick()
    said = here("schedule", "run", "forecaster_training", "--by", "ada")
    assert (said.code, said.out.strip()) == (
        0,
        "forecaster_training is due now. How it goes: grace schedule list",
    )
    (job,) = [job for job in here("schedule", "list", "--json").json["items"] if job["job"] == "forecaster_training"]
    assert (job["last_status"], job["runs"]) == ("completed", 1)
    assert here("schedule", "run", "forecasts", "--json").json["last_status"] == "running"


def test_an_unknown_job_is_refused_with_the_nearest(here, served):
    served.loop.tick()
    said = here("schedule", "run", "forcasts")
    assert said.code == 1
    assert "forecasts" in str(said.error)
