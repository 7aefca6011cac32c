"""Server-sent events: the journal as it grows, and the loop's figures each second."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response, StreamingResponse

from grace_ray.core.clock import utc_now
from grace_ray.core.errors import InvalidInput
from grace_ray.core.store import Reader
from grace_ray.diagnose.dashboard import dashboard
from serve_apps.answers import SEQ_MAX
from serve_apps.feed import Feed

router = APIRouter(tags=["stream"])
_HEADERS = {"Cache-Control": "no-cache, no-store", "X-Accel-Buffering": "no"}


@router.get("/api/stream", summary="Watch live", response_class=StreamingResponse)
async def stream(
    request: Request,
    last_event_id: Annotated[str | None, Header(max_length=30)] = None,
    after: Annotated[int | None, Query(ge=0, le=SEQ_MAX)] = None,
) -> Response:
    """Events ``entry`` (journal entries, and some of the events as they pass) and ``stats`` each second.

    Resumes after the journal seq in Last-Event-ID, or in ``after``; without either it starts from now.
    """
    if last_event_id:
        if not last_event_id.isdecimal() or int(last_event_id) > SEQ_MAX:
            raise InvalidInput("This is not a sequence number of the journal.", "Last-Event-ID")
        after = int(last_event_id)
    return StreamingResponse(_watch(request.app.state.feed, after), headers=_HEADERS, media_type="text/event-stream")


async def _watch(feed: Feed, after: int | None) -> AsyncGenerator[bytes]:
    async with aclosing(feed.watch(after)) as news:
        async for chunk in news:
            yield chunk


def figures(reader: Reader) -> Callable[[], dict[str, Any]]:
    """Return a function that gives the figures sent each second."""

    def stats() -> dict[str, Any]:
        now = dashboard(reader, utc_now())
        missions = reader.count("missions")
        return {
            **now["statistics"],
            **now["metrics"],
            "status": now["overview"]["status"],
            "health_score": now["overview"]["health_score"],
            "missions_running": missions.get("running", 0),
            "missions_pending": missions.get("pending", 0),
            "journal_head": reader.head(),
            "pending": max(0, reader.head() - reader.follower("triage").cursor),
        }

    return stats
