"""grace incidents: trouble that was seen coming, and what came of each warning."""

from collections.abc import Mapping
from typing import Annotated, Any, cast

import typer

from grace_ray.cli.connection import connect
from grace_ray.cli.default_command import DefaultCommand
from grace_ray.cli.options import After, Home, Json, Limit, Url
from grace_ray.cli.printing import age, print_fields, print_json, print_page, say
from grace_ray.cli.quantities import quantity, share
from grace_ray.core.clock import to_text, utc_now
from grace_ray.core.forecast import WarningStatus
from grace_ray.core.jsonable import to_plain

app = typer.Typer(cls=DefaultCommand)
WarningId = Annotated[str, typer.Argument(help="The warning's id")]
_RUNS_LOOKED_AT = 200
_NOTHING = {
    None: "There have been no warnings.",
    "open": "No warning is open: no metric that is in its band is likely to leave it.",
}
_SHOWN = [
    "warning_id",
    "metric_id",
    "status",
    "opened_at",
    "closed_at",
    "band",
    "threshold",
    "value",
    "predicted_value",
    "probability",
    "confidence",
    "minutes_to_breach",
    "horizon_minutes",
    "playbook",
    "run_id",
    "effect",
    "reason",
]


@app.command("list")
def list_incidents(
    status: Annotated[str | None, typer.Option(help="open, breached, prevented or false_alarm")] = None,
    limit: Limit = 50,
    after: After = None,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """List early warnings, newest first."""
    client = connect(home, url)
    found = client.incidents(status=cast("WarningStatus | None", status), limit=limit, after=after)
    nothing = _NOTHING.get(status, "No warnings.")
    columns = ("status", "warned", "probability", "confidence", "breach", "metric", "foreseen", "warning")
    print_page(found, columns, _row, nothing=nothing, as_json=as_json)


@app.command()
def show(warning_id: WarningId, home: Home = None, url: Url = None, as_json: Json = False) -> None:
    """Show one warning: what was foreseen, what was done, and what came of it."""
    client = connect(home, url)
    warning = client.incident(warning_id)
    if as_json:
        print_json(to_plain(warning))
        return
    print_fields(to_plain(warning), _SHOWN)
    until = warning.closed_at or utc_now()
    for run in client.playbook_runs(limit=_RUNS_LOOKED_AT).items:
        if run.subject == warning.metric_id and warning.opened_at <= run.created_at <= until:
            say(f"  {run.playbook} {run.status} {age(to_text(run.created_at))}: grace playbooks show {run.run_id}")


def _row(warning: Mapping[str, Any]) -> tuple[Any, ...]:
    minutes = warning["minutes_to_breach"]
    return (
        warning["status"],
        age(warning["opened_at"]),
        share(warning["probability"]),
        share(warning["confidence"]),
        "" if minutes is None else f"after {minutes:.0f} min",
        warning["metric_id"],
        f"{quantity(warning['predicted_value'])} against {quantity(warning['threshold'])}",
        warning["warning_id"],
    )
