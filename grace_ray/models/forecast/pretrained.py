"""The pretrained network: quantiles of any metric, from weights that ship with Grace.

Why: on its first day Grace has no history to train on. A perceptron with two residual layers, trained on made-up series
alone (synthetic.py; `bench/forecast_network.py` makes the weights), so no source is one it was fitted to.

Source: the residual layers are those of He et al. 2016; pretraining on synthetic series Dooley et al. 2023.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np

from grace_ray.models.forecast.base import HORIZON, LEVELS, MEDIAN, Floats
from grace_ray.models.forecast.features import PARTS, features_of
from grace_ray.models.forecast.scaling import Scaled, scaled

WEIGHTS = Path(__file__).with_name("pretrained.npz")
_BOUND = 5.0


class Pretrained:
    """Quantiles from a window of 48 steps or more."""

    name = "pretrained"

    def __init__(self, weights: dict[str, Floats]) -> None:
        self.weights = {name: np.asarray(array, dtype=np.float32) for name, array in weights.items()}
        self.reads = dict(zip((name for name, _ in PARTS), map(float, weights["reads"]), strict=True))

    def quantiles(self, values: Floats, horizon: int, phase: Floats | None = None) -> Floats:
        """Quantiles (series, horizon, level) of finite windows (series, steps); no horizon above 12."""
        window = scaled(values)
        return window.back(self.on_scale(window)[:, :horizon])

    def on_scale(self, window: Scaled) -> Floats:
        """Quantiles (series, 12, level) on the network's own scale."""
        weights = self.weights
        seen = (features_of(window).astype(np.float32) - weights["mean"]) / weights["spread"]
        hidden = np.maximum(np.clip(seen, -_BOUND, _BOUND) @ weights["in.w"] + weights["in.b"], 0)
        for layer in ("first", "second"):
            hidden = hidden + np.maximum(hidden @ weights[f"{layer}.w"] + weights[f"{layer}.b"], 0)
        outputs = (hidden @ weights["out.w"] + weights["out.b"]).reshape(-1, HORIZON, len(LEVELS))
        return _ordered(outputs.astype(float))

    def explain(self, values: Floats, horizon: int, phase: Floats | None = None) -> list[dict[str, float]]:
        """What moves its median, on average over what it was trained on; the same for every series."""
        return [dict(self.reads) for _ in range(len(values))]


def _ordered(outputs: Floats) -> Floats:
    """The median, and softly positive gaps above and below it, summed up: quantiles that cannot cross."""
    gaps = 0.5 * np.logaddexp(0.0, outputs - 1.5)
    median = outputs[..., MEDIAN : MEDIAN + 1]
    above = median + np.cumsum(gaps[..., MEDIAN + 1 :], axis=-1)
    below = median - np.cumsum(gaps[..., MEDIAN - 1 :: -1], axis=-1)
    return np.concatenate([below[..., ::-1], median, above], axis=-1)


@lru_cache(maxsize=1)
def pretrained() -> Pretrained:
    """The network that ships, read once."""
    with np.load(WEIGHTS, allow_pickle=False) as arrays:
        return Pretrained({name: arrays[name] for name in arrays.files})
