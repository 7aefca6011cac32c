"""On real operations series the pool beats Naive and keeps its bands' promise; `bench/forecast.py` has the figures."""

import csv
import gzip
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from grace_ray.models.forecast import accuracy
from grace_ray.models.forecast.base import MEDIAN
from grace_ray.models.forecast.pool import ForecastPool

SERIES = Path(__file__).resolve().parents[5] / "shared" / "data" / "metrics" / "ops_5min.csv.gz"


@pytest.fixture(scope="module")
def cases():
    if not SERIES.exists():
        pytest.skip("../shared/data/metrics is not here")
    values = defaultdict(list)
    with gzip.open(SERIES, "rt", newline="") as file:
        for row in csv.DictReader(file):
            values[row["series"]].append(float(row["value"]))
    every = [np.array(series) for series in values.values()]
    return [
        (series[origin - 288 : origin], series[origin : origin + 12])
        for series in every
        for origin in np.linspace(288, len(series) - 12, 10).astype(int)[1:-1]
    ]


def test_it_beats_naive_and_covers_what_it_promises(cases):
    answers = ForecastPool().forecast_many([history for history, _ in cases])
    actual = np.stack([came for _, came in cases])
    quantiles = np.stack([answer.quantiles for answer in answers])
    assert abs(accuracy.coverage(actual, quantiles, 0.8) - 0.8) < 0.04
    assert abs(accuracy.coverage(actual, quantiles, 0.95) - 0.95) < 0.02
    last = np.stack([history[-1:] for history, _ in cases])
    errors = np.abs(actual - quantiles[..., MEDIAN]).mean(axis=1)
    naive = np.abs(actual - last).mean(axis=1)
    assert (errors / (errors + naive + 1e-12)).mean() < 0.49
