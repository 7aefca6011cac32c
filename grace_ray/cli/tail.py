"""grace tail: follow a log file through rotation and truncation, and send what is written to it."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from grace_ray.cli.connection import connect
from grace_ray.cli.lines import line_id, to_event
from grace_ray.cli.options import Home, Json, Url
from grace_ray.cli.printing import print_json
from grace_ray.cli.sending import FOR_EVER, Tally

BATCH = 500
POLL_S = 0.25
LINE_MAX_BYTES = 64 * 1024


class Follower:
    """Reads whole lines as they are written; a file that is replaced or cut is read from its new start."""

    def __init__(self, path: Path, *, from_start: bool) -> None:
        self._path = path
        self._file: IO[bytes] | None = None
        self._inode = 0
        self._rest = b""
        self._open(from_start=from_start)

    def read(self) -> list[tuple[str, str]]:
        """Return up to BATCH new (place, line) pairs; the place is the same whenever the line is read again."""
        if self._file is None or self._is_other():
            lines = self._lines()
            if lines:
                return lines
            self._open(from_start=True)
        return self._lines()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _lines(self) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        while self._file is not None and len(found) < BATCH:
            start = self._file.tell() - len(self._rest)
            part = self._file.readline(LINE_MAX_BYTES)
            self._rest += part
            if not part or not (self._rest.endswith(b"\n") or len(self._rest) >= LINE_MAX_BYTES):
                break
            line, self._rest = self._rest.decode("utf-8", "replace").rstrip("\r\n"), b""
            if line.strip():
                found.append((f"{self._inode}:{start}", line))
        return found

    def _is_other(self) -> bool:
        assert self._file is not None
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        return there.st_ino != self._inode or there.st_size < self._file.tell()

    def _open(self, *, from_start: bool) -> None:
        self.close()
        try:
            self._file = self._path.open("rb")
        except FileNotFoundError:
            return
        self._inode = os.fstat(self._file.fileno()).st_ino
        self._rest = b""
        if not from_start:
            self._file.seek(0, os.SEEK_END)


def tail(
    file: Annotated[Path, typer.Argument(help="The log file; it may not exist yet")],
    source: Annotated[str | None, typer.Option(help="Who says so; default: the file's name")] = None,
    from_start: Annotated[bool, typer.Option("--from-start", help="Send what it holds already, too")] = False,
    for_s: Annotated[float, typer.Option("--for-s", min=0, help="End after so many seconds; 0: at Ctrl-C")] = 0.0,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Follow a log file and send what is written to it."""
    grace, tally = connect(home, url, FOR_EVER), Tally()
    follower = Follower(file, from_start=from_start)
    deadline = time.monotonic() + for_s if for_s else float("inf")
    try:
        for events in _events(follower, source or file.name, deadline):
            tally.send(grace, events)
    except KeyboardInterrupt:
        pass
    finally:
        follower.close()
    if as_json:
        print_json(tally.plain())
    else:
        typer.echo(f"{tally.sentence()}.")


def _events(follower: Follower, source: str, deadline: float) -> Iterator[list[dict[str, Any]]]:
    while True:
        lines = follower.read()
        if lines:
            yield [to_event(line, source, line_id(source, place, line)) for place, line in lines]
        elif time.monotonic() >= deadline:
            return
        else:
            time.sleep(POLL_S)
