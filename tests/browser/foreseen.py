"""A few hours in the life of six metrics: written into the real store, and lived through by the real forecaster.

Latency rises slowly and is still below its threshold now; memory rose, passed it, and fell again; errors were a short
spike; the rest is ordinary. A metric outside the catalog has a label.
"""

import math
from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np

from grace_ray.core.clock import to_us, utc_now
from grace_ray.core.sample import Point, Snapshot
from grace_ray.core.store import Commit
from grace_ray.loop import Loop

STEP_S = 300
LATENCY = "api.latency_p95"
OUTSIDE = 'shop.checkout_time{region="eu"}'
_DAYS_STEPS = 288
_HELP = {"scale-http-up": 0.6, "shed-low-severity": 0.2, "restart-http-replicas": -0.4, "do_nothing": -0.1}
_SHAPES: dict[str, Callable[[int], float]] = {
    LATENCY: lambda ago: 180 + 25 * _day(ago) + max(0.0, 24 - ago) * 11,
    "api.error_rate": lambda ago: 0.4 + (2.6 if 20 <= ago < 23 else 0.0),
    "executor.queue_depth": lambda ago: 6 + 3 * _day(ago),
    "autonomy.plan_success_rate": lambda ago: 91 + 3 * _day(ago),
    "infra.cpu_utilization": lambda ago: 46 + 14 * _day(ago),
    "infra.memory_utilization": lambda ago: 62 + max(0.0, min(40 - ago, 26)) * (1.0 if ago > 8 else 0.3),
    OUTSIDE: lambda ago: 1.2 + 0.3 * _day(ago),
}


class Clock:
    """A clock that can be put back; ``behind`` is by how much."""

    def __init__(self) -> None:
        self.behind = timedelta(0)

    def __call__(self) -> datetime:
        return utc_now() - self.behind


def live_through(loop: Loop, clock: Clock, steps: int) -> None:
    """Write a day of snapshots, and let the last ``steps`` of them pass, one after the other, up to now."""
    chance = np.random.default_rng(7)
    now = utc_now()
    end = datetime.fromtimestamp(now.timestamp() // STEP_S * STEP_S, now.tzinfo)
    values = {
        name: [shape(ago) * (1 + 0.03 * chance.standard_normal()) for ago in range(_DAYS_STEPS, 0, -1)]
        for name, shape in _SHAPES.items()
    }
    _write(loop, end, values, range(_DAYS_STEPS, steps, -1))
    for ago in range(steps, 0, -1):
        _write(loop, end, values, [ago])
        clock.behind = now - (end - timedelta(seconds=(ago - 1) * STEP_S - 16))
        loop.tick()
        loop.settle()
    clock.behind = timedelta(0)


def learn_elsewhere(loop: Loop) -> None:
    """Take what playbooks brought another system: more replicas help against latency, a restart does not."""
    chance = np.random.default_rng(11)
    candidates = [{"playbook": name, "probability": 1 / len(_HELP)} for name in _HELP]
    for name, help_ in _HELP.items():
        for _ in range(6):
            reward = float(np.clip(help_ + 0.25 * chance.standard_normal(), -1, 1))
            report = {"service": "api", "diagnosis": LATENCY, "playbook": name, "reward": reward, "by": "elsewhere"}
            loop.change("playbooks", "operate", "experience", {**report, "candidates": candidates})


def _write(loop: Loop, end: datetime, values: dict[str, list[float]], agos: range | list[int]) -> None:
    points, snapshots = [], []
    for name, all_values in values.items():
        for ago in agos:
            value = all_values[_DAYS_STEPS - ago]
            at_us = to_us(end - timedelta(seconds=ago * STEP_S))
            points.append(Point(name, at_us + 290_000_000, value))
            snapshots.append(
                Snapshot(
                    series=name,
                    step_s=STEP_S,
                    start_us=at_us,
                    count=5,
                    min=value * 0.95,
                    max=value * 1.05,
                    mean=value,
                    p50=value,
                    p95=value * 1.04,
                    p99=value * 1.05,
                    band="good",
                )
            )
    loop.write(Commit(follower="metrics", points=points, snapshots=snapshots))


def _day(ago: int) -> float:
    return math.sin(2 * math.pi * ago / _DAYS_STEPS)
