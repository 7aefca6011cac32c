"""Deciding beforehand: right where it decides, silent where it does not know, and never from the answer itself."""

import numpy as np
import pytest

from grace_ray.models.patterns.conditions import in_words
from grace_ray.models.patterns.deciding import Decider, measure
from grace_ray.models.patterns.outcomes import Outcomes, split_questions
from grace_ray.models.patterns.rates import shrunk


def test_what_features_tell_is_decided_rightly(make):
    outcomes = make(1, rows=2000).outcomes(({"type": "type1"}, 0.45), ({"type": "type0"}, -0.45))
    measured = measure(outcomes, {}, coverage=0.6)
    assert measured.accuracy > 0.85
    assert 0.5 < measured.coverage < 0.8


def test_chance_is_not_foretold(make):
    measured = measure(make(2, rows=3000).outcomes(), {}, coverage=0.7)
    assert measured.accuracy == pytest.approx(0.5, abs=0.05)


def test_hard_questions_show_in_what_all_their_agents_do(make):
    made = make(3, rows=3000, answers=5)
    hardness = made.rng.normal(size=made.question.max() + 1)[made.question]
    steps = np.exp(3 + 0.7 * hardness + 0.5 * made.rng.normal(size=made.rows) + 0.3 * made.agent)
    value = (made.rng.random(made.rows) < 1 / (1 + np.exp(3 * hardness))).astype(float)
    outcomes = Outcomes(columns=made.columns, value=value, question=made.question, agent=made.agent)
    alone = measure(outcomes, {}, coverage=0.7)
    steps[::50] = np.nan  # some did not say
    together = measure(outcomes, {"steps": steps}, coverage=0.7)
    assert alone.accuracy < 0.6 < 0.8 < together.accuracy


def test_no_question_is_learned_from_and_asked(make):
    outcomes = make(4, rows=900, answers=3).outcomes()
    earlier = split_questions(outcomes, 0.6)
    assert not set(outcomes.question[earlier]) & set(outcomes.question[~earlier])
    assert earlier.mean() == pytest.approx(0.6, abs=0.01)


def test_outcomes_are_not_looked_at_to_foretell_them(make):
    outcomes = make(5).outcomes(({"type": "type1"}, 0.3))
    decider = Decider(outcomes, {}, coverage=0.7)
    turned = Outcomes(
        columns=outcomes.columns, value=1 - outcomes.value, question=outcomes.question, agent=outcomes.agent
    )
    assert np.array_equal(decider.chances(outcomes, {}), decider.chances(turned, {}))


def test_agents_never_seen_are_judged_like_the_others(make):
    outcomes = make(6, agents=4).outcomes(skill=1.0)
    decider = Decider(outcomes, {"steps": np.ones(len(outcomes))}, coverage=0.7)
    agent = np.full(1, 99, np.int32)
    new = outcomes.rows(np.arange(1))
    new = Outcomes(columns=new.columns, value=new.value, question=new.question, agent=agent)
    assert 0.05 < decider.chances(new, {"steps": np.ones(1)})[0] < 0.95


@pytest.mark.parametrize("count", [0, 1, 3])
def test_of_next_to_nothing_nothing_is_claimed(make, count):
    outcomes = make(7).outcomes().rows(np.arange(count))
    measured = measure(outcomes, {}, coverage=0.7)
    assert measured.decided <= count


def test_few_outcomes_are_drawn_to_what_is_usual():
    few, many = shrunk(2, 2, 0.5, 8), shrunk(200, 200, 0.5, 8)
    assert 0.5 < few.rate < 0.65 < many.rate
    assert few.high - few.low > many.high - many.low
    assert shrunk(0, 0, 0.4, 0) == (0.4, 0.0, 1.0, 0)


def test_conditions_read_as_sentences():
    condition = {"urgent": True, "size": {"max": 10}, "agents_agree": {"min": 2}}
    assert in_words(condition) == "urgent is true, size is below 10 and at least 2 agents agree"
