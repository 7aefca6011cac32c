"""Playbooks over HTTP: lists, runs, approvals, recommendations, experiences; and brakes on what comes in."""

import time
from datetime import timedelta

import pytest

from grace_ray.core.brake import Brake, brake_record
from grace_ray.core.clock import utc_now
from grace_ray.core.store import Commit


def test_every_playbook_is_listed_page_by_page(http):
    first = http.get("/api/playbooks?limit=15").json()
    rest = http.get("/api/playbooks", params={"limit": 15, "after": first["next"]}).json()
    ids = [item["id"] for item in first["items"] + rest["items"]]
    assert (len(ids), len(set(ids)), rest["next"]) == (20, 20, None)
    assert http.get("/api/playbooks/vacuum-store").json()["steps"][0]["kind"] == "vacuum_store"


def test_the_performance_of_playbooks_is_listed_page_by_page(http):
    whole = http.get("/api/ml/dashboard/playbook-performance").json()
    ids, after = [], None
    while True:
        query = {"limit": 8} | ({"after": after} if after else {})
        page = http.get("/api/ml/dashboard/playbook-performance", params=query).json()
        ids += [item["playbook"] for item in page["items"]]
        if (after := page["next"]) is None:
            break
    assert ids == [item["playbook"] for item in whole["items"]]
    assert (len(ids), whole["next"]) == (21, None)
    assert http.get("/api/ml/causal-rl/policies", params={"after": "nothing"}).status_code == 422


def test_a_run_needs_no_body(http):
    answer = http.post("/api/playbooks/vacuum-store/run")
    assert (answer.status_code, answer.json()["is_dry"]) == (201, False)


def test_an_unknown_playbook_is_404_with_the_nearest(http):
    for answer in (
        http.get("/api/playbooks/vacuum-stoer"),
        http.post("/api/playbooks/vacuum-stoer/run", json={}),
        http.get("/api/ml/causal-rl/recommend?service=s&diagnosis=d&candidates=vacuum-stoer"),
    ):
        assert answer.status_code == 404
        assert "vacuum-store" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"parameters": {"by": "many"}}, "parameters.by"),
        ({"parameters": {"bye": 1}}, "parameters.bye"),
        ({"parameters": [1]}, "parameters"),
        ({"subject": "x" * 300}, "subject"),
        ({"dry_run": "perhaps"}, "dry_run"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_garbage_is_422_naming_the_field(http, body, field):
    answer = http.post("/api/playbooks/scale-http-up/run", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert not http.get("/api/playbook-runs").json()["items"]


def test_a_safe_one_is_to_start_and_a_risky_one_waits_for_a_yes(http):
    safe = http.post("/api/playbooks/trim-caches/run", json={"subject": "memory", "by": "ada"})
    assert (safe.status_code, safe.json()["status"], safe.json()["by"]) == (201, "pending", "ada")
    assert http.get(safe.headers["Location"]).json()["run_id"] == safe.json()["run_id"]
    risky = http.post("/api/playbooks/drain-node/run", json={"subject": "node"}).json()
    assert risky["status"] == "awaiting_approval"
    (waiting,) = http.get("/api/playbook-runs?status=awaiting_approval").json()["items"]
    assert waiting["run_id"] == risky["run_id"]
    approved = http.post(f"/api/playbook-runs/{risky['run_id']}/approve", json={"by": "bob"})
    assert (approved.json()["status"], approved.json()["approved_by"]) == ("pending", "bob")
    cancelled = http.post(f"/api/playbook-runs/{risky['run_id']}/cancel", json={"by": "bob", "note": "no"})
    assert cancelled.json()["status"] == "cancelled"
    for action in ("approve", "reject", "cancel"):
        assert http.post(f"/api/playbook-runs/{risky['run_id']}/{action}").status_code == 409
        assert http.post(f"/api/playbook-runs/nothing/{action}").status_code == 404


def test_the_same_request_again_makes_one_run(http):
    headers = {"Idempotency-Key": "k1"}
    first = http.post("/api/playbooks/trim-caches/run", json={"subject": "a"}, headers=headers).json()
    assert http.post("/api/playbooks/trim-caches/run", json={"subject": "a"}, headers=headers).json() == first
    assert len(http.get("/api/playbook-runs").json()["items"]) == 1


def test_a_second_run_on_the_same_subject_is_409(http):
    assert http.post("/api/playbooks/trim-caches/run", json={"subject": "a"}).status_code == 201
    answer = http.post("/api/playbooks/vacuum-store/run", json={"subject": "a"})
    assert (answer.status_code, answer.json()["field"]) == (409, "playbook")


def test_recommendations_rank_what_the_catalog_names_and_learn_from_reports(http):
    ranked = http.get("/api/ml/causal-rl/recommend?service=host&diagnosis=infra.memory_utilization").json()
    assert set(ranked[0]) == {
        "playbook", "score", "expected_reward", "uncertainty", "probability", "samples", "reasons"
    }  # fmt: skip
    assert ranked[0]["playbook"] == "trim-caches"
    assert sum(one["probability"] for one in ranked) == pytest.approx(1)
    for number in range(8):
        for name, reward in (("vacuum-store", 0.7), ("trim-caches", -0.1)):
            report = {
                "service": "host", "diagnosis": "infra.memory_utilization", "playbook": name, "reward": reward,
                "candidates": [
                    {"playbook": "vacuum-store", "probability": 0.5}, {"playbook": "trim-caches", "probability": 0.5}
                ],
                "experience_id": f"{name}{number}",
            }  # fmt: skip
            assert http.post("/api/ml/causal-rl/experience", json=report).status_code == 201
    again = http.post("/api/ml/causal-rl/experience", json=report)
    assert again.status_code == 409
    query = "service=host&diagnosis=infra.memory_utilization&candidates=trim-caches,vacuum-store"
    best, worst = http.get(f"/api/ml/causal-rl/recommend?{query}").json()
    assert (best["playbook"], best["samples"]) == ("vacuum-store", 8)
    assert best["expected_reward"] > worst["expected_reward"]
    figures = http.get("/api/ml/causal-rl/statistics").json()
    assert figures["experiences"] == 16
    assert figures["off_policy"]["policies"]["greedy"]["dr"] > figures["off_policy"]["policies"]["uniform"]["dr"]
    (policy,) = http.get("/api/ml/causal-rl/policies").json()["items"]
    assert (policy["service"], policy["samples"]) == ("host", 16)
    performance = http.get("/api/ml/dashboard/playbook-performance").json()["items"]
    assert performance[0]["playbook"] == "vacuum-store"
    assert performance[0]["moving_average"] == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("query", "field"),
    [("", "service"), ("service=s", "diagnosis"), ("service=&diagnosis=d", "service")],
)
def test_a_question_without_a_subject_is_422(http, query, field):
    answer = http.get(f"/api/ml/causal-rl/recommend?{query}")
    assert (answer.status_code, answer.json()["field"]) == (422, field)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"reward": 1.5}, "reward"),
        ({"service": ""}, "service"),
        ({"candidates": [{"playbook": "b", "probability": 1.0}]}, "candidates"),
        ({"candidates": [{"playbook": "a", "probability": 2}]}, "candidates[0].probability"),
        ({"candidates": [{"playbook": "a", "probability": 0.3}]}, "candidates"),
    ],
)
def test_garbage_experiences_are_422_naming_the_field(http, changed, field):
    report = {"service": "s", "diagnosis": "d", "playbook": "a", "reward": 0.1, **changed}
    answer = http.post("/api/ml/causal-rl/experience", json=report)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_where_playbooks_are_off_they_say_so(make):
    house = make(playbooks={"enabled": False})
    answer = house.http.post("/api/playbooks/trim-caches/run", json={})
    assert (answer.status_code, "switched off" in answer.json()["detail"]) == (503, True)
    assert house.http.get("/api/playbooks").status_code == 200


# Brakes


def put(house, kind, value, seconds=60.0):
    brake = Brake(kind=kind, value=value, until=utc_now() + timedelta(seconds=seconds), reason="by a test")
    house.loop.write(Commit(follower="steps", records=[brake_record(brake)]))
    house.app.state.brakes._read_at = 0.0  # a second has passed


def send(house, *events):
    headers = {"Content-Type": "application/cloudevents-batch+json"}
    return house.http.post("/api/events", json=list(events), headers=headers)


def test_a_paused_source_is_told_when_to_come_again_and_others_pass(house, event):
    put(house, "source", "/ci/builder")
    answer = send(house, event(1), event(2))
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert "by a test" in answer.json()["detail"]
    assert send(house, event(3, source="/other")).status_code == 202


def test_of_a_mixed_batch_what_may_pass_is_kept_and_nothing_is_lost_when_it_comes_again(house, event):
    put(house, "severity", "high", seconds=1.5)
    batch = [event(1, severity="critical"), event(2, severity="low"), event(3, severity="high")]
    assert send(house, *batch).status_code == 429
    kept = {entry.id for entry in house.loop.reader.entries(0, 100) if entry.kind == "event"}
    assert {"e1", "e3"} <= kept
    assert "e2" not in kept
    time.sleep(1.6)  # it ends by itself
    answer = send(house, *batch)
    assert (answer.status_code, answer.json()["accepted"], answer.json()["duplicates"]) == (202, 1, 2)


def test_a_brake_that_is_taken_off_is_off_within_a_second(house, event):
    put(house, "source", "/ci/builder")
    assert send(house, event(1)).status_code == 429
    record = brake_record(Brake(kind="source", value="/ci/builder", until=utc_now()))
    house.loop.write(Commit(follower="steps", records=[record._replace(body=None)]))
    time.sleep(1.05)
    assert send(house, event(1)).status_code == 202
