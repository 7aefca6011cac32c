"""Bytes for states: a magic word, a version, then (deflated) one JSON header and the arrays, in order.

Nothing in it can run code, unlike a pickle. Arrays are of float64 in the machine's least order first. Version 2 has the
same form as 1; in policies candidates' features stand in it as their differences from the mean of those offered.
"""

import json
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grace_ray.core.errors import InvalidInput, NewerVersion

Floats = NDArray[np.float64]

_MAGIC = b"GRCP"
_VERSION = 2


def pack(header: dict[str, Any], arrays: Sequence[Floats]) -> bytes:
    """The bytes of a header (JSON's types) and float64 arrays of any shape."""
    text = json.dumps({**header, "shapes": [array.shape for array in arrays]}, separators=(",", ":")).encode()
    body = [struct.pack("<I", len(text)), text, *(np.ascontiguousarray(array, "<f8").tobytes() for array in arrays)]
    return _MAGIC + struct.pack("<H", _VERSION) + zlib.compress(b"".join(body), 1)


def unpack(data: bytes) -> tuple[int, dict[str, Any], Iterator[Floats]]:
    """Version, header, arrays; InvalidInput where the bytes are not a state, NewerVersion where they are too new."""
    if data[:4] != _MAGIC or len(data) < 6:
        raise InvalidInput("These bytes are not the state of a model.", "state")
    if (version := struct.unpack("<H", data[4:6])[0]) > _VERSION:
        raise NewerVersion(f"The state is of version {version}; this Grace reads up to {_VERSION}.", "state")
    try:
        body = zlib.decompress(data[6:])
        length = struct.unpack("<I", body[:4])[0]
        header = json.loads(body[4 : 4 + length])
        shapes = [tuple(shape) for shape in header["shapes"]]
    except (zlib.error, struct.error, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"The state of the model cannot be read: {error}.", "state") from error
    flat = body[4 + length :]
    if len(flat) != 8 * sum(int(np.prod(shape)) for shape in shapes):
        raise InvalidInput("The state of the model is cut short.", "state")
    return version, header, _arrays(flat, shapes)


def _arrays(flat: bytes, shapes: Sequence[tuple[int, ...]]) -> Iterator[Floats]:
    place = 0
    for shape in shapes:
        count = int(np.prod(shape))
        yield np.frombuffer(flat, "<f8", count, place).reshape(shape).astype(np.float64)
        place += 8 * count
