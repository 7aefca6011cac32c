"""grace replay: a recorded stream, sent again as fast as it goes or in its own time; it can be resumed."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from grace_ray.cli.connection import connect
from grace_ray.cli.options import Home, Json, Url, WaitS
from grace_ray.cli.pacing import Pace, restamped
from grace_ray.cli.printing import print_json
from grace_ray.cli.recordings import FORMATS, read
from grace_ray.cli.sending import Patience, Tally
from grace_ray.client.blocking_grace import Grace
from grace_ray.core.clock import utc_now
from grace_ray.core.errors import GraceError


def replay(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="What was recorded")],
    format: Annotated[str, typer.Option(help=f"{', '.join(FORMATS)}")] = "lines",  # noqa: A002
    source: Annotated[str | None, typer.Option(help="Who says so; default: log/ and the file's name")] = None,
    speed: Annotated[float, typer.Option(min=0, help="Times its own speed; 0: as fast as it goes")] = 0.0,
    rate: Annotated[float, typer.Option(min=0, help="Events a second at most; 0: no limit")] = 0.0,
    batch: Annotated[int, typer.Option(min=1, max=5000, help="Events in one request")] = 250,
    skip: Annotated[int, typer.Option(min=0, help="Leave out the first so many events")] = 0,
    limit: Annotated[int | None, typer.Option(min=1, help="Send so many events at most")] = None,
    run: Annotated[str, typer.Option(help="A name that makes the same file new events")] = "",
    keep_time: Annotated[bool, typer.Option("--keep-time", help="Send the recorded times instead of now")] = False,
    wait_s: WaitS = 60.0,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Send a recorded stream, at a speed. The same file again is the same events, so it can be resumed."""
    if format not in FORMATS:
        raise typer.BadParameter(f"--format is one of {', '.join(FORMATS)}")
    grace, tally = connect(home, url), Tally()
    events = read(file, format, source or f"log/{file.name}", run)[skip : None if limit is None else skip + limit]
    started = time.monotonic()
    try:
        with _progress(len(events), is_shown=not as_json) as on_progress:
            _send(
                events,
                _Way(grace, tally, Patience(wait_s=wait_s), on_progress),
                Pace(speed, rate),
                batch,
                keep_time=keep_time,
            )
    except (KeyboardInterrupt, GraceError):
        typer.echo(f"Stopped after {tally.total} events; go on with --skip {skip + tally.total}.", err=True)
        raise
    _report(tally, time.monotonic() - started, as_json=as_json)


class _Way(NamedTuple):
    """Where events go, who counts them, how long to wait, and who is told."""

    grace: Grace
    tally: Tally
    patience: Patience
    on_progress: Callable[[int], None]


def _send(events: Sequence[dict[str, Any]], way: _Way, pace: Pace, batch: int, *, keep_time: bool) -> None:
    for due_s, part in pace.batches(events, batch):
        time.sleep(max(0.0, due_s - pace.elapsed_s()))
        way.tally.send(way.grace, part if keep_time else restamped(part, utc_now()), way.patience)
        way.on_progress(way.tally.total)


def _report(tally: Tally, duration_s: float, *, as_json: bool) -> None:
    if as_json:
        print_json({**tally.plain(), "duration_s": round(duration_s, 3)})
    else:
        each = f", {tally.total / duration_s:,.0f} a second" if duration_s > 0 else ""
        typer.echo(f"{tally.sentence()} in {duration_s:.1f} s{each}.")
        for reason in tally.reasons:
            typer.echo(f"  {reason}", err=True)
    if tally.rejected and not tally.accepted + tally.duplicates:
        raise typer.Exit(1)


@contextmanager
def _progress(total: int, *, is_shown: bool) -> Iterator[Callable[[int], None]]:
    if not is_shown or not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Sending", total=total)
        yield lambda done: progress.update(task, completed=done)
