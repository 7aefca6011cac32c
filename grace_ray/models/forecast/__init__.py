"""Forecasts of equally spaced metrics: quick models and trained ones behind one protocol, combined by their backtests.

`ForecastPool.forecast(values)` answers one series, `forecast_many` several at once; `backtest` scores a pool or a model
over past origins; `accuracy` has MASE, sMAPE, relWQL and coverage.
"""

from grace_ray.models.forecast.base import HORIZON, LEVELS
from grace_ray.models.forecast.pool import ForecastPool, PoolForecast

__all__ = ["HORIZON", "LEVELS", "ForecastPool", "PoolForecast"]
