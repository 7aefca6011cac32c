"""Metrics: samples in (JSON, Prometheus remote-write), and lists, points and snapshots out. 202 means: durable."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query, Request
from pydantic import AwareDatetime
from starlette.responses import Response

from grace_ray.core.clock import from_us, to_text, to_us, utc_now
from grace_ray.core.errors import Disabled, InvalidInput
from grace_ray.core.sample import HOURLY_S, Snapshot, metric_of
from grace_ray.core.store import Commit
from grace_ray.diagnose.metrics import listing
from grace_ray.sense.formats import metrics, remote_write
from grace_ray.sense.samples import RawSample, RejectedSample, SampleIntake, TakenSamples
from grace_ray.settings import IntakeSettings
from serve_apps.answers import After, Limit, as_json, describe_taken
from serve_apps.dependencies import TheCatalog, TheGateway, TheReader
from serve_apps.gateway import Gateway
from serve_apps.problems import problem
from serve_apps.series import known_series

router = APIRouter(tags=["metrics"])

Decode = Callable[[Mapping[str, str], bytes, IntakeSettings], list[RawSample | RejectedSample]]
Name = Annotated[str, Path(max_length=4000, description="A metric's id, or the key of one of its series")]
From = Annotated[AwareDatetime | None, Query(alias="from", description="The first moment; by default a day back")]
To = Annotated[AwareDatetime | None, Query(description="The first moment that is not asked for; by default now")]

_INLINE_MAX_BYTES = 64 * 1024
_REJECTED_SHOWN = 1000
_DAY_US = 86_400_000_000
_SAMPLE = {"metric": "shop.latency", "value": 12.5, "timestamp": "2026-01-31T12:00:00Z", "labels": {"zone": "b"}}
_SAMPLES_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}, "example": {"samples": [_SAMPLE]}}},
    }
}
_WRITE_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/x-protobuf": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_ANSWER = describe_taken("metric")


@router.post(
    "/api/metrics",
    status_code=202,
    responses={202: _ANSWER},
    openapi_extra=_SAMPLES_BODY,
    summary="Take samples of metrics",
)
async def take_samples(request: Request) -> Response:
    """{samples: [{metric, value, timestamp, labels, type}]}; type is gauge or counter. The good ones are kept."""
    taken, accepted = await take(request, metrics.decode)
    if taken.rejected and not taken.points:
        first = taken.rejected[0]
        detail = f"{first.metric}: {first.reason}" if first.metric else first.reason
        return problem(422, detail, "samples", rejected=_plain(taken.rejected))
    body = {"accepted": accepted, "duplicates": len(taken.points) - accepted, "rejected": _plain(taken.rejected)}
    return as_json(body, 202)


@router.post(
    "/api/v1/write", status_code=204, openapi_extra=_WRITE_BODY, summary="Prometheus remote-write 1.0", tags=["metrics"]
)
async def take_remote_write(request: Request) -> Response:
    """204 where all is durable; 400, which is not sent again, where some were refused: the others are kept."""
    taken, _ = await take(request, remote_write.decode)
    if not taken.rejected:
        return Response(status_code=204)
    first = taken.rejected[0]
    detail = f"{len(taken.rejected)} samples were refused, the first of {first.metric}: {first.reason}"
    return problem(400, detail, "samples", rejected=_plain(taken.rejected))


async def take(request: Request, decode: Decode) -> tuple[TakenSamples, int]:
    """Decode a request, make its good samples durable, and return what was taken and how many of it were new."""
    gateway: Gateway = request.app.state.gateway
    if not gateway.settings.intake.enabled:
        raise Disabled("Intake is switched off (intake.enabled).", "intake.enabled")
    body: bytes = request.scope["grace.body"]
    if len(body) > _INLINE_MAX_BYTES:
        taken = await asyncio.to_thread(_decoded, request, decode, body)
    else:
        taken = _decoded(request, decode, body)
    accepted = 0
    if taken.points:
        accepted = (await gateway.commit(Commit(follower="http", points=taken.points))).points
    duplicates = len(taken.points) - accepted
    request.app.state.meters.count_samples(request.url.path, accepted, duplicates, len(taken.rejected))
    return taken, accepted


@router.get("/api/metrics", summary="Metrics with their newest values and bands")
def list_metrics(reader: TheReader, catalog: TheCatalog, limit: Limit = 100, after: After = None) -> Response:
    """Those of the catalog, and all others that have data, in order of name."""
    found = listing.listed(catalog, map(listing.from_record, reader.scan(listing.VIEW)))
    page = [each for each in found if after is None or each["metric"] > after][: limit + 1]
    following = page[limit - 1]["metric"] if len(page) > limit else None
    return as_json({"items": page[:limit], "next": following})


@router.get("/api/metrics/{metric:path}/snapshots", summary="What sums up five minutes, or an hour")
def list_snapshots(
    metric: Name,
    reader: TheReader,
    catalog: TheCatalog,
    gateway: TheGateway,
    start: From = None,
    to: To = None,
    step: Annotated[int | None, Query(ge=1, description="Seconds: metrics.snapshot_s (the default) or 3600")] = None,
    limit: Limit = 1000,
    after: After = None,
) -> Response:
    """{metric, step_s, items, next}, oldest first: count, min, max, mean, p50, p95, p99 and band of each series."""
    steps = (gateway.settings.metrics.snapshot_s, HOURLY_S)
    step_s = steps[0] if step is None else step
    if step_s not in steps:
        raise InvalidInput(f"There are snapshots of {steps[0]} s and of {HOURLY_S} s.", "step")
    keys = known_series(reader, catalog, [metric])
    start_us, end_us = _period(start, to)
    found = [each for key in keys for each in reader.snapshots(key, step_s, start_us, end_us)]
    items = [_snapshot(each) for each in found]
    return _page({"metric": metric, "step_s": step_s}, items, limit, after)


@router.get("/api/metrics/{metric:path}/points", summary="The points themselves")
def list_points(
    metric: Name,
    reader: TheReader,
    catalog: TheCatalog,
    start: From = None,
    to: To = None,
    limit: Limit = 1000,
    after: After = None,
) -> Response:
    """{metric, items, next}, oldest first; kept for metrics.keep_points_h hours. A counter's are as they came in."""
    keys = known_series(reader, catalog, [metric])
    start_us, end_us = _period(start, to)
    if after is not None:
        start_us = max(start_us, _place(after)[0])
    found = [each for key in keys for each in reader.points(key, start_us, end_us, limit + 1)]
    items = [
        {"series": each.series, "at_us": each.at_us, "at": to_text(from_us(each.at_us)), "value": each.value}
        for each in found
    ]
    return _page({"metric": metric}, items, limit, after)


@router.get("/api/metrics/{metric:path}", summary="One metric with its series")
def show(metric: Name, reader: TheReader, catalog: TheCatalog) -> Response:
    """What the list of metrics says of it; of a series' key, that series alone. 404 names the nearest."""
    name = metric_of(metric)
    records = [reader.record(listing.VIEW, key) for key in known_series(reader, catalog, [metric])]
    latest = [listing.from_record(record) for record in records if record is not None]
    return as_json(listing.shown(name, catalog.get(name), latest))


def _decoded(request: Request, decode: Decode, body: bytes) -> TakenSamples:
    headers: Mapping[str, str] = dict(request.headers)
    raws = decode(headers, body, request.app.state.gateway.settings.intake)
    intake: SampleIntake = request.app.state.samples
    return intake.take(raws, utc_now())


def _plain(rejected: list[RejectedSample]) -> list[dict[str, Any]]:
    return [{"index": each.place, "metric": each.metric, "reason": each.reason} for each in rejected[:_REJECTED_SHOWN]]


def _period(start: datetime | None, to: datetime | None) -> tuple[int, int]:
    end_us = to_us(to) if to else to_us(utc_now()) + _DAY_US
    start_us = to_us(start) if start else end_us - (_DAY_US if to else 2 * _DAY_US)
    if start_us >= end_us:
        raise InvalidInput("`from` must lie before `to`.", "from")
    return start_us, end_us


def _snapshot(each: Snapshot) -> dict[str, Any]:
    return {
        "series": each.series,
        "at_us": each.start_us,
        "start": to_text(from_us(each.start_us)),
        "count": each.count,
        "min": each.min,
        "max": each.max,
        "mean": each.mean,
        "p50": each.p50,
        "p95": each.p95,
        "p99": each.p99,
        "band": each.band,
    }


def _page(about: dict[str, Any], items: list[dict[str, Any]], limit: int, after: str | None) -> Response:
    """Return {..., items, next}: by time, then by series."""
    ordered = sorted(items, key=_key)
    if after is not None:
        place = _place(after)
        ordered = [item for item in ordered if _key(item) > place]
    following = "{}:{}".format(*_key(ordered[limit - 1])) if len(ordered) > limit else None
    shown = [{name: value for name, value in item.items() if name != "at_us"} for item in ordered[:limit]]
    return Response(orjson.dumps({**about, "items": shown, "next": following}), media_type="application/json")


def _key(item: Mapping[str, Any]) -> tuple[int, str]:
    return item["at_us"], item["series"]


def _place(after: str) -> tuple[int, str]:
    at_us, _, series = after.partition(":")
    try:
        return int(at_us), series
    except ValueError:
        raise InvalidInput("The cursor is not one that a list gave.", "after") from None
