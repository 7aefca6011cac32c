"""Is it alive, is it ready, how is each part, and figures for Prometheus."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from grace_ray.core.errors import GraceError
from serve_apps.answers import as_json
from serve_apps.dependencies import TheGateway
from serve_apps.gateway import Gateway
from serve_apps.meters import CONTENT_TYPE

router = APIRouter(tags=["health"])
STATUS_TIMEOUT_S = 5.0


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", summary="Alive?")
async def healthz() -> Response:
    """Whether this replica answers; says nothing of the other parts."""
    return as_json({"status": "ok"})


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", summary="Ready?", responses={503: {"description": "Not ready: see parts"}})
async def readyz(gateway: TheGateway) -> Response:
    """503 until every part answers; each part's state."""
    status = await status_of(gateway)
    parts = {name: {"state": part.get("state", "unknown")} for name, part in status.get("parts", {}).items()}
    is_ready = bool(status.get("ready"))
    return as_json({"ready": is_ready, "parts": parts}, 200 if is_ready else 503)


@router.get("/api/status", summary="Every part's state")
async def status(gateway: TheGateway) -> Response:
    """{ready, url, home, version, parts: {name: {state, ...}}}."""
    return as_json(await status_of(gateway))


@router.get("/metrics", summary="Prometheus text", response_class=Response)
async def metrics(request: Request, gateway: TheGateway) -> Response:
    """Events, requests, journal head, follower lag, clusters and missions by status."""
    meters = request.app.state.meters
    meters.count_watchers(request.app.state.feed.watchers)
    parts = (await status_of(gateway)).get("parts", {})
    text = await asyncio.to_thread(meters.expose, gateway.reader, parts)
    return Response(text, headers={"Content-Type": CONTENT_TYPE})


async def status_of(gateway: Gateway) -> dict[str, Any]:
    """Return the status, or one that says why there is none."""
    try:
        async with asyncio.timeout(STATUS_TIMEOUT_S):
            return await gateway.status()
    except (GraceError, TimeoutError) as error:
        return {"ready": False, "parts": {}, "error": str(error) or "The parts did not answer in time."}
