"""grace missions: what Grace went out to learn, and what it brought home."""

from collections.abc import Mapping
from typing import Annotated, Any, cast

import typer

from grace_ray.cli.connection import connect
from grace_ray.cli.options import After, By, Home, Json, Limit, Note, Url
from grace_ray.cli.printing import age, print_fields, print_json, print_page, say
from grace_ray.client.calls import MissionStatus
from grace_ray.core.jsonable import to_plain

app = typer.Typer()
MissionId = Annotated[str, typer.Argument(help="The mission's id")]
_SHOWN = [
    "mission_id",
    "mission_type",
    "status",
    "description",
    "cluster_key",
    "priority",
    "reason",
    "created_at",
    "started_at",
    "ended_at",
    "attempt",
    "worker",
    "error",
    "summary",
    "sources",
    "helped",
]


@app.command("list")
def list_missions(
    status: Annotated[
        str | None, typer.Option(help="pending, running, completed, failed, timed_out, cancelled")
    ] = None,
    limit: Limit = 50,
    after: After = None,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """List missions, newest first."""
    found = connect(home, url).missions(status=cast("MissionStatus | None", status), limit=limit, after=after)
    columns = ("status", "priority", "created", "learned", "mission", "to learn")
    print_page(found, columns, _row, nothing="No missions.", as_json=as_json)


@app.command()
def show(mission_id: MissionId, home: Home = None, url: Url = None, as_json: Json = False) -> None:
    """Show one mission with its strategies, sources and knowledge."""
    mission = to_plain(connect(home, url).mission(mission_id))
    if as_json:
        print_json(mission)
        return
    is_said = mission["error"] and mission["summary"] in mission["error"]
    print_fields(mission, [name for name in _SHOWN if name != "summary" or not is_said])
    for report in mission["strategies"]:
        say(f"  {report['strategy']:<10} {report['status']:<12} {report['detail']}")
    for statement in mission["knowledge_acquired"]:
        say(f"* {statement['text']}")
        say(f"    from {statement['source']} ({statement['confidence']:.2f})")


@app.command()
def start(
    question: Annotated[str, typer.Argument(help="What to learn")],
    topic: Annotated[str, typer.Option(help="What it is about, in a word or two")] = "",
    cluster: Annotated[str | None, typer.Option(help="The cluster it is about")] = None,
    by: By = None,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Start a mission."""
    mission = connect(home, url).create_mission(question, topic=topic, cluster_key=cluster, by=by)
    _tell(to_plain(mission), as_json=as_json)


@app.command()
def cancel(
    mission_id: MissionId, by: By = None, note: Note = "", home: Home = None, url: Url = None, as_json: Json = False
) -> None:
    """Cancel a mission that waits or runs."""
    _tell(to_plain(connect(home, url).cancel_mission(mission_id, by=by, note=note)), as_json=as_json)


def _row(mission: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        mission["status"],
        mission["priority"],
        age(mission["created_at"]),
        len(mission["knowledge_acquired"]),
        mission["mission_id"],
        mission["description"],
    )


def _tell(mission: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(mission)
    else:
        typer.echo(f"{mission['mission_id']} is {mission['status']}: {mission['description']}")
