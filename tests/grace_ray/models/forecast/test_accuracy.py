"""Accuracy figures against numbers worked out by hand."""

import numpy as np
import pytest

from grace_ray.models.forecast import accuracy
from grace_ray.models.forecast.base import LEVELS


def test_pinball_charges_an_underestimate_by_its_level():
    quantiles = np.full((1, len(LEVELS)), 10.0)
    assert accuracy.pinball(np.array([12.0]), quantiles)[0].tolist() == pytest.approx([2 * level for level in LEVELS])
    assert accuracy.pinball(np.array([8.0]), quantiles)[0].tolist() == pytest.approx(
        [2 * (1 - level) for level in LEVELS]
    )


def test_wql_of_a_point_forecast_is_its_absolute_error():
    quantiles = np.full((4, len(LEVELS)), 10.0)
    assert accuracy.weighted_quantile_loss(np.array([9.0, 12.0, 10.0, 7.0]), quantiles) == pytest.approx(6 / 4)


def test_mase_and_smape_by_hand():
    assert accuracy.mase(np.array([5.0, 7.0]), np.array([6.0, 6.0]), np.array([1.0, 3.0, 2.0, 4.0])) == pytest.approx(
        0.6
    )
    assert accuracy.mase(np.array([5.0]), np.array([5.0]), np.full(9, 5.0)) == 0
    assert accuracy.mase(np.array([6.0]), np.array([5.0]), np.full(9, 5.0)) == float("inf")
    assert accuracy.smape(np.array([1.0, 0.0]), np.array([3.0, 0.0])) == pytest.approx(50.0)


def test_coverage_counts_the_ends_in():
    quantiles = np.arange(len(LEVELS), dtype=float)[None].repeat(4, axis=0)
    actual = np.array([0.0, 1.0, 9.0, 10.0])
    assert accuracy.coverage(actual, quantiles, 0.8) == 0.5
    assert accuracy.coverage(actual, quantiles, 0.95) == 1.0


def test_a_quiet_series_is_no_division_by_zero():
    assert accuracy.relative_wql(0.0, 0.0, 0.0) == 1.0
    assert accuracy.relative_wql(1.0, 2.0, 0.0) == 0.5
    assert accuracy.relative_wql(1.0, 2.0, 20.0) == pytest.approx(2 / 3)
