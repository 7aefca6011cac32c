"""Calls about what is done at fixed times."""

from typing import Any
from urllib.parse import quote

from grace_ray.client.answers import Page
from grace_ray.client.calls.call import Call, get, page, post
from grace_ray.core.jsonable import from_plain
from grace_ray.core.schedule import Job


def _job(answer: Any) -> Job:
    return from_plain(Job, answer)


def schedules(*, limit: int = 100, after: str | None = None) -> Call[Page[Job]]:
    """List the jobs that are done at fixed times."""
    return get("/api/schedules", page(Job), limit=limit, after=after)


def schedule(job: str) -> Call[Job]:
    """Get one job as it stands. Raises NotFound."""
    return get(f"/api/schedules/{quote(job, safe='')}", _job)


def run_schedule(job: str, *, by: str | None = None) -> Call[Job]:
    """Have a job done now. Raises Conflict while it runs, NotFound naming the nearest."""
    return post(f"/api/schedules/{quote(job, safe='')}/run", _job, by=by)
