"""The Temporal Fusion Transformer learns from many series, is saved as plain arrays and is served without torch."""

import io
import subprocess
import sys
from dataclasses import astuple

import numpy as np
import pytest

from grace_ray.core.errors import InvalidInput
from grace_ray.models.forecast import tft
from grace_ray.models.forecast.base import LEVELS
from grace_ray.models.forecast.pool import ForecastPool
from grace_ray.models.forecast.pretrained import pretrained
from grace_ray.models.forecast.scaling import scaled
from grace_ray.models.forecast.tft_inputs import Inputs, inputs_of
from grace_ray.models.forecast.tft_layers import forward


@pytest.fixture(scope="module")
def series():
    rng = np.random.default_rng(0)
    hours = np.sin(2 * np.pi * np.arange(400) / 24)
    return {f"metric-{i}": 50 + 10 * hours * i + rng.normal(0, 1, 400) for i in range(1, 4)}


@pytest.fixture(scope="module")
def trained(series):
    shares = []
    model, record = tft.train(series, seed=1, epochs=2, windows=130, on_progress=shares.append)
    return model, record, shares


def test_training_tells_how_far_it_is_and_what_came_of_it(trained):
    _, record, shares = trained
    assert shares == [0.5, 1.0]
    assert [epoch["epoch"] for epoch in record["epochs"]] == [0, 1, 2]
    losses = [epoch["validation_loss"] for epoch in record["epochs"]]
    assert losses[record["best_epoch"]] == min(losses) <= losses[0]
    assert record["parameters"] > 10_000


def test_the_same_seed_trains_the_same_model(series):
    one, again = (tft.train(series, seed=1, epochs=1, windows=64)[0] for _ in range(2))
    assert all(np.array_equal(again.weights[name], array) for name, array in one.weights.items())


def test_what_numpy_serves_is_what_torch_trained(trained):
    import torch

    model = trained[0]
    window = scaled(np.random.default_rng(2).normal(size=(5, 288)).cumsum(axis=1))
    phase = np.array([0.0, 12.0, 100.0, np.nan, 287.0])
    arrays = [
        np.float32(part) for part in astuple(inputs_of(window, pretrained().on_scale(window), phase, np.full(5, 288.0)))
    ]
    served = forward(model.weights, np, Inputs(*arrays))
    weights = {name: torch.from_numpy(array) for name, array in model.weights.items()}
    taught = forward(weights, torch, Inputs(*map(torch.from_numpy, arrays)))
    for one, other in zip(served, taught, strict=True):
        assert np.allclose(one, other.numpy(), atol=1e-5)


def test_a_saved_model_says_the_same(trained, tmp_path):
    model = trained[0]
    model.save(tmp_path / "model.npz")
    window = np.random.default_rng(3).normal(size=(2, 100))
    assert np.array_equal(tft.load(tmp_path / "model.npz").quantiles(window, 12), model.quantiles(window, 12))


@pytest.mark.parametrize("content", [b"", b"not a model", b"PK\x03\x04 half a file"])
def test_a_broken_file_is_refused(content):
    with pytest.raises(InvalidInput, match="not a saved forecaster"):
        tft.load(io.BytesIO(content))


def test_weights_that_are_not_numbers_are_refused(trained):
    weights = dict(trained[0].weights)
    weights["head.b"] = np.full_like(weights["head.b"], np.nan)
    with pytest.raises(InvalidInput, match="not numbers"):
        tft.TemporalFusion(weights, pretrained())


def test_it_speaks_in_the_pool_and_says_what_it_read(trained, series):
    model = trained[0]
    told = model.explain(np.random.default_rng(4).normal(size=(2, 288)), 12)
    assert all(sum(one.values()) == pytest.approx(1.0, abs=1e-5) for one in told)
    assert "lags: last value" in told[0]
    answer = ForecastPool(trained=model).forecast(series["metric-2"], start_phase=17)
    assert answer.quantiles.shape == (12, len(LEVELS))
    assert (np.diff(answer.quantiles, axis=1) >= 0).all()


def test_a_bad_trained_model_does_no_harm(trained, series):
    class Wild:
        name = "wild"

        def quantiles(self, values, horizon, phase=None):
            return np.full((len(values), horizon, len(LEVELS)), 1e6)

        def explain(self, values, horizon, phase=None):
            return [{"nothing": 1.0}] * len(values)

    values = series["metric-1"]
    answer = ForecastPool(trained=Wild()).forecast(values)
    assert answer.weights.get("wild", 0.0) == 0.0
    assert np.allclose(answer.quantiles, ForecastPool().forecast(values).quantiles)


def test_serving_needs_no_torch(trained, tmp_path):
    trained[0].save(tmp_path / "model.npz")
    code = (
        "import sys, numpy as np; from grace_ray.models.forecast import tft; from grace_ray.models.forecast.pool import"
        " ForecastPool; ForecastPool(trained=tft.load(sys.argv[1])).forecast(np.arange(100.0));"
        " sys.exit(any(name in sys.modules for name in ('torch', 'scipy', 'sklearn')))"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "model.npz")], check=False).returncode == 0


def test_too_little_to_train_on_is_refused():
    with pytest.raises(InvalidInput, match="nothing to train on"):
        tft.train({"short": np.arange(30.0)}, seed=0)
