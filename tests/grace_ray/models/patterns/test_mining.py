"""Patterns: what was planted is found, what is chance is not, and nothing is said twice."""

import numpy as np
import pytest

from grace_ray.core.errors import InvalidInput
from grace_ray.models.patterns.mining import MiningSettings, effect_of, mine
from grace_ray.models.patterns.outcomes import Column, Outcomes, split_questions


def conditions(outcomes):
    return [outcomes.spelled(found.condition) for found in mine(outcomes).found]


@pytest.mark.parametrize(
    ("shape", "effects"),
    [
        ({}, {}),
        ({}, {"base": 2.7}),
        ({"answers": 5}, {"difficulty": 2.5}),
        ({"answers": 2, "rows": 600}, {"base": -2.5, "difficulty": 1.0}),
    ],
    ids=["coins", "nearly all good", "hard and easy questions", "few and mostly bad"],
)
def test_chance_shows_no_patterns(make, shape, effects):
    reported = [each for seed in range(25) for each in conditions(make(seed, **shape).outcomes(**effects))]
    assert reported == []


def test_skill_of_agents_is_no_pattern_of_anything_else(make):
    reported = [each for seed in range(20) for each in conditions(make(seed).outcomes(skill=1.5))]
    assert [each for each in reported if set(each) != {"agent"}] == []
    assert reported


def test_what_only_good_agents_use_is_told_of_the_agents(make):
    made = make(1)
    made.add("model", np.where(made.agent < 2, 0, 1), range(2))
    reported = conditions(made.outcomes(({"agent": "a0"}, 0.3), ({"agent": "a1"}, 0.3)))
    assert {"agent": "a0"} in reported
    assert not [each for each in reported if "model" in each]


def test_planted_patterns_are_found_alone_and_in_pairs(make):
    planted = [{"tool": "tool1"}, {"type": "type2"}, {"place": "place0", "size": "size3"}]
    found = 0
    for seed in range(8):
        outcomes = make(seed, rows=3000).outcomes((planted[0], -0.25), (planted[1], 0.2), (planted[2], 0.4), base=-0.3)
        reported = conditions(outcomes)
        found += sum(each in reported for each in planted)
        assert [each for each in reported if each not in planted] == []
    assert found >= 23


def test_within_questions_a_pattern_shows_through_their_difficulty(make):
    outcomes = make(3, rows=1500, answers=5).outcomes(({"tool": "tool1"}, 0.15), difficulty=4.0)
    assert conditions(outcomes) == [{"tool": "tool1"}]


def test_a_pair_that_one_half_explains_is_not_said(make):
    outcomes = make(4, rows=4000).outcomes(({"type": "type1"}, 0.4))
    assert conditions(outcomes) == [{"type": "type1"}]


def test_of_two_values_both_sides_are_told(make):
    outcomes = make(5).outcomes(({"place": "place0"}, 0.3))
    first, second = mine(outcomes).found
    assert {first.condition[0][1], second.condition[0][1]} == {0, 1}
    assert first.effect.z == -second.effect.z
    assert first.rate == second.others


def test_what_held_only_earlier_is_not_confirmed(make):
    made = make(6, rows=4000)
    outcomes = made.outcomes(({"tool": "tool1"}, 0.4))
    later = ~split_questions(outcomes, 0.6)
    value = np.where(later, made.rng.random(len(outcomes)) < 0.5, outcomes.value).astype(float)
    faded = Outcomes(columns=outcomes.columns, value=value, question=outcomes.question, agent=outcomes.agent)
    mined = mine(faded)
    assert mined.found == []
    assert [outcomes.spelled(each.condition) for each in mined.unconfirmed] == [{"tool": "tool1"}]


def test_copies_of_one_answer_are_no_more_than_one(make):
    made = make(7, rows=400, answers=20)
    outcomes = made.outcomes(difficulty=0.0)
    copied = Outcomes(
        columns=made.columns,
        value=outcomes.value[made.question * 20],  # all answers to a question came out as its first
        question=made.question,
        agent=made.agent,
    )
    assert mine(copied, MiningSettings(questions_min=2)).found == []


def test_a_condition_of_too_few_rows_is_not_tried(make):
    made = make(8, rows=1000)
    made.add("rare", np.where(np.arange(made.rows) % 60 == 0, 0, -1), range(1))
    outcomes = made.outcomes(({"rare": "rare0"}, 0.5))
    assert mine(outcomes).found == []
    assert mine(outcomes, MiningSettings(support_min=10)).tried > mine(outcomes).tried


def test_one_condition_is_tested_on_fresh_rows(make):
    outcomes = make(9).outcomes(({"tool": "tool1"}, -0.3))
    condition = outcomes.found({"tool": "tool1"})
    assert effect_of(outcomes, condition).p < 1e-6
    assert effect_of(outcomes, condition).size == pytest.approx(-0.3, abs=0.08)
    assert effect_of(outcomes, outcomes.found({"tool": "tool2"})).p > 1e-4
    assert outcomes.found({"tool": "no such tool"}) is None


@pytest.mark.parametrize("value", [[], [1.0], [1.0] * 50], ids=["none", "one", "all the same"])
def test_of_nothing_nothing_is_learned(value):
    codes = np.zeros(len(value), np.int32)
    column = Column(name="type", codes=codes, values=["plan"])
    question = np.arange(len(value), dtype=np.int32)
    assert mine(Outcomes(columns=[column], value=np.array(value), question=question, agent=codes)).found == []


def test_outcomes_out_of_range_are_refused():
    codes = np.zeros(2, np.int32)
    for value in (np.array([0.5, np.nan]), np.array([0.5, 1.2]), np.array([0.5])):
        with pytest.raises(InvalidInput):
            Outcomes(columns=[], value=value, question=codes, agent=codes)


def test_what_came_one_after_the_other_is_confirmed_each_by_its_later_part(make):
    made = make(10, rows=600)
    made.add("release", np.where(np.arange(600) < 250, 0, 1), range(2))
    outcomes = made.outcomes(({"release": "release0"}, 0.35))
    assert {"release": "release0"} in conditions(outcomes)
