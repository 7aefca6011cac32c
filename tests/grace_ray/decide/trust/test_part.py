"""Recommendations and outcomes in any order and number: each counts once, and agents are scored by them."""

from datetime import timedelta
from random import Random

import pytest

from grace_ray.core.canonical import canonical
from grace_ray.core.errors import NotFound
from grace_ray.core.fact import Fact
from grace_ray.core.jsonable import to_plain
from grace_ray.core.recommendation import OUTCOMES_VIEW, PATTERNS_VIEW, RECOMMENDATIONS_VIEW, TRUST_VIEW, Pattern
from grace_ray.core.schedule import JOB_DUE, JOB_ENDED
from grace_ray.core.store import Commit, Record
from tests.grace_ray.decide.trust.house import START, WORKSPACE, House


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def test_a_recommendation_waits_for_its_outcome(house):
    name = house.recommend("ada", confidence_score=0.7, reasoning="seen it before", context={"service": "shop"})
    house.settle()
    sheet = house.sheet(name)
    assert (sheet.outcome, sheet.agent_id, sheet.confidence_score, sheet.context) == (
        "pending",
        "ada",
        0.7,
        {"service": "shop"},
    )
    assert house.score("ada").sample_size == 0


def test_an_outcome_is_entered_and_scores_the_agent(house):
    name = house.recommend("ada")
    house.judge(name, "approved", overall_quality_score=90.0, evaluator_feedback="good")
    house.settle()
    sheet, score = house.sheet(name), house.score("ada")
    assert (sheet.outcome, sheet.overall_quality_score, sheet.evaluator_feedback) == ("approved", 90.0, "good")
    assert (score.sample_size, score.approval_rate, score.avg_quality_score) == (1, 1.0, 90.0)
    assert score.interval[0] < score.expected < score.interval[1]


def test_whoever_asks_right_after_an_outcome_sees_it_in_the_score(house):
    house.live("ada", ["approved"])
    house.loop.settle()  # no time has passed
    assert (house.score("ada").sample_size, house.score("ada").approval_rate) == (1, 1.0)


def test_the_samples_of_a_type_are_the_outcomes_there_were_of_it(house):
    house.live("ada", ["approved"] * 60, kind="fix")
    house.live("ada", ["rejected"] * 40, kind="plan")
    house.settle()
    assert {kind: each["samples"] for kind, each in house.score("ada").by_type.items()} == {"fix": 60, "plan": 40}
    assert house.part.boost(WORKSPACE, "ada", "fix")["samples"] == 60
    assert house.part.boost(WORKSPACE, "ada", "never")["samples"] == 0


def test_scores_of_very_many_agents_at_once_are_made_by_and_by(house):
    for number in range(100):
        house.live(f"a{number}", ["approved"])
    house.loop.settle()
    assert len(house.reader.scan(TRUST_VIEW)) < 100
    house.loop.tick()
    assert {house.score(f"a{number}").sample_size for number in range(100)} == {1}


def test_an_outcome_that_comes_before_its_recommendation_waits_for_it(house):
    house.judge("early", "rejected")
    house.settle()
    assert house.sheet("early") is None
    house.wake()
    house.recommend("ada", name="early")
    house.settle()
    assert house.sheet("early").outcome == "rejected"
    assert house.score("ada").approval_rate == 0.0
    assert house.reader.count(OUTCOMES_VIEW) == {"known": 1}


def test_an_outcome_that_comes_just_before_its_recommendation_counts_too(house):
    house.judge("early", "rejected")
    house.recommend("ada", name="early")  # both are taken in one turn
    house.settle()
    assert house.sheet("early").outcome == "rejected"
    assert house.score("ada").sample_size == 1
    assert house.reader.count(OUTCOMES_VIEW) == {"known": 1}


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("hours", [(1, 2), (2, 1)])
def test_of_outcomes_that_come_before_their_recommendation_the_one_made_last_counts(house, hours, together):
    for hour, outcome in zip(hours, ("approved", "rejected"), strict=True):
        house.judge("early", outcome, at=START + timedelta(hours=hour))
        if not together:
            house.settle()
    house.recommend("ada", name="early")
    house.settle()
    assert house.sheet("early").outcome == ("rejected" if hours[1] == 2 else "approved")
    assert house.score("ada").sample_size == 1
    assert house.reader.count(OUTCOMES_VIEW) == {"known": 1, "replaced": 1}


def test_the_same_outcome_again_changes_nothing(house):
    name = house.recommend("ada")
    for _ in range(3):
        house.judge(name, "approved", outcome_id="once", at=START)
        house.settle()
    assert house.score("ada").sample_size == 1


def test_of_outcomes_that_contradict_each_other_the_one_made_last_counts(house):
    name = house.recommend("ada")
    house.judge(name, "approved", at=START + timedelta(hours=2))
    house.judge(name, "rejected", at=START + timedelta(hours=1))
    house.settle()
    assert house.sheet(name).outcome == "approved"
    house.judge(name, "partial", at=START + timedelta(hours=3))
    house.settle()
    assert house.sheet(name).outcome == "partial"
    score = house.score("ada")
    assert (score.sample_size, score.approval_rate) == (1, 0.0)


def test_an_outcome_that_is_withdrawn_is_as_if_it_had_never_been(house):
    house.live("ada", ["approved"] * 5)
    house.settle()
    before = house.score("ada")
    name = house.recommend("ada")
    house.judge(name, "rejected", overall_quality_score=5.0)
    house.settle()
    assert house.score("ada").expected < before.expected
    house.judge(name, "pending")
    house.settle()
    after = house.score("ada")
    assert house.sheet(name).outcome == "pending"
    assert house.sheet(name).overall_quality_score is None
    assert (after.sample_size, after.approval_rate) == (5, 1.0)
    assert after.expected == pytest.approx(before.expected, abs=1e-6)


def test_workspaces_know_nothing_of_each_other(house):
    house.live("ada", ["approved"] * 20, workspace="one")
    house.live("ada", ["rejected"] * 20, workspace="two")
    house.settle()
    assert house.score("ada", "one").interval[0] > house.score("ada", "two").interval[1]
    with pytest.raises(NotFound, match="knows no agent eve"):
        house.part.boost("one", "eve", "fix")


def test_a_new_agent_is_neither_trusted_nor_condemned(house):
    for number in range(5):
        house.live(f"a{number}", ["approved", "approved", "rejected", "approved"] * 5)
    house.settle()
    new, known = house.part.expect(WORKSPACE, ["new", "a1"], "fix")
    assert 0.55 < new["mean"] < 0.85
    assert new["high"] - new["low"] > known["high"] - known["low"]
    house.recommend("new")
    house.settle()
    assert house.part.boost(WORKSPACE, "new", "fix")["boost"] == pytest.approx(0.0, abs=1e-9)


def test_an_agent_that_changed_overnight_is_found_out_and_triage_hears_of_it(house):
    house.live("ada", ["approved"] * 60)
    house.settle()
    assert not house.facts("trust.dropped")
    for _ in range(30):
        house.live("ada", ["rejected"])
        house.settle()
    (dropped,) = house.facts("trust.dropped")
    assert dropped.kind == "event"
    assert dropped.subject == "acme/ada"
    assert house.score("ada").trend == "declining"


def test_an_agent_that_always_claims_success_gains_nothing_by_it(house):
    house.live("boaster", ["rejected"] * 30, confidence_score=1.0)
    house.live("modest", ["approved"] * 30, confidence_score=0.5)
    house.settle()
    assert house.score("boaster").interval[1] < house.score("modest").interval[0]


def test_what_the_part_knows_survives_a_crash_at_any_moment(house):
    house.live("ada", ["approved", "rejected"] * 10)
    house.settle()
    house.save()
    house.live("ada", ["approved"] * 7)
    house.judge("r1", "rejected", at=house.now)
    house.recommend("ada")
    house.settle()
    before = house.score("ada")
    house.wake()
    house.loop.settle()
    house.part._workspaces.get(WORKSPACE).changed["ada"] = None  # as if it had been about to be scored
    house.settle()
    after = house.score("ada")
    assert (after.sample_size, after.approval_rate) == (before.sample_size, before.approval_rate)
    assert after.expected == pytest.approx(before.expected, abs=1e-6)


def test_a_start_does_not_wait_for_workspaces_that_rest_and_loses_none(house):
    for name in ("one", "two", "three"):
        house.live("ada", ["approved"] * 12, workspace=name)
    house.settle()
    house.part.operate("recalculate", {}, house.now)
    house.save()
    house.live("ada", ["rejected"], workspace="two")
    house.wake()
    assert house.part._workspaces.awake() == []
    house.settle()
    assert [each.workspace_id for each in house.part._workspaces.awake()] == ["two"]
    house.save()  # those that rest are in the state, too
    house.wake()
    assert house.part.boost("one", "ada", "fix")["samples"] == 12
    assert house.part.boost("two", "ada", "fix")["samples"] == 13
    effects, said = house.part.operate("recalculate", {}, house.now)
    assert said == {"workspaces": 3}
    assert {record.status for record in effects.records} == {"one", "two", "three"}
    with pytest.raises(NotFound):
        house.part.boost("four", "ada", "fix")


def test_the_dimension_timeliness_is_what_was_asked_against_what_it_took(house):
    for _ in range(10):
        for agent, took in (("quick", 100.0), ("slow", 9000.0)):
            name = house.recommend(agent, latency_ms=took, within_ms=1000.0)
            house.judge(name, "approved", overall_quality_score=70.0)
    house.settle()
    assert house.score("quick").timeliness_score > house.score("slow").timeliness_score


def due(house, job):
    body = {"scheduled_for": "2026-05-04T12:00:00Z", "reason": "scheduled"}
    fact = Fact(id=f"due-{job}", at=house.now, kind="decision", type=JOB_DUE, source="s", subject=job, body=body)
    house.loop.append([fact.to_row()])
    house.settle()
    (ended,) = house.facts(JOB_ENDED)
    assert (ended.subject, ended.cause) == (job, f"due-{job}")


def test_the_recalculation_makes_every_score_anew_and_adds_to_the_history(house):
    house.live("ada", ["approved"] * 12)
    house.live("bob", ["rejected"] * 3)
    house.settle()
    due(house, "trust_recalculation")
    assert [len(house.score(agent).history) for agent in ("ada", "bob")] == [1, 1]
    house.wake()
    house.part.operate("recalculate", {}, house.now)
    house.live("ada", ["approved"])
    house.settle()
    assert len(house.score("ada").history) == 2


def test_recommendations_older_than_they_are_kept_are_cleaned_up_and_what_they_taught_stays(house):
    house.live("ada", ["approved"] * 4)
    house.settle()
    house.pass_time(days=91)
    kept = house.recommend("ada")
    due(house, "recommendation_cleanup")
    assert house.reader.count(RECOMMENDATIONS_VIEW) == {"acme/ada": 1}
    assert house.sheet(kept) is not None
    assert house.score("ada").sample_size == 4


def test_the_consensus_weighs_answers_by_whom_they_come_from(house):
    for number in range(40):
        right, wrong = ("restart", "scale") if number % 2 else ("scale", "restart")
        for agent, says in (("good", right), ("bad1", wrong), ("bad2", "scale")):
            name = house.recommend(agent, question=f"q{number}", recommendation_content={"answer": says})
            if number < 30:
                house.judge(name, "approved" if says == right else "rejected")
        house.pass_time(minutes=1)
    house.settle()
    found = house.part.consensus(WORKSPACE, "q39")
    assert (found["answer"], found["by"]) == ("restart", "confusion")
    assert {voter["agent_id"]: voter["answer"] for voter in found["voters"]}["bad1"] == "scale"


def test_answers_that_never_come_again_are_weighed_by_trust(house):
    house.live("good", ["approved"] * 20)
    house.live("bad", ["rejected"] * 20)
    plans = {"good": {"steps": [1, 2]}, "bad": {"steps": [3]}}
    for agent, plan in plans.items():
        house.recommend(agent, question="plan", recommendation_content=plan)
    house.settle()
    found = house.part.consensus(WORKSPACE, "plan")
    assert (found["by"], found["answer"]) == ("trust", '{"steps":[1,2]}')
    with pytest.raises(NotFound, match="has no question"):
        house.part.consensus("another", "plan")


def test_a_truth_that_is_taken_back_is_one_no_longer(house):
    """That a was approved made it certain; rejected again, it is what one of three said."""
    said = [house.recommend(agent, question="q", recommendation_content=answer)
            for agent, answer in (("ann", "a"), ("bob", "b"), ("cy", "b"))]  # fmt: skip
    house.judge(said[0], "approved")
    house.settle()
    assert house.part.consensus(WORKSPACE, "q")["answer"] == "a"
    house.pass_time(hours=1)
    house.judge(said[0], "rejected")
    house.settle()
    assert house.part.consensus(WORKSPACE, "q")["answer"] == "b"


def test_answers_that_wait_to_be_learned_survive_a_crash(house):
    for number in range(8):
        for agent in ("ann", "bob", "cy"):
            house.recommend(agent, question=f"q{number}", recommendation_content="yes" if number % 2 else "no")
    house.loop.settle()  # no time has passed: nothing of this is learned yet
    house.save()
    house.wake()
    found = house.part.consensus(WORKSPACE, "q3")
    assert (found["by"], found["answer"], found["answers"]) == ("confusion", "yes", 3)


def test_an_agent_that_copies_another_counts_with_it_as_one(house):
    rng = Random(3)
    for number in range(80):
        truth = rng.choice("abc")
        said = {f"a{n}": truth if rng.random() < 0.6 else rng.choice("abc") for n in range(7)}
        for agent, answer in {**said, "copycat": said["a0"]}.items():
            house.recommend(agent, question=f"q{number}", recommendation_content=answer)
    house.settle()
    house.part.operate("recalculate", {}, house.now)
    found = house.part.consensus(WORKSPACE, "q79")
    copies = {voter["agent_id"]: voter["copies"] for voter in found["voters"]}
    assert copies["copycat"]["a0"] > 0.5
    assert not copies["a2"]
    assert found["independent"] < found["answers"] - 0.5


def test_what_an_agent_says_of_itself_is_held_against_what_came(house):
    house.live("boaster", ["approved", "rejected"] * 40, confidence_score=0.95)
    house.settle()
    calibration = house.score("boaster").calibration
    assert calibration["error"] == pytest.approx(0.45, abs=0.01)
    assert calibration["bins"][0]["count"] == 80
    assert house.part._workspaces.get(WORKSPACE).calibrated("boaster", 0.95) == pytest.approx(0.5, abs=0.08)


def test_the_dimension_consistency_is_how_well_an_agent_fits_confirmed_patterns(house):
    for kind, name in (("success_indicator", "fix"), ("failure_avoidance", "guess")):
        pattern = Pattern(
            workspace_id=WORKSPACE,
            pattern_id=name,
            pattern_type=kind,
            condition={"type": name},
            description="",
            success_rate=0.9,
            base_rate=0.5,
            frequency_count=100,
            confidence_level=0.99,
            strength="strong",
            is_confirmed=True,
            first_validated=START,
            last_validated=START,
        )
        record = Record(PATTERNS_VIEW, f"{WORKSPACE}/{name}", WORKSPACE, 0.99, canonical(to_plain(pattern)))
        house.loop.write(Commit(follower="meta_learner", records=[record]))
    ended = Fact(id="c", at=house.now, kind="finding", type="learning.cycle", source="s", subject=WORKSPACE)
    house.loop.append([ended.to_row()])
    house.settle()
    house.live("fits", ["partial"] * 10, kind="fix")
    house.live("strays", ["partial"] * 10, kind="guess")
    house.live("neither", ["partial"] * 10, kind="other")
    house.settle()
    scores = [house.score(agent).consistency_score for agent in ("strays", "neither", "fits")]
    assert scores == sorted(scores)
    assert scores[0] < 0.5 == scores[1] < scores[2]
