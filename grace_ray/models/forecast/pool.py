"""The pool: every forecast is a weighted mean of models, by quantile, with weights from their record on that metric.

One batch of equally long series at a time: each model forecasts from the end and from past origins, the past losses
make the weights, and the combined quantiles are the answer.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from grace_ray.core.errors import InvalidInput
from grace_ray.models.forecast.base import HORIZON, LEVELS, MEDIAN, Floats, QuantileModel, TrainedModel, windows_of
from grace_ray.models.forecast.combine import combined
from grace_ray.models.forecast.conformal import short_history, stretched, widths
from grace_ray.models.forecast.judging import learned_weights, record_of
from grace_ray.models.forecast.newcomer import newcomer_quantiles
from grace_ray.models.forecast.pretrained import pretrained
from grace_ray.models.forecast.quick import seats_for

WINDOW = 288
LEAST = 24
LEAST_FOR_NETWORKS = 48
_NAMED = 0.6
_WORTH_TELLING = 5e-4
_PRETRAINED_PRIOR = 100.0
_TRAINED_PRIOR = 100.0


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

    def clipped(self, low: float = -np.inf, high: float = np.inf) -> "PoolForecast":
        """The same within bounds that the metric cannot leave."""
        return replace(self, quantiles=self.quantiles.clip(low, high), point=self.point.clip(low, high))


class ForecastPool:
    """Quick models, and the trained one where there is one, each weighted by its own record on the metric.

    >>> pool = ForecastPool()
    >>> answer = pool.forecast(np.full(100, 7.0))
    >>> answer.quantiles.shape, float(answer.point[0]), answer.observations
    ((12, 11), 7.0, 100)
    """

    def __init__(self, *, horizon: int = HORIZON, trained: TrainedModel | None = None) -> None:
        self.horizon = horizon
        self.trained = trained

    def forecast(self, values: Floats, *, start_phase: int | None = None) -> PoolForecast:
        """Forecast one series, oldest value first, NaN where a value is missing.

        `start_phase` is the index of the first value within its day, 0 to 287; only a trained model may use it. Raises
        InvalidInput for a series without one finite value.
        """
        return self.forecast_many([values], start_phases=[start_phase])[0]

    def forecast_many(
        self, series: Sequence[Floats], *, start_phases: Sequence[int | None] | None = None
    ) -> list[PoolForecast]:
        """Forecast several series; those of one length share one pass."""
        arrays = [_checked(values, number) for number, values in enumerate(series)]
        starts = [None] * len(arrays) if start_phases is None else start_phases
        phases = [_phase(start, len(values)) for start, values in zip(starts, arrays, strict=True)]
        batches: dict[int, list[int]] = defaultdict(list)
        for number, values in enumerate(arrays):
            batches[min(len(values), WINDOW)].append(number)
        answers: dict[int, PoolForecast] = {}
        for steps, numbers in batches.items():
            batch = [arrays[number][-steps:] for number in numbers]
            phase = np.array([phases[number] for number in numbers])
            made = self._newcomers(batch) if steps < LEAST else self._batch(batch, phase)
            floored = (_floored(answer, arrays[number]) for number, answer in zip(numbers, made, strict=True))
            answers.update(zip(numbers, floored, strict=True))
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

    def _batch(self, batch: list[Floats], phase: Floats) -> list[PoolForecast]:
        windows = windows_of(batch)
        steps = windows.values.shape[1]
        seats, guests = seats_for(steps), self._guests(steps)
        record = record_of(windows.values, seats, guests, self.horizon, phase)
        weights = learned_weights(record)
        factors = widths(combined(weights, record.past), record.actual) * short_history(steps)
        quantiles = stretched(combined(weights, record.now), factors)
        raw = np.maximum.accumulate(windows.raw(quantiles), axis=2)
        reads = {seat.model.name: [seat.model.reads] * len(batch) for seat in seats}
        reads |= {model.name: model.explain(windows.values, self.horizon, phase) for model, _ in guests}
        answers = []
        for row, (values, own, weight) in enumerate(zip(batch, raw, weights, strict=True)):
            spoke = _spoken(record.names, weight)
            count = int(np.isfinite(values).sum())
            importance = _importance(spoke, {name: reads[name][row] for name in spoke})
            answers.append(_answer(own, spoke, importance, count, _note(values, count)))
        return answers

    def _guests(self, steps: int) -> list[tuple[QuantileModel, float]]:
        """The networks, and their weights before the backtest (the quick models have about 1 each)."""
        if steps < LEAST_FOR_NETWORKS or self.horizon > HORIZON:
            return []
        guests: list[tuple[QuantileModel, float]] = [(pretrained(), _PRETRAINED_PRIOR)]
        return guests if self.trained is None else [*guests, (self.trained, _TRAINED_PRIOR)]


def _checked(values: Floats, number: int) -> Floats:
    array = np.asarray(values, dtype=float)
    if array.ndim != 1:
        raise InvalidInput(f"Series {number} must have one dimension, not {array.ndim}.", "values")
    if not np.isfinite(array).any():
        raise InvalidInput(f"Series {number} has no finite value to forecast from.", "values")
    return array


def _floored(answer: PoolForecast, values: Floats) -> PoolForecast:
    """A count, a time, a size: what was never below zero is not foreseen to be."""
    if np.nanmin(values) < 0 or answer.quantiles.min() >= 0:
        return answer
    return answer.clipped(low=0.0)


def _phase(start: int | None, steps: int) -> float:
    """The index within the day of the first step ahead."""
    return float("nan") if start is None else float((start + steps) % WINDOW)


def _spoken(names: list[str], weights: Floats) -> dict[str, float]:
    """The models with a weight worth telling, the largest first."""
    spoke = {name: float(weight) for name, weight in zip(names, weights, strict=True) if weight >= _WORTH_TELLING}
    total = sum(spoke.values())
    return {name: weight / total for name, weight in sorted(spoke.items(), key=lambda item: -item[1])}


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
