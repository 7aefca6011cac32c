"""A forecaster over a real SQLite store, a clock of our own, and snapshots that we write."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grace_ray.adapters.store import sqlite
from grace_ray.core.clock import to_us
from grace_ray.core.errors import NotFound
from grace_ray.core.metric import Metric
from grace_ray.core.sample import Point, Snapshot
from grace_ray.core.store import Commit
from grace_ray.diagnose.forecasting.history import Steps
from grace_ray.diagnose.forecasting.part import Forecaster
from grace_ray.loop import Loop
from grace_ray.prove.journal import Journal
from grace_ray.settings import ForecasterSettings

STEP_S = 300
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LATENCY = Metric(
    id="api.latency_p95",
    category="api",
    unit="ms",
    direction="higher_is_worse",
    warning=500.0,
    critical=1000.0,
    playbooks=("scale-http-up",),
    service="api",
)
CPU = Metric(
    id="infra.cpu_utilization",
    category="infra",
    unit="percent",
    direction="higher_is_worse",
    warning=85.0,
    critical=97.0,
)


class House:
    """A loop with one forecaster; ``now`` is ours to move."""

    def __init__(self, path: Path, *, is_scheduled: bool = False, **settings: Any) -> None:
        self.is_scheduled = is_scheduled
        self.path = path
        self.now = START
        self.trained: dict[str, Any] = {}
        self.settings = ForecasterSettings(**settings)
        writer = sqlite.writer(path)
        writer.migrate()
        self._writer = writer
        self.build()

    def build(self) -> None:
        """Make the part anew over the same store, as after a kill -9."""
        reader = sqlite.reader(self.path)
        journal = Journal(self._writer)
        journal.recover()
        self.part = Forecaster(
            self.settings,
            {metric.id: metric for metric in (LATENCY, CPU)},
            Steps(STEP_S, 60),
            self._load,
            is_scheduled=self.is_scheduled,
        )
        self.loop = Loop(journal, reader, [self.part], lambda: self.now)
        self.reader = reader

    def _load(self, version: str) -> Any:
        if version not in self.trained:
            raise NotFound(f"There is no version {version}.")
        return self.trained[version]

    def close(self) -> None:
        self.reader.close()
        self._writer.close()

    def write(self, series: str, values: Iterable[float], ending: datetime | None = None) -> None:
        """Write snapshots of these means, the last of which ends at ``ending`` (default: now)."""
        means = list(values)
        end_us = to_us(ending or self.now)
        end_us -= end_us % (STEP_S * 1_000_000)
        snapshots, points = [], []
        for number, mean in enumerate(means):
            start_us = end_us - (len(means) - number) * STEP_S * 1_000_000
            if np.isfinite(mean):
                snapshots.append(snapshot(series, start_us, mean))
                points.append(Point(series, start_us, mean))
        self.loop.write(Commit(follower="metrics", points=points, snapshots=snapshots))

    def live(self, series: str, values: Iterable[float]) -> None:
        """Let time pass: one snapshot each step, and the part's turn after each."""
        for value in values:
            self.now += timedelta(seconds=STEP_S)
            self.write(series, [value])
            self.turn()

    def measure(self, series: str, values: Iterable[float]) -> None:
        """Let time pass minute by minute: one point each, and the part's turn."""
        for value in values:
            self.now += timedelta(seconds=60)
            self.loop.write(Commit(follower="metrics", points=[Point(series, to_us(self.now), value)]))
            self.loop.tick()

    def turn(self) -> None:
        """Give the part its turn, late enough for the step to be settled."""
        here = self.now
        self.now = here + timedelta(seconds=16)
        self.loop.tick()
        self.now = here

    def facts(self, name: str) -> list[Any]:
        """The journal's entries of one type."""
        return [entry for entry in self.reader.entries(0, 100_000) if entry.type == name]


def snapshot(series: str, start_us: int, mean: float) -> Snapshot:
    return Snapshot(
        series=series,
        step_s=STEP_S,
        start_us=start_us,
        count=5,
        min=mean,
        max=mean,
        mean=mean,
        p50=mean,
        p95=mean,
        p99=mean,
        band="good",
    )


@pytest.fixture
def house(tmp_path: Path) -> Any:
    made = House(tmp_path / "grace.db")
    yield made
    made.close()
