"""Why: how an event, cluster, mission, group or statement came to be as it is."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from grace_ray.diagnose.explain import explain
from serve_apps.answers import as_json
from serve_apps.dependencies import TheReader

router = APIRouter(tags=["explain"])


@router.get("/api/explain/{subject_id:path}", summary="Why is this so?")
def why(subject_id: Annotated[str, Path(max_length=512)], reader: TheReader) -> Response:
    """The answer in sentences, and the journal entries that it rests on."""
    return as_json(explain(reader, subject_id))
