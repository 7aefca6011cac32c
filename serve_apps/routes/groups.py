"""Incident groups: clusters that one fault explains."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from starlette.responses import Response

from grace_ray.core.cluster import IncidentGroup
from serve_apps.answers import After, Limit, as_json, as_page, record_body
from serve_apps.dependencies import TheReader

router = APIRouter(prefix="/api/groups", tags=["groups"])


@router.get("", summary="Incident groups")
def list_groups(
    reader: TheReader,
    status: Literal["open", "resolved"] | None = None,
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """Groups across domains and severities, each with the reason shown."""
    return as_page(reader.records("groups", status, limit, after))


@router.get("/{group_id:path}", summary="One incident group", response_model=IncidentGroup)
def show(group_id: Annotated[str, Path(max_length=512)], reader: TheReader) -> Response:
    """The group with its clusters, templates and reasons."""
    return as_json(record_body(reader, "groups", group_id, "group"))
