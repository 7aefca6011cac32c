"""Nouns to plain JSON values and back, by their dataclass fields: how a record's body holds a cluster or a mission."""

import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from grace_ray.core.clock import to_text
from grace_ray.core.errors import InvalidInput

_T = TypeVar("_T")


def to_plain(value: Any) -> Any:
    """Return ``value`` as dicts, lists, strings, numbers, booleans and None; times as RFC 3339 text."""
    if isinstance(value, datetime):
        return to_text(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {name: to_plain(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_plain(item) for item in value]
    return value


def from_plain(noun: type[_T], plain: Any) -> _T:
    """Return the dataclass ``noun`` that ``to_plain`` made ``plain`` of; unknown keys are ignored, so old records load.

    Raises InvalidInput naming a missing field.
    """
    built = _build(noun, plain)
    return typing.cast("_T", built)


@cache
def _names(noun: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(noun))


@cache
def _hints(noun: type) -> dict[str, Any]:
    return typing.get_type_hints(noun)


def _build(hint: Any, plain: Any) -> Any:
    if plain is None:
        return None
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _build(next(arg for arg in typing.get_args(hint) if arg is not types.NoneType), plain)
    if hint is datetime:
        return datetime.fromisoformat(plain)
    if isinstance(hint, type) and is_dataclass(hint):
        return _build_noun(hint, plain)
    if isinstance(origin, type) and issubclass(origin, Sequence) and not isinstance(plain, str):
        (item,) = typing.get_args(hint)[:1]
        return tuple(_build(item, part) for part in plain)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        item = typing.get_args(hint)[1]
        return {key: _build(item, part) for key, part in plain.items()}
    return plain


def _build_noun(noun: type, plain: Mapping[str, Any]) -> Any:
    hints = _hints(noun)
    try:
        return noun(**{name: _build(hints[name], plain[name]) for name in _names(noun) if name in plain})
    except TypeError as error:
        raise InvalidInput(f"This is not a {noun.__name__}: {error}.", noun.__name__) from error
