"""Recorded streams as CloudEvents: log files, files of events, and webhooks that were kept."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from grace_ray.cli.logtimes import time_of
from grace_ray.core.clock import to_text
from grace_ray.core.errors import InvalidInput


def read(path: Path, format_name: str, source: str, run: str = "") -> list[dict[str, Any]]:
    """Return the events of a file, in order. Raises InvalidInput where it is not what ``format_name`` says.

    The same file, source and ``run`` give the same ids.
    """
    events = FORMATS[format_name](path, source)
    if not run:
        return events
    return [{**event, "id": f"{run}-{event.get('id')}"} for event in events]


def _lines(path: Path, source: str) -> list[dict[str, Any]]:
    from grace_ray.sense.formats.lines import Joiner, event
    from grace_ray.sense.tail import Line, Position

    with path.open(encoding="utf-8", errors="replace") as file:
        texts = [line.rstrip("\r\n").replace("\0", "") for line in file]
    joiner = Joiner()
    records = joiner.feed(
        Line(text, Position(0, 0, number), Position(0, 0, number + 1)) for number, text in enumerate(texts)
    )
    found = []
    for record in [*records, *joiner.flush()]:
        at = time_of(record.text)
        found.append(event(record, source) | ({"time": to_text(at)} if at else {}))
    return found


def _cloudevents(path: Path, source: str) -> list[dict[str, Any]]:
    found = []
    for number, value in enumerate(_values(path), 1):
        for event in value if isinstance(value, list) else [value]:
            if not isinstance(event, dict):
                raise InvalidInput(f"{path}, value {number}: an event is a JSON object.", "file")
            found.append({"specversion": "1.0", "source": source, **event})
    return found


def _alertmanager(path: Path, source: str) -> list[dict[str, Any]]:
    from grace_ray.sense.formats import alertmanager
    from grace_ray.sense.raw import Rejected
    from grace_ray.settings import IntakeSettings

    found: list[dict[str, Any]] = []
    limits = IntakeSettings()
    for number, value in enumerate(_values(path), 1):
        for webhook in value if isinstance(value, list) else [value]:
            body = json.dumps(webhook).encode()
            for item in alertmanager.decode({"content-type": "application/json"}, body, limits):
                if isinstance(item, Rejected):
                    raise InvalidInput(f"{path}, value {number}: {item.field}: {item.reason}", "file")
                found.append(item)
    return found


def _values(path: Path) -> list[Any]:
    """Return the JSON values of a file: one, or one a line."""
    text = path.read_text(encoding="utf-8", errors="strict") if path.stat().st_size else ""
    try:
        return [json.loads(text)] if text.strip() else []
    except ValueError:
        pass
    values = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            values += [json.loads(line)] if line.strip() else []
        except ValueError as error:
            raise InvalidInput(f"{path}, line {number} is not JSON: {error}.", "file") from error
    return values


FORMATS: Mapping[str, Callable[[Path, str], list[dict[str, Any]]]] = {
    "lines": _lines,
    "cloudevents": _cloudevents,
    "alertmanager": _alertmanager,
}
