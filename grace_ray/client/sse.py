"""Server-sent events: what /api/stream says, line by line."""

from typing import Any, NamedTuple

import orjson

SILENCE_MAX_S = 30.0  # the stream says something each second


class Message(NamedTuple):
    """One message: ``name`` is entry or stats, ``id`` the journal seq to go on after ("" for stats), ``data`` JSON."""

    name: str
    id: str
    data: Any


class Parser:
    """Puts the lines of a text/event-stream together."""

    def __init__(self) -> None:
        self._name, self._id, self._data = "message", "", list[str]()

    def feed(self, line: str) -> Message | None:
        """Take a line; return the message that it completes. Raises ValueError for data that is no JSON."""
        key, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if line == "":
            found = Message(self._name, self._id, orjson.loads("\n".join(self._data))) if self._data else None
            self._name, self._data = "message", []
            return found
        if key == "event":
            self._name = value
        elif key == "id":
            self._id = value
        elif key == "data":
            self._data.append(value)
        return None
