"""grace playbooks: what may be done about trouble, what was done, and what has helped."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, cast

import typer

from grace_ray.cli.connection import connect
from grace_ray.cli.options import After, By, Home, Json, Limit, Note, Url
from grace_ray.cli.printing import age, print_fields, print_json, print_page, print_table, say
from grace_ray.core.errors import InvalidInput
from grace_ray.core.jsonable import to_plain
from grace_ray.core.playbook import RunStatus

app = typer.Typer()
PlaybookId = Annotated[str, typer.Argument(help="The playbook's id")]
RunId = Annotated[str, typer.Argument(help="The run's id")]
_SHOWN = [
    "run_id",
    "playbook",
    "status",
    "subject",
    "service",
    "diagnosis",
    "by",
    "approved_by",
    "parameters",
    "created_at",
    "started_at",
    "ended_at",
    "reward",
    "error",
]


@app.command("list")
def list_playbooks(
    limit: Limit = 100, after: After = None, home: Home = None, url: Url = None, as_json: Json = False
) -> None:
    """List the playbooks."""
    found = connect(home, url).playbooks(limit=limit, after=after)
    columns = ("playbook", "risk", "steps", "what it does")
    print_page(found, columns, _playbook_row, nothing="No playbooks.", as_json=as_json)


@app.command()
def show(playbook_id: PlaybookId, home: Home = None, url: Url = None, as_json: Json = False) -> None:
    """Show a playbook with its parameters and steps, or (by its id) a run."""
    client = connect(home, url)
    if len(playbook_id) == 36 and playbook_id.count("-") == 4:  # a run's
        _tell(to_plain(client.playbook_run(playbook_id)), as_json=as_json)
        return
    playbook = to_plain(client.playbook(playbook_id))
    if as_json:
        print_json(playbook)
        return
    print_fields(playbook, ["id", "description", "risk", "parameters", "per_hour", "timeout_s", "settle_s"])
    for number, step in enumerate(playbook["steps"], 1):
        said = ", ".join(f"{name}={value}" for name, value in step["arguments"].items())
        say(f"  {number}. {step['kind']} {said} (at most {step['timeout_s']:g} s)")


@app.command()
def run(
    playbook_id: PlaybookId,
    subject: Annotated[str, typer.Option(help="What it acts on, such as a metric: one run at a time")] = "",
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", help="name=value, the value as JSON or plain; again for more"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and touch nothing")] = False,
    by: By = None,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Run a playbook; a risky one waits for: grace playbooks approve."""
    parameters = dict(_parameter(text) for text in parameter or [])
    made = connect(home, url).run_playbook(playbook_id, subject=subject, parameters=parameters, dry_run=dry_run, by=by)
    _tell(to_plain(made), as_json=as_json)


@app.command()
def runs(
    status: Annotated[
        str | None, typer.Option(help="awaiting_approval, pending, running, completed, failed, ...")
    ] = None,
    limit: Limit = 50,
    after: After = None,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """List runs, newest first."""
    found = connect(home, url).playbook_runs(status=cast("RunStatus | None", status), limit=limit, after=after)
    columns = ("status", "playbook", "subject", "by", "created", "reward", "run")
    print_page(found, columns, _run_row, nothing="No runs.", as_json=as_json)


@app.command()
def approve(
    run_id: RunId, by: By = None, note: Note = "", home: Home = None, url: Url = None, as_json: Json = False
) -> None:
    """Let a run go on that waits for approval."""
    _tell(to_plain(connect(home, url).approve_run(run_id, by=by, note=note)), as_json=as_json)


@app.command()
def reject(
    run_id: RunId, by: By = None, note: Note = "", home: Home = None, url: Url = None, as_json: Json = False
) -> None:
    """Forbid a run that waits for approval."""
    _tell(to_plain(connect(home, url).reject_run(run_id, by=by, note=note)), as_json=as_json)


@app.command()
def cancel(
    run_id: RunId, by: By = None, note: Note = "", home: Home = None, url: Url = None, as_json: Json = False
) -> None:
    """Call off a run that has not ended; what it did is taken back where it can be."""
    _tell(to_plain(connect(home, url).cancel_run(run_id, by=by, note=note)), as_json=as_json)


@app.command()
def recommend(
    service: Annotated[str, typer.Argument(help="Such as api, host, triage")],
    diagnosis: Annotated[str, typer.Argument(help="A metric's id, such as api.latency_p95")],
    candidate: Annotated[list[str] | None, typer.Option(help="Only these playbooks; again for more")] = None,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Rank playbooks by what was learned."""
    ranked = to_plain(connect(home, url).recommend_playbooks(service, diagnosis, candidates=candidate or []))
    if as_json:
        print_json(ranked)
        return
    rows = [
        (
            r["playbook"],
            f"{r['expected_reward']:+.2f} ± {r['uncertainty']:.2f}",
            f"{r['probability']:.0%}",
            r["samples"],
            " ".join(r["reasons"][:-1]),  # the last one says what `expected` shows
        )
        for r in ranked
    ]
    print_table(("playbook", "expected", "chosen", "rewards", "why"), rows, nothing="No playbooks.")


def _playbook_row(playbook: Mapping[str, Any]) -> tuple[Any, ...]:
    steps = ", ".join(step["kind"] for step in playbook["steps"])
    return playbook["id"], playbook["risk"], steps, playbook["description"]


def _run_row(run: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        f"{run['status']} (dry)" if run["is_dry"] else run["status"],
        run["playbook"],
        run["subject"],
        run["by"],
        age(run["created_at"]),
        "" if run["reward"] is None else f"{run['reward']:+.2f}",
        run["run_id"],
    )


def _parameter(text: str) -> tuple[str, Any]:
    """Return (name, value) of name=value; the value is JSON where it is that, else text."""
    name, is_there, value = text.partition("=")
    if not is_there or not name:
        raise InvalidInput(f"{text!r} is not name=value.", "parameter")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _tell(run: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(run)
        return
    print_fields(run, [name for name in _SHOWN if run[name] not in (None, "", {})])
    for number, step in enumerate(run["steps"], 1):
        say(f"  {number}. {step['kind']:<18} {step['status']:<11} {step['detail']}")
    if run["status"] == "awaiting_approval":
        say(f"It waits for: grace playbooks approve {run['run_id']}")
    elif run["status"] in {"pending", "running"}:
        say(f"Look again with: grace playbooks show {run['run_id']}")
