"""grace watch: the loop as it turns."""

import json
import sys
import time
from collections import deque
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from grace_ray.cli.connection import connect
from grace_ray.cli.options import Home, Json, Url, WaitS
from grace_ray.cli.printing import clean
from grace_ray.cli.sending import tell
from grace_ray.client.blocking_grace import Grace
from grace_ray.client.sse import Message
from grace_ray.core.errors import StoreUnavailable, Unreachable

LINES = 20
PAUSE_S = 2.0
_FIGURES = (
    ("status", "status"),
    ("events_processed", "events"),
    ("events_per_minute", "a minute"),
    ("active_clusters", "active clusters"),
    ("missions_running", "missions running"),
    ("missions_pending", "waiting"),
    ("pending", "not triaged yet"),
    ("journal_head", "journal"),
)


def watch(
    after: Annotated[int | None, typer.Option(min=0, help="Begin after this seq of the journal")] = None,
    for_s: Annotated[float, typer.Option("--for-s", min=0, help="End after so many seconds; 0: at Ctrl-C")] = 0.0,
    wait_s: WaitS = 600.0,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Watch the loop turn, live."""
    grace = connect(home, url)
    deadline = time.monotonic() + for_s if for_s else float("inf")
    messages = _messages(grace, after, deadline, wait_s)
    try:
        if as_json or not sys.stdout.isatty():
            _print(messages, as_json=as_json)
        else:
            _show(messages)
    except KeyboardInterrupt:
        return


def _messages(grace: Grace, after: int | None, deadline: float, wait_s: float) -> Iterator[Message]:
    """Yield what the runtime streams; a stream that breaks is taken up again where it ended."""
    away_since: float | None = None
    while time.monotonic() < deadline:
        try:
            for message in grace.watch(after):
                after, away_since = int(message.id) if message.id else after, None
                yield message
                if time.monotonic() >= deadline:
                    return
        except (Unreachable, StoreUnavailable) as error:
            now = time.monotonic()
            if away_since is None:
                tell(f"{error.message} Waiting for it, {wait_s:.0f} s at most (--wait-s) ...")
                away_since = now
            if now - away_since >= wait_s:
                raise
        time.sleep(PAUSE_S)


def _print(messages: Iterator[Message], *, as_json: bool) -> None:
    figures = ""
    for message in messages:
        line = json.dumps({"event": message.name, **message.data}) if as_json else _line(message)
        if message.name != "stats" or line != figures:
            typer.echo(line)
        if message.name == "stats":
            figures = line


def _line(message: Message) -> str:
    said = message.data
    if message.name == "stats":
        return ", ".join(f"{label} {_figure(said[name])}" for name, label in _FIGURES if name in said)
    body = said.get("body") or {}
    what = body.get("message") or body.get("description") or body.get("reason") or said["subject"]
    first = str(what).splitlines()[0] if what else ""
    return clean(f"{said['at'][11:19]}  {said['type']:<26} {said['source']:<24} {first}")


def _figure(value: Any) -> str:
    return f"{value:,.0f}" if isinstance(value, int | float) else str(value)


def _show(messages: Iterator[Message]) -> None:
    from rich.console import Console, Group
    from rich.live import Live
    from rich.panel import Panel
    from rich.text import Text

    entries: deque[str] = deque(maxlen=LINES)
    figures = "waiting for the first figures"
    with Live(console=Console(), refresh_per_second=5) as live:
        for message in messages:
            if message.name == "stats":
                figures = _line(message)
            else:
                entries.append(_line(message))
            text = Text("\n".join(entries), no_wrap=True, overflow="ellipsis")
            live.update(Group(Panel(Text(figures), title="Grace"), text))
