"""OTLP/HTTP logs and metrics: answered as the protocol says, in the encoding of the request."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from grace_ray.sense.formats import otlp, otlp_metrics
from serve_apps.routes import metrics
from serve_apps.routes.events import take

router = APIRouter(tags=["events"])


def _body(example: str) -> dict[str, Any]:
    content = {
        "application/x-protobuf": {"schema": {"type": "string", "format": "binary"}},
        "application/json": {"schema": {"type": "object"}, "example": {example: []}},
    }
    return {"requestBody": {"required": True, "content": content}}


@router.post("/v1/logs", openapi_extra=_body("resourceLogs"), response_class=Response, summary="OpenTelemetry logs")
async def take_logs(request: Request) -> Response:
    """An ExportLogsServiceRequest; what was refused stands in ``partial_success``."""
    taken, _ = await take(request, otlp.decode)
    media_type, body = otlp.answer(request.headers, taken.rejected)
    return Response(body, headers={"Content-Type": media_type})


@router.post(
    "/v1/metrics", openapi_extra=_body("resourceMetrics"), response_class=Response, summary="OpenTelemetry metrics"
)
async def take_metrics(request: Request) -> Response:
    """An ExportMetricsServiceRequest; what was refused stands in ``partial_success``."""
    taken, _ = await metrics.take(request, otlp_metrics.decode)
    media_type, body = otlp_metrics.answer(request.headers, taken.rejected)
    return Response(body, headers={"Content-Type": media_type})
