"""The pool: every forecast is a weighted mean of models, by quantile, with weights from their record on that metric.

One batch of equally long series at a time: each model forecasts from the end and from past origins, the past losses
make the weights, and the combined quantiles are the answer.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from grace_ray.core.errors import InvalidInput
from grace_ray.models.forecast.accuracy import INNER, pinball
from grace_ray.models.forecast.bands import error_quantiles
from grace_ray.models.forecast.base import HORIZON, LEVELS, MEDIAN, Floats, QuantileModel, Windows, windows_of
from grace_ray.models.forecast.combine import combined, weights_of
from grace_ray.models.forecast.newcomer import newcomer_quantiles
from grace_ray.models.forecast.quick import Seat, seats_for

WINDOW = 288
LEAST = 24
_ORIGINS = 20
_SHARPNESS = 20.0
_NAMED = 0.6
_OUTLIER = 4.0
_TINY = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolForecast:
    """What one metric will be: `quantiles` (horizon, level) at `levels`, `point` (horizon,) their median.

    `weights` say which models spoke, `importance` which parts of the past mattered (each sums to 1); `note` is empty
    or says why the answer is weaker than usual.
    """

    levels: tuple[float, ...]
    quantiles: Floats
    point: Floats
    model: str
    weights: Mapping[str, float]
    importance: Mapping[str, float]
    observations: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Record:
    """What the models of one batch say now (series, model, horizon, level), and said at past origins."""

    names: list[str]
    prior: Floats
    now: Floats
    past: Floats
    actual: Floats
    reads: dict[str, dict[str, float]]


@dataclass(slots=True)
class ForecastPool:
    """Quick models, and the trained one where there is one, each weighted by its own record on the metric.

    >>> pool = ForecastPool()
    >>> answer = pool.forecast(np.full(100, 7.0))
    >>> answer.quantiles.shape, float(answer.point[0]), answer.observations
    ((12, 11), 7.0, 100)
    """

    horizon: int = HORIZON
    trained: QuantileModel | None = None
    _seats: dict[int, tuple[Seat, ...]] = field(default_factory=dict, repr=False)

    def forecast(self, values: Floats, *, start_phase: int | None = None) -> PoolForecast:
        """Forecast one series, oldest value first, NaN where a value is missing.

        `start_phase` is the index of the first value within its day, 0 to 287. Raises InvalidInput for a series
        without one finite value.
        """
        return self.forecast_many([values])[0]

    def forecast_many(self, series: Sequence[Floats]) -> list[PoolForecast]:
        """Forecast several series; those of one length share one pass."""
        arrays = [_checked(values, number) for number, values in enumerate(series)]
        batches: dict[int, list[int]] = defaultdict(list)
        for number, values in enumerate(arrays):
            batches[min(len(values), WINDOW)].append(number)
        answers: dict[int, PoolForecast] = {}
        for steps, numbers in batches.items():
            batch = [arrays[number][-steps:] for number in numbers]
            made = self._newcomers(batch) if steps < LEAST else self._batch(batch)
            answers.update(zip(numbers, made, strict=True))
        return [answers[number] for number in range(len(arrays))]

    def _newcomers(self, batch: list[Floats]) -> list[PoolForecast]:
        """Too little history to judge models by: Naive speaks, and the note says so."""
        answers = []
        for values in batch:
            count = int(np.isfinite(values).sum())
            quantiles = newcomer_quantiles(values, self.horizon)
            note = f"too little history: {count} points, {LEAST} needed to compare models; the last value is carried on"
            answers.append(_answer(quantiles, {"naive": 1.0}, {"last value": 1.0}, count, note))
        return answers

    def _batch(self, batch: list[Floats]) -> list[PoolForecast]:
        windows = windows_of(batch)
        record = self._record(windows)
        weights = _weights(record)
        quantiles = np.maximum.accumulate(combined(weights, record.now), axis=2)
        raw = np.maximum.accumulate(windows.raw(quantiles), axis=2)
        answers = []
        for values, own, weight in zip(batch, raw, weights, strict=True):
            spoke = {name: float(w) for name, w in zip(record.names, weight, strict=True) if w >= 5e-4}
            total = sum(spoke.values())
            spoke = {name: w / total for name, w in sorted(spoke.items(), key=lambda item: -item[1])}
            count = int(np.isfinite(values).sum())
            answers.append(_answer(own, spoke, _importance(spoke, record.reads), count, _note(values, count)))
        return answers

    def _record(self, windows: Windows) -> _Record:
        values = windows.values
        steps = values.shape[1]
        seats = self._seats.setdefault(steps, seats_for(steps))
        origins = _origins(steps, self.horizon)
        now, past = [], []
        for seat in seats:
            paths = seat.model.paths(values, self.horizon)
            errors = error_quantiles(values, paths, self.horizon)
            now.append(paths[:, -1, :, None] + errors)
            past.append(paths[:, origins, :, None] + errors[:, None])
        ahead = origins[:, None] + np.arange(1, self.horizon + 1)
        prior = np.array([seat.prior for seat in seats])
        reads = {seat.model.name: seat.model.reads for seat in seats}
        names = [seat.model.name for seat in seats]
        return _Record(
            names, prior / prior.sum(), np.stack(now, axis=1), np.stack(past, axis=1), values[:, ahead], reads
        )


def _checked(values: Floats, number: int) -> Floats:
    array = np.asarray(values, dtype=float)
    if array.ndim != 1:
        raise InvalidInput(f"Series {number} must have one dimension, not {array.ndim}.", "values")
    if not np.isfinite(array).any():
        raise InvalidInput(f"Series {number} has no finite value to forecast from.", "values")
    return array


def _origins(steps: int, horizon: int) -> np.ndarray:
    """Past steps to judge from: a horizon apart, the newest first, none in the first sixth."""
    newest = steps - 1 - horizon
    oldest = max(newest - horizon * (_ORIGINS - 1), steps // 6)
    return np.arange(newest, oldest - 1, -horizon) if newest >= oldest else np.empty(0, dtype=int)


def _weights(record: _Record) -> Floats:
    """Weights (series, model): the prior alone where there was nothing to judge by."""
    if record.past.shape[2] == 0:
        return np.repeat(record.prior[None], len(record.now), axis=0)
    losses = pinball(record.actual[:, None], record.past)[..., INNER].mean(axis=(3, 4))
    # An origin at a spike, where all models were far off, must not drown what tells them apart.
    losses = np.minimum(losses, _OUTLIER * np.median(losses, axis=(1, 2), keepdims=True) + _TINY).mean(axis=2)
    judged = record.past.shape[2]
    return weights_of(losses, record.prior, _SHARPNESS * judged / (judged + 4))


def _answer(
    quantiles: Floats, weights: Mapping[str, float], importance: Mapping[str, float], count: int, note: str
) -> PoolForecast:
    names = sorted(weights, key=lambda name: -weights[name])
    leading = weights[names[0]] >= _NAMED or len(names) == 1
    return PoolForecast(
        levels=LEVELS,
        quantiles=quantiles,
        point=quantiles[:, MEDIAN].copy(),
        model=names[0] if leading else "pool(" + "+".join(names[:2]) + ")",
        weights=weights,
        importance=importance,
        observations=count,
        note=note,
    )


def _importance(weights: Mapping[str, float], reads: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The parts of the past that the models read, each model by its weight; the largest first."""
    shares: dict[str, float] = defaultdict(float)
    for name, weight in weights.items():
        for part, share in reads[name].items():
            shares[part] += weight * share
    total = sum(shares.values())
    return {part: share / total for part, share in sorted(shares.items(), key=lambda item: -item[1])}


def _note(values: Floats, count: int) -> str:
    missing = len(values) - count
    if missing * 5 > len(values):
        return f"{missing} of the last {len(values)} points are missing and were bridged by the value before"
    return ""
