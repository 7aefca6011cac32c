"""Backtests score what was said at past origins, and nothing that was known only later."""

import numpy as np
import pytest

from grace_ray.core.errors import InvalidInput
from grace_ray.models.forecast.backtest import backtest, default_origins
from grace_ray.models.forecast.pool import ForecastPool


def test_a_backtest_scores_each_origin():
    series = np.random.default_rng(0).normal(10, 1, 400)
    scores = backtest(series, ForecastPool(), default_origins(len(series), count=10))
    assert len(scores.losses) == len(scores.origins) == 10
    assert 0.6 < scores.coverage_80.mean() < 0.95
    assert 0 < scores.loss < scores.absolute_errors.mean()


def test_what_comes_after_an_origin_does_not_change_its_score():
    series = np.random.default_rng(1).normal(10, 1, 400)
    later = series.copy()
    later[330:] = 1e6
    origins = (200, 250, 318)
    assert np.array_equal(
        backtest(series, ForecastPool(), origins).losses, backtest(later, ForecastPool(), origins).losses
    )


def test_a_metric_s_unit_makes_no_difference_to_its_score():
    series = np.random.default_rng(2).normal(10, 1, 400)
    origins = (200, 300)
    small, large = backtest(series, ForecastPool(), origins), backtest(series * 1e250, ForecastPool(), origins)
    assert np.allclose(small.losses, large.losses)


def test_origins_without_a_whole_horizon_are_refused_and_gaps_left_out():
    series = np.random.default_rng(3).normal(10, 1, 100)
    with pytest.raises(InvalidInput, match="whole horizon"):
        backtest(series, ForecastPool(), (95,))
    series[60] = np.nan
    assert backtest(series, ForecastPool(), (80, 55)).origins == (80,)
    assert np.isnan(backtest(series, ForecastPool(), (55,)).loss)
