"""Backtests: what a pool or a model would have said at past origins, against what then happened.

Champion and challenger are compared by these scores, on the same series at the same origins.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grace_ray.core.errors import InvalidInput
from grace_ray.models.forecast.accuracy import INNER, pinball
from grace_ray.models.forecast.base import HORIZON, LEVELS, Floats, QuantileModel, windows_of
from grace_ray.models.forecast.pool import ForecastPool

_HISTORY = 288


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestScores:
    """One number an origin, in units of the history's mean absolute step.

    `losses`: mean pinball loss over levels 0.1 to 0.9; `absolute_errors`: of the median; `coverage_80`, `coverage_95`:
    the share of values within the bands.
    """

    origins: tuple[int, ...]
    losses: Floats
    coverage_80: Floats
    coverage_95: Floats
    absolute_errors: Floats

    @property
    def loss(self) -> float:
        """Mean over the origins; NaN where there was none."""
        return float(self.losses.mean()) if len(self.losses) else float("nan")


def default_origins(steps: int, horizon: int = HORIZON, count: int = 24) -> tuple[int, ...]:
    """Origins a horizon apart, the newest first: how many values are known at each; none before two hours are."""
    return tuple(range(steps - horizon, max(24, steps - horizon * (count + 1)), -horizon))


def backtest(
    values: Floats, model_or_pool: ForecastPool | QuantileModel, origins: Sequence[int], *, horizon: int = HORIZON
) -> BacktestScores:
    """Scores at `origins` (the number of values known); a horizon with a gap in it is left out.

    Raises InvalidInput for an origin without history before or a whole horizon after it.
    """
    series = np.asarray(values, dtype=float)
    if any(origin < 1 or origin + horizon > len(series) for origin in origins):
        raise InvalidInput("Each origin needs values before it and a whole horizon after it.", "origins")
    judged = [o for o in origins if _is_known(series, o, horizon)]
    if not judged:
        return _scores((), np.empty((0, horizon)), np.empty((0, horizon, len(LEVELS))))
    histories = [series[:origin] for origin in judged]
    scale = np.array([_step(history[-_HISTORY:]) for history in histories])[:, None]
    actual = np.stack([series[o : o + horizon] for o in judged])
    quantiles = np.stack(_said(model_or_pool, histories, horizon))
    return _scores(tuple(judged), actual / scale, quantiles / scale[..., None])


def _said(model: ForecastPool | QuantileModel, histories: Sequence[Floats], horizon: int) -> list[Floats]:
    if isinstance(model, ForecastPool):
        return [answer.quantiles for answer in model.forecast_many(histories)]
    said = []
    for history in histories:
        windows = windows_of([history[-_HISTORY:]])
        said.append(windows.raw(model.quantiles(windows.values, horizon))[0])
    return said


def _is_known(series: Floats, origin: int, horizon: int) -> bool:
    return bool(np.isfinite(series[origin : origin + horizon]).all() and np.isfinite(series[:origin]).any())


def _step(history: Floats) -> float:
    """Mean absolute step between known neighbours; 1 for a constant, as any error there is an error in full."""
    with np.errstate(over="ignore", invalid="ignore"):
        steps = np.abs(np.diff(history))
    steps = steps[np.isfinite(steps)]
    step = float((steps / len(steps)).sum()) if len(steps) else 0.0
    return step if step > 0 else 1.0


def _scores(origins: tuple[int, ...], actual: Floats, quantiles: Floats) -> BacktestScores:
    def inside(low: int, high: int) -> Floats:
        within = (actual >= quantiles[..., low]) & (actual <= quantiles[..., high])
        return np.asarray(within.mean(axis=1))

    return BacktestScores(
        origins=origins,
        losses=pinball(actual, quantiles)[..., INNER].mean(axis=(1, 2)),
        coverage_80=inside(LEVELS.index(0.1), LEVELS.index(0.9)),
        coverage_95=inside(0, len(LEVELS) - 1),
        absolute_errors=np.abs(actual - quantiles[..., LEVELS.index(0.5)]).mean(axis=1),
    )
