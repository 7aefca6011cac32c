"""Recommendations of agents and how they turned out: tracked, judged, and found again. 202 means: durable."""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from grace_ray.core.clock import utc_now
from grace_ray.core.entry import Entry
from grace_ray.core.errors import Disabled, InvalidInput, TooLarge
from grace_ray.core.jsonable import from_plain
from grace_ray.core.recommendation import (
    RECOMMENDATIONS_VIEW,
    TRACKED,
    TRUST_VIEW,
    Recommendation,
    key_of,
    source_of,
)
from grace_ray.core.store import Reader, Record, RecordPage
from grace_ray.sense.recommendation_fields import ID_MAX, JUDGED, identifier, refuse_others, workspace
from grace_ray.sense.recommendations import RecommendationDoor, RejectedItem, TakenItems, decode
from serve_apps.answers import After, Limit, as_json, as_page, describe_taken
from serve_apps.dependencies import TheGateway, TheReader
from serve_apps.gateway import Gateway
from serve_apps.outcomes import appended, first_said
from serve_apps.problems import problem
from serve_apps.workspaces import PART, UpToDate, enter, settled, unknown

router = APIRouter(prefix="/api/v1/learning", tags=["learning"])

Id = Annotated[str, Path(max_length=ID_MAX)]
Name = Annotated[str, Query(max_length=ID_MAX)]
_Take = Callable[[Sequence[Any], Any, str], TakenItems]
_Describe = Callable[[Mapping[str, Any]], dict[str, Any]]

_INLINE_MAX_BYTES = 64 * 1024
_IDS_MAX = 100
_REJECTED_SHOWN = 1000
_MATCHES_MAX = 10_000
_ANSWER = describe_taken("id", "field", ids={"type": "array", "items": {"type": "string"}})
_TRACKED_EXAMPLE = {
    "workspace_id": "acme",
    "recommendation_id": "r-41",
    "agent_id": "planner",
    "recommendation_type": "strategy",
    "recommendation_content": {"plan": ["reproduce", "bisect"]},
    "confidence_score": 0.8,
    "correlation_id": "task-7",
    "workflow_id": "run-3",
}
_JUDGED_EXAMPLE = {
    "workspace_id": "acme",
    "recommendation_id": "r-41",
    "quality_scores": {"accuracy": 85, "timeliness": 70},
    "evaluator_feedback": "It was the pool.",
}


def _body(example: dict[str, Any]) -> dict[str, Any]:
    """Return how OpenAPI describes a body that is one object, a list, or a list with its workspace."""
    items = {"workspace_id": example["workspace_id"], "items": [{k: v for k, v in example.items() if k[0] != "w"}]}
    examples = {"one": {"value": example}, "many": {"value": items}}
    content = {"application/json": {"schema": {"type": ["object", "array"]}, "examples": examples}}
    return {"requestBody": {"required": True, "content": content}}


@router.post(
    "/recommendations/track",
    status_code=202,
    responses={202: _ANSWER},
    openapi_extra=_body(_TRACKED_EXAMPLE),
    summary="Take recommendations",
)
async def track(request: Request, gateway: TheGateway) -> Response:
    """One object, a list, or {workspace_id, items}. One is answered {recommendation_id, status}.

    Of many the good ones are kept. The same recommendation_id again is known, and changes nothing.
    """
    door: RecommendationDoor = request.app.state.recommendations
    return await _taken(request, gateway, door.track, _of_tracked)


@router.post(
    "/outcomes/evaluate",
    status_code=202,
    responses={202: _ANSWER},
    openapi_extra=_body(_JUDGED_EXAMPLE),
    summary="Say how recommendations turned out",
)
async def evaluate(request: Request, gateway: TheGateway) -> Response:
    """One object, a list, or {workspace_id, items}. One is answered {outcome_id, recommendation_id, outcome, status}.

    Without an outcome it follows from the quality: approved from 70, partial from 40, else rejected; the overall
    quality is the mean of the scores where it is left out. A later outcome replaces an earlier one, ``pending`` takes
    it back; one that comes before its recommendation waits for it. An outcome is named by its ``outcome_id``, else by
    ``evaluated_at`` and what it says, else by what it says alone: then it is a repeat as long as it is what stands.
    """
    door: RecommendationDoor = request.app.state.recommendations
    return await _taken(request, gateway, door.judge, _of_judged)


@router.post(
    "/outcomes/evaluate-workflow",
    status_code=202,
    responses={202: _ANSWER},
    openapi_extra=_body({"workspace_id": "acme", "workflow_id": "run-3", "outcome": "approved"}),
    summary="Say how a workflow turned out",
)
async def evaluate_workflow(request: Request, gateway: TheGateway) -> Response:
    """The outcome counts for every recommendation of the workflow. 404 where the workspace has none of it."""
    _check_switches(gateway)
    items, is_one = decode(request.scope["grace.body"], gateway.settings.intake)
    if not is_one:
        raise InvalidInput("The body is one object.", "body")
    said: dict[str, Any] = items[0]
    workspace_id = workspace(said.get("workspace_id"))
    workflow_id = identifier("workflow_id", said.pop("workflow_id", None))
    refuse_others(said, JUDGED - {"outcome_id", "recommendation_id"})
    await enter(request, [workspace_id])
    await settled(gateway, workspace_id)
    found = await asyncio.to_thread(
        gateway.reader.matching, RECOMMENDATIONS_VIEW, "workflow_id", workflow_id, workspace_id, _MATCHES_MAX
    )
    if not found:
        raise await unknown(gateway, workspace_id, "workflow", workflow_id)
    prefix = key_of(workspace_id, "")
    judged = [{**said, "recommendation_id": record.key.removeprefix(prefix)} for record in found]
    door: RecommendationDoor = request.app.state.recommendations
    taken = await asyncio.to_thread(door.judge, judged, utc_now())
    _raise_first(taken.rejected)  # what is said of all is at fault for all
    return await _kept(request, gateway, taken)


@router.get("/recommendations", summary="The recommendations of a workspace, on one question, or of one workflow")
async def list_recommendations(
    workspace_id: UpToDate,
    reader: TheReader,
    correlation_id: Name = "",
    workflow_id: Name = "",
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """Newest first; by ``correlation_id`` those that answer the same question."""
    if correlation_id and workflow_id:
        raise InvalidInput("Name a correlation_id or a workflow_id, not both.", "correlation_id")
    if not correlation_id and not workflow_id:
        return as_page(await asyncio.to_thread(_newest, reader, workspace_id, limit, after))
    column, value = ("correlation_id", correlation_id) if correlation_id else ("workflow_id", workflow_id)
    found = await asyncio.to_thread(reader.matching, RECOMMENDATIONS_VIEW, column, value, workspace_id, _MATCHES_MAX)
    return as_page(_page_of(found, limit, after))


@router.get("/recommendations/agent/{agent_id:path}", summary="The recommendations of one agent")
async def list_of_agent(
    agent_id: Id, workspace_id: UpToDate, gateway: TheGateway, limit: Limit = 100, after: After = None
) -> Response:
    """Newest first. 404 for an agent that the workspace does not know."""
    status = key_of(workspace_id, agent_id)
    page = await asyncio.to_thread(gateway.reader.records, RECOMMENDATIONS_VIEW, status, limit, after)
    if not page.items and not await asyncio.to_thread(gateway.reader.record, TRUST_VIEW, status):
        raise await unknown(gateway, workspace_id, "agent", agent_id)
    return as_page(page)


@router.get("/recommendations/{recommendation_id:path}", summary="One recommendation", response_model=Recommendation)
async def show(recommendation_id: Id, workspace_id: UpToDate, gateway: TheGateway) -> Response:
    """With what became of it; there as soon as it was acknowledged, even where it is not taken up yet."""
    found = await asyncio.to_thread(_found, gateway.reader, workspace_id, recommendation_id)
    if found is None:
        raise await unknown(gateway, workspace_id, "recommendation", recommendation_id)
    return found


async def _taken(request: Request, gateway: Gateway, take: _Take, describe: _Describe) -> Response:
    body: bytes = request.scope["grace.body"]
    is_long = len(body) > _INLINE_MAX_BYTES
    _check_switches(gateway)
    items, is_one = (
        await asyncio.to_thread(decode, body, gateway.settings.intake)
        if is_long
        else decode(body, gateway.settings.intake)
    )
    if request.scope.get("grace.workspaces"):
        await enter(request, [item.get("workspace_id") for item in items if isinstance(item, dict)])
    key = request.headers.get("idempotency-key", "")
    signed = f"{request.scope.get('grace.caller', '')}\x1f{key}" if key else ""
    taken = await asyncio.to_thread(take, items, utc_now(), signed) if is_long else take(items, utc_now(), signed)
    if not is_one:
        return await _kept(request, gateway, taken)
    _raise_first(taken.rejected)
    accepted, (row,) = await appended(gateway, taken.rows)
    _count(request, accepted, 1 - accepted, 0)
    stands = orjson.loads(row.body) if accepted else await asyncio.to_thread(first_said, gateway.reader, row)
    return as_json({**describe(stands), "status": "accepted" if accepted else "duplicate"}, 202)


async def _kept(request: Request, gateway: Gateway, taken: TakenItems) -> Response:
    """Make the good ones of a batch durable, and answer for all."""
    accepted, rows = await appended(gateway, taken.rows) if taken.rows else (0, [])
    _count(request, accepted, len(rows) - accepted, len(taken.rejected))
    rejected = [_plain(item) for item in taken.rejected[:_REJECTED_SHOWN]]
    if taken.rejected and not taken.rows:
        first = taken.rejected[0]
        is_too_large = all(item.is_too_large for item in taken.rejected)
        return problem(413 if is_too_large else 422, first.reason, first.field, rejected=rejected)
    body = {"accepted": accepted, "duplicates": len(rows) - accepted, "rejected": rejected}
    if len(rows) <= _IDS_MAX:
        body["ids"] = [row.id for row in rows]
    return as_json(body, 202)


def _raise_first(rejected: Sequence[RejectedItem]) -> None:
    if rejected:
        first = rejected[0]
        raise (TooLarge if first.is_too_large else InvalidInput)(first.reason, first.field)


def _check_switches(gateway: Gateway) -> None:
    for name, is_on in (("intake", gateway.settings.intake.enabled), ("trust", gateway.settings.trust.enabled)):
        if not is_on:
            raise Disabled(f"Recommendations are not taken: {name}.enabled is off.", f"{name}.enabled")


def _count(request: Request, accepted: int, duplicates: int, rejected: int) -> None:
    request.app.state.meters.count_recommendations(request.url.path, accepted, duplicates, rejected)


def _plain(item: RejectedItem) -> dict[str, Any]:
    return {"index": item.place, "id": item.id, "field": item.field, "reason": item.reason}


def _of_tracked(said: Mapping[str, Any]) -> dict[str, Any]:
    return {"recommendation_id": said["recommendation_id"]}


def _of_judged(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: said[name] for name in ("outcome_id", "recommendation_id", "outcome")}


def _page_of(found: Sequence[Record], limit: int, after: str | None) -> RecordPage:
    """Return a page of records that are all at hand; ``after`` is the key of the last one seen."""
    keys = [record.key for record in found]
    if after is not None and after not in keys:
        raise InvalidInput("The cursor is not one that this list gave.", "after")
    start = 0 if after is None else keys.index(after) + 1
    items = list(found[start : start + limit])
    return RecordPage(items, items[-1].key if len(found) > start + limit else None)


def _newest(reader: Reader, workspace_id: str, limit: int, after: str | None) -> RecordPage:
    """Return a page of all of a workspace's recommendations; ``after`` is "rank:key" of the last one seen.

    A batch has one time, and so one rank: what was seen of the same rank is passed over, and more is asked for.
    """
    upto, seen = _place(after) if after is not None else (math.inf, "")
    asked, keys = limit + 1, list[tuple[float, str]]()
    while True:
        rows = reader.cells(RECOMMENDATIONS_VIEW, ("rank", "key"), workspace_id, -math.inf, upto, asked)
        keys = [(rank, key) for rank, key in rows if rank < upto or key > seen]
        if len(keys) > limit or len(rows) < asked:
            break
        asked *= 4
    found = {record.key: record for record in reader.find_records(RECOMMENDATIONS_VIEW, [k for _, k in keys[:limit]])}
    items = [found[key] for _, key in keys[:limit] if key in found]
    following = "{!r}:{}".format(*keys[limit - 1]) if len(keys) > limit else None
    return RecordPage(items, following)


def _place(after: str) -> tuple[float, str]:
    rank, _, key = after.partition(":")
    try:
        return float(rank), key
    except ValueError:
        raise InvalidInput("The cursor is not one that this list gave.", "after") from None


def _found(reader: Reader, workspace_id: str, recommendation_id: str) -> Response | None:
    """Return a recommendation as it stands, or as the journal has it where it was not taken up yet."""
    key = key_of(workspace_id, recommendation_id)
    record = reader.record(RECOMMENDATIONS_VIEW, key)
    if record is None and (entry := _entry(reader, workspace_id, recommendation_id)) is not None:
        cursor, _ = reader.cursors().get(PART, (0, 0))
        if entry.seq > cursor and entry.body:
            return as_json(from_plain(Recommendation, orjson.loads(entry.body)))
        record = reader.record(RECOMMENDATIONS_VIEW, key)  # taken up in between, or cleaned up
    return Response(record.body, media_type="application/json") if record and record.body else None


def _entry(reader: Reader, workspace_id: str, recommendation_id: str) -> Entry | None:
    source = source_of(workspace_id, "recommendations")
    found = reader.find(recommendation_id)
    return next((entry for entry in found if entry.source == source and entry.type == TRACKED), None)
