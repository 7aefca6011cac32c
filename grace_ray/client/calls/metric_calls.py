"""Calls about samples, series and snapshots."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from grace_ray.client.answers import Page
from grace_ray.client.calls.call import Call, get, plain, plain_page, post
from grace_ray.core.clock import to_text
from grace_ray.core.sample import Sample


def send_samples(samples: Sequence[Sample]) -> Call[dict[str, Any]]:
    """Send samples of metrics; answer {accepted, duplicates, rejected: [{index, metric, reason}]}, durable."""
    bodies = [
        {
            "metric": sample.metric,
            "value": sample.value,
            "timestamp": to_text(sample.at),
            "labels": dict(sample.labels),
            "type": "counter" if sample.is_counter else "gauge",
        }
        for sample in samples
    ]
    return post("/api/metrics", plain, samples=bodies)


def metrics(*, limit: int = 100, after: str | None = None) -> Call[Page[dict[str, Any]]]:
    """List metrics, those of the catalog and all others that have data, with their newest values and bands."""
    return get("/api/metrics", plain_page, limit=limit, after=after)


def metric(name: str) -> Call[dict[str, Any]]:
    """Get one metric with its series, or one series of it by its key. Raises NotFound, naming the nearest."""
    return get(f"/api/metrics/{quote(name, safe='')}", plain)


def metric_snapshots(
    metric: str,
    *,
    start: datetime | None = None,
    to: datetime | None = None,
    step: int | None = None,
    limit: int = 1000,
    after: str | None = None,
) -> Call[Page[dict[str, Any]]]:
    """List a metric's snapshots from ``start`` to ``to``, of five minutes or (``step`` 3600) an hour each."""
    period = _period(start, to)
    path = f"/api/metrics/{quote(metric, safe='')}/snapshots"
    return get(path, plain_page, **period, step=step, limit=limit, after=after)


def metric_points(
    metric: str,
    *,
    start: datetime | None = None,
    to: datetime | None = None,
    limit: int = 1000,
    after: str | None = None,
) -> Call[Page[dict[str, Any]]]:
    """List a metric's points from ``start`` to ``to``, as they came in."""
    return get(
        f"/api/metrics/{quote(metric, safe='')}/points", plain_page, **_period(start, to), limit=limit, after=after
    )


def _period(start: datetime | None, to: datetime | None) -> dict[str, str | None]:
    return {"from": to_text(start) if start else None, "to": to_text(to) if to else None}
