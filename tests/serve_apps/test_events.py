"""Ways in: every mode of CloudEvents, webhooks and OTLP; the good events of a batch are kept, the bad ones named."""

import gzip
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest

from grace_ray.core.clock import to_text

BATCH = {"Content-Type": "application/cloudevents-batch+json"}


def _stored(http):
    return http.get("/api/journal?kind=event&limit=1000").json()["items"]


def test_a_structured_event_is_durable_when_it_is_acknowledged(http, event):
    answer = http.post(
        "/api/events", content=json.dumps(event()), headers={"Content-Type": "application/cloudevents+json"}
    )
    assert answer.status_code == 202
    assert answer.json() == {"accepted": 1, "duplicates": 0, "rejected": [], "ids": ["e1"]}
    (entry,) = _stored(http)
    assert (entry["id"], entry["source"], entry["type"]) == ("e1", "/ci/builder", "coding_agent.build.failed")


def test_a_batch_a_stream_of_lines_and_plain_json_are_taken(http, event):
    lines = "\n".join(json.dumps(event(f"n{i}")) for i in range(3))
    assert http.post("/api/events", content=json.dumps([event(1), event(2)]), headers=BATCH).json()["accepted"] == 2
    assert (
        http.post("/api/events", content=lines, headers={"Content-Type": "application/x-ndjson"}).json()["accepted"]
        == 3
    )
    assert http.post("/api/events", json=event("plain")).json()["accepted"] == 1


def test_a_binary_event_has_its_attributes_in_headers(http):
    headers = {"ce-specversion": "1.0", "ce-id": "b1", "ce-source": "/s", "ce-type": "rag.retrieval.failed"}
    assert http.post("/api/events", json={"message": "no index"}, headers=headers).json()["ids"] == ["b1"]
    assert _stored(http)[0]["body"]["data"] == {"message": "no index"}


def test_the_same_event_twice_is_one_event(http, event):
    http.post("/api/events", json=event())
    answer = http.post("/api/events", json=[event(), event(2), event(2)])
    assert (answer.json()["accepted"], answer.json()["duplicates"]) == (1, 2)
    assert len(_stored(http)) == 2


def test_a_gzip_batch_is_taken(http, event):
    packed = gzip.compress(json.dumps([event(i) for i in range(500)]).encode())
    answer = http.post("/api/events", content=packed, headers={**BATCH, "Content-Encoding": "gzip"})
    assert answer.json()["accepted"] == 500
    assert "ids" not in answer.json()


def _late(days: float) -> str:
    return to_text(datetime.now(UTC) + timedelta(days=days))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": ""}, "id"),
        ({"id": 7}, "id"),
        ({"id": "x" * 300}, "id"),
        ({"id": "a\x00b"}, "id"),
        ({"source": None}, "source"),
        ({"type": ["a"]}, "type"),
        ({"specversion": "0.3"}, "specversion"),
        ({"time": "yesterday"}, "time"),
        ({"time": 1700000000}, "time"),
        ({"time": "2026-13-45T99:99:99Z"}, "time"),
        ({"time": "9999-12-31T23:59:59-23:59"}, "time"),
        ({"time": _late(+2)}, "time"),
        ({"time": _late(-4000)}, "time"),
        ({"severity": "apocalyptic"}, "severity"),
        ({"domain": {"a": 1}}, "domain"),
        ({"pattern": "a/../b"}, "pattern"),
        ({"data": {"deep": json.loads("[" * 60 + "]" * 60)}}, "data"),
        ({"data": {"big": "x" * 300_000}}, "data"),
        ({"data": {"nul": "a\x00b"}}, "data"),
        ({"success": "perhaps"}, "success"),
    ],
)
def test_a_bad_event_is_named_and_costs_only_itself(http, change, field, event):
    answer = http.post("/api/events", json=[event("good-1"), event("bad", **change), event("good-2")])
    assert answer.status_code == 202
    said = answer.json()
    assert (said["accepted"], len(said["rejected"])) == (2, 1)
    assert (said["rejected"][0]["index"], said["rejected"][0]["field"]) == (1, field)
    assert said["rejected"][0]["reason"]
    assert {entry["id"] for entry in _stored(http)} == {"egood-1", "egood-2"}
    alone = http.post("/api/events", json=event("bad", **change))
    assert alone.status_code in {413, 422}
    assert alone.json()["field"] == field
    assert alone.json()["rejected"][0]["field"] == field


@pytest.mark.parametrize(
    ("content", "media_type", "status", "field"),
    [
        (b"", "application/json", 400, "body"),
        (b"{", "application/cloudevents+json", 400, "body"),
        (b"\xff\xfe\x00", "application/json", 400, "body"),
        (b'"text"', "application/json", 400, "body"),
        (b"[1, 2", "application/cloudevents-batch+json", 400, "body"),
        (b'{"a": 1}', "application/cloudevents-batch+json", 400, "body"),
        (b"<event/>", "application/xml", 415, "content-type"),
        (b"a=b", "application/x-www-form-urlencoded", 415, "content-type"),
        (b"{}", "application/json; charset=utf-16", 415, "content-type"),
        (b"[" * 100_000 + b"]" * 100_000, "application/json", 400, "event"),
        (b"NaN", "application/json", 400, "body"),
    ],
)
def test_a_request_that_cannot_be_read_is_a_clear_4xx(http, content, media_type, status, field):
    answer = http.post("/api/events", content=content, headers={"Content-Type": media_type})
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["field"] == field
    assert not _stored(http)


def test_broken_lines_are_named_and_the_others_kept(http, event):
    lines = [json.dumps(event(1)).encode(), b"{oops", b"\xff\xfe", json.dumps(event(2)).encode(), b"[]"]
    answer = http.post(
        "/api/events", content=b"\n".join(lines), headers={"Content-Type": "application/x-ndjson"}
    ).json()
    assert answer["accepted"] == 2
    assert [item["index"] for item in answer["rejected"]] == [1, 2, 4]


def test_a_lone_surrogate_does_no_harm(http, event):
    body = (
        b'[{"specversion":"1.0","id":"s","source":"/s","type":"a.b","data":{"m":"\\ud800"}},'
        + json.dumps(event()).encode()
        + b"]"
    )
    answer = http.post("/api/events", content=body, headers=BATCH)
    assert answer.status_code == 202
    assert answer.json()["accepted"] >= 1


def test_too_many_events_in_one_request_are_refused(make, event):
    http = make(intake={"batch_max_events": 10}).http
    answer = http.post("/api/events", json=[event(i) for i in range(11)])
    assert answer.status_code == 413
    assert answer.json()["field"] == "body"


def test_a_body_beyond_the_limit_is_refused(make, event):
    http = make(intake={"body_max_bytes": 2000}).http
    assert http.post("/api/events", json=event(data={"message": "x" * 3000})).status_code == 413


def test_a_full_buffer_is_429_with_retry_after_and_what_was_acknowledged_stays(make, event):
    house = make(triage={"buffer": 5})
    house.loop.settle = lambda: None  # triage is busy
    assert house.http.post("/api/events", json=[event(i) for i in range(5)]).status_code == 202
    answer = house.http.post("/api/events", json=event("late"))
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert len(_stored(house.http)) == 5


def test_a_switched_off_intake_says_so(make, event):
    http = make(intake={"enabled": False}).http
    answer = http.post("/api/events", json=event())
    assert answer.status_code == 503
    assert answer.json()["field"] == "intake.enabled"


def test_secrets_never_reach_the_journal(http, event):
    http.post(
        "/api/events", json=event(data={"password": "hunter22", "headers": {"Authorization": "Bearer abcdef123"}})
    )
    text = http.get("/api/journal").text
    assert "hunter22" not in text
    assert "abcdef123" not in text


ALERT = {
    "version": "4",
    "status": "firing",
    "receiver": "grace",
    "groupLabels": {},
    "commonLabels": {},
    "commonAnnotations": {},
    "externalURL": "http://am",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "KubePodCrashLooping", "severity": "critical", "pod": "a"},
            "annotations": {"summary": "Pod a restarts"},
            "startsAt": _late(-0.01),
            "endsAt": "0001-01-01T00:00:00Z",
            "fingerprint": "f1",
        }
    ],
}


def test_alertmanagers_webhook_becomes_a_cluster(http):
    answer = http.post("/api/integrations/alertmanager", json=ALERT)
    assert answer.json()["accepted"] == 1, answer.text
    (cluster,) = http.get("/api/clusters").json()["items"]
    assert cluster["severity"] == "critical"
    assert http.post("/api/integrations/alertmanager", json=ALERT).json()["duplicates"] == 1


@pytest.mark.parametrize("body", [{}, [], {"alerts": "no"}, {"version": "4", "alerts": [7, None]}])
def test_a_bad_alert_is_a_clear_4xx(http, body):
    answer = http.post("/api/integrations/alertmanager", json=body)
    assert 400 <= answer.status_code < 500
    assert answer.json()["field"]


def test_githubs_webhook_is_checked_by_its_signature(make):
    http = make(intake={"github_secret": "s3cret"}).http
    body = json.dumps({"action": "completed", "check_run": {"conclusion": "failure", "name": "ci"}}).encode()
    signature = "sha256=" + hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    headers = {"X-GitHub-Event": "check_run", "X-GitHub-Delivery": "d1", "Content-Type": "application/json"}
    assert http.post("/api/integrations/github", content=body, headers=headers).status_code == 401
    wrong = {**headers, "X-Hub-Signature-256": "sha256=" + "0" * 64}
    assert http.post("/api/integrations/github", content=body, headers=wrong).status_code == 401
    right = {**headers, "X-Hub-Signature-256": signature}
    assert http.post("/api/integrations/github", content=body, headers=right).json()["ids"] == ["d1"]


def test_githubs_webhook_is_refused_while_no_secret_is_set(http):
    assert http.post("/api/integrations/github", json={}, headers={"X-GitHub-Event": "ping"}).status_code >= 400


def test_opentelemetry_logs_are_answered_in_their_own_protocol(http):
    record = {"severityNumber": 17, "body": {"stringValue": "disk full"}, "timeUnixNano": "0"}
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record, 7]}]}]}
    answer = http.post("/v1/logs", json=logs)
    assert answer.status_code == 200, answer.text
    assert answer.json()["partialSuccess"]["rejectedLogRecords"] == "1"
    assert http.post("/v1/logs", content=b"", headers={"Content-Type": "application/x-protobuf"}).content == b""
    garbage = http.post("/v1/logs", content=b"\xff\xff", headers={"Content-Type": "application/x-protobuf"})
    assert garbage.status_code == 400
    assert http.post("/v1/logs", content=b"x", headers={"Content-Type": "text/plain"}).status_code == 415


def test_an_idempotency_key_replays_the_first_answer(http, event):
    first = http.post("/api/events", json=event(), headers={"Idempotency-Key": "k"})
    again = http.post("/api/events", json=event(), headers={"Idempotency-Key": "k"})
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
