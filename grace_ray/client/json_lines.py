"""JSON lines as they arrive, chunk by chunk."""

from typing import Any

import orjson


class JsonLines:
    r"""Puts lines together. Only a line feed ends one: a JSON text may hold U+2028 and its like.

    >>> lines = JsonLines()
    >>> lines.feed(b'{"a":'), lines.feed(b'1}\n{"b":2}\n')
    ([], [{'a': 1}, {'b': 2}])
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[Any]:
        """Return the values of the lines that this chunk completes. Raises ValueError for what is no JSON."""
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        return [orjson.loads(line) for line in whole if line]
