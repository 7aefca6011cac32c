"""The pool answers every series it can be given, sanely, and learns which model suits it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace_ray.core.errors import InvalidInput
from grace_ray.models.forecast.base import HORIZON, LEVELS, MEDIAN
from grace_ray.models.forecast.pool import ForecastPool, PoolForecast

ANY_VALUE = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0.0, 1.0, 1e300, -1e300, 5e-324, float("nan"), float("inf")]),
)


def assert_sane(answer: PoolForecast) -> None:
    assert answer.quantiles.shape == (HORIZON, len(LEVELS))
    assert np.isfinite(answer.quantiles).all()
    assert (np.diff(answer.quantiles, axis=1) >= 0).all()
    assert np.array_equal(answer.point, answer.quantiles[:, MEDIAN])
    assert sum(answer.weights.values()) == pytest.approx(1.0)
    assert sum(answer.importance.values()) == pytest.approx(1.0)


@given(st.lists(ANY_VALUE, min_size=1, max_size=120))
@settings(max_examples=150, deadline=None)
def test_garbage_gets_finite_quantiles_that_do_not_cross_or_a_refusal_that_says_why(values):
    series = np.array(values)
    if not np.isfinite(series).any():
        with pytest.raises(InvalidInput, match="no finite value"):
            ForecastPool().forecast(series)
        return
    assert_sane(ForecastPool().forecast(series))


@pytest.mark.parametrize("steps", [1, 2, 5, 23, 24, 25, 36, 48, 71, 72, 100, 287, 288, 289, 1000])
def test_a_history_of_any_length_gets_an_answer(steps):
    series = np.random.default_rng(steps).normal(50, 5, steps)
    assert_sane(ForecastPool().forecast(series))


def test_too_little_history_is_said_and_naive_speaks():
    answer = ForecastPool().forecast(np.array([3.0, 4.0, 5.0, np.nan, 4.5, 5.0, 5.5, 6.0]))
    assert answer.note.startswith("too little history: 7 points")
    assert answer.model == "naive"
    assert answer.point.tolist() == [6.0] * HORIZON
    assert answer.quantiles[-1, -1] > answer.quantiles[0, -1] > 6.0


@pytest.mark.parametrize("steps", [3, 30, 288])
def test_what_was_never_below_zero_is_not_foreseen_to_be(steps):
    counts = np.random.default_rng(steps).poisson(2.0, steps).astype(float)
    answer = ForecastPool().forecast(counts)
    assert answer.quantiles.min() >= 0.0
    assert_sane(answer)
    assert ForecastPool().forecast(counts - 2.5).quantiles.min() < 0.0


def test_a_constant_stays_constant():
    answer = ForecastPool().forecast(np.full(288, 42.0))
    assert np.all(answer.quantiles == 42.0)


def test_the_size_of_a_metric_makes_no_difference():
    series = np.random.default_rng(0).normal(0, 1, 288).cumsum() + 100
    plain = ForecastPool().forecast(series).quantiles
    for factor in (1e-12, 1e6, 1e280):
        assert np.allclose(ForecastPool().forecast(series * factor).quantiles / factor, plain, rtol=1e-6)


def test_one_huge_spike_does_not_move_the_forecast():
    series = np.random.default_rng(1).normal(10, 0.5, 288)
    series[150] = 1e9
    assert np.all(np.abs(ForecastPool().forecast(series).point - 10) < 2)


def test_gaps_are_bridged_and_many_of_them_are_said():
    rng = np.random.default_rng(2)
    series = rng.normal(10, 1, 288)
    series[rng.random(288) < 0.4] = np.nan
    answer = ForecastPool().forecast(series)
    assert_sane(answer)
    assert "missing" in answer.note
    assert answer.observations == np.isfinite(series).sum()
    assert np.all(np.abs(answer.point - 10) < 1.5)


def test_a_ramp_is_carried_on():
    series = np.arange(288) * 2.0 + np.random.default_rng(3).normal(0, 0.5, 288)
    assert ForecastPool().forecast(series).point[-1] > series[-1] + 12


def test_noise_around_a_level_returns_to_the_level_and_a_walk_stays_where_it_is():
    rng = np.random.default_rng(4)
    noise = rng.normal(0, 1, 288)
    noise[-1] = 4.0
    walk = rng.normal(0, 1, 288).cumsum()
    assert ForecastPool().forecast(noise).point[0] < 1.5
    assert abs(ForecastPool().forecast(walk).point[0] - walk[-1]) < 1.0


def test_an_hourly_job_is_foreseen():
    series = np.random.default_rng(5).normal(5, 0.1, 288)
    series[::12] += 20
    point = ForecastPool().forecast(series).point
    assert point.argmax() == 0
    assert point[0] > 15
    assert point[1:].max() < 10


def test_many_series_at_once_are_answered_as_each_alone():
    rng = np.random.default_rng(6)
    series = [rng.normal(0, 1, size).cumsum() for size in (288, 100, 288, 7, 400)]
    pool = ForecastPool()
    for alone, together in zip([pool.forecast(one) for one in series], pool.forecast_many(series), strict=True):
        assert np.allclose(alone.quantiles, together.quantiles)
        assert alone.model == together.model


def test_four_of_five_values_fall_within_the_80_percent_band():
    rng = np.random.default_rng(7)
    series = [rng.standard_t(3, 300) + np.where(rng.random(300) < 0.03, 15, 0) for _ in range(150)]
    answers = ForecastPool().forecast_many([one[:288] for one in series])
    inside_80, inside_95 = [], []
    for one, answer in zip(series, answers, strict=True):
        inside_80.append((one[288:] >= answer.quantiles[:, 1]) & (one[288:] <= answer.quantiles[:, -2]))
        inside_95.append((one[288:] >= answer.quantiles[:, 0]) & (one[288:] <= answer.quantiles[:, -1]))
    assert abs(np.mean(inside_80) - 0.8) < 0.03
    assert abs(np.mean(inside_95) - 0.95) < 0.02


def test_another_horizon_can_be_asked_for():
    answer = ForecastPool(horizon=3).forecast(np.random.default_rng(8).normal(0, 1, 200))
    assert answer.quantiles.shape == (3, len(LEVELS))
