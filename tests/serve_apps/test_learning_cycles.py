"""Learning over HTTP: a cycle is asked for, found patterns and rules are read, and a workspace sees its own alone."""

import pytest

from grace_ray.core.clock import utc_now
from grace_ray.learn.meta.work import learn
from tests.serve_apps.test_learning import API, house, judge, make, refusals, track  # noqa: F401 -- fixtures


def finish(house):  # noqa: F811
    """Run the cycles that wait, as the actor would."""
    part = house.loop.parts["meta_learner"]
    effects, due = part.starts(utc_now(), frozenset(), 5)
    house.loop.commit(part, effects)
    for each in due:
        found = learn(each, house.gateway.reader, house.settings.meta_learner, utc_now())
        house.loop.commit(part, part.finished(each.cycle.iteration_id, found, utc_now()))


@pytest.fixture
def planted(house):  # noqa: F811
    """A workspace in which ann is right about strategies and wrong about content, and bob the other way round."""
    items, outcomes = [], []
    for number in range(400):
        agent, kind = ("ann", "bob")[number % 2], ("strategy", "content")[number // 2 % 2]
        is_good = (agent == "ann") == (kind == "strategy")
        is_good = is_good if number % 10 else not is_good
        items.append({"recommendation_id": f"r-{number}", "agent_id": agent, "recommendation_type": kind})
        outcomes.append({"recommendation_id": f"r-{number}", "outcome": "approved" if is_good else "rejected"})
    track(house.http, *items)
    judge(house.http, *outcomes)
    house.loop.tick()
    return house


def get(house, path, workspace="acme", **params):  # noqa: F811
    return house.http.get(f"{API}/{path}", params={"workspace_id": workspace, **params})


def test_a_cycle_is_asked_for_once_at_a_time_and_tells_what_it_found(planted):
    answer = planted.http.post(f"{API}/learning-cycles/trigger", json={"workspace_id": "acme", "lookback_days": 3})
    assert (answer.status_code, answer.json()["status"]) == (202, "running")
    iteration = answer.json()["iteration_id"]
    again = planted.http.post(f"{API}/learning-cycles/trigger", json={"workspace_id": "acme"})
    assert again.status_code == 409
    assert iteration in again.json()["detail"]
    finish(planted)
    cycle = get(planted, f"learning-cycles/{iteration}").json()
    assert (cycle["status"], cycle["samples_analyzed"]) == ("completed", 400)
    assert cycle["patterns_discovered"] > 0
    (listed,) = get(planted, "learning-cycles").json()["items"]
    assert listed["iteration_id"] == iteration
    assert "rules" not in listed
    assert get(planted, "stats").json()["last_cycle"]["iteration_id"] == iteration
    for elsewhere in (get(planted, f"learning-cycles/{iteration}", "zoo"), get(planted, "learning-cycles/nothing")):
        assert (elsewhere.status_code, elsewhere.json()["field"]) == (404, "iteration_id")
    assert refusals(planted) == [("zoo", "learning cycle", iteration)]


def test_patterns_rules_and_profiles_are_those_of_the_last_cycle(planted):
    planted.http.post(f"{API}/learning-cycles/trigger", json={"workspace_id": "acme"})
    finish(planted)
    patterns = get(planted, "patterns", limit=1000).json()["items"]
    assert patterns
    kinds = {each["pattern_type"] for each in patterns}
    assert kinds & {"failure_avoidance", "success_indicator"}
    kind = min(kinds)
    some = get(planted, "patterns", category=kind).json()["items"]
    assert some == [each for each in patterns if each["pattern_type"] == kind]
    rules = get(planted, "rules").json()["items"]
    assert all(rule["sentence"] for rule in rules)
    profile = get(planted, "agent-profiles/ann").json()
    by_type = {name: each["rate"] for name, each in profile["by_type"].items()}
    assert by_type["strategy"] > 0.7 > 0.3 > by_type["content"]
    assert get(planted, "patterns", "zoo").json()["items"] == []
    assert get(planted, "patterns", category="magic").json()["field"] == "category"


def test_it_says_when_it_is_time_to_learn(planted):
    asked = get(planted, "should-trigger").json()
    assert (asked["is_due"], asked["new_outcomes"]) == (False, 400)
    more = [{"recommendation_id": f"m-{number}", "agent_id": "ann"} for number in range(100)]
    track(planted.http, *more)
    judge(planted.http, *({"recommendation_id": each["recommendation_id"], "outcome": "approved"} for each in more))
    assert get(planted, "should-trigger").json()["reason"] == "outcomes"
    assert get(planted, "should-trigger", "nobody").status_code == 404


def test_a_cycle_of_nobody_or_of_no_time_is_refused(planted):
    nobody = planted.http.post(f"{API}/learning-cycles/trigger", json={"workspace_id": "nobody"})
    assert nobody.status_code == 404
    for days in (0, -1, 1e9, "week"):
        body = {"workspace_id": "acme", "lookback_days": days}
        answer = planted.http.post(f"{API}/learning-cycles/trigger", json=body)
        assert (answer.status_code, answer.json()["field"]) == (422, "lookback_days")
