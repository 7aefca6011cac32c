"""OTLP/HTTP logs: protobuf and JSON give the same events."""

import gzip
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse

from grace_ray.core.errors import InvalidInput
from grace_ray.sense.formats import otlp
from grace_ray.sense.intake import Intake
from grace_ray.sense.raw import Rejected
from grace_ray.settings import IntakeSettings

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LIMITS = IntakeSettings()
NANOS = int(datetime(2026, 6, 1, 11, 59, tzinfo=UTC).timestamp()) * 10**9
TRACE = "5b8efff798038103d269b633813fc60c"
RECORDS: list[dict[str, Any]] = [
    {"timeUnixNano": str(NANOS), "severityNumber": 17, "severityText": "Error", "traceId": TRACE.upper(),
     "body": {"stringValue": "payment failed"}, "attributes": [{"key": "order", "value": {"intValue": "42"}}]},
    {"observedTimeUnixNano": str(NANOS), "severityNumber": 9, "body": {"stringValue": "started"}},
    {"severityText": "FATAL", "body": {"kvlistValue": {"values": [{"key": "a", "value": {"doubleValue": 1.5}}]}}},
    {"body": {"stringValue": "NUL \u0000 here"}, "severityNumber": 13},
]  # fmt: skip
RESOURCE = [
    {"key": "service.name", "value": {"stringValue": "checkout"}},
    {"key": "service.namespace", "value": {"stringValue": "shop"}},
    {"key": "host.name", "value": {"stringValue": "web-1"}},
]
REQUEST = {"resourceLogs": [{"resource": {"attributes": RESOURCE}, "scopeLogs": [{"logRecords": RECORDS}]}]}


def as_protobuf() -> bytes:
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    for pair in RESOURCE:
        group.resource.attributes.add(key=pair["key"]).value.string_value = pair["value"]["stringValue"]  # type: ignore[index]
    scope = group.scope_logs.add()
    first = scope.log_records.add(time_unix_nano=NANOS, severity_number=17, severity_text="Error")
    first.trace_id = bytes.fromhex(TRACE)
    first.body.string_value = "payment failed"
    first.attributes.add(key="order").value.int_value = 42
    scope.log_records.add(observed_time_unix_nano=NANOS, severity_number=9).body.string_value = "started"
    third = scope.log_records.add(severity_text="FATAL")
    third.body.kvlist_value.values.add(key="a").value.double_value = 1.5
    scope.log_records.add(severity_number=13).body.string_value = "NUL \0 here"
    return request.SerializeToString()


def rows(media_type: str, body: bytes, **headers: str) -> list[Any]:
    taken = Intake(LIMITS).take(otlp.decode({"content-type": media_type, **headers}, body, LIMITS), NOW)
    assert not taken.rejected, taken.rejected
    return taken.rows


def test_protobuf_and_json_say_the_same():
    by_json, by_protobuf = rows(otlp.JSON, orjson.dumps(REQUEST)), rows(otlp.PROTOBUF, as_protobuf())
    assert [row[1:] for row in by_json] == [row[1:] for row in by_protobuf]
    first, second, third, fourth = (orjson.loads(row.body) for row in by_json)
    assert by_json[0].source == "otlp/shop/checkout"
    assert by_json[0].subject == "web-1"
    assert by_json[0].trace == TRACE
    assert by_json[0].at == datetime(2026, 6, 1, 11, 59, tzinfo=UTC)
    assert (first["domain"], first["severity"], first["message"]) == ("logs", "high", "payment failed")
    assert first["data"]["attributes"] == {"order": 42}
    assert (second["severity"], second["success"]) == ("low", True)
    assert (third["severity"], third["message"]) == ("critical", '{"a":1.5}')
    assert (fourth["severity"], fourth["message"]) == ("medium", "NUL \ufffd here")


def test_an_exporter_that_sends_again_adds_nothing():
    body = as_protobuf()
    first, again = rows(otlp.PROTOBUF, body), rows(otlp.PROTOBUF, gzip.compress(body), **{"content-encoding": "gzip"})
    assert [row.id for row in first] == [row.id for row in again]
    assert len({row.id for row in first}) == 4


def test_a_broken_record_costs_only_itself():
    request = {"resourceLogs": [{"scopeLogs": [{"logRecords": [5, {"severityNumber": "x"}, RECORDS[0]]}]}]}
    taken = Intake(LIMITS).take(otlp.decode({"content-type": otlp.JSON}, orjson.dumps(request), LIMITS), NOW)
    assert len(taken.rows) == 1
    assert [item.field for item in taken.rejected] == ["logRecords[0]", "severityNumber"]


@pytest.mark.parametrize(
    ("kind", "body"),
    [(otlp.PROTOBUF, b"\xff\xff\xff"), (otlp.JSON, b"[]"), (otlp.JSON, b'{"resourceLogs": 5}'), ("text/plain", b"")],
)
def test_what_is_no_export_request_is_refused(kind, body):
    with pytest.raises(InvalidInput):
        otlp.decode({"content-type": kind}, body, LIMITS)


def test_partial_success_is_answered_in_the_requests_own_encoding():
    rejected = [Rejected(index=0, id="", field="x", reason="bad")]
    kind, body = otlp.answer({"content-type": "application/json; charset=utf-8"}, rejected)
    assert (kind, orjson.loads(body)) == (
        otlp.JSON, {"partialSuccess": {"rejectedLogRecords": "1", "errorMessage": "bad"}},
    )  # fmt: skip
    kind, body = otlp.answer({"content-type": otlp.PROTOBUF}, rejected)
    response = ExportLogsServiceResponse()
    response.ParseFromString(body)
    assert (kind, response.partial_success.rejected_log_records) == (otlp.PROTOBUF, 1)
    assert otlp.answer({"content-type": otlp.PROTOBUF}, []) == (otlp.PROTOBUF, b"")
