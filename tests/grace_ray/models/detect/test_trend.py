"""Trends: found where they are, robust against spikes, silent where there are none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace_ray.models.detect import trend_of


def test_a_noisy_climb_is_found_with_its_slope() -> None:
    rng = np.random.default_rng(2)
    found = trend_of(0.3 * np.arange(120) + rng.normal(size=120))
    assert found.slope == pytest.approx(0.3, abs=0.02)
    assert found.level == pytest.approx(0.3 * 119, abs=0.7)
    assert found.p_value < 1e-6
    assert found.tau > 0.8


def test_noise_has_a_trend_no_more_often_than_the_p_value_says() -> None:
    rng = np.random.default_rng(3)
    found = [trend_of(rng.normal(size=40)).p_value < 0.05 for _ in range(300)]
    assert np.mean(found) < 0.09


def test_a_spike_does_not_tilt_a_flat_line() -> None:
    values = np.full(50, 7.0)
    values[45] = 1e9
    assert trend_of(values).slope == 0
    assert trend_of(values).p_value > 0.05


def test_gaps_do_not_change_the_slope_per_step() -> None:
    values = np.arange(60.0)
    values[10:40] = np.nan
    assert trend_of(values).slope == pytest.approx(1.0)


def test_a_long_window_is_thinned_and_keeps_its_slope() -> None:
    assert trend_of(0.01 * np.arange(5_000)).slope == pytest.approx(0.01)
    assert trend_of(0.01 * np.arange(5_000)).level == pytest.approx(49.99)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=40))
def test_garbage_gives_a_finite_answer(values) -> None:
    found = trend_of(np.array(values))
    assert np.isfinite([found.slope, found.level, found.z, found.tau]).all()
    assert 0 <= found.p_value <= 1
