"""The pools that forecast, by trained version and horizon; a version that cannot be loaded speaks no more."""

from collections.abc import Callable
from functools import lru_cache

from grace_ray.models.forecast.base import QuantileModel
from grace_ray.models.forecast.pool import ForecastPool

_POOLS_MAX = 16


class Speakers:
    """Pools made when first needed. ``load(version)`` reads a trained model; it raises GraceError where it cannot."""

    def __init__(self, load: Callable[[str], QuantileModel]) -> None:
        self._load = lru_cache(maxsize=4)(load)
        self._pool = lru_cache(maxsize=_POOLS_MAX)(self._made)

    def pool(self, version: str, horizon: int) -> ForecastPool:
        """Return the pool of a version ("": what ships with Grace) and a horizon in steps. Raises GraceError."""
        return self._pool(version, horizon)

    def _made(self, version: str, horizon: int) -> ForecastPool:
        return ForecastPool(horizon=horizon, trained=self._load(version) if version else None)
