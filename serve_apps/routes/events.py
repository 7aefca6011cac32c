"""Ways in: CloudEvents in every mode, and the webhooks of Alertmanager and GitHub. 202 means: durable.

The hot path of Grace: one decode, one encode, no models in between. What takes long is done beside the event loop.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from grace_ray.core.clock import utc_now
from grace_ray.core.errors import Disabled
from grace_ray.sense.formats import alertmanager, cloudevents, github
from grace_ray.sense.intake import Taken
from grace_ray.sense.raw import Decode, Rejected
from serve_apps.answers import describe_taken
from serve_apps.gateway import Gateway
from serve_apps.problems import problem

router = APIRouter(tags=["events"])

INLINE_MAX_BYTES = 64 * 1024  # about 200 events: two milliseconds
IDS_MAX = 100
REJECTED_SHOWN = 1000
_STATUS = {"malformed": 400, "too_large": 413, "invalid": 422}
_EXAMPLE = {
    "specversion": "1.0",
    "id": "41",
    "source": "/ci/builder",
    "type": "coding_agent.build.failed",
    "time": "2026-01-31T12:00:00Z",
    "severity": "high",
    "data": {"message": "no space left on device"},
}
_ANSWER = describe_taken("id", "field", ids={"type": "array", "items": {"type": "string"}})
_EVENTS_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/cloudevents+json": {"schema": {"type": "object"}, "example": _EXAMPLE},
            "application/cloudevents-batch+json": {"schema": {"type": "array"}, "example": [_EXAMPLE]},
            "application/x-ndjson": {"schema": {"type": "string"}, "example": orjson.dumps(_EXAMPLE).decode()},
            "application/json": {
                "schema": {"description": "With ce-* headers the data of one event, else an event or a list of them"},
            },
        },
    }
}
_WEBHOOK_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}


@router.post(
    "/api/events", status_code=202, responses={202: _ANSWER}, openapi_extra=_EVENTS_BODY, summary="Take events"
)
async def take_events(request: Request) -> Response:
    """CloudEvents 1.0: binary, structured, batch, or a stream of lines. The good ones of a batch are kept."""
    return await ingest(request, cloudevents.decode)


@router.post(
    "/api/integrations/alertmanager",
    status_code=202,
    responses={202: _ANSWER},
    openapi_extra=_WEBHOOK_BODY,
    summary="Prometheus Alertmanager's webhook",
)
async def take_alerts(request: Request) -> Response:
    """Webhook version 4: one event for each alert and each change of its state."""
    return await ingest(request, alertmanager.decode)


@router.post(
    "/api/integrations/github",
    status_code=202,
    responses={202: _ANSWER},
    openapi_extra=_WEBHOOK_BODY,
    summary="GitHub's webhook",
)
async def take_github(request: Request) -> Response:
    """Checked by its signature (X-Hub-Signature-256) with the secret in ``intake.github_secret``."""
    return await ingest(request, github.decode)


async def ingest(request: Request, decode: Decode) -> Response:
    """Return the answer to a request full of events."""
    taken, accepted = await take(request, decode)
    if taken.rejected and not taken.rows:
        return _refusal(taken.rejected)
    body: dict[str, Any] = {
        "accepted": accepted,
        "duplicates": len(taken.rows) - accepted,
        "rejected": _plain(taken.rejected),
    }
    if len(taken.rows) <= IDS_MAX:
        body["ids"] = [row.id for row in taken.rows]
    return Response(orjson.dumps(body), 202, media_type="application/json")


async def take(request: Request, decode: Decode) -> tuple[Taken, int]:
    """Decode a request, make its good events durable, and return what was taken and how many of it were new."""
    gateway: Gateway = request.app.state.gateway
    if not gateway.settings.intake.enabled:
        raise Disabled("Intake is switched off (intake.enabled).", "intake.enabled")
    body: bytes = request.scope["grace.body"]
    if len(body) > INLINE_MAX_BYTES:
        taken = await asyncio.to_thread(_decode, request, decode, body)
    else:
        taken = _decode(request, decode, body)
    rows, must_wait = await request.app.state.brakes.split(taken.rows)
    accepted = (await gateway.append(rows)).accepted if rows else 0
    request.app.state.meters.count_events(request.url.path, accepted, len(rows) - accepted, len(taken.rejected))
    if must_wait is not None:
        raise must_wait
    return taken, accepted


def _decode(request: Request, decode: Decode, body: bytes) -> Taken:
    headers: Mapping[str, str] = dict(request.headers)
    raws = decode(headers, body, request.app.state.gateway.settings.intake)
    taken: Taken = request.app.state.intake.take(raws, utc_now())
    return taken


def _refusal(rejected: Sequence[Rejected]) -> Response:
    first = rejected[0]
    codes = {item.code for item in rejected}
    status = _STATUS[codes.pop()] if len(codes) == 1 else 422
    return problem(status, first.reason, first.field, rejected=_plain(rejected))


def _plain(rejected: Sequence[Rejected]) -> list[dict[str, Any]]:
    return [
        {"index": item.index, "id": item.id, "field": item.field, "reason": item.reason}
        for item in rejected[:REJECTED_SHOWN]
    ]
