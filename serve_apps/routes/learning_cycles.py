"""What was learned of a workspace's outcomes: cycles, patterns and rules; figures; and all of it to take away."""

import asyncio
from collections.abc import Iterator
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from grace_ray.core.recommendation import (
    LEARNING_VIEW,
    OUTCOMES_VIEW,
    PATTERNS_VIEW,
    RECOMMENDATIONS_VIEW,
    TALLIES_VIEW,
    TRUST_VIEW,
    LearningCycle,
    PatternKind,
    key_of,
)
from grace_ray.core.store import Reader, Record
from grace_ray.decide.routing.rules import last_cycle
from serve_apps.answers import After, Limit, as_json, as_page, filtered
from serve_apps.dependencies import Caller, TheGateway, TheReader, signature
from serve_apps.workspaces import UpToDate, Workspace, enter, unknown

router = APIRouter(prefix="/api/v1/learning", tags=["learning"])

PART = "meta_learner"
_EXPORTED = (RECOMMENDATIONS_VIEW, OUTCOMES_VIEW, TRUST_VIEW, PATTERNS_VIEW, LEARNING_VIEW)
_CHUNK_BYTES = 256 * 1024


class Trigger(BaseModel):
    """Of which workspace to learn now, and how far to look back."""

    model_config = ConfigDict(extra="forbid")

    workspace_id: str
    lookback_days: float | None = Field(None, gt=0, le=366, allow_inf_nan=False)
    by: str | None = Field(None, max_length=200)


@router.post("/learning-cycles/trigger", status_code=202, summary="Learn now", response_model=LearningCycle)
async def trigger(body: Trigger, request: Request, gateway: TheGateway, caller: Caller) -> Response:
    """Answers with the iteration_id at once; 409 where a cycle of this workspace runs already."""
    await enter(request, [body.workspace_id])
    arguments = {
        **body.model_dump(exclude_none=True),
        "trigger": "asked for",
        "by": signature(body.by, caller),
        "key": request.headers.get("idempotency-key", ""),
    }
    return as_json(await gateway.call(PART, "operate", "trigger", arguments), 202)


@router.get("/learning-cycles", summary="Learning cycles, newest first")
async def list_cycles(workspace_id: Workspace, reader: TheReader, limit: Limit = 20, after: After = None) -> Response:
    """Without their rules and profiles, which one cycle shows."""
    page = await asyncio.to_thread(reader.records, LEARNING_VIEW, workspace_id, limit, after)
    items = [orjson.loads(record.body) for record in page.items if record.body]
    shown = [{name: value for name, value in each.items() if name not in ("rules", "profiles")} for each in items]
    return as_json({"items": shown, "next": page.next})


@router.get("/learning-cycles/{iteration_id}", summary="One learning cycle", response_model=LearningCycle)
async def show_cycle(
    iteration_id: Annotated[str, Path(max_length=200)], workspace_id: Workspace, gateway: TheGateway
) -> Response:
    """With what it found, how well that holds on later data, and what follows from it."""
    found = await asyncio.to_thread(gateway.reader.record, LEARNING_VIEW, key_of(workspace_id, iteration_id))
    if found is None or found.body is None:
        raise await unknown(gateway, workspace_id, "learning cycle", iteration_id, "iteration_id")
    return Response(found.body, media_type="application/json")


@router.get("/patterns", summary="When recommendations turn out well, and when badly")
async def list_patterns(
    workspace_id: Workspace,
    reader: TheReader,
    category: PatternKind | None = None,
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """The surest and strongest first. Each holds with the chance of error that is set, whatever was tried."""

    def is_of_category(record: Record) -> bool:
        return category is None or orjson.loads(record.body or b"{}")["pattern_type"] == category

    return as_page(
        await asyncio.to_thread(filtered, reader, (PATTERNS_VIEW, workspace_id), limit, after, is_of_category)
    )


@router.get("/rules", summary="What follows from the patterns")
async def list_rules(workspace_id: Workspace, reader: TheReader) -> Response:
    """Of the last completed cycle: for which tasks to prefer or avoid whom, in a sentence."""
    cycle = await asyncio.to_thread(last_cycle, reader, workspace_id)
    return as_json({"items": cycle["rules"] if cycle else [], "next": None})


@router.get("/should-trigger", summary="Is it time to learn?")
async def should_trigger(workspace_id: UpToDate, gateway: TheGateway) -> Response:
    """{is_due, reason, new_outcomes, drift_odds, is_running}: after enough new outcomes, or where success drifts."""
    return as_json(await gateway.call(PART, "should_trigger", workspace_id))


@router.get("/stats", summary="A workspace in figures")
async def stats(workspace_id: UpToDate, reader: TheReader) -> Response:
    """Recommendations and outcomes there have ever been, agents, patterns, and the last cycle."""
    return as_json(await asyncio.to_thread(_figures, reader, workspace_id))


@router.get("/workspaces", summary="The workspaces there are")
async def list_workspaces(request: Request, reader: TheReader) -> Response:
    """Those that have recommendations, in order of name; a token that is bound to some sees no others."""
    bound: tuple[str, ...] = request.scope.get("grace.workspaces", ())
    names = await asyncio.to_thread(reader.workspaces, RECOMMENDATIONS_VIEW)
    return as_json({"items": [name for name in names if not bound or name in bound], "next": None})


@router.get("/export", summary="All of a workspace, a JSON object a line", response_class=StreamingResponse)
async def export(workspace_id: UpToDate, reader: TheReader) -> Response:
    """Lines {"view", "record"}: recommendations, outcomes, trust scores, patterns, cycles."""
    headers = {"Content-Disposition": f'attachment; filename="{workspace_id}.jsonl"'}
    return StreamingResponse(_chunks(reader, workspace_id), media_type="application/x-ndjson", headers=headers)


def _chunks(reader: Reader, workspace_id: str) -> Iterator[bytes]:
    """Yield lines, many at once: each chunk costs a change of threads."""
    lines: list[bytes] = []
    size = 0
    for view in _EXPORTED:
        head = b'{"view":' + orjson.dumps(view) + b',"record":'
        for record in reader.of_workspace(view, workspace_id):
            if record.body:
                lines.append(head + record.body + b"}\n")
                size += len(record.body)
            if size >= _CHUNK_BYTES:
                yield b"".join(lines)
                lines, size = [], 0
    yield b"".join(lines)


def _figures(reader: Reader, workspace_id: str) -> dict[str, Any]:
    tallies = [orjson.loads(record.body or b"{}") for record in reader.of_workspace(TALLIES_VIEW, workspace_id)]
    patterns = [orjson.loads(record.body or b"{}") for record in reader.of_workspace(PATTERNS_VIEW, workspace_id)]
    tracked, judged, approved = (sum(each[name] for each in tallies) for name in ("tracked", "judged", "approved"))
    cycle = last_cycle(reader, workspace_id)
    return {
        "workspace_id": workspace_id,
        "recommendations": tracked,
        "outcomes": judged,
        "approval_rate": approved / judged if judged else None,
        "agents": len(tallies),
        "patterns": len(patterns),
        "patterns_confirmed": sum(pattern["is_confirmed"] for pattern in patterns),
        "learning_cycles": reader.count(LEARNING_VIEW).get(workspace_id, 0),
        "last_cycle": cycle and {name: value for name, value in cycle.items() if name not in ("rules", "profiles")},
    }
