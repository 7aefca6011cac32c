"""grace watch: the loop as it turns."""

import json
import sys
import time
from collections import deque
from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

import typer

from grace_ray.cli.connection import place, reach, stream
from grace_ray.cli.options import Home, Json, Url, WaitS
from grace_ray.cli.printing import clean
from grace_ray.cli.sending import tell
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


class Message(NamedTuple):
    """One server-sent event."""

    name: str
    id: str
    data: Any


class Source(NamedTuple):
    """The Grace to watch, and how long it is waited for when it goes away."""

    url: str
    token: str
    wait_s: float


def watch(
    after: Annotated[int | None, typer.Option(min=0, help="Begin after this seq of the journal")] = None,
    for_s: Annotated[float, typer.Option("--for-s", min=0, help="End after so many seconds; 0: at Ctrl-C")] = 0.0,
    wait_s: WaitS = 600.0,
    home: Home = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Watch the loop turn, live."""
    where, token = place(home, url)
    reach(where)
    deadline = time.monotonic() + for_s if for_s else float("inf")
    messages = _messages(Source(where, token, wait_s), after, deadline)
    try:
        if as_json or not sys.stdout.isatty():
            _print(messages, as_json=as_json)
        else:
            _show(messages)
    except KeyboardInterrupt:
        return


def parse(lines: Iterator[str]) -> Iterator[Message]:
    """Yield the messages of a text/event-stream."""
    name, mark, data = "message", "", list[str]()
    for line in lines:
        key, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if line == "":
            if data:
                yield Message(name, mark, json.loads("\n".join(data)))
            name, data = "message", []
        elif key == "event":
            name = value
        elif key == "id":
            mark = value
        elif key == "data":
            data.append(value)


def _messages(source: Source, after: int | None, deadline: float) -> Iterator[Message]:
    """Yield what the runtime streams; a stream that breaks is taken up again where it ended."""
    last, away_since = "" if after is None else str(after), None
    while time.monotonic() < deadline:
        try:
            with stream(source.url, source.token, {"Last-Event-ID": last} if last else {}) as lines:
                for message in parse(lines):
                    last, away_since = message.id or last, None
                    yield message
                    if time.monotonic() >= deadline:
                        return
        except (Unreachable, StoreUnavailable) as error:
            now = time.monotonic()
            if away_since is None:
                tell(f"{error.message} Waiting for it, {source.wait_s:.0f} s at most (--wait-s) ...")
                away_since = now
            if now - away_since >= source.wait_s:
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
