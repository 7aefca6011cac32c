"""Intake: what is taken, what is refused with which field, and what is derived."""

import json
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grace_ray.core.canonical import canonical
from grace_ray.core.event import Event
from grace_ray.core.event_types import REGISTRY, lookup
from grace_ray.sense.intake import Intake, Taken
from grace_ray.settings import IntakeSettings

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
INTAKE = Intake(IntakeSettings())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


def raw(**attributes: Any) -> dict[str, Any]:
    return {"specversion": "1.0", "id": "1", "source": "/ci", "type": "com.acme.order.lost"} | attributes


def take(*raws: Any) -> Taken:
    return INTAKE.take(raws, NOW)


def body(**attributes: Any) -> dict[str, Any]:
    taken = take(raw(**attributes))
    assert not taken.rejected, taken.rejected
    decoded: dict[str, Any] = orjson.loads(taken.rows[0].body)
    return decoded


def refused(**attributes: Any) -> str:
    taken = take(raw(**attributes))
    assert not taken.rows
    return taken.rejected[0].field


def test_a_bad_event_never_costs_the_good_ones():
    taken = take(raw(id="a"), 7, None, [], raw(id=""), raw(id="b", time="never"), raw(id="c"))
    assert [row.id for row in taken.rows] == ["a", "c"]
    assert [(item.index, item.id, item.field) for item in taken.rejected] == [
        (1, "", "event"), (2, "", "event"), (3, "", "event"), (4, "", "id"), (5, "b", "time"),
    ]  # fmt: skip


@pytest.mark.parametrize("field", ["id", "source", "type", "specversion"])
@pytest.mark.parametrize("value", [None, "", 5, ["x"], "x" * 5000, "nul\0", "line\nbreak"])
def test_an_attribute_that_must_be_there_is_named_when_it_is_not(field, value):
    assert refused(**{field: value}) == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time", "2026-13-01T00:00:00Z"), ("time", "2026-06-01"), ("time", "2026-06-01T12:00:00"), ("time", 5),
        ("time", "2026-06-01T14:00:00Z"), ("time", "2020-06-01T14:00:00Z"), ("time", "0001-01-01T00:00:00+14:00"),
        ("severity", "urgent"), ("severity", 3), ("severity", ["high"]), ("domain", "a:b"), ("domain", ""),
        ("domain", 1), ("pattern", "a/b"), ("pattern", 5), ("success", "maybe"), ("subject", 4), ("subject", "a\0b"),
        ("cause", {}), ("trace", 5), ("traceparent", 1), ("message", 5), ("data_base64", "%%%"), ("UPPER", "x"),
        ("weird-name", "x"), ("nested", {"a": 1}), ("long", "x" * 5000), ("data", {"a": "b\0c"}), ("data", {"\0": 1}),
        ("data", "x" * 300_000),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_by_the_name_of_its_field(field, value):
    assert refused(**{field: value}) == field


def test_the_size_of_an_event_is_a_code_of_its_own():
    assert take(raw(data="x" * 300_000)).rejected[0].code == "too_large"


@pytest.mark.parametrize("depth", [40, 300, 1020])
def test_deep_nesting_is_refused_however_deep(depth):
    data: Any = 1
    for _ in range(depth):
        data = {"a": data}
    assert refused(data=data) == "data"


def test_wide_data_is_not_taken_for_deep():
    assert len(body(data={"items": [{"a": [1]}] * 100})["data"]["items"]) == 100


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-06-01T11:00:00Z", datetime(2026, 6, 1, 11, tzinfo=UTC)),
        ("2026-06-01t11:00:00.5z", datetime(2026, 6, 1, 11, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-06-01T13:00:00.123456789+02:00", datetime(2026, 6, 1, 11, 0, 0, 123_456, tzinfo=UTC)),
        ("2026-06-01T10:59:60Z", datetime(2026, 6, 1, 11, tzinfo=UTC)),
        (None, NOW),
    ],
)
def test_times_of_rfc_3339_become_utc(text, at):
    assert take(raw(time=text)).rows[0].at == at


def test_a_reported_time_out_of_bounds_is_replaced_by_the_time_of_receipt():
    assert take(raw(reported="2018-01-01T00:00:00Z")).rows[0].at == NOW
    assert take(raw(reported=["x"])).rows[0].at == NOW
    assert take(raw(reported="2026-06-01T11:00:00Z")).rows[0].at == datetime(2026, 6, 1, 11, tzinfo=UTC)


def test_a_trace_is_taken_from_traceparent_and_a_bad_one_ignored():
    trace = "0af7651916cd43dd8448eb211c80319c"
    assert take(raw(traceparent=f"00-{trace}-b7ad6b7169203331-01")).rows[0].trace == trace
    assert take(raw(traceparent="nonsense")).rows[0].trace == ""
    assert take(raw(trace="t1", cause="e7")).rows[0][6:8] == ("t1", "e7")


def test_an_unknown_type_is_custom_and_counted():
    taken = take(raw(id="1"), raw(id="2"), raw(id="3", type="error.unhandled"))
    assert orjson.loads(taken.rows[0].body)["domain"] == "custom"
    assert taken.unknown == {"com.acme.order.lost": 2}


@pytest.mark.parametrize(
    ("remaining", "severity"),
    [(0, "critical"), (-1, "critical"), (1, "high"), (9, "high"), (10, "medium"), (60, "medium")],
)
def test_a_rate_limit_is_as_grave_as_what_remains_of_it(remaining, severity):
    found = body(type="github.rate_limit", data={"remaining": remaining})
    assert (found["domain"], found["severity"], found["pattern"]) == ("remote_access", severity, "blocked")


@pytest.mark.parametrize(
    ("name", "data", "severity"),
    [
        ("htm.anomaly.detected", {"anomaly_score": 0.99}, "critical"),
        ("htm.anomaly.detected", {"anomaly_score": 0.85}, "high"),
        ("htm.anomaly.detected", {"anomaly_score": 0.6}, "medium"),
        ("htm.anomaly.detected", {"anomaly_score": 0.1}, "low"),
        ("htm.anomaly.detected", {"anomaly_score": "high"}, "medium"),
        ("htm.anomaly.detected", {"anomaly_score": True}, "medium"),
        ("service.degraded", {"error_rate": 0.6}, "critical"),
        ("service.degraded", {}, "high"),
        ("com.acme.x", {"level": "ERROR"}, "high"),
        ("com.acme.x", {"severity": "page"}, "critical"),
        ("com.acme.job.completed", {"level": "error"}, "low"),
    ],
)
def test_severity_follows_the_payloads_own_numbers_and_words(name, data, severity):
    assert body(type=name, data=data)["severity"] == severity


def test_what_the_sender_says_wins_over_what_is_derived():
    found = body(
        type="github.rate_limit", severity="low", domain="ci", pattern="quota", message="hm", data={"remaining": 0}
    )
    assert (found["severity"], found["domain"], found["pattern"], found["message"]) == ("low", "ci", "quota", "hm")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"msg": "disk full", "a": 1}, "disk full"),
        ({"error": {"message": "boom"}}, "boom"),
        ({"b": 2, "a": "x", "c": {"d": 1}}, "com.acme.order.lost: a=x b=2"),
        ("just text", "just text"),
        ([1, 2], "com.acme.order.lost"),
        (None, "com.acme.order.lost"),
    ],
)
def test_the_message_is_what_a_person_would_read_first(data, message):
    assert body(data=data)["message"] == message


def test_success_events_are_marked_as_baseline():
    assert body(type="service.recovered")["success"] is True
    assert "success" not in body(type="service.degraded")
    assert body(success=True)["success"] is True


def test_data_in_base64_is_decoded_where_it_is_text_or_json():
    assert body(data_base64="eyJhIjoxfQ==", datacontenttype="application/json")["data"] == {"a": 1}
    assert body(data_base64="aGk=", datacontenttype="text/plain")["data"] == {"value": "hi"}
    assert body(data_base64="/w==")["data"] == {"base64": "/w=="}
    assert refused(data_base64="/w==", datacontenttype="application/json") == "data_base64"
    assert refused(data_base64="aGk=", data=1) == "data_base64"


def test_extensions_of_others_are_kept():
    assert body(tenant="a", count=3, flag=True)["extensions"] == {"tenant": "a", "count": 3, "flag": True}


def test_a_stored_row_gives_back_the_event():
    event = Event(
        id="9", source="s", type="htm.degradation", at=NOW, domain="htm", severity="high", pattern="degraded",
        message="m", subject="cpu", trace="t", cause="c", data={"value": 1.5},
    )  # fmt: skip
    taken = INTAKE.take_events([event], NOW)
    assert taken.rows == [event.to_row()]


def test_events_of_this_process_with_values_that_json_lacks_are_refused():
    event = Event(id="9", source="s", type="t", at=NOW, domain="d", severity="low", data={"a": float("nan")})
    assert INTAKE.take_events([event], NOW).rejected[0].field == "data"


def test_secrets_are_gone_before_anything_is_stored():
    taken = take(
        raw(
            source="https://ann:hunter2@ci/x",
            subject="token=hunter2",
            message="login with password=hunter2",
            data={"password": "hunter2", "nested": [{"api_key": "hunter2"}], "url": "http://a:hunter2@b/"},
        ),
        raw(id="2", data={"secret": "hunter2"}),
        raw(id="3", tenanttoken="hunter2"),
    )
    assert b"hunter2" not in repr(taken.rows).encode()
    assert taken.rows[0].source == "https://ann:[redacted]@ci/x"


@example([6.1e-05, 1e-07, 1.5e16, -1e-05, 0.0001, 1e22, -0.0, 5e-324, 1.7976931348623157e308])
@example({"e5": "e5,", "\U0001f600": 1, "\uffff": "\x7f\u2028"})
@given(JSON)
def test_the_fast_encoding_is_the_canonical_one(value):
    encoded = orjson.dumps(raw(data={"v": value}))
    taken = INTAKE.take([orjson.loads(encoded)], NOW)
    for row in taken.rows:
        assert row.body == canonical(json.loads(row.body))


@given(st.dictionaries(st.sampled_from(sorted(raw())) | st.text(max_size=8), JSON, max_size=8))
def test_no_object_whatever_breaks_intake(found):
    taken = take(raw(id="good"), orjson.loads(orjson.dumps(found)), raw(id="also good"))
    assert {"good", "also good"} <= {row.id for row in taken.rows}
    assert len(taken.rows) + len(taken.rejected) == 3


def test_the_registry_has_the_types_of_the_spec_and_thirty_in_all():
    assert len(REGISTRY) >= 30
    domains = {"guardian": 5, "htm": 3, "rag": 3, "remote_access": 4}
    for domain, count in domains.items():
        assert sum(kind.domain == domain for kind in REGISTRY.values()) == count
    assert lookup("mission.created").success
    assert not lookup("mission.failed").success
    assert lookup("com.acme.thing").domain == "custom"
