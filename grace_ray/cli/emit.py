"""grace emit: one event, from a script or by hand."""

import json
import uuid
from typing import Annotated, Any

import typer

from grace_ray.cli.connection import connect
from grace_ray.cli.options import Home, Json, Url
from grace_ray.cli.printing import print_json
from grace_ray.cli.sending import Tally

EXIT_FAILED = 1


def emit(
    type: Annotated[str, typer.Argument(help="The type, such as agent.task.failed")],  # noqa: A002
    message: Annotated[str, typer.Argument(help="What happened, in a line")] = "",
    source: Annotated[str, typer.Option(help="Who says so")] = "cli",
    severity: Annotated[str | None, typer.Option(help="low, medium, high or critical")] = None,
    domain: Annotated[str | None, typer.Option(help="Which part of the fleet, such as agents")] = None,
    pattern: Annotated[str | None, typer.Option(help="What kind of trouble, such as timeout")] = None,
    subject: Annotated[str | None, typer.Option(help="What it is about")] = None,
    data: Annotated[str, typer.Option(help="More of it, as a JSON object")] = "{}",
    id: Annotated[str | None, typer.Option(help="Its id; the same id again is one event")] = None,  # noqa: A002
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Send one event."""
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": id or str(uuid.uuid4()),
        "source": source,
        "type": type,
        "message": message or None,
        "severity": severity,
        "domain": domain,
        "pattern": pattern,
        "subject": subject,
        "data": _object(data),
    }
    event = {name: value for name, value in event.items() if value is not None}
    tally = Tally()
    tally.send(connect(home, url), [event])
    if as_json:
        print_json({"id": event["id"], **tally.plain()})
    elif not tally.rejected:
        typer.echo(f"{'accepted' if tally.accepted else 'known already'}: {event['id']}")
    for reason in tally.reasons:
        typer.echo(f"grace emit: {reason.removeprefix(event['id'] + ': ')}", err=True)
    raise typer.Exit(EXIT_FAILED if tally.rejected else 0)


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"--data is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise typer.BadParameter("--data must be a JSON object")
    return value
