"""What every model of the pool says of a batch of windows: now, and at past origins, where what came is known."""

from dataclasses import dataclass

import numpy as np

from grace_ray.models.forecast.accuracy import pinball
from grace_ray.models.forecast.bands import error_quantiles
from grace_ray.models.forecast.base import LEVELS, Floats, QuantileModel
from grace_ray.models.forecast.combine import weights_of
from grace_ray.models.forecast.quick import Seat
from grace_ray.models.forecast.scaling import mirrored

ORIGINS = 20
_SHARPNESS = 20.0
_FEW = 4
# Every other level from 0.1 to 0.9: what tells models apart, at half the price.
_JUDGED = slice(1, len(LEVELS) - 1, 2)


@dataclass(frozen=True, slots=True)
class Record:
    """What was said, and what came.

    `now` (series, model, horizon, level); `past` (series, model, origin, horizon, level); `actual` (series, origin,
    horizon); `prior` and `names` by model.
    """

    names: list[str]
    prior: Floats
    now: Floats
    past: Floats
    actual: Floats


def record_of(
    values: Floats, seats: tuple[Seat, ...], guests: list[tuple[QuantileModel, float]], horizon: int, phase: Floats
) -> Record:
    """The record of the quick models in `seats` and of `guests`, models with quantiles of their own, with priors."""
    origins = origins_of(values.shape[1], horizon)
    now, past = [], []
    for seat in seats:
        paths = seat.model.paths(values, horizon)
        errors = error_quantiles(values, paths, horizon)
        now.append(paths[:, -1, :, None] + errors)
        past.append(paths[:, origins, :, None] + errors[:, None])
    for model, _ in guests:
        said = _at_origins(model, values, origins, horizon, phase)
        now.append(said[:, 0])
        past.append(said[:, 1:])
    prior = np.array([seat.prior for seat in seats] + [share for _, share in guests])
    names = [seat.model.name for seat in seats] + [model.name for model, _ in guests]
    actual = values[:, origins[:, None] + np.arange(1, horizon + 1)]
    return Record(names, prior / prior.sum(), np.stack(now, axis=1), np.stack(past, axis=1), actual)


def origins_of(steps: int, horizon: int) -> np.ndarray:
    """Past steps to judge from: a horizon apart, the newest first, none in the first sixth."""
    newest = steps - 1 - horizon
    oldest = max(newest - horizon * (ORIGINS - 1), steps // 6)
    return np.arange(newest, oldest - 1, -horizon) if newest >= oldest else np.empty(0, dtype=int)


def learned_weights(record: Record) -> Floats:
    """Weights (series, model) from the losses at the past origins: the prior alone where there was none."""
    judged = record.past.shape[2]
    if judged == 0:
        return np.repeat(record.prior[None], len(record.now), axis=0)
    losses = pinball(record.actual[:, None], record.past[..., _JUDGED], np.array(LEVELS)[_JUDGED]).mean(axis=(2, 3, 4))
    return weights_of(losses, record.prior, _SHARPNESS * judged / (judged + _FEW))


def _at_origins(model: QuantileModel, values: Floats, origins: np.ndarray, horizon: int, phase: Floats) -> Floats:
    """Quantiles (series, 1 + origin, horizon, level): from the end first, then from each origin, in one call."""
    steps = values.shape[1]
    ends = [steps, *(int(origin) + 1 for origin in origins)]
    windows = np.concatenate([mirrored(values[:, :end]) for end in ends])
    phases = np.concatenate([phase - (steps - end) for end in ends])
    said = model.quantiles(windows, horizon, phases)
    return np.moveaxis(said.reshape(len(ends), len(values), horizon, len(LEVELS)), 0, 1)
