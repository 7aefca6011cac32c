"""What is done at fixed times: when each job is due, how it last went, and a word to do it now."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from grace_ray.core.errors import Disabled
from grace_ray.core.schedule import SCHEDULES_VIEW, Job
from grace_ray.settings import Settings
from serve_apps.answers import After, Limit, as_json, as_page, record_body
from serve_apps.dependencies import Caller, TheGateway, signature

router = APIRouter(tags=["schedules"])

Name = Annotated[str, Path(max_length=200)]


class Who(BaseModel):
    """Who asks."""

    model_config = ConfigDict(extra="forbid")

    by: str | None = Field(None, max_length=200)


@router.get("/api/schedules", summary="Every job that is done at fixed times")
def list_jobs(gateway: TheGateway, limit: Limit = 100, after: After = None) -> Response:
    """When it is due next, how it last went, how often it ran and how often it could not; 503 where none is kept."""
    _check(gateway.settings)
    return as_page(gateway.reader.records(SCHEDULES_VIEW, None, limit, after))


@router.get("/api/schedules/{job}", summary="One job", response_model=Job)
def show(job: Name, gateway: TheGateway) -> Response:
    """As it stands."""
    _check(gateway.settings)
    return as_json(record_body(gateway.reader, SCHEDULES_VIEW, job, "job"))


@router.post("/api/schedules/{job}/run", status_code=202, summary="Do a job now", response_model=Job)
async def run(job: Name, gateway: TheGateway, caller: Caller, body: Who | None = None) -> Response:
    """It is due at once, and its timetable stays; 409 while it runs, 404 with the nearest names."""
    arguments = {"job": job, "by": signature(body.by if body else None, caller)}
    started = await gateway.call("scheduler", "operate", "run", arguments)
    return as_json(started, 202, {"Location": f"/api/schedules/{started.job}"})


def _check(settings: Settings) -> None:
    if not settings.parts["scheduler"]:
        raise Disabled("The scheduler is switched off by scheduler.enabled: nothing is done at fixed times.")
