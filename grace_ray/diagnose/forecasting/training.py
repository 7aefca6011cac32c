"""Training the global model: on all but the newest steps of every series, judged on those against the champion."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grace_ray.core.clock import to_us
from grace_ray.core.errors import RuntimeFault
from grace_ray.core.forecast import Trained
from grace_ray.core.store import Reader, series_keys
from grace_ray.diagnose.forecasting.history import read_history
from grace_ray.models.forecast.backtest import backtest, default_origins
from grace_ray.models.forecast.base import QuantileModel
from grace_ray.models.forecast.pool import ForecastPool

_ORIGINS = 24
_PIECES_MAX = 200

Series = Mapping[str, NDArray[np.float64]]
Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a training learns from: ``known`` by series, and ``whole`` with the newest steps, that judge it."""

    known: Series
    whole: Series
    horizon: int

    @property
    def observations(self) -> int:
        """How many values may be learned from."""
        return int(sum(np.isfinite(values).sum() for values in self.known.values()))


def gather(reader: Reader, step_s: int, steps: int, steps_min: int, horizon: int, now: datetime) -> Material:
    """Return the series with at least ``steps_min`` snapshots. Raises RuntimeFault where there is none."""
    whole: dict[str, NDArray[np.float64]] = {}
    for key in series_keys(reader):
        values = read_history(reader, key, step_s, steps, to_us(now)).values
        if np.isfinite(values).sum() >= steps_min:
            whole[key] = values
    if not whole:
        days = steps_min * step_s / 86_400
        raise RuntimeFault(f"No metric has {steps_min} snapshots yet ({days:.1f} days): there is too little to learn.")
    kept = dict(list(whole.items())[:_PIECES_MAX])
    judged = _judged_steps(min(len(values) for values in kept.values()), horizon)
    return Material(known={key: values[:-judged] for key, values in kept.items()}, whole=kept, horizon=horizon)


def compare(material: Material, champion: QuantileModel | None, challenger: QuantileModel) -> dict[str, float]:
    """Return ``backtest_ratio`` (challenger's loss over champion's, on the unseen newest steps) and both losses."""
    pools = [ForecastPool(horizon=material.horizon, trained=model) for model in (champion, challenger)]
    losses: list[list[float]] = [[], []]
    for key, values in material.whole.items():
        first = len(material.known[key])
        origins = [o for o in default_origins(len(values), material.horizon, _ORIGINS) if o >= first]
        for pool, found in zip(pools, losses, strict=True):
            scores = backtest(values, pool, origins, horizon=material.horizon)
            if len(scores.losses):
                found.append(scores.loss)
    if not losses[0]:
        raise RuntimeFault("The newest steps hold no whole horizon to judge a model by.")
    old, new = (float(np.mean(found)) for found in losses)
    return {"backtest_ratio": new / old if old > 0 else 1.0, "backtest_champion": old, "backtest_challenger": new}


def as_trained(version: str, material: Material, scores: Mapping[str, float]) -> Trained:
    """Return what is told of a training that ended well."""
    return Trained(
        version=version,
        scores={name: round(value, 6) for name, value in scores.items()},
        series=len(material.known),
        observations=material.observations,
    )


def training_record(material: Material, details: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is written beside a version, for people who want to know where it comes from."""
    return {"horizon": material.horizon, "series": sorted(material.known), **details}


def _judged_steps(shortest: int, horizon: int) -> int:
    """Return how many of the newest steps judge: a fifth of the shortest series, whole horizons, one at least."""
    return max(1, min(_ORIGINS, shortest // 5 // horizon)) * horizon
