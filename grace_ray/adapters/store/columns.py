"""Nouns in columns: a record's canonical JSON taken apart into one value for each field, and put together again.

Text stands as text (also times, as RFC 3339), numbers as numbers, everything else as JSON text; None as NULL. What a
body leaves out is written as the noun's default, so that a column always holds the value itself. The body that is put
together has every field, in canonical JSON but for the spelling of some floats.
"""

import json
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from datetime import datetime
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import orjson

from grace_ray.core.canonical import canonical
from grace_ray.core.errors import InvalidInput
from grace_ray.core.jsonable import to_plain
from grace_ray.core.recommendation import (
    LEARNING_VIEW,
    OUTCOMES_VIEW,
    PATTERNS_VIEW,
    RECOMMENDATIONS_VIEW,
    TRUST_VIEW,
    Judgement,
    LearningCycle,
    Pattern,
    Recommendation,
    TrustScore,
)

NOUNS: Mapping[str, type] = {
    RECOMMENDATIONS_VIEW: Recommendation,
    OUTCOMES_VIEW: Judgement,
    TRUST_VIEW: TrustScore,
    PATTERNS_VIEW: Pattern,
    LEARNING_VIEW: LearningCycle,
}
"""The views that have a table of their own, named as they are."""

INDEXED: Mapping[str, frozenset[str]] = {
    RECOMMENDATIONS_VIEW: frozenset({"correlation_id", "workflow_id"}),
    OUTCOMES_VIEW: frozenset({"recommendation_id"}),
}
"""The columns by which records can be looked for."""

_DIGITS = bytes.maketrans(b"0123456789", b"9" * 10)
_LONG = b"9" * 19  # so many digits may be a whole number beyond 64 bits, which orjson reads as a float
_NUL = b"\\u0000"
_SCALARS: Mapping[type, tuple[type, ...]] = {str: (str,), float: (float, int), int: (int,), bool: (bool,)}


class Column(NamedTuple):
    """One field: the types that its value may have (None: any, written as JSON text), and what stands for nothing."""

    name: str
    takes: tuple[type, ...] | None
    default: Any
    is_nullable: bool


class Columns:
    """The columns of one noun, in order of name."""

    def __init__(self, noun: type) -> None:
        hints = get_type_hints(noun)
        self._noun = noun.__name__
        self._columns = sorted(_column(field, hints[field.name]) for field in fields(noun))
        self.names = tuple(column.name for column in self._columns)
        self._json = [place for place, column in enumerate(self._columns) if column.takes is None]
        self._truths = [place for place, column in enumerate(self._columns) if column.takes == (bool,)]

    def split(self, body: bytes) -> list[Any]:
        """Return the value of each column. Raises InvalidInput naming a field that is missing or of a wrong type."""
        get, dump = self._parsed(body)
        values: list[Any] = []
        for name, takes, default, is_nullable in self._columns:
            value = get(name, default)
            if value is None:
                if not is_nullable:
                    raise InvalidInput(f"A {self._noun} has no {name}.", name)
                values.append(None)
            elif takes is None:
                values.append(dump(value))
            elif type(value) in takes:
                values.append(value)
            else:
                raise InvalidInput(f"The {name} of a {self._noun} is a {type(value).__name__}.", name)
        return values if _NUL not in body else [_without_nul(value) for value in values]

    def body(self, values: list[Any]) -> bytes:
        """Return the JSON of the noun whose columns hold ``values``, which may be changed."""
        for place in self._json:
            if values[place] is not None:
                values[place] = orjson.Fragment(values[place])
        for place in self._truths:
            values[place] = bool(values[place])
        written = orjson.dumps(dict(zip(self.names, values, strict=True)))
        return bytes(memoryview(written))  # a copy: to keep thousands of orjson's buffers, cut short, is slow

    def _parsed(self, body: bytes) -> tuple[Callable[[str, Any], Any], Callable[[Any], str]]:
        """Return what gives a field of the body, and what writes a nested value."""
        is_long = _LONG in body.translate(_DIGITS)
        try:
            plain = json.loads(body) if is_long else orjson.loads(body)
        except ValueError as error:
            raise InvalidInput(f"This is not a {self._noun}: {error}.", "body") from error
        if not isinstance(plain, dict):
            raise InvalidInput(f"This is not a {self._noun}, but a {type(plain).__name__}.", "body")
        return plain.get, _long_json if is_long else _json


def _column(field: "Field[Any]", hint: Any) -> Column:
    options = [arg for arg in _options(hint) if arg is not types.NoneType]
    is_nullable = hint is Any or len(options) < len(_options(hint))
    takes = _takes(options[0]) if len(options) == 1 else None
    if field.default is not MISSING:
        return Column(field.name, takes, to_plain(field.default), is_nullable)
    if field.default_factory is not MISSING:
        return Column(field.name, takes, to_plain(field.default_factory()), is_nullable)
    return Column(field.name, takes, None, is_nullable)


def _options(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _takes(hint: Any) -> tuple[type, ...] | None:
    if get_origin(hint) is Literal or hint is datetime:
        return (str,)
    return _SCALARS.get(hint)


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _long_json(value: Any) -> str:
    return canonical(value).decode()


def _without_nul(value: Any) -> Any:
    """PostgreSQL's text holds no NUL; one in a caller's text must not keep all else from being written."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


COLUMNS: Mapping[str, Columns] = {view: Columns(noun) for view, noun in NOUNS.items()}
