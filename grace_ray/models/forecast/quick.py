"""Which quick models stand in the pool for a history of some length, and what each has before any past was looked at.

A new one is one file and one line here. Eight do as well as fifteen did (`bench/forecast.py`), in half the time.
"""

from dataclasses import dataclass

from grace_ray.models.forecast.base import PathModel
from grace_ray.models.forecast.median import RollingMedian
from grace_ray.models.forecast.regression import LevelRegression
from grace_ray.models.forecast.seasonal import SeasonalNaive
from grace_ray.models.forecast.smoothing import Smoothing
from grace_ray.models.forecast.trend import DampedTrend


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A model's place in the pool: from how many steps of history on, and its weight before the backtest."""

    model: PathModel
    least_steps: int
    prior: float


SEATS: tuple[Seat, ...] = (
    Seat(model=Smoothing(1.0), least_steps=2, prior=1.0),
    Seat(model=Smoothing(0.35), least_steps=8, prior=1.0),
    Seat(model=Smoothing(0.1), least_steps=32, prior=1.0),
    Seat(model=RollingMedian(6), least_steps=12, prior=1.0),
    Seat(model=RollingMedian(24), least_steps=72, prior=1.0),
    Seat(model=DampedTrend(0.2), least_steps=48, prior=0.5),
    Seat(model=LevelRegression(), least_steps=72, prior=1.0),
    Seat(model=SeasonalNaive(12), least_steps=72, prior=0.3),
)


def seats_for(steps: int) -> tuple[Seat, ...]:
    """The seats that a history of so many steps fills."""
    return tuple(seat for seat in SEATS if steps >= seat.least_steps)
