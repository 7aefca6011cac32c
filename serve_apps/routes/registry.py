"""The registry of event types: domain, severity and pattern that are assumed where a sender leaves them out."""

from fastapi import APIRouter
from starlette.responses import Response

from grace_ray.core.event_types import REGISTRY, EventType
from serve_apps.answers import as_json

router = APIRouter(tags=["registry"])


@router.get("/api/registry", summary="Event types that Grace knows", response_model=list[EventType])
async def registry() -> Response:
    """Other dotted types are taken as well, with domain ``custom``."""
    return as_json(list(REGISTRY.values()))
