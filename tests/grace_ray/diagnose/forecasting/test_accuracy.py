"""What is said of accuracy stays sane where a metric stood still, and where it bursts."""

from typing import Any

import numpy as np
import pytest

from grace_ray.core.clock import to_us
from grace_ray.diagnose.forecasting.accuracy import Scorebook, figures, pooled
from grace_ray.diagnose.forecasting.history import History
from grace_ray.models.forecast.base import LEVELS
from grace_ray.models.forecast.pool import ForecastPool
from tests.grace_ray.diagnose.forecasting.conftest import START, STEP_S

STEPS = list(range(1, 13))


def history(values: list[float], steps_later: int = 0) -> History:
    last_us = to_us(START) + steps_later * STEP_S * 1_000_000
    return History(np.array(values, dtype=float), last_us, STEP_S, len(values), None)


def judged(before: list[float], after: list[float]) -> tuple[Scorebook, list[dict[str, float]]]:
    """Forecast after ``before``, and judge it when ``after`` has come."""
    book = Scorebook()
    known = history(before)
    book.say(known, ForecastPool().forecast(known.values), "", is_shown=True)
    return book, book.judge(history(before + after, len(after)), LEVELS)


@pytest.mark.parametrize("before", [[0.0] * 60, [7.0] * 60, [0.0], [3.0, 4.0]])
def test_a_metric_without_a_typical_step_has_no_mase_and_says_the_rest(before: list[float]) -> None:
    book, losses = judged(before, [3.8] * 4)
    told = figures(book.by_horizon, STEPS)
    assert told["mase"] is None
    assert told["pinball"] is None
    assert told["count"] > 3.9
    assert told["mae"] is not None
    assert told["smape"] is not None
    assert losses == []  # and no version is judged by it


def test_a_burst_does_not_decide_alone_between_two_versions() -> None:
    _, losses = judged([0.0] * 40 + [0.01] + [0.0] * 19, [50.0] * 4)
    assert len(losses) == 4
    assert all(0 < loss <= 20 for by_version in losses for loss in by_version.values())


def test_one_metric_that_bursts_does_not_drown_the_others_in_what_is_said_of_all() -> None:
    calm = [judged(_noise(seed), _noise(seed + 1)[:12])[0].by_horizon for seed in (1, 3, 5)]
    burst = judged([0.0] * 40 + [0.01] + [0.0] * 19, [50.0] * 12)[0].by_horizon
    told: Any = pooled([*calm, burst], STEPS)
    assert figures(burst, STEPS)["mase"] > 1000  # type: ignore[operator]
    assert told["mase"] < 3
    assert 47 < told["count"] <= 48


def _noise(seed: int) -> list[float]:
    values: list[float] = np.random.default_rng(seed).normal(50, 5, 60).tolist()
    return values
