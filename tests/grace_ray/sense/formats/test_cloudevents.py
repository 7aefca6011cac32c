"""CloudEvents over HTTP in every mode, and what is kept of a broken request."""

import gzip
import zlib
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace_ray.core.errors import InvalidInput, TooLarge
from grace_ray.sense.formats import alertmanager, cloudevents, lines, otlp
from grace_ray.sense.intake import Intake
from grace_ray.sense.raw import Rejected
from grace_ray.settings import IntakeSettings

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LIMITS = IntakeSettings(body_max_bytes=200_000, batch_max_events=50)
BATCH = {"content-type": "application/cloudevents-batch+json; charset=UTF-8"}
LINES = {"content-type": "application/x-ndjson"}
EVENT = {"specversion": "1.0", "id": "1", "source": "/ci", "type": "error.unhandled", "data": {"message": "boom"}}
TEXT = orjson.dumps(EVENT)


def ids(headers: dict[str, str], body: bytes) -> list[str]:
    return [row.id for row in Intake(LIMITS).take(cloudevents.decode(headers, body, LIMITS), NOW).rows]


@pytest.mark.parametrize(
    "kind", ["application/cloudevents+json", "application/json", "application/json; charset=utf-8"]
)
def test_a_structured_event_is_taken(kind):
    assert ids({"content-type": kind}, TEXT) == ["1"]


def test_binary_mode_takes_attributes_from_headers_and_data_from_the_body():
    headers = {
        "content-type": "application/json", "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/a%20b",
        "ce-type": "error.unhandled", "ce-severity": "low", "ce-success": "true", "ce-time": "2026-06-01T11:00:00Z",
    }  # fmt: skip
    (raw,) = cloudevents.decode(headers, b'{"message":"boom"}', LIMITS)
    row = Intake(LIMITS).take([raw], NOW).rows[0]
    assert row.source == "/a b"
    body = orjson.loads(row.body)
    assert (body["severity"], body["success"], body["data"]) == ("low", True, {"message": "boom"})
    text = headers | {"content-type": "text/plain"}
    (raw,) = cloudevents.decode(text, b"plain words", LIMITS)
    assert orjson.loads(Intake(LIMITS).take([raw], NOW).rows[0].body)["message"] == "plain words"
    octets = headers | {"content-type": "application/octet-stream"}
    (raw,) = cloudevents.decode(octets, b"\xff\x00", LIMITS)
    assert orjson.loads(Intake(LIMITS).take([raw], NOW).rows[0].body)["data"] == {"base64": "/wA="}
    assert len(cloudevents.decode(headers, b"", LIMITS)) == 1


def test_batches_lines_and_plain_arrays_are_taken():
    other = orjson.dumps(EVENT | {"id": "2"})
    assert ids(BATCH, b"[" + TEXT + b"," + other + b"]") == ["1", "2"]
    assert ids({"content-type": "application/json"}, b" [" + TEXT + b"]") == ["1"]
    assert ids(LINES, TEXT + b"\r\n\n  \n" + other) == ["1", "2"]
    assert ids(BATCH, b"[]") == []


BAD_ITEMS = [
    b'{"a": NaN}', b'{"a": "\\ud800"}', b'{"a": "\xff"}', b'{"a": 1e999}', b'{"a": tru}', b"[" * 3000 + b"]" * 3000,
    b'{"a": "\\q ]},{"}', b"",
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD_ITEMS)
def test_an_unreadable_event_of_a_batch_costs_only_itself(bad):
    other = orjson.dumps(EVENT | {"id": "2", "data": {"text": 'brackets ]},{[ and "quotes" \\'}})
    decoded = cloudevents.decode(BATCH, b"[" + TEXT + b"," + bad + b"," + other + b"]", LIMITS)
    assert [getattr(item, "code", None) for item in decoded] == [None, "malformed", None]
    assert isinstance(decoded[1], Rejected)
    assert decoded[1].index == 1
    assert ids(BATCH, b"[" + TEXT + b"," + bad + b"," + other + b"]") == ["1", "2"]


@pytest.mark.parametrize("bad", [item for item in BAD_ITEMS if item])
def test_an_unreadable_line_costs_only_itself(bad):
    decoded = cloudevents.decode(LINES, TEXT + b"\n" + bad + b"\n" + TEXT, LIMITS)
    assert [getattr(item, "code", None) for item in decoded] == [None, "malformed", None]


@pytest.mark.parametrize(
    ("headers", "body", "error", "field"),
    [
        (BATCH, b"{", InvalidInput, "body"),
        (BATCH, b'[{"a":1}', InvalidInput, "body"),
        (BATCH, b"[1]]", InvalidInput, "body"),
        (BATCH, b'"x"', InvalidInput, "body"),
        (BATCH, b"[" * 150_000, InvalidInput, "body"),
        (BATCH, b'["\\' * 40_000, InvalidInput, "body"),
        (BATCH, b"[" + b",".join([b"{}"] * 51) + b"]", TooLarge, "body"),
        (LINES, b"{}\n" * 51, TooLarge, "body"),
        (BATCH, b"[" + b" " * 200_001 + b"]", TooLarge, "body"),
        ({"content-type": "application/json"}, b"\xff\xfe", InvalidInput, "body"),
        ({"content-type": "application/json"}, b"5", InvalidInput, "body"),
        ({"content-type": "application/json; charset=utf-16"}, TEXT, InvalidInput, "content-type"),
        ({"content-type": "image/png"}, TEXT, InvalidInput, "content-type"),
        (BATCH | {"content-encoding": "br"}, b"[]", InvalidInput, "content-encoding"),
        (BATCH | {"content-encoding": "gzip"}, b"[]", InvalidInput, "body"),
        (BATCH | {"content-encoding": "gzip"}, gzip.compress(b"[]", mtime=0)[:-9], InvalidInput, "body"),
        (BATCH | {"content-encoding": "gzip"}, gzip.compress(b" " * 10_000_000), TooLarge, "body"),
    ],
)  # fmt: skip
def test_a_request_that_cannot_be_read_names_what_is_at_fault(headers, body, error, field):
    with pytest.raises(error) as raised:
        cloudevents.decode(headers, body, LIMITS)
    assert raised.value.field == field


def test_compressed_requests_are_unpacked():
    body = b"[" + TEXT + b"]"
    assert ids(BATCH | {"content-encoding": "gzip"}, gzip.compress(body)) == ["1"]
    assert ids(BATCH | {"content-encoding": "gzip"}, gzip.compress(body[:9]) + gzip.compress(body[9:])) == ["1"]
    assert ids(BATCH | {"content-encoding": "deflate"}, zlib.compress(body)) == ["1"]


KINDS = st.sampled_from(
    [
        "application/json",
        "application/cloudevents-batch+json",
        "application/x-ndjson",
        "application/x-protobuf",
        "x/y",
        "",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["alerts", "labels", "annotations", "status", "startsAt", "fingerprint", "resourceLogs", "scopeLogs",
             "logRecords", "body", "attributes", "key", "value", "stringValue", "kvlistValue", "values", "resource",
             "severityNumber", "timeUnixNano", "traceId", "id", "source", "type", "time", "data"]
        ),
        inner,
        max_size=5,
    ),
    max_leaves=25,
)  # fmt: skip


def encoded(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:
        return b"[1"


@pytest.mark.parametrize("decode", [cloudevents.decode, alertmanager.decode, otlp.decode, lines.decode])
@given(kind=KINDS, body=st.binary(max_size=300) | VALUES.map(encoded), source=st.sampled_from(["", "log/x"]))
def test_garbage_in_any_format_is_refused_and_never_crashes(decode, kind, body, source):
    try:
        decoded = decode({"content-type": kind, "x-source": source}, body, LIMITS)
    except (InvalidInput, TooLarge):
        return
    taken = Intake(LIMITS).take([*decoded, EVENT], NOW)
    assert taken.rows[-1].id == "1"
    assert len(taken.rows) + len(taken.rejected) == len(decoded) + 1
