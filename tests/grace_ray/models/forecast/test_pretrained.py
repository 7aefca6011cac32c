"""The network that ships knows how metrics behave that it has never seen."""

import numpy as np
import pytest

from grace_ray.models.forecast.base import LEVELS, MEDIAN
from grace_ray.models.forecast.features import COUNT, features_of
from grace_ray.models.forecast.pretrained import WEIGHTS, pretrained
from grace_ray.models.forecast.scaling import mirrored, scaled
from grace_ray.models.forecast.synthetic import synthetic_series


def test_it_is_small():
    assert WEIGHTS.stat().st_size < 1_000_000


def test_its_quantiles_are_finite_and_do_not_cross_on_anything():
    rng = np.random.default_rng(0)
    odd = [
        np.zeros(288),
        np.arange(288.0),
        np.r_[np.zeros(287), 1e6],
        np.tile([0.0, 1.0], 144),
        rng.standard_cauchy(288),
    ]
    quantiles = pretrained().quantiles(np.stack(odd), 12)
    assert quantiles.shape == (5, 12, len(LEVELS))
    assert np.isfinite(quantiles).all()
    assert (np.diff(quantiles, axis=2) >= 0).all()


def test_it_beats_naive_on_made_up_series_it_has_not_seen():
    made = synthetic_series(200, 300, np.random.default_rng(12345))
    point = pretrained().quantiles(made[:, :288], 12)[..., MEDIAN]
    errors = np.abs(point - made[:, 288:]).mean(axis=1)
    naive = np.abs(made[:, 287:288] - made[:, 288:]).mean(axis=1)
    assert np.median(errors / (naive + 1e-9)) < 0.95


def test_it_says_what_it_reads():
    told = pretrained().explain(np.zeros((2, 288)), 12)
    assert len(told) == 2
    assert sum(told[0].values()) == pytest.approx(1.0, abs=1e-5)


def test_a_short_window_is_mirrored_and_the_unit_makes_no_difference():
    short = np.random.default_rng(1).normal(size=(3, 60))
    assert mirrored(short).shape == (3, 288)
    assert np.array_equal(mirrored(short)[:, -120:-60], short[:, ::-1])
    assert np.allclose(features_of(scaled(short)), features_of(scaled(short * 1e6 + 5e6)), atol=1e-6)
    assert features_of(scaled(short)).shape == (3, COUNT)


def test_made_up_series_are_finite_varied_and_the_same_for_a_seed():
    one, again = (synthetic_series(64, 200, np.random.default_rng(2)) for _ in range(2))
    assert np.array_equal(one, again)
    assert np.isfinite(one).all()
    assert (one.std(axis=1) > 0).mean() > 0.9
