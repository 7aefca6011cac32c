"""The score test: its tail is right where few rows fit, and where rows depend on each other."""

import math

import numpy as np
import pytest

from grace_ray.models.patterns.effect import NullModel, as_normal, unskewed, upper_tail
from grace_ray.models.patterns.outcomes import Outcomes


def binomial_tail(n, p, least):
    return sum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(least, n + 1))


@pytest.mark.parametrize(("n", "p", "hits"), [(20, 0.05, 6), (40, 0.1, 14), (60, 0.5, 46), (52, 0.8, 52)])
def test_the_tail_of_few_rows_is_near_the_exact_one(n, p, hits):
    deviation = math.sqrt(n * p * (1 - p))
    tail = upper_tail(unskewed((hits - n * p) / deviation, (1 - 2 * p) / deviation))
    assert 0.5 < tail / binomial_tail(n, p, hits) < 4


def test_students_tail_is_heavier_than_the_normal_one():
    assert as_normal(5.0, 9) < 3.5
    assert as_normal(5.0, 10_000) == pytest.approx(5.0, abs=0.01)


def table(value, question, agent=None):
    agent = np.zeros(len(value)) if agent is None else agent
    return Outcomes(
        columns=[],
        value=np.asarray(value, float),
        question=np.asarray(question, np.int32),
        agent=np.asarray(agent, np.int32),
    )


def test_p_is_uniform_where_questions_differ_in_difficulty():
    rng = np.random.default_rng(1)
    question = np.repeat(np.arange(150), 6)
    below = 0
    for _ in range(400):
        chance = 1 / (1 + np.exp(-3 * rng.normal(size=150)))[question]
        outcomes = table(rng.random(900) < chance, question)
        fits = (rng.random(150) < 0.2)[question]  # a feature of the question
        below += NullModel(outcomes, is_by_agent=False).test(fits).p < 0.05
    assert below <= 2 * 0.05 * 400 + 20  # one-sided in its own direction: a tenth
    assert below >= 15


def test_what_is_known_explains_what_goes_with_it():
    rng = np.random.default_rng(2)
    cause = rng.random(2000) < 0.5
    shadow = np.where(rng.random(2000) < 0.9, cause, ~cause)
    outcomes = table(rng.random(2000) < np.where(cause, 0.8, 0.4), np.arange(2000))
    assert NullModel(outcomes, is_by_agent=False).test(shadow).p < 1e-20
    assert NullModel(outcomes, is_by_agent=False, known=[cause]).test(shadow).p > 0.001
