"""Recommendations over HTTP: durable when acknowledged, found at once, judged in any order, and nobody else's."""

from datetime import timedelta

import orjson
import pytest
from starlette.testclient import TestClient

from grace_ray.core.clock import to_text, utc_now
from grace_ray.core.recommendation import OUTCOMES_VIEW, RECOMMENDATIONS_VIEW
from grace_ray.core.store import EntryFilter

API = "/api/v1/learning"
TRACKED = {"workspace_id": "acme", "recommendation_id": "r-1", "agent_id": "ann", "recommendation_type": "strategy"}
TOKENS = [
    {"name": "acme", "token": "a-1", "scopes": ["read", "ingest", "operate"], "workspaces": ["acme"]},
    {"name": "sender", "token": "s-1", "scopes": ["ingest"], "workspaces": ["acme"]},
    {"name": "all", "token": "x-1", "scopes": ["read", "ingest"]},
]


OTHERS_OFF = {
    part: {"enabled": False}
    for part in ("triage", "missions", "knowledge", "metrics", "forecaster", "playbooks", "scheduler")
}


@pytest.fixture
def make(make):
    """Make a house that has only what this is about."""
    return lambda **settings: make(**OTHERS_OFF, **settings)


@pytest.fixture
def house(make):
    return make()


def track(http, *items, workspace="acme", **headers):
    return http.post(f"{API}/recommendations/track", json={"workspace_id": workspace, "items": items}, headers=headers)


def judge(http, *items, workspace="acme"):
    return http.post(f"{API}/outcomes/evaluate", json={"workspace_id": workspace, "items": items})


def shown(http, name="r-1", workspace="acme"):
    return http.get(f"{API}/recommendations/{name}", params={"workspace_id": workspace})


def refusals(house):
    where = EntryFilter(kinds=frozenset({"finding"}), type="workspace.refused")
    return [(entry.subject, entry.content()["what"], entry.content()["asked"])
            for entry in house.gateway.reader.entries(0, 100, where)]  # fmt: skip


# Tracking


def test_what_was_acknowledged_is_found_at_once_and_sent_again_changes_nothing(http):
    given = {**TRACKED, "recommendation_content": {"plan": [1]}, "confidence_score": 0.8, "evidence": "a log line"}
    first = http.post(f"{API}/recommendations/track", json=given)
    assert (first.status_code, first.json()) == (202, {"recommendation_id": "r-1", "status": "accepted"})
    found = shown(http).json()
    assert found["recommendation_content"] == {"plan": [1]}
    assert (found["confidence_score"], found["outcome"], found["evidence"]) == (0.8, "pending", ["a log line"])
    again = http.post(f"{API}/recommendations/track", json={**given, "confidence_score": 0.1})
    assert (again.status_code, again.json()["status"]) == (202, "duplicate")
    assert shown(http).json()["confidence_score"] == 0.8


def test_it_is_found_before_the_trust_part_has_taken_it(house, monkeypatch):
    monkeypatch.setattr(house.loop, "settle", lambda: None)
    monkeypatch.setattr("serve_apps.workspaces._LOOKS", 2)
    assert track(house.http, {"recommendation_id": "r-1", "agent_id": "ann"}).json()["accepted"] == 1
    assert house.gateway.reader.record(RECOMMENDATIONS_VIEW, "acme/r-1") is None
    assert shown(house.http).json()["agent_id"] == "ann"
    assert shown(house.http, workspace="other").status_code == 404


def test_who_asks_right_after_an_outcome_is_answered_once_it_is_taken_up(house, monkeypatch):
    waits = []

    async def pause(seconds: float) -> None:
        waits.append(seconds)
        settle()

    track(house.http, {"recommendation_id": "r-1", "agent_id": "ann"})
    settle = house.loop.settle
    monkeypatch.setattr(house.loop, "settle", lambda: None)
    monkeypatch.setattr("serve_apps.workspaces.asyncio.sleep", pause)
    judge(house.http, {"recommendation_id": "r-1", "outcome": "approved"})
    assert shown(house.http, workspace="other").status_code == 404
    assert not waits, "what others have sent is not waited for"
    assert (shown(house.http).json()["outcome"], len(waits)) == ("approved", 1)


def test_who_asks_while_the_part_is_far_behind_looks_seldom_and_is_answered_by_what_stands(house, monkeypatch):
    pauses = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(house.loop, "settle", lambda: None)
    monkeypatch.setattr("serve_apps.workspaces.asyncio.sleep", pause)
    track(house.http, {"recommendation_id": "r-1", "agent_id": "ann"})
    assert house.http.get(f"{API}/stats", params={"workspace_id": "acme"}).json()["recommendations"] == 0
    assert len(pauses) < 15
    assert 1.0 < sum(pauses) < 2.5


def test_a_recommendation_without_an_id_gets_one_and_its_request_sent_again_is_known_after_a_restart(make, tmp_path):
    headers = {"Idempotency-Key": "k-1"}
    first, second = make(), make()
    nameless = {"workspace_id": "acme", "agent_id": "ann"}
    one = first.http.post(f"{API}/recommendations/track", json=nameless, headers=headers).json()
    replayed = first.http.post(f"{API}/recommendations/track", json=nameless, headers=headers)
    other = second.http.post(f"{API}/recommendations/track", json=nameless, headers=headers).json()
    assert replayed.json() == one
    assert replayed.headers["Idempotency-Replayed"] == "true"
    assert other["recommendation_id"] == one["recommendation_id"], "the key alone makes the id"
    fresh = first.http.post(f"{API}/recommendations/track", json=nameless).json()
    assert fresh["recommendation_id"] != one["recommendation_id"]


def test_the_good_ones_of_a_batch_are_kept_and_the_others_named(http):
    answer = track(
        http,
        {"recommendation_id": "r-1", "agent_id": "ann"},
        {"recommendation_id": "r-2", "agent_id": "ann", "confidence_score": 2},
        {"recommendation_id": "r-1", "agent_id": "ann"},
        "nonsense",
    )
    body = answer.json()
    assert (answer.status_code, body["accepted"], body["duplicates"], body["ids"]) == (202, 1, 1, ["r-1", "r-1"])
    assert [(each["index"], each["id"], each["field"]) for each in body["rejected"]] == [
        (1, "r-2", "confidence_score"),
        (3, "", "items"),
    ]
    assert shown(http, "r-2").status_code == 404


GARBAGE = [
    (b"not json", 400, "body"),
    (b"5", 422, "items"),
    (orjson.dumps({**TRACKED, "workspace_id": "a b"}), 422, "workspace_id"),
    (orjson.dumps({**TRACKED, "confidence_score": 1.5}), 422, "confidence_score"),
    (b'{"workspace_id": "acme", "agent_id": "ann", "confidence_score": NaN}', 422, "confidence_score"),
    (orjson.dumps({**TRACKED, "recommendation_content": "x" * 300_000}), 413, "recommendation_content"),
    (orjson.dumps([{"workspace_id": "acme"}]), 422, "agent_id"),
]


def test_garbage_is_refused_by_the_name_of_the_field_and_nothing_is_kept(house):
    for body, status, field in GARBAGE:
        answer = house.http.post(f"{API}/recommendations/track", content=body)
        assert (answer.status_code, answer.json()["field"]) == (status, field)
    assert house.gateway.reader.head() == 0


def test_too_many_workspaces_are_refused_and_those_that_are_there_go_on(make):
    http = make(trust={"workspaces_max": 2}).http
    for workspace in ("a", "b"):
        assert track(http, {"agent_id": "ann"}, workspace=workspace).status_code == 202
    refused = track(http, {"agent_id": "ann"}, workspace="c")
    assert (refused.status_code, refused.json()["field"]) == (422, "workspace_id")
    assert track(http, {"agent_id": "ann"}, workspace="a").status_code == 202


def test_where_trust_is_off_nothing_is_taken_and_that_is_said(make):
    http = make(trust={"enabled": False}).http
    answer = track(http, {"agent_id": "ann"})
    assert (answer.status_code, answer.json()["field"]) == (503, "trust.enabled")


# Judging


def test_an_outcome_stands_on_the_recommendation_and_follows_from_the_quality(http):
    track(http, {"recommendation_id": "r-1", "agent_id": "ann"})
    answer = http.post(
        f"{API}/outcomes/evaluate",
        json={"workspace_id": "acme", "recommendation_id": "r-1", "quality_scores": {"accuracy": 90, "relevance": 70}},
    )
    body = answer.json()
    assert (answer.status_code, body["outcome"], body["status"]) == (202, "approved", "accepted")
    found = shown(http).json()
    assert (found["outcome"], found["overall_quality_score"], found["quality_scores"]["accuracy"]) == (
        "approved", 80.0, 90.0,
    )  # fmt: skip
    assert found["evaluated_at"]


def test_an_outcome_twice_is_one_and_a_later_one_replaces_it_and_pending_takes_it_back(http):
    track(http, {"recommendation_id": "r-1", "agent_id": "ann"})
    assert judge(http, {"recommendation_id": "r-1", "outcome": "approved"}).json()["accepted"] == 1
    assert judge(http, {"recommendation_id": "r-1", "outcome": "approved"}).json()["duplicates"] == 1
    judge(http, {"recommendation_id": "r-1", "outcome": "rejected", "evaluator_feedback": "It broke again."})
    assert (shown(http).json()["outcome"], shown(http).json()["evaluator_feedback"]) == ("rejected", "It broke again.")
    judge(http, {"recommendation_id": "r-1", "outcome": "pending"})
    assert (shown(http).json()["outcome"], shown(http).json()["evaluator_feedback"]) == ("pending", "")


def test_who_returns_to_an_earlier_verdict_has_changed_their_mind_once_more(http):
    track(http, {"recommendation_id": "r-1", "agent_id": "ann"})
    counts = []
    for outcome in ("approved", "rejected", "approved", "approved", "rejected", "pending", "rejected", "rejected"):
        said = judge(http, {"recommendation_id": "r-1", "outcome": outcome}).json()
        counts.append(said["accepted"])
        assert shown(http).json()["outcome"] == outcome
    assert counts == [1, 1, 1, 0, 1, 1, 1, 0]
    both = [{"recommendation_id": "r-1", "outcome": outcome} for outcome in ("approved", "rejected")]
    assert judge(http, *both).json()["accepted"] == 0, "what stands after the request stands already"
    assert judge(http, *both, both[0]).json()["accepted"] == 1
    assert shown(http).json()["outcome"] == "approved"


@pytest.mark.parametrize("naming", [{"outcome_id": "o-1"}, {"evaluated_at": to_text(utc_now())}])
def test_an_outcome_that_is_named_is_the_same_whatever_was_said_since(http, naming):
    track(http, {"recommendation_id": "r-1", "agent_id": "ann"})
    named = {"workspace_id": "acme", "recommendation_id": "r-1", "outcome": "approved", **naming}
    assert http.post(f"{API}/outcomes/evaluate", json=named).json()["status"] == "accepted"
    judge(http, {"recommendation_id": "r-1", "outcome": "rejected"})
    assert http.post(f"{API}/outcomes/evaluate", json=named).json()["status"] == "duplicate"
    assert shown(http).json()["outcome"] == "rejected"


def test_the_answer_to_a_repeat_tells_what_was_said_first(http):
    first = {"workspace_id": "acme", "recommendation_id": "r-1", "outcome": "approved", "outcome_id": "o-1"}
    http.post(f"{API}/outcomes/evaluate", json=first)
    again = http.post(f"{API}/outcomes/evaluate", json={**first, "outcome": "rejected"}).json()
    assert (again["outcome"], again["status"]) == ("approved", "duplicate")


def test_an_outcome_may_come_before_its_recommendation(http):
    assert judge(http, {"recommendation_id": "r-9", "outcome": "partial"}).status_code == 202
    assert shown(http, "r-9").status_code == 404
    track(http, {"recommendation_id": "r-9", "agent_id": "ann"})
    assert shown(http, "r-9").json()["outcome"] == "partial"


def test_a_workflow_is_judged_with_all_its_recommendations(house):
    http = house.http
    track(http, *({"recommendation_id": f"r-{n}", "agent_id": "ann", "workflow_id": f"wf-{n % 2}"} for n in range(4)))
    said = {"workspace_id": "acme", "workflow_id": "wf-1", "outcome": "approved", "evaluator_feedback": "All green."}
    answer = http.post(f"{API}/outcomes/evaluate-workflow", json=said)
    assert (answer.status_code, answer.json()["accepted"], len(answer.json()["ids"])) == (202, 2, 2)
    assert [shown(http, f"r-{n}").json()["outcome"] for n in range(4)] == ["pending", "approved"] * 2
    assert http.post(f"{API}/outcomes/evaluate-workflow", json=said).json()["duplicates"] == 2
    assert http.post(f"{API}/outcomes/evaluate-workflow", json={**said, "workflow_id": "wf-9"}).status_code == 404
    assert http.post(f"{API}/outcomes/evaluate-workflow", json={**said, "workspace_id": "zoo"}).status_code == 404
    assert refusals(house) == [("zoo", "workflow", "wf-1")]
    for changed, field in (({"workflow_id": ""}, "workflow_id"), ({"outcome_id": "o"}, "outcome_id")):
        refused = http.post(f"{API}/outcomes/evaluate-workflow", json={**said, **changed})
        assert (refused.status_code, refused.json()["field"]) == (422, field)


# Lists


def test_the_recommendations_of_an_agent_are_listed_newest_first_page_by_page(http):
    began = utc_now() - timedelta(hours=1)
    items = [
        {"recommendation_id": f"r-{n}", "agent_id": "team/ann", "created_at": to_text(began + timedelta(seconds=n))}
        for n in range(5)
    ]
    track(http, *items, {"agent_id": "bob"})
    params = {"workspace_id": "acme", "limit": 3}
    first = http.get(f"{API}/recommendations/agent/team/ann", params=params).json()
    rest = http.get(f"{API}/recommendations/agent/team/ann", params={**params, "after": first["next"]}).json()
    assert [each["recommendation_id"] for each in first["items"] + rest["items"]] == [f"r-{n}" for n in (4, 3, 2, 1, 0)]
    assert rest["next"] is None


def test_what_answers_the_same_question_is_listed_together(http):
    items = [{"recommendation_id": f"r-{n}", "agent_id": f"a-{n}", "correlation_id": "task"} for n in range(3)]
    track(http, *items, {"agent_id": "bob", "correlation_id": "another"})
    params = {"workspace_id": "acme", "correlation_id": "task", "limit": 2}
    first = http.get(f"{API}/recommendations", params=params).json()
    rest = http.get(f"{API}/recommendations", params={**params, "after": first["next"]}).json()
    assert {each["recommendation_id"] for each in first["items"] + rest["items"]} == {"r-0", "r-1", "r-2"}
    assert (len(first["items"]), rest["next"]) == (2, None)
    for bad, field in (({"after": "zzz"}, "after"), ({"workflow_id": "w", "correlation_id": "c"}, "correlation_id"),
                       ({"correlation_id": "task", "after": "zzz"}, "after")):  # fmt: skip
        refused = http.get(f"{API}/recommendations", params={"workspace_id": "acme", **bad})
        assert (refused.status_code, refused.json()["field"]) == (422, field)


def test_all_of_a_workspace_are_listed_newest_first_though_a_batch_has_one_time(http):
    track(http, *({"recommendation_id": f"a-{n}", "agent_id": "ann"} for n in range(7)))
    track(http, *({"recommendation_id": f"b-{n}", "agent_id": "bob"} for n in range(3)))
    track(http, {"agent_id": "zoe"}, workspace="zoo")
    names, after = [], None
    for _ in range(5):
        params = {"workspace_id": "acme", "limit": 2, **({"after": after} if after else {})}
        page = http.get(f"{API}/recommendations", params=params).json()
        names += [each["recommendation_id"] for each in page["items"]]
        after = page["next"]
    assert names == [f"b-{n}" for n in range(3)] + [f"a-{n}" for n in range(7)]
    assert after is None


# Borders


def test_who_asks_for_another_workspaces_data_is_told_that_there_is_none_and_it_is_noted_once(house):
    http = house.http
    track(http, {"recommendation_id": "r-1", "agent_id": "ann", "correlation_id": "task"})
    house.loop.tick()
    track(http, {"recommendation_id": "z-1", "agent_id": "zoe"}, workspace="zoo")
    paths = ("recommendations/r-1?", "recommendations/agent/ann?", "trust-scores/ann?", "agent-profiles/ann?",
             "decision-boost?agent_id=ann&", "consensus?correlation_id=task&")  # fmt: skip
    for path in paths * 2:
        answer = http.get(f"{API}/{path}workspace_id=zoo")
        assert answer.status_code == 404
        assert "acme" not in answer.text
    asked = {("zoo", "recommendation", "r-1"), ("zoo", "agent", "ann"), ("zoo", "question", "task")}
    assert set(refusals(house)) == asked
    assert len(refusals(house)) <= 6, "once a minute"
    head = house.gateway.reader.head()
    for path in paths:
        nowhere = path.replace("r-1", "r-77").replace("ann", "nobody").replace("task", "none")
        assert http.get(f"{API}/{nowhere}workspace_id=zoo").status_code == 404
    assert house.gateway.reader.head() == head, "what nobody has is no trespass"


def test_ids_may_be_the_same_in_two_workspaces(http):
    for workspace, agent in (("acme", "ann"), ("zoo", "zoe")):
        track(http, {"recommendation_id": "r-1", "agent_id": agent}, workspace=workspace)
    judge(http, {"recommendation_id": "r-1", "outcome": "rejected"}, workspace="zoo")
    assert (shown(http).json()["agent_id"], shown(http).json()["outcome"]) == ("ann", "pending")
    assert (shown(http, workspace="zoo").json()["agent_id"], shown(http, workspace="zoo").json()["outcome"]) == (
        "zoe", "rejected",
    )  # fmt: skip


def test_a_token_that_is_bound_to_workspaces_sees_no_other_and_its_asking_is_noted(make):
    house = make(tokens=TOKENS)

    def client(token) -> TestClient:
        http = TestClient(house.app, base_url="http://127.0.0.1:8000")
        http.headers["Authorization"] = f"Bearer {token}"
        return http

    everyone, acme, sender = client("x-1"), client("a-1"), client("s-1")
    assert track(everyone, {"recommendation_id": "z-1", "agent_id": "zoe"}, workspace="zoo").status_code == 202
    assert track(sender, {"recommendation_id": "r-1", "agent_id": "ann"}).status_code == 202
    assert shown(acme).status_code == 200
    assert shown(sender).status_code == 403, "it may only send"
    asked = [
        shown(acme, "z-1", workspace="zoo"),
        track(sender, {"agent_id": "spy"}, workspace="zoo"),
        acme.post(f"{API}/outcomes/evaluate", json=[{"workspace_id": "zoo", "recommendation_id": "z-1", "outcome":
                                                     "rejected"}]),
        acme.post(f"{API}/route", json={"workspace_id": "zoo", "candidates": ["a"]}),
        acme.post(f"{API}/learning-cycles/trigger", json={"workspace_id": "zoo"}),
        acme.get(f"{API}/export", params={"workspace_id": "zoo"}),
    ]  # fmt: skip
    assert {answer.status_code for answer in asked} == {404}
    assert refusals(house) == [("acme", "workspace", "zoo")]
    assert everyone.get(f"{API}/workspaces").json()["items"] == ["acme", "zoo"]
    assert acme.get(f"{API}/workspaces").json()["items"] == ["acme"]
    assert shown(everyone, "z-1", workspace="zoo").json()["outcome"] == "pending"
    for path in ("/api/journal", "/api/clusters", "/metrics", "/api/explain/z-1"):
        assert acme.get(path).status_code == 403, "these show all workspaces together"
    assert everyone.get("/api/journal", params={"kind": "recommendation"}).status_code == 200


def test_a_workspace_that_is_no_name_is_422(http):
    for workspace in ("", "a/b", "-a", "x" * 101):
        answer = http.get(f"{API}/trust-scores", params={"workspace_id": workspace})
        assert (answer.status_code, answer.json()["field"]) == (422, "workspace_id")
    assert http.get(f"{API}/trust-scores").json()["field"] == "workspace_id"


# Trust


@pytest.fixture
def judged(house):
    """A workspace in which ann is mostly right and bob is mostly wrong."""
    items = [
        {"recommendation_id": f"{agent}-{n}", "agent_id": agent, "correlation_id": f"t-{n}", "confidence_score": 0.9,
         "recommendation_type": "strategy"}
        for n in range(30) for agent in ("ann", "bob")
    ]  # fmt: skip
    track(house.http, *items, {"agent_id": "new"})
    judge(
        house.http,
        *({"recommendation_id": f"ann-{n}", "outcome": "rejected" if n % 10 == 0 else "approved"} for n in range(30)),
        *({"recommendation_id": f"bob-{n}", "outcome": "approved" if n % 10 == 0 else "rejected"} for n in range(30)),
    )
    house.loop.tick()
    return house


def test_a_trust_score_tells_what_the_interface_promises(judged):
    found = judged.http.get(f"{API}/trust-scores/ann", params={"workspace_id": "acme"}).json()
    assert {
        "agent_id", "agent_name", "overall_trust_score", "accuracy_score", "consistency_score", "timeliness_score",
        "reliability_score", "approval_rate", "avg_quality_score", "trend", "recommendation_strength", "sample_size",
        "interval",
    } <= found.keys()  # fmt: skip
    assert (found["sample_size"], found["approval_rate"]) == (30, 0.9)
    low, high = found["interval"]
    assert low < found["expected"] < high
    assert found["by_type"]["strategy"]["samples"] == pytest.approx(30, rel=0.1)


def test_agents_are_listed_by_what_is_expected_of_them_and_by_least_trust(judged):
    http = judged.http
    listed = http.get(f"{API}/trust-scores", params={"workspace_id": "acme"}).json()["items"]
    assert [each["agent_id"] for each in listed] == ["ann", "new", "bob"]
    scores = {each["agent_id"]: each["overall_trust_score"] for each in listed}
    least = (scores["ann"] + max(scores["bob"], scores["new"])) / 2
    trusted = http.get(f"{API}/trust-scores", params={"workspace_id": "acme", "min_trust": least}).json()
    assert ([each["agent_id"] for each in trusted["items"]], trusted["next"]) == (["ann"], None)
    first = http.get(f"{API}/trust-scores", params={"workspace_id": "acme", "limit": 1}).json()
    rest = http.get(f"{API}/trust-scores", params={"workspace_id": "acme", "after": first["next"]}).json()
    assert [each["agent_id"] for each in rest["items"]] == ["new", "bob"]
    assert http.get(f"{API}/trust-scores", params={"workspace_id": "acme", "min_trust": "nan"}).status_code == 422


def test_the_boost_is_up_for_who_is_right_and_down_for_who_is_wrong(judged):
    def boost(agent):
        query = {"workspace_id": "acme", "agent_id": agent, "recommendation_type": "strategy"}
        return judged.http.get(f"{API}/decision-boost", params=query).json()["boost"]

    assert boost("ann") > 0.1 > -0.1 > boost("bob")
    query = {"workspace_id": "acme", "agent_id": "bob", "confidence_score": 0.9}
    assert judged.http.get(f"{API}/decision-boost", params=query).json()["calibrated"] < 0.9
    refused = judged.http.get(f"{API}/decision-boost", params={**query, "confidence_score": 2})
    assert (refused.status_code, refused.json()["field"]) == (422, "confidence_score")


def test_a_task_is_given_to_who_will_do_it_and_what_came_of_it_is_known(judged):
    http, chosen = judged.http, []
    for number in range(10):
        asked = {
            "workspace_id": "acme",
            "task": {"recommendation_type": "strategy", "correlation_id": f"n-{number}", "context": {"repo": "x"}},
            "candidates": ["bob", {"agent_id": "ann", "cost": 0.05}],
        }
        answer = http.post(f"{API}/route", json=asked, headers={"Idempotency-Key": f"k{number}"})
        assert answer.status_code == 201
        chosen.append(answer.json())
    assert [each["agent_id"] for each in chosen].count("ann") >= 9
    assert {offer["agent_id"] for offer in chosen[0]["offers"]} == {"ann", "bob"}
    assert sum(offer["probability"] for offer in chosen[0]["offers"]) == pytest.approx(1)
    assert chosen[0]["reasons"]
    first = chosen[0]
    track(http, {"recommendation_id": "n", "agent_id": first["agent_id"], "recommendation_type": "strategy",
                 "correlation_id": "n-0"})  # fmt: skip
    judge(http, {"recommendation_id": "n", "outcome": "approved"})
    listed = http.get(f"{API}/routes", params={"workspace_id": "acme", "limit": 20}).json()["items"]
    rewards = {each["route_id"]: each["reward"] for each in listed}
    assert (len(rewards), rewards[first["route_id"]]) == (10, pytest.approx(0.95, abs=0.06))
    assert http.get(f"{API}/routing", params={"workspace_id": "acme"}).json()["rewarded"] == 1
    assert http.get(f"{API}/routes", params={"workspace_id": "zoo"}).json()["items"] == []


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"candidates": [{"agent_id": "ann", "cost": -1}]}, "candidates[0].cost"),
        ({"candidates": ["ann", ""]}, "candidates[1].agent_id"),
        ({"candidates": ["ann", 7]}, "candidates[1]"),
        ({"candidates": []}, "candidates"),
        ({"task": {"context": {"size": [1]}}}, "task.context.size"),
        ({"task": {"context": {"size": "x" * 201}}}, "task.context.size"),
    ],
)
def test_a_task_that_cannot_be_routed_is_refused_by_the_name_of_its_field(http, changed, field):
    refused = http.post(f"{API}/route", json={"workspace_id": "acme", "candidates": ["ann"], **changed})
    assert (refused.status_code, refused.json()["field"]) == (422, field)


def test_a_route_asked_for_again_with_its_key_is_the_same(make):
    asked = {"workspace_id": "acme", "candidates": ["a", "b", "c"]}
    house = make()
    first = house.http.post(f"{API}/route", json=asked, headers={"Idempotency-Key": "k"}).json()
    assert house.http.post(f"{API}/route", json=asked, headers={"Idempotency-Key": "k"}).json() == first
    for bad, field in (({"candidates": []}, "candidates"), ({"candidates": [{"agent_id": "a", "cost": -1}]}, None),
                       ({"task": {"recommendation_type": ""}}, "task.recommendation_type"),
                       ({"candidates": ["a", "a"]}, "candidates")):  # fmt: skip
        answer = house.http.post(f"{API}/route", json={**asked, **bad})
        assert answer.status_code == 422
        assert field in (None, answer.json()["field"])


def test_agents_that_answer_one_question_are_weighed(judged):
    http = judged.http
    asked = {"correlation_id": "q", "recommendation_type": "strategy"}
    for agent, answer in (("ann", "yes"), ("bob", "no")):
        track(http, {**asked, "agent_id": agent, "recommendation_content": {"answer": answer}})
    said = http.get(f"{API}/consensus", params={"workspace_id": "acme", "correlation_id": "q"}).json()
    assert said["answer"] == "yes"
    assert {each["agent_id"] for each in said["voters"]} == {"ann", "bob"}
    assert http.get(f"{API}/consensus", params={"workspace_id": "zoo", "correlation_id": "q"}).status_code == 404


def test_before_the_first_cycle_a_profile_is_what_the_trust_score_tells(judged):
    found = judged.http.get(f"{API}/agent-profiles/bob", params={"workspace_id": "acme"}).json()
    assert (found["agent_id"], found["sample_size"], found["success_rate"]) == ("bob", 30, 0.1)
    assert "strategy" in found["by_type"]


def test_a_workspace_in_figures(judged):
    found = judged.http.get(f"{API}/stats", params={"workspace_id": "acme"}).json()
    assert (found["recommendations"], found["outcomes"], found["agents"]) == (61, 60, 3)
    assert found["approval_rate"] == pytest.approx(0.5)
    empty = judged.http.get(f"{API}/stats", params={"workspace_id": "nobody"}).json()
    assert (empty["recommendations"], empty["approval_rate"], empty["last_cycle"]) == (0, None, None)


def test_all_of_a_workspace_can_be_taken_away_and_only_that(judged):
    track(judged.http, {"recommendation_id": "z-1", "agent_id": "zoe"}, workspace="acme2")
    answer = judged.http.get(f"{API}/export", params={"workspace_id": "acme"})
    lines = [orjson.loads(line) for line in answer.text.splitlines()]
    assert answer.headers["Content-Type"].startswith("application/x-ndjson")
    assert {line["record"]["workspace_id"] for line in lines} == {"acme"}
    views = [line["view"] for line in lines]
    assert (views.count(RECOMMENDATIONS_VIEW), views.count(OUTCOMES_VIEW)) == (61, 60)


def test_a_new_agent_is_waited_for_until_it_has_a_score(house, monkeypatch):
    def known(*_) -> bool:
        house.loop.tick()
        return True

    track(house.http, {"agent_id": "ann"})
    monkeypatch.setattr("serve_apps.routes.agents._is_known", known)
    answer = house.http.get(f"{API}/trust-scores/ann", params={"workspace_id": "acme"})
    assert (answer.status_code, answer.json()["sample_size"]) == (200, 0)
