"""Templates in a step's arguments: ``{name}`` is filled from the parameters of the run."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from grace_ray.core.errors import InvalidInput

_NAME = re.compile(r"\{([a-z][a-z0-9_]{0,63})\}")
_BRACE = re.compile(r"[{}]")


def names_in(value: Any) -> Iterator[str]:
    """Yield the names that templates in ``value`` ask for. Raises InvalidInput for a brace that is no template."""
    if isinstance(value, str):
        if stray := _BRACE.search(_NAME.sub("", value)):
            raise InvalidInput(f"A {stray.group()} stands alone in {value!r}; a template is a name in braces.")
        yield from _NAME.findall(value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from names_in(key)
            yield from names_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from names_in(item)


def filled(value: Any, parameters: Mapping[str, Any]) -> Any:
    """Return ``value`` with every template filled; one that is the whole text keeps the type of its parameter.

    >>> filled({"count": "{n}", "note": "the {n} oldest"}, {"n": 3})
    {'count': 3, 'note': 'the 3 oldest'}
    """
    if isinstance(value, str):
        whole = _NAME.fullmatch(value)
        return parameters[whole[1]] if whole else _NAME.sub(lambda found: str(parameters[found[1]]), value)
    if isinstance(value, Mapping):
        return {key: filled(item, parameters) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [filled(item, parameters) for item in value]
    return value
