"""Canonical JSON: one byte string for one value, so that a hash of it means something.

Keys sorted, no white space, UTF-8, no NaN or infinity: RFC 8785 but for the spelling of floats, which is Python's
shortest round-trip ``repr``.
"""

import json
from typing import Any

from grace_ray.core.errors import InvalidInput

_encoder = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def canonical(value: Any) -> bytes:
    r"""Return the canonical JSON of ``value`` (dicts with string keys, lists, strings, numbers, booleans, None).

    Raises InvalidInput for values that JSON cannot hold: NaN, infinity, lone surrogates, other types.

    >>> canonical({"b": 1, "a": [True, None, "é"]})
    b'{"a":[true,null,"\xc3\xa9"],"b":1}'
    """
    try:
        return _encoder.encode(value).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidInput(f"The value has no canonical JSON: {error}.") from error
