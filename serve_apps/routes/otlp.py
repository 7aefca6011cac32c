"""OTLP/HTTP logs: answered as the protocol says, in the encoding of the request."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from grace_ray.sense.formats import otlp
from serve_apps.routes.events import take

router = APIRouter(tags=["events"])
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-protobuf": {"schema": {"type": "string", "format": "binary"}},
            "application/json": {"schema": {"type": "object"}, "example": {"resourceLogs": []}},
        },
    }
}


@router.post("/v1/logs", openapi_extra=_BODY, response_class=Response, summary="OpenTelemetry logs")
async def take_logs(request: Request) -> Response:
    """An ExportLogsServiceRequest; what was refused stands in ``partial_success``."""
    taken, _ = await take(request, otlp.decode)
    media_type, body = otlp.answer(request.headers, taken.rejected)
    return Response(body, headers={"Content-Type": media_type})
