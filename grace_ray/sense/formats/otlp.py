"""OTLP/HTTP logs, in protobuf and in JSON: each log record is an event, its service the source."""

import base64
import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from grace_ray.core.canonical import canonical
from grace_ray.core.clock import to_text
from grace_ray.core.errors import InvalidInput
from grace_ray.core.event_types import REGISTRY
from grace_ray.sense.derivation import log_level, severity_of_word
from grace_ray.sense.formats.payload import check_count, inflated, json_value, media_type
from grace_ray.sense.raw import Decoded, RawEvent, Rejected
from grace_ray.settings import IntakeSettings

PROTOBUF, JSON = "application/x-protobuf", "application/json"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME_MAX_NS = 253_402_300_799 * 10**9  # the end of year 9999
_DEPTH_MAX = 64
_NUL = str.maketrans({"\0": "\ufffd"})
_SUBJECTS = ("service.instance.id", "k8s.pod.name", "container.id", "host.name")


def decode(headers: Mapping[str, str], body: bytes, limits: IntakeSettings) -> Decoded:
    """Return the log records of an export request as events.

    A record has no id of its own; the event's is made of the request's hash and the record's place, so that an
    exporter that sends a request again adds nothing.
    """
    body = inflated(headers, body, limits)
    kind = media_type(headers)
    if kind == PROTOBUF:
        records = list(_from_protobuf(body))
    elif kind == JSON:
        records = list(_from_json(json_value(body)))
    else:
        raise InvalidInput(f"OTLP is sent as {PROTOBUF} or {JSON}, not {kind[:80]!r}.", "content-type")
    check_count(len(records), limits)
    request = hashlib.sha256(body).hexdigest()[:24]
    return [_decoded(index, record, resource, request) for index, (record, resource) in enumerate(records)]


def answer(headers: Mapping[str, str], rejected: Sequence[Rejected]) -> tuple[str, bytes]:
    """Return content type and body of an ExportLogsServiceResponse, in the encoding of the request."""
    reason = rejected[0].reason if rejected else ""
    if headers.get("content-type", "").partition(";")[0].strip().lower() == JSON:
        partial = {"rejectedLogRecords": str(len(rejected)), "errorMessage": reason}
        return JSON, orjson.dumps({"partialSuccess": partial} if rejected else {})
    response = ExportLogsServiceResponse()
    if rejected:
        partial_success = ExportLogsPartialSuccess(rejected_log_records=len(rejected), error_message=reason)
        response.partial_success.CopyFrom(partial_success)
    return PROTOBUF, response.SerializeToString()


# One record as OTLP/JSON names its fields, attributes and body as plain JSON values; and its resource's attributes.
_Found = tuple[dict[str, Any] | None, dict[str, Any]]


def _from_protobuf(body: bytes) -> Iterator[_Found]:
    request = ExportLogsServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise InvalidInput("The body is no ExportLogsServiceRequest.", "body") from error
    for group in request.resource_logs:
        resource = _attributes(group.resource.attributes)
        for scope in group.scope_logs:
            for record in scope.log_records:
                yield _record(record), resource


def _record(record: LogRecord) -> dict[str, Any]:
    return {
        "timeUnixNano": record.time_unix_nano or record.observed_time_unix_nano,
        "severityNumber": record.severity_number,
        "severityText": record.severity_text,
        "body": _value(record.body),
        "attributes": _attributes(record.attributes),
        "traceId": record.trace_id.hex(),
        "eventName": record.event_name,
    }


def _attributes(pairs: Sequence[KeyValue]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    """Return a protobuf AnyValue as plain JSON (protobuf itself limits its nesting to 100)."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    plain = getattr(value, kind)
    if kind == "bytes_value":
        return base64.b64encode(plain).decode()
    return str(plain) if kind == "double_value" and not math.isfinite(plain) else plain


def _from_json(request: Any) -> Iterator[_Found]:
    if not isinstance(request, dict):
        raise InvalidInput("An export request is an object.", "body")
    for group in _list(request, "resourceLogs"):
        resource = _json_attributes(_dict(_dict(group).get("resource")).get("attributes"), 0)
        for scope in _list(_dict(group), "scopeLogs"):
            for record in _list(_dict(scope), "logRecords"):
                yield (_json_record(record) if isinstance(record, dict) else None), resource


def _json_record(record: dict[str, Any]) -> dict[str, Any]:
    time = record.get("timeUnixNano")
    return record | {
        "timeUnixNano": record.get("observedTimeUnixNano") if time in (None, 0, "0", "") else time,
        "body": _json_value(record.get("body"), 0),
        "attributes": _json_attributes(record.get("attributes"), 0),
    }


def _json_attributes(pairs: Any, depth: int) -> dict[str, Any]:
    return {
        pair["key"]: _json_value(pair.get("value"), depth + 1)
        for pair in (pairs if isinstance(pairs, list) else ())
        if isinstance(pair, dict) and isinstance(pair.get("key"), str)
    }


def _json_value(value: Any, depth: int) -> Any:
    """Return an OTLP/JSON AnyValue as plain JSON; 64-bit integers come as text."""
    if not isinstance(value, dict) or len(value) != 1 or depth > _DEPTH_MAX:
        return None
    ((kind, plain),) = value.items()
    if kind == "arrayValue":
        return [_json_value(item, depth + 1) for item in _list(_dict(plain), "values")]
    if kind == "kvlistValue":
        return _json_attributes(_dict(plain).get("values"), depth)
    if kind == "intValue":
        return _integer(plain)
    return plain if isinstance(plain, str | bool | int | float) else None


def _decoded(index: int, record: dict[str, Any] | None, resource: dict[str, Any], request: str) -> RawEvent | Rejected:
    if record is None:
        return Rejected(index=index, id="", field=f"logRecords[{index}]", reason="A log record is an object.")
    number, time_ns = _integer(record.get("severityNumber")), _integer(record.get("timeUnixNano"))
    if number is None or time_ns is None:
        field = "severityNumber" if number is None else "timeUnixNano"
        return Rejected(index=index, id="", field=field, reason=f"The field {field} must be a whole number.")
    attributes, name = record["attributes"], record.get("eventName")
    text = _text(record["body"]) or _text(attributes.get("exception.message")) or _text(name)
    word = record.get("severityText")
    level = log_level(_severity(number) or severity_of_word(word if isinstance(word, str) else ""), text)
    event: RawEvent = {
        "specversion": "1.0",
        "id": f"{request}-{index}",
        "source": _source(resource),
        "type": name if isinstance(name, str) and name in REGISTRY else "otlp.log",
        "severity": level.severity,
        "data": _clean({"attributes": attributes, "resource": resource}),
    }
    if level.success:
        event["success"] = True
    if text:
        event["message"] = text
    if not isinstance(record["body"], str | None):
        event["data"]["body"] = _clean(record["body"])
    if 0 < time_ns < _TIME_MAX_NS:
        event["reported"] = to_text(_EPOCH + timedelta(microseconds=time_ns // 1000))
    if isinstance(trace := record.get("traceId"), str) and trace.strip("0"):
        event["trace"] = trace.lower()
    if subject := next((_text(resource[key]) for key in _SUBJECTS if resource.get(key)), ""):
        event["subject"] = subject[:1000]
    return event


def _source(resource: Mapping[str, Any]) -> str:
    names = (_text(resource.get(key)) for key in ("service.namespace", "service.name"))
    return "/".join(["otlp", *filter(None, names)])[:512]


def _severity(number: int) -> str:
    """Return our severity of a SeverityNumber, in fours: 1 trace, 5 debug, 9 info, 13 warn, 17 error, 21 fatal."""
    steps = ((21, "critical"), (17, "high"), (13, "medium"), (1, "low"))
    return next((word for step, word in steps if number >= step), "")


def _integer(value: Any) -> int | None:
    """Return a whole number, which OTLP/JSON may write as text; nothing at all is 0, what is no number None."""
    if value is None or value == "":
        return 0
    if isinstance(value, bool) or not isinstance(value, int | str) or len(str(value)) > 20:
        return None
    try:
        return int(value)
    except ValueError:
        return None


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else canonical(value).decode()
    return text.translate(_NUL)


def _clean(value: Any) -> Any:
    """Return a value without NUL characters, which logs of crashed programs are full of; empty objects are left out."""
    if isinstance(value, str):
        return value.translate(_NUL)
    if isinstance(value, dict):
        return {key.translate(_NUL): _clean(item) for key, item in value.items() if item not in ({}, None)}
    return [_clean(item) for item in value] if isinstance(value, list) else value


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(holder: dict[str, Any], key: str) -> list[Any]:
    value = holder.get(key, [])
    if not isinstance(value, list):
        raise InvalidInput(f"The field {key} must be a list.", key)
    return value
