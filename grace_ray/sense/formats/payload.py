"""The bytes of a request: its media type, its size, its compression, and JSON of which one item may be bad."""

import re
import zlib
from collections.abc import Mapping
from typing import Any

import cramjam
import orjson

from grace_ray.core.errors import InvalidInput, TooLarge
from grace_ray.sense.raw import Decoded, Rejected
from grace_ray.settings import IntakeSettings

_VARINT_MAX = 5
_BRACKETS_MAX = 2_000_000  # a broken batch with more is refused whole: finding its good events would cost seconds
_CHARSET = re.compile(r"charset\s*=\s*\"?([\w.:-]+)", re.IGNORECASE)
_ASCII_SUPERSETS = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
# A string (closed, or running to the end, so that the scan is linear) or a mark of structure.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.?)*+(?:"|\Z)|[\[\]{},]', re.DOTALL)


def media_type(headers: Mapping[str, str]) -> str:
    """Return the media type in lower case, without parameters. Raises InvalidInput for a charset but UTF-8."""
    value = headers.get("content-type", "")
    charset = _CHARSET.search(value)
    if charset and charset[1].lower() not in _ASCII_SUPERSETS:
        raise InvalidInput(f"The charset {charset[1]} is not taken; send UTF-8.", "content-type")
    return value.partition(";")[0].strip().lower()


def inflated(headers: Mapping[str, str], body: bytes, limits: IntakeSettings) -> bytes:
    """Return the body, unpacked where it is gzip or deflate. Raises TooLarge, InvalidInput."""
    limit = limits.body_max_bytes
    if len(body) > limit:
        raise TooLarge(f"The request has {len(body)} bytes; {limit} are allowed.", "body")
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise InvalidInput(f"The content encoding {encoding[:40]!r} is not taken; send gzip.", "content-encoding")
    return _unpacked(body, limit)


def unsnapped(body: bytes, limit: int) -> bytes:
    """Return what snappy's block format packed. Raises TooLarge, InvalidInput.

    Its length stands in front (a varint), so that a bomb is not unpacked to find out.
    """
    size = 0
    for place, byte in enumerate(body[:_VARINT_MAX]):
        size |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            break
    if size > limit:
        raise TooLarge(f"The request unpacks to {size} bytes; {limit} are allowed.", "body")
    try:
        return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError as error:
        raise InvalidInput("The body is not packed with snappy.", "content-encoding") from error


def json_value(body: bytes) -> Any:
    """Return the one JSON value of a body. Raises InvalidInput."""
    try:
        return orjson.loads(body)
    except ValueError as error:
        raise InvalidInput(f"The body is not JSON: {error}.", "body") from error


def json_items(body: bytes, limits: IntakeSettings) -> Decoded:
    """Return the items of a JSON array; where it does not parse as a whole, the items that parse on their own."""
    try:
        items = orjson.loads(body)
    except ValueError as error:
        items = [json_item(index, item) for index, item in enumerate(_split(body, error))]
    if not isinstance(items, list):
        raise InvalidInput("A batch is a JSON array of events.", "body")
    check_count(len(items), limits)
    return items


def json_lines(body: bytes, limits: IntakeSettings) -> Decoded:
    """Return the items of newline-delimited JSON; empty lines do not count."""
    lines = [line for line in body.split(b"\n") if line and not line.isspace()]
    check_count(len(lines), limits)
    return [json_item(index, line) for index, line in enumerate(lines)]


def json_item(index: int, item: bytes) -> Any:
    """Return one decoded item of a batch, or in its place why it cannot be read."""
    try:
        return orjson.loads(item)
    except ValueError as error:
        return Rejected(index=index, id="", field="event", reason=f"The event is not JSON: {error}.", code="malformed")


def check_count(count: int, limits: IntakeSettings) -> None:
    """Raise TooLarge for more events in one request than are allowed."""
    if count > limits.batch_max_events:
        raise TooLarge(f"The request has {count} events; {limits.batch_max_events} are allowed.", "body")


def _unpacked(body: bytes, limit: int) -> bytes:
    chunks: list[bytes] = []
    size, rest = 0, body
    try:
        while rest:  # a gzip file may have several members
            unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
            chunks.append(unpacker.decompress(rest, limit + 1 - size))
            size += len(chunks[-1])
            if size > limit:
                raise TooLarge(f"The request unpacks to more than {limit} bytes.", "body")
            if not unpacker.eof:
                raise InvalidInput("The compressed body ends too early.", "body")
            rest = unpacker.unused_data
    except zlib.error as error:
        raise InvalidInput("The body is not what its content encoding says.", "body") from error
    return b"".join(chunks)


def _split(body: bytes, error: ValueError) -> list[bytes]:
    """Return the texts of an array's items without decoding them. Raises InvalidInput where the array never ends."""
    array = body.strip(b" \t\r\n")
    is_array = array.startswith(b"[") and array.endswith(b"]")
    if not is_array or array.count(b"[") + array.count(b"{") > _BRACKETS_MAX:
        raise InvalidInput(f"The body is not JSON: {error}.", "body") from error
    items: list[bytes] = []
    depth, start = 0, 1
    for token in _TOKEN.finditer(array):
        mark = token[0]
        if mark in b"[{":
            depth += 1
        elif mark in b"]}":
            depth -= 1
            if depth == 0:
                break
        elif mark == b"," and depth == 1:
            items.append(array[start : token.start()])
            start = token.end()
    if depth or token.end() != len(array):
        raise InvalidInput(f"The body is not JSON: {error}.", "body") from error
    items.append(array[start : token.start()])
    return items
