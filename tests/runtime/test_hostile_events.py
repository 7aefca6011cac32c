"""What a hostile or broken sender may post to a running Grace: a clear 4xx, the good ones kept, nothing crashes."""

import gzip
import json
import random
import socket
import string
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import pytest

from tests.conftest import Running
from tests.runtime.own import words

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

SOURCE = "/tests/hostile"
BATCH = "application/cloudevents-batch+json"
MEGABYTE = 2**20


@pytest.fixture(autouse=True)
def nothing_crashes(running: Running) -> Iterator[None]:
    state = json.loads((running.home / "run" / "state.json").read_text())

    def parts() -> set[tuple[int, str]]:
        own = psutil.Process(state["pid"]).children(recursive=True)
        named = {(process.pid, words(process).split(".")[0].split(" ")[0]) for process in own}
        return {(pid, name) for pid, name in named if name in ("ray::JournalActor", "ray::ServeReplica:grace:api")}

    before = parts()
    assert len(before) == 2
    yield
    assert parts() == before, "a process crashed"
    assert running.http.get("/healthz").status_code == 200


def event(number: Any, **fields: Any) -> dict[str, Any]:
    return {"specversion": "1.0", "id": f"h-{number}", "source": SOURCE, "type": "service.degraded", **fields}


def dated(**ago: float) -> str:
    return (datetime.now(UTC) - timedelta(**ago)).isoformat()


def nested(levels: int) -> Any:
    value: Any = "bottom"
    for _ in range(levels):
        value = {"in": value}
    return value


BAD = {
    "no id": ({"id": None}, "id"),
    "an id that is a number": ({"id": 7}, "id"),
    "a huge id": ({"id": "x" * 10_000}, "id"),
    "a source that is a list": ({"source": ["a"]}, "source"),
    "no type": ({"type": ""}, "type"),
    "another version": ({"specversion": "2.0"}, "specversion"),
    "an unknown severity": ({"severity": "apocalyptic"}, "severity"),
    "a severity that is a number": ({"severity": 5}, "severity"),
    "a time that is a number": ({"time": 1700000000}, "time"),
    "a time that is none": ({"time": "soon"}, "time"),
    "a day that is none": ({"time": "2026-02-30T00:00:00Z"}, "time"),
    "from the future": ({"time": dated(days=-2)}, "time"),
    "from the far past": ({"time": dated(days=4000)}, "time"),
    "before all time": ({"time": "0001-01-01T00:00:00+14:00"}, "time"),
    "deeply nested": ({"data": nested(60)}, "data"),
    "nested beyond every stack": ({"data": nested(900)}, "data"),
    "a huge event": ({"data": {"message": "x" * MEGABYTE}}, "data"),
    "a NUL": ({"data": {"message": "a\0b"}}, "data"),
    "a message that is a list": ({"message": ["a"]}, "message"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_event_is_named_and_the_good_ones_beside_it_are_kept(running: Running, name: str) -> None:
    change, field = BAD[name]
    place = list(BAD).index(name)
    good = [event(f"{place}-before"), event(f"{place}-after")]
    bad = event(f"{place}-bad", **change)
    answer = _post(running, json.dumps([good[0], bad, good[1]]).encode(), BATCH)
    assert answer.status_code == 202, answer.text
    said = answer.json()
    assert said["accepted"] == 2
    assert [(item["index"], item["field"]) for item in said["rejected"]] == [(1, field)]
    assert said["rejected"][0]["reason"].endswith(".")
    alone = _post(running, json.dumps(bad).encode(), "application/cloudevents+json")
    assert alone.status_code in (413, 422), alone.text
    assert alone.json()["field"] == field
    stored = running.http.get("/api/journal", params={"source": SOURCE, "limit": 1000}).json()["items"]
    assert {entry["id"] for entry in stored} >= {entry["id"] for entry in good}


@pytest.mark.parametrize(
    ("body", "media_type", "statuses"),
    [
        (b"", BATCH, {400}),
        (b"{", BATCH, {400}),
        (b"\xff\xfe\x00\x01", BATCH, {400}),
        (b'[{"id": "\xc3\x28"}]', BATCH, {400}),
        (json.dumps([event(1)]).encode("utf-16"), BATCH, {400}),
        (b"[" * 1_000_000, BATCH, {400}),
        (b'{"a":' * 200_000 + b"1" + b"}" * 200_000, "application/json", {400}),
        (b"[NaN]", BATCH, {400}),
        (b"[" + b"9" * 100_000 + b"]", BATCH, {400, 422}),
        (b"<xml/>", "application/xml", {415}),
        (b"x" * (17 * MEGABYTE), BATCH, {413}),
        (b"[" + b",".join(b"{}" for _ in range(10_001)) + b"]", BATCH, {413}),
    ],
    ids=lambda value: repr(value)[:20] if isinstance(value, bytes) else "",
)
def test_a_request_that_is_no_events_is_a_clear_4xx(
    running: Running, body: bytes, media_type: str, statuses: set[int]
) -> None:
    answer = _post(running, body, media_type)
    assert answer.status_code in statuses, answer.text[:500]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["field"]
    assert answer.json()["detail"]


def test_a_small_body_that_unpacks_to_a_huge_one_is_refused(running: Running) -> None:
    bomb = gzip.compress(bytes(200 * MEGABYTE))
    assert len(bomb) < MEGABYTE
    answer = _post(running, bomb, BATCH, {"Content-Encoding": "gzip"})
    assert answer.status_code == 413, answer.text
    broken = _post(running, bomb[:1000], BATCH, {"Content-Encoding": "gzip"})
    assert broken.status_code == 400, broken.text


def test_lines_that_are_no_events_cost_only_themselves(running: Running) -> None:
    lines = [json.dumps(event("line-1")).encode(), b"{oops", b"\xff\xfe", b"[]", json.dumps(event("line-2")).encode()]
    answer = _post(running, b"\n".join(lines), "application/x-ndjson")
    assert answer.status_code == 202, answer.text
    said = answer.json()
    assert said["accepted"] == 2
    assert [item["index"] for item in said["rejected"]] == [1, 2, 3]


def test_a_sender_that_goes_away_in_the_middle_does_no_harm(running: Running) -> None:
    head = f"POST /api/events HTTP/1.1\r\nHost: grace\r\nContent-Type: {BATCH}\r\nContent-Length: 100000\r\n\r\n"
    for part in (b"", head.encode(), head.encode() + b'[{"specversion"'):
        with socket.create_connection(("127.0.0.1", int(running.environment["GRACE_HTTP_PORT"])), timeout=10) as way:
            way.sendall(part)
    assert _post(running, json.dumps([event("after-hang-up")]).encode(), BATCH).status_code == 202


def test_random_damage_to_a_batch_is_never_a_5xx(running: Running) -> None:
    rng = random.Random(20261121)
    sound = json.dumps([event(f"damage-{number}", severity="high", data={"n": number}) for number in range(3)]).encode()
    for _ in range(150):
        damaged = bytearray(sound)
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(damaged))
            what = rng.randrange(3)
            if what == 0:
                damaged[at] = rng.randrange(256)
            elif what == 1:
                del damaged[at : at + rng.randint(1, 20)]
            else:
                damaged[at:at] = rng.choice(string.printable).encode() * rng.randint(1, 5)
        answer = _post(running, bytes(damaged), BATCH)
        assert answer.status_code in (202, 400, 413, 422), (bytes(damaged), answer.text)


def _post(running: Running, body: bytes, media_type: str, headers: dict[str, str] | None = None) -> Any:
    return running.http.post("/api/events", content=body, headers={"Content-Type": media_type, **(headers or {})})
