"""Grace's own metrics from the first minute, and points that nothing can lose."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from grace_ray.adapters.store import sqlite
from grace_ray.core.metric import CRITICAL_METRICS
from grace_ray.core.store import Reader
from tests.conftest import Running
from tests.runtime.own import eventually, kill_of

pytestmark = pytest.mark.cluster

MINUTE_US = 60_000_000


@pytest.fixture
def reader(running: Running) -> Iterator[Reader]:
    reader = sqlite.reader(running.home / "grace.db")
    yield reader
    reader.close()


def metrics(running: Running) -> dict[str, dict[str, Any]]:
    items = running.http.get("/api/metrics", params={"limit": 1000}).json()["items"]
    return {item["metric"]: item for item in items}


def test_a_fresh_start_measures_the_six_critical_metrics_within_a_minute(running: Running, reader: Reader) -> None:
    eventually(lambda: all(metrics(running)[name]["at"] for name in CRITICAL_METRICS), 60, "all six are measured")
    (first,) = reader.entries(0, 1)
    for name in CRITICAL_METRICS:
        (series,) = reader.series(name)
        assert series.first_us - first.recorded_us < MINUTE_US, name
        assert metrics(running)[name]["band"] in ("good", "warning", "critical")
        assert running.http.get(f"/api/metrics/{name}/snapshots").json()["items"], name


def test_samples_survive_kill_9_of_the_journal_and_of_the_metrics_actor(running: Running, reader: Reader) -> None:
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=20)
    bucket = start.replace(minute=start.minute - start.minute % 5, second=0)
    sent = [(bucket + timedelta(seconds=second), float(second)) for second in range(40)]
    for number, (at, value) in enumerate(sent):
        sample = {"metric": "survivor", "value": value, "timestamp": at.isoformat()}
        if number in (10, 20):
            kill_of(running.home, "ray::JournalActor", "ray::SensesActor")
        eventually(lambda sample=sample: is_taken(running, sample), 60, "the sample is durable")

    def summed_up() -> bool:
        found = reader.snapshots("survivor", 300, 0, 2**62)
        return [(each.count, each.mean) for each in found] == [(40, 19.5)]

    eventually(summed_up, 60, "the snapshot rests on every sample, each once")
    points = reader.points("survivor", 0, 2**62)
    assert [point.value for point in points] == [value for _, value in sent]
    eventually(lambda: running.http.get("/readyz").status_code == 200, 60, "every part is ready again")


def is_taken(running: Running, sample: dict[str, Any]) -> bool:
    try:
        return running.http.post("/api/metrics", json={"samples": [sample]}).status_code == 202
    except httpx.HTTPError:
        return False
