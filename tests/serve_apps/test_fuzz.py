"""Whatever is sent to whichever route: nothing crashes, and every refusal is a problem that can be read."""

import json
import re
import string
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
TYPES = st.sampled_from(
    [
        "application/json",
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
        "application/x-ndjson",
        "application/x-protobuf",
        "text/plain",
        "garbage",
        "",
    ]
)
NAMES = """
specversion id source type time subject data data_base64 domain severity pattern success alerts status labels documents
text title origin question topic keys templates until for_s value by note useful resourceLogs token
""".split()  # noqa: SIM905
OBJECT = st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6)
BODY = st.one_of(
    st.binary(max_size=200),
    JSON.map(lambda value: json.dumps(value).encode()),
    OBJECT.map(lambda value: json.dumps(value).encode()),
    st.lists(OBJECT, max_size=3).map(lambda value: json.dumps(value).encode()),
    OBJECT.map(lambda value: json.dumps({**_EVENT, **value}).encode()),
)
_EVENT = {"specversion": "1.0", "id": "1", "source": "/s", "type": "a.b"}
PLACE = st.one_of(
    TEXT.map(lambda text: text.replace("/", "") or "x"),
    st.integers(-2, 2**70).map(str),
    st.sampled_from(["agents:high:build_failed", "..", "%", "a%2Fb", "'; drop table entries; --"]),
)
QUERY = st.dictionaries(
    st.sampled_from(["limit", "after", "status", "kind", "order", "q", "k", "origin", "first", "second", "tree_size"]),
    TEXT | st.integers(-5, 2**70).map(str),
    max_size=4,
)


@pytest.fixture
def checked(make):
    """A house whose every route is switched on."""
    return make(intake={"github_secret": "s3cret"})


def _routes(app):
    description = app.openapi()
    return [
        (method.upper(), path)
        for path, operations in sorted(description["paths"].items())
        for method in operations
        if path != "/api/stream"
    ]


def _check(answer, sent):
    assert answer.status_code < 500, (sent, answer.text)
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json", sent
        assert answer.json()["detail"], sent
    assert answer.headers["X-Request-ID"]


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.data())
def test_no_request_is_answered_with_500(checked, data):
    method, path = data.draw(st.sampled_from(_routes(checked.app)))
    path = re.sub(r"{[^}]+}", lambda _: quote(data.draw(PLACE), safe=":"), path)
    request = checked.http.build_request(
        method,
        path,
        params=data.draw(QUERY),
        content=None if method == "GET" else data.draw(BODY),
        headers={
            "Content-Type": data.draw(TYPES),
            "Idempotency-Key": data.draw(st.text(string.ascii_letters, max_size=3)),
        },
    )
    _check(checked.http.send(request), (method, str(request.url), request.content))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(OBJECT.map(lambda extra: {**_EVENT, **extra}) | JSON, max_size=5))
def test_no_event_breaks_the_loop(house, events):
    answer = house.http.post("/api/events", json=events)
    _check(answer, events)
    assert house.http.get("/api/clusters").status_code == 200
