"""Grace's own agents are judged like any other: strategies of missions, the playbooks' policy, the forecaster."""

import pytest

from grace_ray.core.fact import Fact
from grace_ray.core.recommendation import OWN_WORKSPACE
from tests.grace_ray.decide.trust.house import House


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def say(house, kind, name, source, subject, body):
    house.number += 1
    fact = Fact(
        id=f"f{house.number}", at=house.now, kind=kind, type=name, source=source, subject=subject, trace="t", body=body
    )
    house.loop.append([fact.to_row()])
    house.pass_time(minutes=1)


def test_a_strategy_is_judged_by_whether_the_trouble_stayed_away(house):
    missions = "grace/mission_launcher"
    for number, helped in enumerate([True, True, False]):
        mission = f"m{number}"
        for strategy, status in (("web", "found"), ("rag", "nothing")):
            body = {"mission_id": mission, "strategy": strategy, "status": status, "detail": "", "duration_s": 2.0}
            say(house, "mission", "mission.progress", missions, mission, body)
        body = {"helped": helped, "contributed": ["web"], "empty_handed": ["rag"]}
        say(house, "mission", "mission.judged", missions, mission, body)
    house.settle()
    web = house.score("strategy:web", OWN_WORKSPACE)
    assert (web.sample_size, web.approval_rate) == (3, pytest.approx(2 / 3))
    assert house.score("strategy:rag", OWN_WORKSPACE) is None
    assert house.sheet("m2:web", OWN_WORKSPACE).evaluator_feedback == "The trouble came back."


def test_the_policy_of_the_playbooks_is_judged_by_its_rewards(house):
    for number, reward in enumerate([0.8, 0.0, -0.5]):
        chosen = {"choice_id": f"c{number}", "service": "api", "diagnosis": "api.latency_p95", "playbook": "scale-up"}
        say(house, "decision", "playbook.chosen", "grace/playbooks", "api", {**chosen, "propensity": 0.6})
        rewarded = {"choice_id": f"c{number}", "reward": reward}
        say(house, "outcome", "playbook.rewarded", "grace/playbooks", "r", rewarded)
    house.settle()
    outcomes = [house.sheet(f"c{number}", OWN_WORKSPACE).outcome for number in range(3)]
    assert outcomes == ["approved", "partial", "rejected"]
    assert house.score("playbooks", OWN_WORKSPACE).avg_quality_score == pytest.approx(55.0)


def test_a_warning_is_judged_by_whether_the_breach_came(house):
    warning = {"metric_id": "api.latency_p95", "service": "api", "threshold": 900.0, "horizon_minutes": 30}
    for number, status in enumerate(["breached", "false_alarm", "prevented"]):
        body = {**warning, "warning_id": f"w{number}", "probability": 0.7}
        say(house, "finding", "incident.warned", "grace/forecaster", "m", {**body, "status": "open"})
        say(house, "finding", "incident.closed", "grace/forecaster", "m", {**body, "status": status})
    house.settle()
    outcomes = [house.sheet(f"w{number}", OWN_WORKSPACE).outcome for number in range(3)]
    assert outcomes == ["approved", "rejected", "partial"]
    assert house.sheet("w0", OWN_WORKSPACE).confidence_score == 0.7


def test_what_others_say_in_the_runtimes_name_is_not_believed(house):
    body = {"helped": True, "contributed": ["web"], "empty_handed": []}
    say(house, "mission", "mission.judged", "elsewhere", "m", body)
    house.settle()
    assert not house.part.state().startswith(b'{"grace"')
