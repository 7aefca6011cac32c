"""Each quick model forecasts what it is for, and never looks ahead."""

import numpy as np
import pytest

from grace_ray.models.forecast.bands import error_quantiles, quantiles_of
from grace_ray.models.forecast.base import LEVELS, without_glitches
from grace_ray.models.forecast.conformal import short_history, stretched, widths
from grace_ray.models.forecast.median import RollingMedian
from grace_ray.models.forecast.quick import SEATS
from grace_ray.models.forecast.seasonal import SeasonalNaive
from grace_ray.models.forecast.smoothing import Smoothing
from grace_ray.models.forecast.trend import DampedTrend

MODELS = [seat.model for seat in SEATS]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_each_model_says_its_name_and_what_it_reads(model):
    assert sum(model.reads.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("model", [m for m in MODELS if m.name != "regression"], ids=lambda model: model.name)
def test_no_model_looks_ahead(model):
    values = np.random.default_rng(0).normal(size=(2, 100))
    later = values.copy()
    later[:, 60:] += 50
    assert np.allclose(model.paths(values, 12)[:, :60], model.paths(later, 12)[:, :60])


def test_smoothing_follows_its_recursion():
    values = np.random.default_rng(1).normal(size=50)
    level = values[0]
    for value in values[1:]:
        level += 0.3 * (value - level)
    assert Smoothing(0.3).paths(values[None], 12)[0, -1, 0] == pytest.approx(level)


def test_a_median_ignores_spikes_and_a_season_repeats():
    assert RollingMedian(5).paths(np.array([[1.0, 1, 1, 99, 1, 99, 1]]), 12)[0, -1, 0] == 1
    wave = np.tile([0.0, 1, 2, 9, 2, 1], 20)
    assert SeasonalNaive(6).paths(wave[None], 12)[0, -1].tolist() == pytest.approx([0, 1, 2, 9, 2, 1] * 2)


def test_a_damped_trend_goes_on_and_slows_down():
    path = DampedTrend(0.5).paths(np.arange(100.0)[None], 12)[0, -1]
    steps = np.diff(np.append(99.0, path))
    assert (steps > 0).all()
    assert (np.diff(steps[1:]) < 0).all()


def test_bands_are_the_quantiles_of_past_errors():
    values = np.random.default_rng(2).normal(size=(1, 2000))
    errors = error_quantiles(values, np.zeros((1, 2000, 1)), 12)
    assert np.allclose(errors[0, 3], np.quantile(values, LEVELS), atol=0.1)
    assert quantiles_of(np.array([[1.0, 2.0, 3.0]]))[0, LEVELS.index(0.5)] == 2.0


def test_bands_that_were_too_narrow_are_stretched_and_too_wide_ones_drawn_in():
    rng = np.random.default_rng(3)
    actual = rng.normal(size=(1, 100, 12))
    honest = np.broadcast_to(np.quantile(rng.normal(size=9999), LEVELS), (1, 100, 12, len(LEVELS)))
    narrow, wide = widths(0.6 * honest, actual), widths(1.6 * honest, actual)
    assert (narrow[0, [0, -1]] > 1.3).all()
    assert (wide[0, [0, -1]] < 0.85).all()
    assert np.allclose(widths(honest, actual), 1, atol=0.1)
    made = stretched(0.6 * honest[:, 0], narrow)
    assert (np.diff(made, axis=-1) >= 0).all()
    assert np.array_equal(widths(honest[:, :0], actual[:, :0]), np.ones((1, len(LEVELS))))


def test_one_wrong_reading_is_moved_in_and_real_spikes_are_kept():
    rng = np.random.default_rng(4)
    glitch, spiky = rng.normal(size=(2, 288))
    glitch[100] = 1e12
    spiky[::20] += 40
    kept = without_glitches(np.stack([glitch, spiky, np.zeros(288)]))
    assert kept[0, 100] < 1000
    assert np.array_equal(kept[1], spiky)
    assert not kept[2].any()


def test_bands_from_a_short_history_are_wider_and_a_day_needs_no_more():
    assert short_history(30) > short_history(100) > short_history(288) == short_history(5000) == 1.0
