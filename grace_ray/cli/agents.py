"""grace agents: how far each agent can be trusted, in what, and what was learned of when they are right."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from grace_ray.cli.connection import connect
from grace_ray.cli.default_command import DefaultCommand
from grace_ray.cli.options import After, By, Home, Json, Limit, Url
from grace_ray.cli.printing import age, print_fields, print_json, print_page, print_table, say
from grace_ray.cli.quantities import share, sparkline
from grace_ray.cli.sending import REASONS_MAX, tell
from grace_ray.client.answers import Receipt
from grace_ray.core.errors import InvalidInput
from grace_ray.core.jsonable import to_plain
from grace_ray.core.recommendation import PatternKind

app = typer.Typer(cls=DefaultCommand)
Workspace = Annotated[str, typer.Option("--workspace", "-w", envvar="GRACE_WORKSPACE", help="Whose agents")]
AgentId = Annotated[str, typer.Argument(help="The agent's id")]
Lines = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A JSON object a line, or one list")]
_BATCH = 1000
_EXIT_FAILED = 1
_SHOWN = [
    "agent_id",
    "agent_name",
    "sample_size",
    "approval_rate",
    "avg_quality_score",
    "overall_trust_score",
    "accuracy_score",
    "consistency_score",
    "timeliness_score",
    "reliability_score",
    "trend",
    "recommendation_strength",
]


@app.command("list")
def list_agents(
    workspace: Workspace = "grace",
    min_trust: Annotated[float, typer.Option(min=0, max=1, help="Least trust score")] = 0.0,
    limit: Limit = 100,
    after: After = None,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """List agents by what is expected of them; without --workspace Grace's own."""
    found = connect(home, url).trust_scores(workspace, min_trust=min_trust, limit=limit, after=after)
    columns = ("expected", "between", "trust", "approved", "outcomes", "trend", "agent")
    nothing = f"Workspace {workspace} has no agents yet."
    print_page(found, columns, _agent_row, nothing=nothing, as_json=as_json)


@app.command()
def show(
    agent_id: AgentId, workspace: Workspace = "grace", home: Home = None, url: Url = None, as_json: Json = False
) -> None:
    """Show one agent: scores, types, calibration, strengths and weaknesses."""
    client = connect(home, url)
    score = to_plain(client.trust_score(workspace, agent_id))
    profile = to_plain(client.agent_profile(workspace, agent_id))
    if as_json:
        print_json({"trust": score, "profile": profile})
        return
    print_fields(score, _SHOWN)
    say(f"{'expected':<20} {_expected(score)}")
    if score["history"]:
        say(f"{'history':<20} {sparkline([each['expected'] for each in score['history']])}")
    _show_types(score["by_type"])
    _show_calibration(score["calibration"])
    for title in ("strengths", "weaknesses"):
        for each in profile[title]:
            say(f"{title:<20} {_in_words(each)}")


@app.command()
def patterns(
    workspace: Workspace = "grace",
    category: Annotated[
        str | None,
        typer.Option(help="high_confidence, consensus, expert_opinion, failure_avoidance or success_indicator"),
    ] = None,
    limit: Limit = 100,
    after: After = None,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """List when recommendations turn out well, and when badly."""
    client = connect(home, url)
    found = client.learning_patterns(workspace, category=cast("PatternKind | None", category), limit=limit, after=after)
    columns = ("success", "else", "seen", "sure", "confirmed", "kind", "pattern")
    nothing = "No pattern holds: nothing is better than chance so far."
    print_page(found, columns, _pattern_row, nothing=nothing, as_json=as_json)


@app.command()
def rules(workspace: Workspace = "grace", home: Home = None, url: Url = None, as_json: Json = False) -> None:
    """List what follows from the patterns."""
    found = to_plain(connect(home, url).learning_rules(workspace))
    if as_json:
        print_json(found)
        return
    rows = [(rule["action"], ", ".join(rule["agents"]), rule["sentence"]) for rule in found]
    print_table(("do", "agents", "because"), rows, nothing="No rules: no learning cycle has found any.")


@app.command()
def cycle(
    workspace: Workspace = "grace",
    days: Annotated[float | None, typer.Option(help="How far to look back")] = None,
    by: By = None,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Learn of a workspace's outcomes now."""
    started = to_plain(connect(home, url).trigger_learning_cycle(workspace, lookback_days=days, by=by))
    if as_json:
        print_json(started)
    else:
        say(f"{started['iteration_id']} is {started['status']}. How it goes: grace agents cycles -w {workspace}")


@app.command()
def cycles(
    workspace: Workspace = "grace",
    limit: Limit = 20,
    after: After = None,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """List learning cycles, newest first."""
    found = connect(home, url).learning_cycles(workspace, limit=limit, after=after)
    columns = ("status", "started", "outcomes", "patterns", "accuracy", "coverage", "cycle", "insight")
    print_page(found, columns, _cycle_row, nothing="No learning cycle has run yet.", as_json=as_json)


@app.command()
def route(
    agents: Annotated[list[str], typer.Argument(help="Candidates, each an id or id=cost")],
    workspace: Workspace = "grace",
    kind: Annotated[str, typer.Option("--type", help="The type of the task")] = "general",
    task: Annotated[str, typer.Option(help="The task's name, where agents have tried it already")] = "",
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Choose an agent for a task, with the reasons."""
    costs = dict(_costed(each) for each in agents)
    client = connect(home, url)
    chosen = client.route_task(workspace, costs, recommendation_type=kind, correlation_id=task)
    if as_json:
        print_json(chosen)
        return
    say(chosen["agent_id"])
    for reason in chosen["reasons"]:
        say(f"  {reason}")


@app.command()
def track(file: Lines, workspace: Workspace = "", home: Home = None, url: Url = None, as_json: Json = False) -> None:
    """Send recommendations from a file; what is there already changes nothing."""
    client = connect(home, url)
    _send(file, lambda items: client.track_recommendations(items, workspace_id=workspace or None), as_json=as_json)


@app.command()
def evaluate(file: Lines, workspace: Workspace = "", home: Home = None, url: Url = None, as_json: Json = False) -> None:
    """Send outcomes from a file; a later outcome of the same recommendation replaces an earlier one."""
    client = connect(home, url)
    _send(file, lambda items: client.evaluate_outcomes(items, workspace_id=workspace or None), as_json=as_json)


@app.command()
def export(
    workspace: Workspace = "grace",
    to: Annotated[Path | None, typer.Option(help="A file; without it to stdout")] = None,
    home: Home = None,
    url: Url = None,
) -> None:
    """Write all of a workspace, a JSON object a line."""
    lines = connect(home, url).export_workspace(workspace)
    if to is None:
        for line in lines:
            typer.echo(json.dumps(line, ensure_ascii=False))
        return
    count = 0
    part = to.with_name(f"{to.name}.part")  # a file of that name is whole, or not there
    with part.open("w", encoding="utf-8") as file:
        for count, line in enumerate(lines, 1):  # noqa: B007 -- how many there were is said
            file.write(f"{json.dumps(line, ensure_ascii=False)}\n")
    part.replace(to)
    tell(f"{count} records of {workspace} in {to}.")


def _agent_row(score: Mapping[str, Any]) -> tuple[Any, ...]:
    low, high = score["interval"]
    return (
        share(score["expected"]),
        f"{share(low)} to {share(high)}",
        score["overall_trust_score"],
        share(score["approval_rate"]),
        score["sample_size"],
        score["trend"],
        f"{score['agent_id']} ({score['agent_name']})" if score["agent_name"] else score["agent_id"],
    )


def _pattern_row(pattern: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        share(pattern["success_rate"]),
        share(pattern["base_rate"]),
        pattern["frequency_count"],
        f"{pattern['confidence_level']:.1%}",
        "yes" if pattern["is_confirmed"] else "not yet",
        pattern["pattern_type"],
        pattern["description"],
    )


def _cycle_row(cycle: Mapping[str, Any]) -> tuple[Any, ...]:
    insights = cycle["key_insights"] or ([cycle["error"]] if cycle["error"] else [])
    return (
        cycle["status"],
        age(cycle["started_at"]),
        cycle["samples_analyzed"],
        cycle["patterns_discovered"] + cycle["patterns_confirmed"],
        share(cycle["iteration_accuracy"]),
        share(cycle["iteration_coverage"]),
        cycle["iteration_id"],
        insights[0] if insights else "",
    )


def _expected(score: Mapping[str, Any]) -> str:
    low, high = score["interval"]
    return f"{share(score['expected'])} that its next outcome is good (95%: {share(low)} to {share(high)})"


def _show_types(by_type: Mapping[str, Mapping[str, float]]) -> None:
    rows = [
        (share(each["expected"]), f"{share(each['low'])} to {share(each['high'])}", f"{each['samples']:.0f}", kind)
        for kind, each in by_type.items()
    ]
    if rows:
        say("")
        print_table(("expected", "between", "outcomes", "type"), rows)


def _show_calibration(calibration: Mapping[str, Any]) -> None:
    """Print how often the agent was right where it said how sure it was."""
    rows = [
        (share(each["said"]), share(each["came"]), f"{share(each['low'])} to {share(each['high'])}", each["count"])
        for each in calibration.get("bins", ())
    ]
    if rows:
        say("")
        print_table(("says", "is right", "between", "outcomes"), rows)


def _in_words(found: Mapping[str, Any]) -> str:
    where = ", ".join(f"{name} {_bounded(value)}" for name, value in found["condition"].items())
    return f"{where}: {share(found['rate'])} of {found['count']}, where {share(found['usual'])} is usual"


def _bounded(value: Any) -> Any:
    """Return a condition's value; {"min": 0.8} as at least 0.8."""
    if not isinstance(value, Mapping):
        return value
    words = {"min": "at least", "max": "at most"}
    return " and ".join(f"{words.get(edge, edge)} {number}" for edge, number in value.items())


def _costed(text: str) -> tuple[str, float]:
    """Return (id, cost) of id=cost, or of an id; ids may hold "=" themselves."""
    name, is_there, cost = text.rpartition("=")
    if not is_there:
        return text, 0.0
    try:
        return name, float(cost)
    except ValueError:
        return text, 0.0


def _items(path: Path) -> Iterator[Any]:
    """Yield the values of a file. Raises InvalidInput naming the line that is none."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except ValueError as error:
                raise InvalidInput(f"{path}, line {number} is not JSON: {error}.", "file") from error
            yield from value if isinstance(value, list) else [value]


def _send(path: Path, send: Callable[[Sequence[Any]], Receipt], *, as_json: bool) -> None:
    """Send a file in batches, and say what became of it; exit 1 where something was refused."""
    total, sent, items = Receipt(), 0, _items(path)
    while batch := list(islice(items, _BATCH)):
        total = total.plus(send(batch), sent)
        sent += len(batch)
    if as_json:
        print_json(to_plain(total))
    else:
        say(f"{total.accepted} accepted, {total.duplicates} known already, {len(total.rejected)} refused.")
        for item in total.rejected[:REASONS_MAX]:
            say(f"  {item.id or f'number {item.index + 1}'}: {item.field}: {item.reason}")
    if total.rejected:
        raise typer.Exit(_EXIT_FAILED)
