"""One forecast of one series, as the noun that is kept and shown, from what the models say in numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from grace_ray.core.clock import from_us, to_us
from grace_ray.core.forecast import Forecast, ForecastPoint, IncidentWarning
from grace_ray.core.metric import Metric
from grace_ray.diagnose.forecasting.history import History
from grace_ray.models.detect.breach import Breach, breach_probability
from grace_ray.models.forecast.pool import PoolForecast

_SHOWN_IMPORTANCE = 8
_WORTH_TELLING = 0.001


def as_noun(
    series: str, history: History, made: PoolForecast, outlook: Breach | None, now_us: int, trained_version: str
) -> Forecast:
    """Return the noun of one forecast; ``outlook`` is None for a metric without thresholds."""
    at = {level: made.quantiles[:, made.levels.index(level)].tolist() for level in (0.025, 0.1, 0.9, 0.975)}
    start = from_us(history.last_us)
    points = [
        ForecastPoint(
            timestamp=start + timedelta(seconds=(step + 1) * history.step_s),
            value=value,
            lower_80=at[0.1][step],
            upper_80=at[0.9][step],
            lower_95=at[0.025][step],
            upper_95=at[0.975][step],
        )
        for step, value in enumerate(made.point.tolist())
    ]
    return Forecast(
        metric_id=series,
        model=made.model,
        generated_at=from_us(now_us),
        last_at=start,
        step_s=history.step_s,
        observations=history.observations,
        points=points,
        weights=_rounded(made.weights),
        breach_probabilities=in_minutes(outlook, history.step_s) if outlook else {},
        minutes_to_breach=minutes_to_breach(outlook, history.step_s) if outlook else None,
        feature_importance=_rounded(made.importance),
        trained_version=trained_version,
        note=made.note,
    )


def within_reach(made: PoolForecast, history: History, metric: Metric | None) -> PoolForecast:
    """Return the forecast without what lies beyond 100%, where the metric is a share and never did."""
    if metric is None or metric.unit != "percent" or np.nanmax(history.values) > 100:
        return made
    return made.clipped(high=100.0)


def with_warning(forecast: Forecast, warning: IncidentWarning | None) -> Forecast:
    """Return the forecast with what an open early warning says of the same hour: the graver of two answers counts.

    Why: warnings see the newest points, forecasts the last snapshot; people should not be told 4% here and 89% there.
    """
    if warning is None or not forecast.breach_probabilities:
        return forecast
    chances = {
        minutes: max(chance, warning.probability) if float(minutes) >= warning.horizon_minutes else chance
        for minutes, chance in forecast.breach_probabilities.items()
    }
    since = (forecast.generated_at - warning.opened_at).total_seconds() / 60
    left = [] if warning.minutes_to_breach is None else [round(max(warning.minutes_to_breach - since, 0.0), 1)]
    known = [] if forecast.minutes_to_breach is None else [forecast.minutes_to_breach]
    said = f"An early warning is open since {warning.opened_at:%H:%M} UTC: {warning.probability:.0%}"
    note = f"{said} within {warning.horizon_minutes} min to pass {warning.threshold:g}"
    return replace(
        forecast,
        breach_probabilities=chances,
        minutes_to_breach=min([*left, *known], default=None),
        note="; ".join(filter(None, [note, forecast.note])),
    )


def last_of(forecast: Forecast) -> list[float]:
    """Return the last point of a forecast in numbers (time in microseconds, value, bounds); ``as_point`` reads it.

    A row of these shows what was said a horizon before, beside what then happened.
    """
    point = forecast.points[-1]
    bounds = [point.lower_80, point.upper_80, point.lower_95, point.upper_95]
    return [to_us(point.timestamp), point.value, *bounds]


def as_point(numbers: Sequence[float]) -> ForecastPoint:
    """Return the point that ``last_of`` made numbers of."""
    at_us, value, lower_80, upper_80, lower_95, upper_95 = numbers
    return ForecastPoint(
        timestamp=from_us(int(at_us)),
        value=value,
        lower_80=lower_80,
        upper_80=upper_80,
        lower_95=lower_95,
        upper_95=upper_95,
    )


def no_data(series: str, history: History, now: datetime) -> Forecast:
    """Return the forecast of a metric that nothing is known of yet."""
    return Forecast(
        metric_id=series,
        model="none",
        generated_at=now,
        last_at=from_us(history.last_us),
        step_s=history.step_s,
        observations=0,
        points=[],
        note="No data yet: nothing was collected for this metric.",
    )


def look_ahead(history: History, metric: Metric, horizon: int) -> Breach:
    """Return how likely the metric leaves the band that it is in within a quarter, half and all of ``horizon`` steps.

    From good the next threshold is warning, from warning it is critical; beyond critical the probability is 1.
    """
    return breach_probability(
        history.values,
        threshold=threshold_ahead(history, metric),
        is_higher_worse=metric.is_higher_worse,
        horizons=horizons_of(horizon),
        step_s=float(history.step_s),
    )


def threshold_ahead(history: History, metric: Metric) -> float:
    """Return the threshold that comes next for a metric where it stands."""
    seen = history.values[np.isfinite(history.values)]
    is_good = not seen.size or metric.band(float(seen[-1])) == "good"
    return metric.warning if is_good else metric.critical


def horizons_of(horizon: int) -> list[int]:
    """Return a quarter, half and all of a horizon in steps.

    >>> horizons_of(12), horizons_of(1)
    ([3, 6, 12], [1])
    """
    return sorted({max(1, horizon // 4), max(1, horizon // 2), horizon})


def in_minutes(outlook: Breach, step_s: int) -> dict[str, float]:
    """Return the probabilities by horizon in minutes, as text: JSON has no other keys."""
    return {f"{steps * step_s / 60:g}": round(float(p), 4) for steps, p in outlook.probabilities.items()}


def minutes_to_breach(outlook: Breach, step_s: int) -> float | None:
    """Return when the trend reaches the threshold, None where it does not, or only beyond a day."""
    steps = outlook.steps_to_breach
    if steps is None or steps * step_s > 86_400:
        return None
    return round(steps * step_s / 60, 1)


def _rounded(shares: Mapping[str, float]) -> dict[str, float]:
    """Return the largest shares, and what is left of them as "other"."""
    largest = sorted(shares.items(), key=lambda item: -item[1])[:_SHOWN_IMPORTANCE]
    told = {name: round(float(share), 4) for name, share in largest}
    rest = round(sum(shares.values()) - sum(told.values()), 4)
    return {**told, "other": rest} if rest >= _WORTH_TELLING else told
