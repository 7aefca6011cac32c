"""Probabilities are calibrated against what came, and an episode is warned of once."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace_ray.core.errors import InvalidInput
from grace_ray.models.detect import EpisodeGate, WarningCalibrator

FORECASTS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=60)


def learned(forecasts, calibrator=None) -> WarningCalibrator:
    calibrator = calibrator or WarningCalibrator()
    for probability, breached in forecasts:
        calibrator.learn_one(probability, breached)
    return calibrator


def test_an_overconfident_model_is_brought_down_to_what_comes_true() -> None:
    rng = np.random.default_rng(1)
    truth = rng.random(4000) * 0.4
    calibrator = learned((min(2 * p, 1.0), bool(rng.random() < p)) for p in truth)
    for said in (0.2, 0.4, 0.6):
        assert calibrator.calibrated(said) == pytest.approx(said / 2, abs=0.06)


@given(st.floats(0, 1))
def test_a_calibrator_that_learned_nothing_changes_nothing(probability: float) -> None:
    assert WarningCalibrator().calibrated(probability) == pytest.approx(probability, abs=1e-9)


@given(FORECASTS)
def test_a_calibrated_probability_never_falls_as_the_said_one_rises(forecasts) -> None:
    calibrator = learned(forecasts)
    found = [calibrator.calibrated(p / 100) for p in range(101)]
    assert all(0 <= p <= 1 for p in found)
    assert all(b >= a - 1e-12 for a, b in pairwise(found))


@given(FORECASTS, FORECASTS)
def test_two_calibrators_merge_to_what_one_would_have_learned(first, second) -> None:
    merged = learned(first)
    merged.merge(learned(second))
    both = learned(first + second)
    assert [merged.calibrated(p / 20) for p in range(21)] == pytest.approx([both.calibrated(p / 20) for p in range(21)])


def test_a_restored_calibrator_answers_the_same() -> None:
    calibrator, other = learned([(0.3, True), (0.7, False)] * 9), WarningCalibrator()
    other.restore(calibrator.state())
    assert other.calibrated(0.33) == calibrator.calibrated(0.33)


@pytest.mark.parametrize("probability", [-0.1, 1.1, math.nan])
def test_what_is_no_probability_is_refused_by_name(probability: float) -> None:
    with pytest.raises(InvalidInput) as refused:
        WarningCalibrator().learn_one(probability, True)
    assert refused.value.field == "probability"


def test_an_episode_is_warned_of_once_however_long_it_lasts() -> None:
    gate = EpisodeGate(open_at=0.5, close_at=0.2, quiet_points=3)
    opened = [gate.learn_one(p).opened for p in [0.1, 0.6, 0.9, 0.4, 0.8, 0.3, 0.7]]
    assert opened == [False, True, False, False, False, False, False]


def test_an_episode_ends_after_quiet_and_the_next_is_warned_of_again() -> None:
    gate = EpisodeGate(open_at=0.5, close_at=0.2, quiet_points=2)
    found = [gate.learn_one(p) for p in [0.6, 0.1, 0.1, 0.6]]
    assert [f.closed for f in found] == [False, False, True, False]
    assert not found[2].breached
    assert found[3].opened


def test_a_breach_closes_the_episode_and_no_warning_follows_while_it_lasts() -> None:
    gate = EpisodeGate(open_at=0.5, close_at=0.2, quiet_points=2)
    assert gate.learn_one(0.9).opened
    closing = gate.learn_one(1.0, is_breached=True)
    assert closing.closed
    assert closing.breached
    assert not any(gate.learn_one(0.9).opened for _ in range(5))


def test_a_breach_without_a_warning_closes_nothing() -> None:
    found = EpisodeGate().learn_one(1.0, is_breached=True)
    assert (found.opened, found.closed, found.breached) == (False, False, True)


def test_an_unknown_probability_changes_nothing() -> None:
    gate = EpisodeGate(quiet_points=1)
    gate.learn_one(0.9)
    before = gate.state()
    gate.learn_one(math.nan)
    assert gate.state() == before


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=30), st.integers(0, 30))
def test_a_restored_gate_goes_on_as_if_never_interrupted(points, cut) -> None:
    whole, first, second = EpisodeGate(), EpisodeGate(), EpisodeGate(open_at=0.9)
    expected = [whole.learn_one(*point) for point in points]
    found = [first.learn_one(*point) for point in points[:cut]]
    second.restore(first.state())
    assert found + [second.learn_one(*point) for point in points[cut:]] == expected


def test_a_gate_that_closes_above_where_it_opens_is_refused() -> None:
    with pytest.raises(InvalidInput, match="close_at"):
        EpisodeGate(open_at=0.3, close_at=0.5)
