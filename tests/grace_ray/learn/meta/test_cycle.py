"""A learning cycle: the five kinds of pattern, rules and profiles that follow, and what they are worth later."""

from datetime import timedelta

import pytest

from grace_ray.core.recommendation import LearningCycle
from grace_ray.learn.meta.cycle import REFRESH, Known, run
from grace_ray.learn.meta.reading import Gathered
from grace_ray.models.patterns.mining import MiningSettings


def samples_of(history):
    gathered = Gathered()
    gathered.add(history.cells())
    return gathered.samples()


def cycle_of(history, known=None, trigger="manual"):
    now = history.at + timedelta(minutes=5)
    started = LearningCycle(
        workspace_id="acme",
        iteration_id="c-1",
        trigger=trigger,
        status="running",
        started_at=now - timedelta(seconds=9),
    )
    return run(started, samples_of(history), known or Known(), MiningSettings(), now)


def by_kind(result):
    return {(pattern.pattern_type, str(dict(pattern.condition))) for pattern in result.kept}


def test_all_five_kinds_are_found(make_history):
    history = make_history(1).live(
        2500,
        ({"confidence": {"min": 0.8}}, 0.3),
        ({"agents_agree": {"min": 2}}, 0.25),
        ({"agent": "agent-3"}, 0.45),
        ({"region": "us"}, -0.3),
        ({"type": "strategy"}, 0.2),
        base=0.35,
    )
    result = cycle_of(history)
    kinds = by_kind(result)
    assert ("high_confidence", "{'confidence': {'min': 0.8}}") in kinds
    assert ("consensus", "{'agents_agree': {'min': 2}}") in kinds
    assert ("failure_avoidance", "{'region': 'us'}") in kinds
    assert ("success_indicator", "{'type': 'strategy'}") in kinds
    assert {"expert_opinion", "success_indicator"} & {kind for kind, said in kinds if "agent-3" in said}
    assert all(pattern.is_confirmed and pattern.confidence_level >= 0.99 for pattern in result.kept)


def test_an_expert_is_one_whose_approval_is_surely_above_three_quarters(make_history):
    result = cycle_of(make_history(2).live(1500, ({"agent": "agent-3"}, 0.4), base=0.5))
    assert ("expert_opinion", "{'agent': 'agent-3'}") in by_kind(result)
    result = cycle_of(make_history(2).live(1500, ({"agent": "agent-3"}, 0.2), base=0.5))
    assert ("success_indicator", "{'agent': 'agent-3'}") in by_kind(result)


def test_rules_say_what_to_do_with_numbers(make_history):
    history = make_history(3).live(
        2000, ({"type": "strategy", "agent": "agent-1"}, 0.45), ({"region": "us"}, -0.35), base=0.5
    )
    result = cycle_of(history)
    rules = {rule.action: rule for rule in result.cycle.rules}
    assert rules["prefer"].agents == ["agent-1"]
    assert dict(rules["prefer"].condition) == {"type": "strategy"}
    assert "route to agent-1" in rules["prefer"].sentence
    assert dict(rules["review"].condition) == {"region": "us"}
    assert rules["review"].effectiveness > 0.2
    assert result.cycle.rules_updated == len(result.cycle.rules)
    assert any("have it reviewed" in each for each in result.cycle.recommendations_for_swarm)


def test_no_rule_routes_to_an_agent_that_is_only_better_than_itself(make_history):
    history = make_history(15).live(
        2500, ({"agent": "agent-1"}, -0.45), ({"agent": "agent-1", "type": "strategy"}, 0.45), base=0.55
    )
    result = cycle_of(history)
    pattern = next(each for each in result.kept if set(each.condition) == {"agent", "type"})
    assert pattern.success_rate > pattern.base_rate + 0.3
    assert pattern.description.endswith("of its others.")
    assert not [rule for rule in result.cycle.rules if rule.action == "prefer" and "agent-1" in rule.agents]


def test_profiles_tell_strengths_and_weaknesses_by_type_and_context(make_history):
    history = make_history(4).live(
        2000, ({"type": "strategy", "agent": "agent-1"}, 0.4), ({"region": "us", "agent": "agent-2"}, -0.4), base=0.5
    )
    profiles = {profile.agent_id: profile for profile in cycle_of(history).cycle.profiles}
    assert profiles["agent-1"].agent_name == "Agent-1"
    assert profiles["agent-1"].strengths[0]["condition"] == {"type": "strategy"}
    assert profiles["agent-2"].weaknesses[0]["condition"] == {"region": "us"}
    strategy = profiles["agent-1"].by_type["strategy"]
    assert strategy["low"] < strategy["rate"] < strategy["high"]
    assert strategy["low"] > strategy["usual"]


def test_it_measures_itself_on_later_questions(make_history):
    planted = ({"region": "us"}, 0.4), ({"region": "asia"}, -0.4), ({"confidence": {"min": 0.8}}, 0.05)
    good = cycle_of(make_history(5).live(1000, *planted)).cycle
    assert good.iteration_accuracy > 0.8
    assert good.iteration_coverage == pytest.approx(0.7, abs=0.08)
    assert any("On later questions" in sentence for sentence in good.key_insights)
    chance = cycle_of(make_history(6).live(1000)).cycle
    assert chance.iteration_accuracy == pytest.approx(0.5, abs=0.06)


def test_chance_teaches_nothing(make_history):
    for seed in range(4):
        result = cycle_of(make_history(seed).live(600))
        assert result.kept == []
        assert result.cycle.rules == []
        assert result.cycle.patterns_tried > 100
        assert "chance" in " ".join(result.cycle.key_insights)


def test_an_old_pattern_that_still_holds_is_validated_anew(make_history):
    history = make_history(7).live(1500, ({"region": "us"}, -0.3))
    first = cycle_of(history)
    history.live(1500, ({"region": "us"}, -0.3))
    known = Known(first.kept, first.cycle)
    second = cycle_of(history, known, trigger=REFRESH)
    (pattern,) = second.kept
    assert pattern.first_validated == first.kept[0].first_validated < pattern.last_validated
    assert (second.cycle.patterns_discovered, second.cycle.patterns_confirmed) == (0, 1)
    assert second.cycle.pattern_confidence_improvement == pytest.approx(0.0, abs=0.01)
    assert second.cycle.rule_effectiveness_improvement is not None


def test_an_old_pattern_that_no_longer_holds_is_dropped_and_said(make_history):
    history = make_history(8).live(1500, ({"region": "us"}, -0.3))
    first = cycle_of(history)
    later = make_history(9).live(1500)
    for row in later.rows:
        row["rank"] += 10_000_000.0
        row["evaluated_at"] = "2026-08-01T00:00:00Z"
    later.at += timedelta(days=120)
    second = cycle_of(later, Known(first.kept, first.cycle), trigger=REFRESH)
    assert second.kept == []
    assert [pattern.pattern_id for pattern in second.dropped] == [pattern.pattern_id for pattern in first.kept]
    assert second.cycle.patterns_dropped == 1
    assert any(sentence.startswith("No longer so") for sentence in second.cycle.key_insights)


def test_without_anything_fresh_a_pattern_stays_for_a_while(make_history):
    history = make_history(10).live(1500, ({"region": "us"}, -0.3))
    first = cycle_of(history)
    quiet = make_history(11).live(3)
    quiet.at = history.at + timedelta(days=30)
    assert len(cycle_of(quiet, Known(first.kept, first.cycle)).kept) == 1
    quiet.at = history.at + timedelta(days=90)
    assert cycle_of(quiet, Known(first.kept, first.cycle)).kept == []


def test_an_agent_that_claims_too_much_is_told_of(make_history):
    history = make_history(12).live(600)
    for row in history.rows:
        if row["agent_id"] == "agent-4":
            row["confidence_score"], row["outcome"] = 0.97, "rejected" if hash(row["key"]) % 3 else row["outcome"]
    said = cycle_of(history).cycle.recommendations_for_swarm
    assert any(sentence.startswith("Discount agent-4: it says 97%") for sentence in said)


def test_a_workspace_without_outcomes_has_a_cycle_without_findings(make_history):
    cycle = cycle_of(make_history(13)).cycle
    assert (cycle.samples_analyzed, cycle.patterns_tried, cycle.status) == (0, 0, "completed")
    assert cycle.iteration_accuracy is None
    assert cycle.key_insights == ["No recommendation was judged in this time."]


def test_the_same_outcomes_teach_the_same(make_history):
    one, two = (cycle_of(make_history(14).live(800, ({"region": "us"}, -0.3))) for _ in range(2))
    assert one == two
