"""grace schedule: what is done at fixed times, how it went, and doing it now."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from grace_ray.cli.connection import connect
from grace_ray.cli.default_command import DefaultCommand
from grace_ray.cli.options import After, By, Home, Json, Limit, Url
from grace_ray.cli.printing import age, print_json, print_page, say
from grace_ray.core.jsonable import to_plain

app = typer.Typer(cls=DefaultCommand)


@app.command("list")
def list_jobs(
    limit: Limit = 100, after: After = None, home: Home = None, url: Url = None, as_json: Json = False
) -> None:
    """List the jobs: when each is due, and how it last went."""
    found = connect(home, url).schedules(limit=limit, after=after)
    columns = ("job", "timetable", "next", "last", "status", "runs", "missed", "what it does")
    print_page(found, columns, _row, nothing="No jobs yet: the scheduler has only just started.", as_json=as_json)


@app.command()
def run(
    job: Annotated[str, typer.Argument(help="The job, as grace schedule list names it")],
    by: By = None,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Do a job now; its timetable stays."""
    started = to_plain(connect(home, url).run_schedule(job, by=by))
    if as_json:
        print_json(started)
        return
    say(f"{started['job']} is due now. How it goes: grace schedule list")


def _row(job: Mapping[str, Any]) -> tuple[Any, ...]:
    detail = f": {job['last_detail']}" if job["last_detail"] else ""
    return (
        job["job"],
        job["timetable"],
        age(job["next_at"]) if job["is_on"] else "off",
        age(job["last_started_at"]),
        job["last_status"] or "never ran",
        job["runs"],
        job["missed"],
        f"{job['description']}{detail}",
    )
