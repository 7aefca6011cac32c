"""Knowledge: search it, add to it, say whether it helped."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, StrictBool
from starlette.responses import Response

from grace_ray.core.document import ORIGINS
from grace_ray.core.errors import InvalidInput
from serve_apps.answers import as_json
from serve_apps.dependencies import Caller, TheGateway, signature

router = APIRouter(prefix="/api/knowledge", tags=["knowledge"])


class NewDocuments(BaseModel):
    """Documents to learn from; the same source with other text replaces the old one."""

    model_config = ConfigDict(extra="forbid")

    documents: list[dict[str, Any]] = Field(
        min_length=1, description="{source, title, text, origin?, topic?, learned_from?, confidence?, at?, meta?}"
    )


class Feedback(BaseModel):
    """Whether a statement helped."""

    model_config = ConfigDict(extra="forbid")

    useful: StrictBool
    by: str | None = Field(None, max_length=200)


@router.get("", summary="Search")
async def search(
    gateway: TheGateway,
    q: Annotated[str, Query(min_length=1, max_length=4000, description="A question, or an alert's text")],
    k: Annotated[int, Query(ge=1, le=100)] = 5,
    origin: Annotated[list[str] | None, Query(max_length=6, description="May be given several times")] = None,
) -> Response:
    """The best passages, each with its source, and why it was found."""
    origins = frozenset(origin or ())
    if not origins.issubset(ORIGINS):
        raise InvalidInput(f"An origin is one of {', '.join(ORIGINS)}.", "origin")
    return as_json({"items": await gateway.call("knowledge", "search", q, k, origins)})


@router.post("", status_code=202, summary="Add documents")
async def add(body: NewDocuments, gateway: TheGateway, caller: Caller) -> Response:
    """{added, unchanged}; the same document twice is one document."""
    return as_json(await gateway.call("knowledge", "operate", "add", {"documents": body.documents, "by": caller}), 202)


@router.get("/stats", summary="How much is known")
async def stats(gateway: TheGateway) -> Response:
    """Documents, passages and statements by origin."""
    return as_json(await gateway.call("knowledge", "stats"))


@router.post("/{statement_id}/feedback", summary="Say whether it helped")
async def feedback(
    statement_id: Annotated[str, Path(max_length=200)], body: Feedback, gateway: TheGateway, caller: Caller
) -> Response:
    """Counts like what happened after it was applied."""
    arguments = {"statement_id": statement_id, "useful": body.useful, "by": signature(body.by, caller)}
    return as_json(await gateway.call("knowledge", "operate", "feedback", arguments))
