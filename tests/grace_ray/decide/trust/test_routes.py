"""A task goes to whom it suits, at what it costs; the probabilities are on the journal, the value is known later."""

import orjson
import pytest

from grace_ray.core.canonical import canonical
from grace_ray.core.errors import InvalidInput
from grace_ray.core.recommendation import LEARNING_VIEW, key_of
from grace_ray.core.store import Commit, Record
from grace_ray.decide.routing.route import ROUTES_VIEW
from tests.grace_ray.decide.trust.house import START, WORKSPACE, House


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def route(house, candidates, **task):
    house.number += 1
    task.setdefault("route_id", f"route {house.number}")  # the choice is drawn by the id
    return house.loop.change("trust", "operate", "route", {"workspace_id": WORKSPACE, "candidates": candidates, **task})


def chosen(house, candidates, **task):
    """Who is chosen most often of forty times."""
    agents = [route(house, candidates, **task)["agent_id"] for _ in range(40)]
    return max(set(agents), key=agents.count)


def specialists(house):
    for _ in range(40):
        house.live("writer", ["approved"], kind="prose")
        house.live("writer", ["rejected"], kind="code")
        house.live("coder", ["rejected"], kind="prose")
        house.live("coder", ["approved"], kind="code")
    house.settle()


def test_each_type_of_task_goes_to_whom_it_suits(house):
    specialists(house)
    assert chosen(house, ["writer", "coder"], recommendation_type="prose") == "writer"
    assert chosen(house, ["writer", "coder"], recommendation_type="code") == "coder"


def test_what_an_agent_costs_counts(house):
    for number in range(60):
        house.live("good", ["approved" if number % 10 else "rejected"])
        house.live("cheap", ["approved" if number % 5 else "rejected"])
    house.settle()
    assert chosen(house, ["good", "cheap"], recommendation_type="fix") == "good"
    dear = [{"agent_id": "good", "cost": 0.5}, {"agent_id": "cheap", "cost": 0.01}]
    assert chosen(house, dear, recommendation_type="fix") == "cheap"


def test_the_choice_is_on_the_journal_with_every_probability_before_anything_comes_of_it(house):
    specialists(house)
    made = route(house, ["writer", "coder", "new"], recommendation_type="code", correlation_id="q")
    (fact,) = house.facts("route.chosen")
    body = orjson.loads(fact.body)
    assert (fact.kind, body["agent_id"]) == ("decision", made["agent_id"])
    assert sum(offer["probability"] for offer in body["offers"]) == pytest.approx(1.0)
    assert all(offer["probability"] > 0 for offer in body["offers"])
    assert made["reasons"]


def test_the_same_route_again_gives_the_same_answer_also_after_a_crash(house):
    specialists(house)
    first = route(house, ["writer", "coder"], recommendation_type="code", route_id="r")
    house.save()
    house.wake()
    assert route(house, ["coder", "writer"], recommendation_type="prose", route_id="r") == first
    assert len(house.facts("route.chosen")) == 1


def test_what_became_of_a_route_is_its_reward_and_other_ways_are_judged_by_it(house):
    for number in range(120):
        question, is_code = f"q{number}", number % 2
        task = {"recommendation_type": "code" if is_code else "prose", "correlation_id": question}
        made = route(house, [{"agent_id": "coder", "cost": 0.1}, "writer"], **task)
        name = house.recommend(made["agent_id"], kind=task["recommendation_type"], question=question)
        house.judge(name, "approved" if (made["agent_id"] == "coder") == is_code else "rejected")
        house.pass_time(minutes=1)
        house.settle()
    record = house.reader.record(ROUTES_VIEW, key_of(WORKSPACE, made["route_id"]))
    assert orjson.loads(record.body)["reward"] == pytest.approx(0.9 if made["agent_id"] == "coder" else 1.0, abs=0.11)
    found = house.part.routing(WORKSPACE)
    assert found["rewarded"] == 120
    assert found["value"] > max(other["value"] for other in found["others"].values()) + 0.1
    assert all(other["lower"] <= 0.5 <= other["upper"] for other in found["others"].values())


def test_a_learned_rule_tips_the_scales_and_is_told(house):
    for _ in range(30):
        house.live("one", ["approved", "rejected", "approved"])
        house.live("two", ["approved", "rejected", "approved"])
    house.settle()
    rule = {
        "rule_id": "x",
        "action": "prefer",
        "agents": ["two"],
        "condition": {"type": "fix", "language": "go"},
        "sentence": "two does better where language is go",
    }
    cycle = {
        "workspace_id": WORKSPACE,
        "iteration_id": "i",
        "trigger": "asked for",
        "status": "completed",
        "rules": [rule],
        "started_at": "2026-05-04T12:00:00Z",
    }
    record = Record(LEARNING_VIEW, key_of(WORKSPACE, "i"), WORKSPACE, START.timestamp(), canonical(cycle))
    house.loop.write(Commit(follower="meta_learner", records=[record]))
    assert chosen(house, ["one", "two"], recommendation_type="fix", context={"language": "go"}) == "two"
    offers = route(house, ["one", "two"], recommendation_type="fix", context={"language": "go"})["offers"]
    assert rule["sentence"] in offers[1]["reasons"]
    offers = route(house, ["one", "two"], recommendation_type="fix", context={"language": "c"})["offers"]
    assert rule["sentence"] not in offers[1]["reasons"]


def test_where_nothing_is_known_an_even_chance_is_expected_of_everyone(house):
    house.settle()
    offers = route(house, ["ann", "bob"])["offers"]
    assert [offer["expected"] for offer in offers] == [0.5, 0.5]


def test_who_has_only_failed_is_worth_less_than_who_is_new(house):
    house.live("ann", ["rejected"] * 3)
    house.settle()
    ann, bob = route(house, ["ann", "bob"])["offers"]
    assert ann["expected"] < bob["expected"] <= 0.5
    assert ann["probability"] < bob["probability"]


@pytest.mark.parametrize("candidates", [[], ["one", "one"]])
def test_candidates_must_be_some_and_different(house, candidates):
    with pytest.raises(InvalidInput) as refused:
        route(house, candidates)
    assert refused.value.field == "candidates"
