"""CloudEvents 1.0 over HTTP: binary, structured and batched content mode, and events as newline-delimited JSON."""

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from grace_ray.core.errors import InvalidInput
from grace_ray.sense.formats.payload import inflated, json_items, json_lines, json_value, media_type
from grace_ray.sense.raw import Decoded, RawEvent
from grace_ray.settings import IntakeSettings

BATCH = "application/cloudevents-batch+json"
STRUCTURED = "application/cloudevents+json"
LINES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl", "application/cloudevents+ndjson"})
_JSON = frozenset({"application/json", "text/json", ""})


def decode(headers: Mapping[str, str], body: bytes, limits: IntakeSettings) -> Decoded:
    """Return the events of a request, by its content type; plain JSON may hold one event or an array of them.

    Raises InvalidInput (field ``content-type`` or ``body``) and TooLarge where nothing of it can be read.
    """
    body = inflated(headers, body, limits)
    kind = media_type(headers)
    if kind == BATCH:
        return json_items(body, limits)
    if kind in LINES:
        return json_lines(body, limits)
    if kind != STRUCTURED and any(name in headers for name in ("ce-specversion", "ce-id", "ce-type", "ce-source")):
        return [_binary(headers, kind, body)]
    if kind in _JSON and body.lstrip().startswith(b"["):
        return json_items(body, limits)
    if kind == STRUCTURED or kind in _JSON:
        return [_object(json_value(body))]
    raise InvalidInput(
        f"The content type {kind[:80]!r} is not taken; send CloudEvents as {STRUCTURED}, {BATCH} or NDJSON.",
        "content-type",
    )


def _object(value: Any) -> RawEvent:
    if not isinstance(value, dict):
        raise InvalidInput("An event is a JSON object.", "body")
    return value


def _binary(headers: Mapping[str, str], kind: str, body: bytes) -> RawEvent:
    """Return the event whose attributes are headers, percent-encoded as the HTTP binding says."""
    raw: RawEvent = {
        name[3:]: unquote(value, errors="replace") for name, value in headers.items() if name.startswith("ce-")
    }
    if not body:
        return raw
    raw["datacontenttype"] = kind or "application/json"
    if kind in _JSON or kind.endswith("+json"):
        raw["data"] = json_value(body)
    elif kind.startswith("text/") or kind.endswith("+xml") or kind == "application/xml":
        raw["data"] = _text(body)
    else:
        raw["data_base64"] = base64.b64encode(body).decode()
    return raw


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput("The body is not UTF-8.", "body") from error
