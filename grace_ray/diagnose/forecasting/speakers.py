"""The pools that forecast, by trained version and horizon; a version that cannot be loaded speaks no more."""

from collections.abc import Callable, Sequence
from functools import lru_cache

from grace_ray.core.errors import GraceError
from grace_ray.diagnose.forecasting.history import History
from grace_ray.models.forecast.base import QuantileModel
from grace_ray.models.forecast.pool import ForecastPool, PoolForecast

_POOLS_MAX = 16


class Speakers:
    """Pools made when first needed. ``load(version)`` reads a trained model; it raises GraceError where it cannot."""

    def __init__(self, load: Callable[[str], QuantileModel]) -> None:
        self._load = lru_cache(maxsize=4)(load)
        self._pool = lru_cache(maxsize=_POOLS_MAX)(self._made)

    def forecast(self, histories: Sequence[History], horizon: int, version: str) -> tuple[str, list[PoolForecast]]:
        """Return the version that spoke ("": what ships with Grace), and what it says of each history.

        ``horizon`` counts steps of the histories.
        """
        try:
            pool = self._pool(version, horizon)
        except GraceError:  # the artefact is gone or damaged: what ships with Grace speaks
            version, pool = "", self._pool("", horizon)
        phases = [history.start_phase for history in histories]
        return version, pool.forecast_many([history.values for history in histories], start_phases=phases)

    def _made(self, version: str, horizon: int) -> ForecastPool:
        return ForecastPool(horizon=horizon, trained=self._load(version) if version else None)
