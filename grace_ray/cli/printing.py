"""How answers are printed: JSON for programs; tables, ages and clean text for people."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import typer
from rich.cells import cell_len, set_cell_size

from grace_ray.client.answers import Page
from grace_ray.core.clock import utc_now
from grace_ray.core.jsonable import to_plain

TEXT_MIN = 40  # columns that a table's last, wordy column wants; with less it goes under its row
INDENT = "    "
_GAP = "  "
# What a log line may hold to move a terminal's cursor or colour it: shown, not obeyed.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {9: " ", 10: " ", 13: ""}


def print_json(value: Any) -> None:
    """Print one JSON value."""
    typer.echo(json.dumps(value, indent=1, ensure_ascii=False))


def say(line: str) -> None:
    """Print a line of what came from elsewhere: control characters in it are shown, not obeyed."""
    typer.echo(clean(line))


def clean(text: str) -> str:
    """Return a text as one line without control characters."""
    return text.translate(_CONTROLS)


def age(at: str | None) -> str:
    """Return how long ago a time was, in a word or two; an older one as its date."""
    if not at:
        return ""
    seconds = (utc_now() - datetime.fromisoformat(at)).total_seconds()
    for unit, length_s in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        if abs(seconds) >= length_s:
            return f"{seconds // length_s:.0f} {unit} ago" if seconds > 0 else f"in {-seconds // length_s:.0f} {unit}"
    return "now"


def print_page(
    found: Page[Any],
    columns: Sequence[str],
    row: Callable[[Mapping[str, Any]], Sequence[Any]],
    *,
    nothing: str,
    as_json: bool,
) -> None:
    """Print one page of a list: as a table of what ``row`` makes of each item, or as JSON; and where it goes on."""
    page = {"items": to_plain(found.items), "next": found.next}
    if as_json:
        print_json(page)
        return
    print_table(columns, [row(item) for item in page["items"]], nothing=nothing)
    if found.next:
        typer.echo(f"More: --after {found.next}")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, nothing: str = "") -> None:
    """Print rows under their columns; ``nothing`` is said where there are none.

    Only the last column may be long: on a terminal it is cut, or put under its row where little room is left. What is
    piped is never cut.
    """
    if not rows:
        typer.echo(nothing or "Nothing.")
        return
    is_number = [all(isinstance(row[i], int | float) for row in rows) for i in range(len(columns))]
    cells = [[clean(_plain(value)) for value in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(columns, *cells, strict=True)]
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else sum(widths) + 2 * len(widths)
    left = room - sum(widths[:-1]) - len(_GAP) * (len(widths) - 1)
    if left >= min(widths[-1], TEXT_MIN):
        widths[-1] = min(widths[-1], left)
        lines = [_aligned(row, widths, is_number) for row in [columns, *cells]]
    else:
        lines = [_aligned(columns, widths, is_number), *_stacked(cells, widths, is_number, room)]
    for number, line in enumerate(lines):
        typer.secho(line, bold=True if number == 0 else None)


def _stacked(rows: list[list[str]], widths: list[int], is_number: list[bool], room: int) -> Iterator[str]:
    """Yield each row as two lines: its short cells, and its text."""
    for row in rows:
        yield _aligned(row[:-1], widths, is_number)
        if row[-1]:
            yield INDENT + _fit(row[-1], room - len(INDENT)).rstrip()


def _aligned(cells: Sequence[str], widths: Sequence[int], is_number: Sequence[bool]) -> str:
    fitted = (
        " " * (width - cell_len(cell)) + cell if right else _fit(cell, width)
        for cell, width, right in zip(cells, widths, is_number, strict=False)
    )
    return _GAP.join(fitted).rstrip()


def _fit(text: str, width: int) -> str:
    return set_cell_size(text, width) if cell_len(text) <= width else f"{set_cell_size(text, width - 1)}…"


def print_fields(noun: Mapping[str, Any], names: Sequence[str]) -> None:
    """Print some fields of a noun, one a line; empty ones are left out."""
    for name in names:
        value = noun.get(name)
        if value not in (None, "", [], {}):
            say(f"{name:<20} {_plain(value)}")


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_plain(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(item) for item in value)
    return str(value)
