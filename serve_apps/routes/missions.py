"""Learning missions: list, look, start one, cancel one."""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from grace_ray.core.errors import Conflict, InvalidInput
from grace_ray.core.mission import OPEN_STATUSES, Mission
from serve_apps.answers import After, Limit, as_json, as_page, record_body
from serve_apps.dependencies import Caller, TheGateway, TheReader, signature

router = APIRouter(prefix="/api/missions", tags=["missions"])

MissionId = Annotated[str, Path(max_length=200)]
Status = Literal["pending", "running", "completed", "failed", "timed_out", "cancelled"]


class NewMission(BaseModel):
    """What to learn: a question, or a description of it; about a cluster where one is named."""

    model_config = ConfigDict(extra="forbid")

    description: str = Field("", max_length=2000)
    question: str = Field("", max_length=2000)
    topic: str = Field("", max_length=200)
    mission_type: Literal["autonomous_learning", "knowledge_gap", "pattern_learning", "generic_learning"] = (
        "generic_learning"
    )
    cluster_key: str | None = Field(None, max_length=512)
    by: str | None = Field(None, max_length=200)


class Cancel(BaseModel):
    """Who cancels, and why."""

    model_config = ConfigDict(extra="forbid")

    by: str | None = Field(None, max_length=200)
    note: str = Field("", max_length=2000)


@router.get("", summary="Missions, newest first")
def list_missions(reader: TheReader, status: Status | None = None, limit: Limit = 100, after: After = None) -> Response:
    """Of every status, or of one."""
    return as_page(reader.records("missions", status, limit, after))


@router.get("/{mission_id}", summary="One mission with its sources and knowledge", response_model=Mission)
def show(mission_id: MissionId, reader: TheReader) -> Response:
    """What was asked, what each strategy did, which sources were read and what was learned."""
    return as_json(record_body(reader, "missions", mission_id, "mission"))


@router.post("", status_code=201, summary="Start a mission", response_model=Mission)
async def create(body: NewMission, gateway: TheGateway, caller: Caller) -> Response:
    """It waits in the queue like any other, by its priority."""
    if not (body.description.strip() or body.question.strip()):
        raise InvalidInput("Say what to learn: a question or a description.", "question")
    arguments = {**body.model_dump(), "by": signature(body.by, caller)}
    mission = await gateway.call("mission_launcher", "operate", "create", arguments)
    return as_json(mission, 201, {"Location": f"/api/missions/{mission.mission_id}"})


@router.post("/{mission_id}/cancel", summary="Cancel a mission", response_model=Mission)
async def cancel(mission_id: MissionId, gateway: TheGateway, caller: Caller, body: Cancel | None = None) -> Response:
    """Pending or running; answers 409 where it has ended."""
    said = body or Cancel()
    known = await asyncio.to_thread(record_body, gateway.reader, "missions", mission_id, "mission")
    if known["status"] not in OPEN_STATUSES:
        raise Conflict(f"The mission has ended already: it is {known['status']}.", "mission_id")
    arguments = {"mission_id": mission_id, "by": signature(said.by, caller), "note": said.note}
    return as_json(await gateway.call("mission_launcher", "operate", "cancel", arguments))
