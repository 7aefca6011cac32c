"""grace forecast: what metrics will be, how right that was, and the training of what says it."""

from collections.abc import Iterable
from time import sleep
from typing import Annotated, Any, NamedTuple

import typer

from grace_ray.cli.connection import connect
from grace_ray.cli.default_command import DefaultCommand
from grace_ray.cli.options import By, Home, Json, Url
from grace_ray.cli.printing import print_json, print_table, say
from grace_ray.cli.quantities import quantity, share, sparkline
from grace_ray.client.blocking_grace import Grace
from grace_ray.core.errors import Conflict
from grace_ray.core.forecast import TrainingRun
from grace_ray.core.jsonable import to_plain
from grace_ray.core.sample import metric_of

app = typer.Typer(cls=DefaultCommand)
POLL_S = 1.0
_RANKS = {"critical": 2, "warning": 1}
_METRICS_MAX = 1000
_FORECASTS_MAX = 200
_PAST = 24  # snapshots of a sparkline
_PAST_H = 3
_EXIT_FAILED = 1


class _Seen(NamedTuple):
    """What a metric was and is: its last values on the grid (None: a gap), its unit, and its band."""

    values: list[float | None]
    unit: str
    band: str


@app.command()
def show(
    metrics: Annotated[list[str] | None, typer.Argument(help="Metrics; none: all that are forecast")] = None,
    minutes: Annotated[float, typer.Option(min=0, help="How far ahead")] = 60,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Where none is named: so many, the worst first")] = 50,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Show what metrics are, what they will be, and how likely they leave their band."""
    client = connect(home, url)
    known = [] if metrics else client.metrics(limit=_METRICS_MAX).items
    forecast = [] if metrics else [each.metric_id for each in client.forecasts(limit=_FORECASTS_MAX).items]
    measured = list(dict.fromkeys([*_by_trouble(known), *forecast]))
    names = metrics or measured[:limit]
    answer = client.predict(names, horizon_minutes=minutes)
    if as_json:
        print_json(answer)
        return
    ahead = f"in {minutes:g} min"
    made = answer["predictions"].values()
    told = [forecast for forecast in made if forecast["points"] or metrics]
    rows = [(_trouble(forecast, seen), _row(forecast, seen)) for forecast, seen in _with_past(client, told)]
    rows.sort(key=lambda row: (-row[0], row[1][0]))
    columns = ("metric", "now", "band", ahead, "80% of the time", "breach", "past│ahead, model")
    print_table(columns, [row for _, row in rows], nothing="Nothing is measured yet.")
    if len(measured) > limit:
        say(f"{len(measured) - limit} series more: name them, or ask for more with --limit.")
    silent = [each["metric_id"] for each in made if not each["points"]] if metrics else _silent(known, measured)
    if silent:
        say(f"No data yet: {', '.join(silent)}.")


def _by_trouble(known: Iterable[dict[str, Any]]) -> list[str]:
    """Return the series that have a value: those out of their bands first, then the catalog's, then all others."""
    found = [
        (-_RANKS.get(series["band"], 0), not metric["in_catalog"], series["series"])
        for metric in known
        for series in metric["series"]
        if series["value"] is not None
    ]
    return [series for _, _, series in sorted(found)]


def _silent(known: Iterable[dict[str, Any]], measured: Iterable[str]) -> list[str]:
    """Return the metrics of the catalog that have no series yet."""
    heard = set(map(metric_of, measured))
    return [metric["metric"] for metric in known if metric["in_catalog"] and metric["metric"] not in heard]


def _with_past(client: Grace, forecasts: Iterable[dict[str, Any]]) -> list[tuple[dict[str, Any], _Seen]]:
    return [(forecast, _seen(client, forecast["metric_id"])) for forecast in forecasts]


def _seen(client: Grace, key: str) -> _Seen:
    answer = client.forecast(key, hours=_PAST_H)
    metric, found = answer["metric"], answer["snapshots"]
    if not found:
        return _Seen([], metric["unit"] if metric else "", "")
    step_us = found[0]["step_s"] * 1_000_000
    last_us = found[-1]["start_us"]
    at = {(last_us - each["start_us"]) // step_us: each["mean"] for each in found}
    values = [at.get(ago) for ago in range(_PAST - 1, -1, -1)]
    while values[0] is None:
        del values[0]
    return _Seen(values, metric["unit"] if metric else "", found[-1]["band"])


def _trouble(forecast: dict[str, Any], seen: _Seen) -> float:
    """Return what rows are sorted by: first what is out of its band, then what will probably be."""
    return _RANKS.get(seen.band, 0) + max(forecast["breach_probabilities"].values(), default=0.0)


def _row(forecast: dict[str, Any], seen: _Seen) -> tuple[Any, ...]:
    key, points = forecast["metric_id"], forecast["points"]
    if not points:
        return (key, "", "", "", "", "", "")
    last, chances = points[-1], forecast["breach_probabilities"].values()
    line = sparkline(seen.values, [point["value"] for point in points])
    return (
        key,
        quantity(seen.values[-1] if seen.values else None, seen.unit),
        seen.band,
        quantity(last["value"], seen.unit),
        f"{quantity(last['lower_80'])} to {quantity(last['upper_80'])}",
        share(max(chances)) if chances else "",
        f"{line}  {forecast['model'].removeprefix('pool(').removesuffix(')')}",
    )


@app.command()
def accuracy(home: Home = None, url: Url = None, as_json: Json = False) -> None:
    """Show how right forecasts were, against what then happened."""
    told = connect(home, url).forecast_accuracy()
    if as_json:
        print_json(told)
        return
    judged = [{"metric": "all", **told["overall"]}, *told["by_metric"]]
    rows = [
        (
            round(one["count"]),
            _rounded(one["mase"]),
            share(one["smape"]),
            share(one["coverage_80"]),
            share(one["coverage_95"]),
            one["metric"],
        )
        for one in judged
        if one["count"]
    ]
    nothing = "No forecast has been judged yet: each is, as its hour passes."
    print_table(("judged", "MASE", "sMAPE", "in 80% band", "in 95% band", "metric"), rows, nothing=nothing)


@app.command()
def train(
    follow: Annotated[bool, typer.Option("--follow", help="Stay until it has ended; exit 1 where it failed")] = False,
    search: Annotated[bool, typer.Option("--search", help="Search for better hyperparameters; takes longer")] = False,
    by: By = None,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Train the global model beside the forecaster; it speaks only once it has done better than the present one."""
    client = connect(home, url)
    run = _started(client, by, search=search, or_open=follow)
    if follow:
        run = _followed(client, run)
    if as_json:
        print_json(to_plain(run))
    else:
        typer.echo(_told(run))
    if run.status in {"failed", "timed_out"}:
        raise typer.Exit(_EXIT_FAILED)


def _started(client: Grace, by: str | None, *, search: bool, or_open: bool) -> TrainingRun:
    """Ask for a training; ``or_open``: be content with one that is under way already."""
    try:
        return client.train_forecaster(by=by, search=search)
    except Conflict:
        under_way = [run for run in client.trainings(limit=1).items if run.is_open]
        if not (or_open and under_way):
            raise
        return under_way[0]


def _followed(client: Grace, run: TrainingRun) -> TrainingRun:
    """Show a training's progress on stderr until it has ended. Ctrl-C ends the looking on, not the training."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[left]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("waiting", total=1.0, left="")
        while run.is_open:
            left = "" if run.seconds_left is None else f"about {run.seconds_left:.0f} s left"
            progress.update(task, completed=run.progress, description=run.phase or run.status, left=left)
            sleep(POLL_S)
            run = client.training(run.run_id)
    return run


def _told(run: TrainingRun) -> str:
    if run.is_open:
        return f"{run.run_id} is {run.status}. Follow it with: grace forecast train --follow"
    if run.error:
        return f"{run.run_id} {run.status}: {run.error}"
    ratio = run.scores.get("backtest_ratio")
    better = "" if ratio is None else f" Its loss is {ratio:.2f} of the present one's in the backtest."
    made = f"version {run.version} from {run.observations} values of {run.series} series"
    return f"{run.run_id} {run.status}: {made}.{better}"


def _rounded(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
