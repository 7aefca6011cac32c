"""The ``grace`` command: its families of commands, each imported only when it is asked for."""

import importlib
import os
import sys
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import typer
from pydantic import ValidationError

from grace_ray import __version__
from grace_ray.core.errors import GraceError, Unreachable

EXIT_FAILED, EXIT_USAGE, EXIT_UNREACHABLE = 1, 2, 3
EXIT_INTERRUPTED = 130


class Family(NamedTuple):
    """Where a command, or a group of commands, is found, and the line that ``grace --help`` shows of it."""

    module: str
    attribute: str
    help: str


FAMILIES = {
    "up": Family("runtime", "up", "Start Grace, and keep it running until Ctrl-C."),
    "down": Family("runtime", "down", "Stop the Grace of this GRACE_HOME, and nothing else."),
    "status": Family("runtime", "status", "Show whether Grace is ready, and how each part is doing."),
    "doctor": Family("doctor", "doctor", "Say what is missing here and how to get it."),
    "config": Family("runtime", "config", "Show the settings in force; secrets are masked."),
    "emit": Family("emit", "emit", "Send one event."),
    "tail": Family("tail", "tail", "Follow a log file and send what is written to it."),
    "replay": Family("replay", "replay", "Send a recorded stream, at a speed."),
    "watch": Family("watch", "watch", "Watch the loop turn, live."),
    "clusters": Family("clusters", "app", "List, look at and act on clusters."),
    "missions": Family("missions", "app", "List, start and cancel learning missions."),
    "playbooks": Family("playbooks", "app", "List, try and run playbooks; approve runs; what has helped."),
    "knowledge": Family("knowledge", "app", "Add documents and search what Grace knows."),
    "forecast": Family("forecast", "app", "Show what metrics will be, and train what says so."),
    "incidents": Family("incidents", "app", "List early warnings, and what came of them."),
    "agents": Family("agents", "app", "List how far agents can be trusted; what was learned; who is given a task."),
    "schedule": Family("schedule", "app", "List what is done at fixed times, and do it now."),
    "journal": Family("journal", "app", "List, verify, prove and export the journal."),
    "explain": Family("explain", "explain", "Say why an event, cluster, mission or statement is as it is."),
}


def main() -> None:
    """Run ``grace`` with the arguments of this process; errors become a line on stderr and an exit code."""
    is_completing = "_GRACE_COMPLETE" in os.environ
    asked = set(FAMILIES) if is_completing else {next((a for a in sys.argv[1:] if not a.startswith("-")), "")}
    try:
        build(asked)(prog_name="grace")
    except KeyboardInterrupt:  # in the midst of imports; later ones typer turns into the same code
        sys.exit(EXIT_INTERRUPTED)
    except GraceError as error:
        typer.echo(f"grace: {_in_words(error)}", err=True)
        sys.exit(EXIT_UNREACHABLE if _is_away(error) else EXIT_FAILED)
    except ValidationError as error:  # of the settings: nothing else is validated so far up
        for fault in error.errors():
            typer.echo(f"grace: setting {'.'.join(map(str, fault['loc']))}: {fault['msg']}", err=True)
        sys.exit(EXIT_USAGE)


def _is_away(error: GraceError) -> bool:
    """Whether it is the runtime that cannot be reached."""
    return isinstance(error, Unreachable) and error.field == "url"


def _in_words(error: GraceError) -> str:
    if _is_away(error):
        return f"{error.message} Start it with: grace up"
    is_said = not error.field or error.field in error.message
    return error.message if is_said else f"{error.message} ({error.field})"


def build(asked: set[str]) -> typer.Typer:
    """Return the application with the families ``asked`` for loaded, and of the others only the help line."""
    app = typer.Typer(
        name="grace",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(_version)
    for name, family in FAMILIES.items():
        found = _load(family) if name in asked else _stub
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name, help=family.help, no_args_is_help=True)
        else:
            app.command(name, help=None if name in asked else family.help)(found)
    return app


def _load(family: Family) -> typer.Typer | Callable[..., Any]:
    found: typer.Typer | Callable[..., Any] = getattr(
        importlib.import_module(f"grace_ray.cli.{family.module}"), family.attribute
    )
    return found


def _stub() -> None:
    """Stand in the list of ``grace --help`` for a family that was not asked for."""


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(__version__)
        raise typer.Exit


def _version(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Grace: a self-improving operations runtime for fleets of agents and services."""


if __name__ == "__main__":
    main()
