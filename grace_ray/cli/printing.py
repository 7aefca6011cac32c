"""How answers are printed: JSON for programs, tables for people."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import typer

CELL_MAX = 100


def print_json(value: Any) -> None:
    """Print one JSON value."""
    typer.echo(json.dumps(value, indent=1, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, title: str = "", nothing: str = "") -> None:
    """Print rows under their columns; ``nothing`` is said where there are none."""
    if not rows:
        typer.echo(nothing or "Nothing.")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        is_number = all(isinstance(row[columns.index(column)], int | float) for row in rows)
        table.add_column(column, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    # Piped output is not cut to some terminal's width.
    console = Console(markup=False, highlight=False)
    console.width = console.width if console.is_terminal else 1000
    console.print(table)


def print_fields(noun: Mapping[str, Any], names: Sequence[str]) -> None:
    """Print some fields of a noun, one a line; empty ones are left out."""
    for name in names:
        value = noun.get(name)
        if value not in (None, "", [], {}):
            typer.echo(f"{name:<18} {_plain(value)}")


def _cell(value: Any) -> str:
    text = _plain(value)
    return text if len(text) <= CELL_MAX else f"{text[: CELL_MAX - 1]}…"


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
