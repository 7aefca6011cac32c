"""grace tail: follow a log file through rotation and truncation, and send what is written to it."""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from grace_ray.cli.connection import connect
from grace_ray.cli.options import Home, Json, Url, WaitS
from grace_ray.cli.printing import print_json
from grace_ray.cli.sending import Patience, Tally
from grace_ray.sense.formats.lines import Joiner, Record, event
from grace_ray.sense.tail import Tail
from grace_ray.settings import load

POLL_S = 0.25


def tail(
    file: Annotated[Path, typer.Argument(help="The log file; it may not exist yet")],
    source: Annotated[str | None, typer.Option(help="Who says so; default: log/ and the file's name")] = None,
    from_start: Annotated[bool, typer.Option("--from-start", help="Send all that it holds, too")] = False,
    for_s: Annotated[float, typer.Option("--for-s", min=0, help="End after so many seconds; 0: at Ctrl-C")] = 0.0,
    wait_s: WaitS = 600.0,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Follow a log file and send what is written to it; started again, it goes on where it was."""
    name = source or f"log/{file.name}"
    grace, tally, patience = connect(home, url), Tally(), Patience(wait_s=wait_s)
    checkpoint = _checkpoint(load(home=home).home, file, name)
    if from_start:
        checkpoint.unlink(missing_ok=True)
    log = Tail(file, checkpoint, "begin" if from_start else "end")
    try:
        for records in _records(log, time.monotonic() + for_s if for_s else float("inf")):
            tally.send(grace, [event(record, name) for record in records], patience)
            log.commit(records[-1].end)
    except KeyboardInterrupt:
        pass
    finally:
        log.close()
    if as_json:
        print_json(tally.plain())
    else:
        typer.echo(f"{tally.sentence()}.")


def _records(log: Tail, deadline: float) -> Iterator[list[Record]]:
    """Yield complete records; the last one is complete once nothing follows it for a while."""
    joiner = Joiner()
    while True:
        lines = log.poll()
        records = joiner.feed(lines) if lines else joiner.flush()
        if records:
            yield records
        elif not lines:
            if time.monotonic() >= deadline:
                return
            time.sleep(POLL_S)


def _checkpoint(home: Path, file: Path, source: str) -> Path:
    digest = hashlib.sha256(f"{file.resolve()}\x1f{source}".encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return home / "tails" / f"{file.name[:80]}-{digest}.json"
