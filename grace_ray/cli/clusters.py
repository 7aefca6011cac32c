"""grace clusters: what goes wrong, how urgent it is, and a person's word on it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, cast

import typer

from grace_ray.cli.connection import connect
from grace_ray.cli.options import After, By, Home, Json, Limit, Note, Url
from grace_ray.cli.printing import age, print_fields, print_json, print_page, say
from grace_ray.client.calls import ClusterStatus
from grace_ray.core.cluster import Cluster
from grace_ray.core.jsonable import to_plain

app = typer.Typer()
Severity = Literal["low", "medium", "high", "critical"]
Key = Annotated[str, typer.Argument(help="The cluster's key: domain:severity:pattern")]
Until = Annotated[str | None, typer.Option(help="When it ends, as 2026-01-31T12:00:00Z")]
For = Annotated[float | None, typer.Option("--for-s", help="After how many seconds it ends")]
_SHOWN = [
    "cluster_key",
    "status",
    "severity",
    "event_count",
    "urgency_score",
    "recurrence_score",
    "first_seen",
    "last_seen",
    "resolved_by",
    "group_id",
    "learning_mission_id",
    "merged_into",
    "sources",
    "templates",
]


@app.command("list")
def list_clusters(
    status: Annotated[str | None, typer.Option(help="open, acknowledged, silenced, resolved or merged")] = None,
    limit: Limit = 50,
    after: After = None,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """List clusters, most urgent first."""
    found = connect(home, url).clusters(status=cast("ClusterStatus | None", status), limit=limit, after=after)
    columns = ("urgency", "events", "status", "cluster", "last seen", "says")
    print_page(found, columns, _row, nothing="No clusters: all is quiet.", as_json=as_json)


@app.command()
def show(cluster_key: Key, home: Home = None, url: Url = None, as_json: Json = False) -> None:
    """Show one cluster with its reasons, missions and events."""
    found = connect(home, url).cluster(cluster_key)
    cluster = {
        **to_plain(found.cluster),
        "events": list(found.events),
        "missions": to_plain(found.missions),
        "group": to_plain(found.group),
    }
    if as_json:
        print_json(cluster)
        return
    print_fields(cluster, _SHOWN)
    for reason in cluster["reasons"]:
        say(f"  {reason}")
    for mission in cluster["missions"]:
        say(f"mission              {mission['mission_id']} {mission['status']}: {mission['summary']}")
    for event in cluster["events"][-10:]:
        say(f"event                {event.get('at', '')[:19]}  {event.get('message', '')}")


@app.command()
def ack(
    cluster_key: Key,
    by: By = None,
    note: Note = "",
    until: Until = None,
    for_s: For = None,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Acknowledge: somebody looks after it."""
    grace = connect(home, url)
    _tell(grace.acknowledge(cluster_key, by=by, note=note, until=_time(until), for_s=for_s), as_json=as_json)


@app.command()
def silence(
    cluster_key: Key,
    by: By = None,
    note: Note = "",
    until: Until = None,
    for_s: For = None,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Silence, for a time."""
    grace = connect(home, url)
    _tell(grace.silence(cluster_key, by=by, note=note, until=_time(until), for_s=for_s), as_json=as_json)


@app.command()
def resolve(
    cluster_key: Key, by: By = None, note: Note = "", home: Home = None, url: Url = None, as_json: Json = False
) -> None:
    """Resolve: it is over, or was nothing."""
    _tell(connect(home, url).resolve(cluster_key, by=by, note=note), as_json=as_json)


@app.command()
def reopen(
    cluster_key: Key, by: By = None, note: Note = "", home: Home = None, url: Url = None, as_json: Json = False
) -> None:
    """Reopen: it is not over."""
    _tell(connect(home, url).reopen(cluster_key, by=by, note=note), as_json=as_json)


@app.command()
def severity(
    cluster_key: Key,
    value: Annotated[str, typer.Argument(help="low, medium, high or critical")],
    by: By = None,
    note: Note = "",
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Set the severity, whatever the events say."""
    found = connect(home, url).set_severity(cluster_key, cast("Severity", value), by=by, note=note)
    _tell(found, as_json=as_json)


@app.command()
def clear(
    cluster_key: Key, by: By = None, note: Note = "", home: Home = None, url: Url = None, as_json: Json = False
) -> None:
    """Take back what people have said of it."""
    _tell(connect(home, url).clear(cluster_key, by=by, note=note), as_json=as_json)


@app.command()
def merge(
    cluster_keys: Annotated[list[str], typer.Argument(help="Keys that are one; the first survives")],
    by: By = None,
    note: Note = "",
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Say that clusters are one, now and for events to come."""
    _tell(connect(home, url).merge(cluster_keys, by=by, note=note), as_json=as_json)


@app.command()
def split(
    cluster_key: Key,
    template: Annotated[list[str] | None, typer.Option(help="A message template to split off; repeatable")] = None,
    key: Annotated[list[str] | None, typer.Option(help="A merged cluster to split off; repeatable")] = None,
    by: By = None,
    note: Note = "",
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Take a cluster apart, now and for events to come."""
    found = connect(home, url).split(cluster_key, templates=template or (), keys=key or (), by=by, note=note)
    if as_json:
        print_json({"clusters": to_plain(found)})
        return
    for cluster in found:
        _tell(cluster, as_json=False)


@app.command()
def undo(
    cluster_key: Key, by: By = None, note: Note = "", home: Home = None, url: Url = None, as_json: Json = False
) -> None:
    """Take back the last merge or split."""
    _tell(connect(home, url).undo(cluster_key, by=by, note=note), as_json=as_json)


def _tell(cluster: Cluster, *, as_json: bool) -> None:
    if as_json:
        print_json(to_plain(cluster))
    else:
        typer.echo(f"{cluster.cluster_key} is {cluster.status}, urgency {cluster.urgency_score:.2f}.")


def _time(text: str | None) -> datetime | None:
    try:
        at = datetime.fromisoformat(text) if text else None
    except ValueError as error:
        raise typer.BadParameter("--until is a time such as 2026-01-31T12:00:00Z") from error
    if at is not None and at.tzinfo is None:
        raise typer.BadParameter("--until must name its offset from UTC, such as Z")
    return at


def _row(cluster: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        cluster["urgency_score"],
        cluster["event_count"],
        cluster["status"],
        cluster["cluster_key"],
        age(cluster["last_seen"]),
        _first_line(cluster),
    )


def _first_line(cluster: Mapping[str, Any]) -> str:
    newest = cluster["sample"][-1] if cluster["sample"] else {}
    lines = str(newest.get("message") or "").splitlines()
    return lines[0] if lines else ""
