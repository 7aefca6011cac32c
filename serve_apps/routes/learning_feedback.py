"""/api/learning-feedback: the overview and the two bare lists, as their contract has them."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from grace_ray.core.clock import utc_now
from grace_ray.diagnose.dashboard import dashboard
from serve_apps.answers import After, Limit, as_array, as_json
from serve_apps.dependencies import TheReader
from serve_apps.routes import clusters, missions

router = APIRouter(prefix="/api/learning-feedback", tags=["learning feedback"])


@router.get("/dashboard", summary="The loop at a glance")
def overview(reader: TheReader) -> Response:
    """Overview, statistics since the first start, the state as of now, and figures of the loop."""
    return as_json(dashboard(reader, utc_now()))


@router.get("/clusters", summary="Clusters, most urgent first, as a bare array")
def list_clusters(
    request: Request,
    reader: TheReader,
    status: clusters.Status | None = None,
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """The next page stands in the Link header."""
    return as_array(clusters.clusters_page(reader, status, limit, after), request)


@router.get("/missions", summary="Missions, newest first, as a bare array")
def list_missions(
    request: Request,
    reader: TheReader,
    status: missions.Status | None = None,
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """The next page stands in the Link header."""
    return as_array(reader.records("missions", status, limit, after), request)
