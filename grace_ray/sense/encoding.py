"""Encoding: decoded JSON of outsiders as the canonical bytes that the journal keeps, fast, and within limits."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from grace_ray.core.canonical import canonical
from grace_ray.core.errors import InvalidInput
from grace_ray.sense.scan import Sign

# What the fast encoder leaves to a second look. Floats are the one value that orjson and core.canonical may spell
# differently: in exponent form (1e-7, 1e-07), and just above it (0.00001, 1e-05).
_EXPONENTS = [f"{digit}e{sign}{power}" for digit in "0123456789" for sign in "+-" for power in "123456789"]
FLOAT = Sign(["0.00", *_EXPONENTS], re.compile(rb"0\.0000|\de[-+]\d{1,3}[,\]}]"))
"""Shows where ``encoded`` may differ from ``canonical``."""
NUL = Sign(["u000"], re.compile(rb"(?<=\\)u0000"))
"""Shows where a text may hold a NUL, which databases refuse."""


def encoded(body: Mapping[str, Any], outside: Iterable[Any], field: str, depth_max: int) -> bytes:
    """Return the bytes of a body, canonical but for some floats (FLOAT).

    ``outside`` are the values in it that an outsider made: nested at most ``depth_max`` levels, ``field`` being level
    one. Raises InvalidInput naming ``field`` where they are nested deeper, or hold what JSON does not have.
    """
    try:
        octets = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # nested beyond orjson's limit, the one thing it decodes and does not encode
        _check_depth(outside, field, depth_max)
        octets = canonical(body)
    # As many brackets as levels allowed cannot be too deep; only what has more is measured.
    if octets.count(b"{") + octets.count(b"[") > depth_max:
        _check_depth(outside, field, depth_max)
    return octets


def has_nul(value: Any) -> bool:
    """Return whether a NUL character stands anywhere in a JSON value, keys included."""
    level = [value]
    while level:
        if any("\0" in inner for inner in level if isinstance(inner, str)):
            return True
        level = [
            inner
            for item in level
            if isinstance(item, dict | list)
            for inner in ([*item.keys(), *item.values()] if isinstance(item, dict) else item)
        ]
    return False


def _check_depth(outside: Iterable[Any], field: str, depth_max: int) -> None:
    level: list[Any] = [value for value in outside if isinstance(value, dict | list)]
    depth = 1
    while level:
        depth += 1
        if depth > depth_max:
            raise InvalidInput(f"The {field} is nested more than {depth_max} levels deep.", field)
        level = [
            inner
            for value in level
            for inner in (value.values() if isinstance(value, dict) else value)
            if isinstance(inner, dict | list)
        ]
