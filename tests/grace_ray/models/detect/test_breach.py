"""Breach probabilities: high where a threshold comes near, low where it does not, sane for whatever is sent."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace_ray.core.errors import InvalidInput
from grace_ray.models.detect import Breach, breach_probability

RNG = np.random.default_rng(1)
NOISE = 40 + RNG.normal(size=1_000)
RAMP = np.concatenate([NOISE, 40 + np.arange(40) * 1.0 + RNG.normal(size=40)])


def outlook(values: np.ndarray, threshold: float, *, is_higher_worse: bool = True, horizons=(3, 6, 12)) -> Breach:
    return breach_probability(
        values, threshold=threshold, is_higher_worse=is_higher_worse, horizons=horizons, step_s=300.0
    )


def test_a_steady_climb_is_warned_of_before_it_arrives() -> None:
    found = outlook(RAMP, 85.0)
    assert found.probabilities[12] > 0.5
    assert found.probabilities[12] > found.probabilities[3]
    assert found.steps_to_breach == pytest.approx(6, abs=2)
    assert found.trend_per_step == pytest.approx(1.0, abs=0.15)
    assert found.predicted > 85.0


def test_quiet_noise_far_below_the_threshold_is_no_cause_for_alarm() -> None:
    found = outlook(NOISE, 60.0)
    assert found.probabilities[12] < 0.03
    assert found.steps_to_breach is None
    assert 39 < found.predicted < 50


def test_noise_that_often_touches_the_threshold_is_likelier_to_than_noise_that_seldom_does() -> None:
    often, seldom = (outlook(NOISE, threshold).probabilities[12] for threshold in (41.0, 43.0))
    assert often > 0.6 > 0.3 > seldom


def test_less_is_worse_mirrors_more_is_worse() -> None:
    up, down = outlook(RAMP, 85.0), outlook(-RAMP, -85.0, is_higher_worse=False)
    assert down.probabilities == pytest.approx(up.probabilities)
    assert down.predicted == pytest.approx(-up.predicted)
    assert down.trend_per_step == pytest.approx(-up.trend_per_step)


def test_a_unit_does_not_matter() -> None:
    assert outlook(RAMP * 1e6, 85e6).probabilities == pytest.approx(outlook(RAMP, 85.0).probabilities, abs=1e-6)


def test_a_series_beyond_its_threshold_says_so() -> None:
    found = outlook(np.append(NOISE, 99.0), 60.0)
    assert found.steps_to_breach == 0
    assert found.probabilities[3] > 0.8


def test_gaps_are_data() -> None:
    holes = RAMP.copy()
    holes[100:160] = np.nan
    holes[-8] = np.nan
    assert outlook(holes, 85.0).probabilities[12] > 0.5


def test_a_series_without_history_has_no_confidence() -> None:
    for values in (np.empty(0), np.full(5, np.nan)):
        found = outlook(values, 1.0)
        assert found.confidence == 0
        assert found.probabilities[12] == 0
    assert outlook(np.array([2.0]), 1.0).steps_to_breach == 0


def test_a_threshold_at_a_natural_bound_that_was_never_passed_is_not_feared() -> None:
    full = np.minimum(100.0, 99 + np.abs(RNG.normal(size=800)))
    assert outlook(full, 100.0).probabilities[12] < 0.2


def test_an_idle_metric_that_lies_on_its_floor_is_not_expected_below_it() -> None:
    idle = np.where(RNG.random(1_000) < 0.7, 0.066, 0.068) + 0.07 * (RNG.random(1_000) < 0.05)
    assert outlook(idle, 0.066, is_higher_worse=False).probabilities[12] < 0.1


def test_a_success_rate_that_slides_is_warned_of_before_it_is_too_low() -> None:
    usual = 99.5 + 0.2 * RNG.normal(size=1_000)
    sliding = np.concatenate([usual, 99.5 - 0.1 * np.arange(36) + 0.2 * RNG.normal(size=36)])
    found = outlook(sliding, 95.5, is_higher_worse=False)
    assert found.probabilities[12] > 0.5
    assert outlook(usual, 95.5, is_higher_worse=False).probabilities[12] < 0.05


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.floats(-5, 5)), max_size=70),
    st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.floats(-5, 5)),
    st.booleans(),
    st.integers(1, 4),
)
def test_garbage_gives_probabilities_that_never_fall_with_the_horizon(
    values, threshold, is_higher_worse, repeat
) -> None:
    found = outlook(np.array(values * repeat), threshold, is_higher_worse=is_higher_worse, horizons=[1, 3, 12, 100])
    said = [found.probabilities[h] for h in (1, 3, 12, 100)]
    assert all(0 <= p <= 1 for p in said)
    assert said == sorted(said)
    assert math.isfinite(found.predicted)
    assert math.isfinite(found.trend_per_step)
    assert found.steps_to_breach is None or (found.steps_to_breach >= 0 and math.isfinite(found.steps_to_breach))


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("threshold", {"threshold": math.nan}),
        ("horizons", {"horizons": []}),
        ("horizons", {"horizons": [0]}),
        ("step_s", {"step_s": 0.0}),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(field: str, changed: dict) -> None:
    sound = {"threshold": 1.0, "is_higher_worse": True, "horizons": [3], "step_s": 300.0}
    with pytest.raises(InvalidInput) as refused:
        breach_probability(NOISE, **sound | changed)
    assert refused.value.field == field
