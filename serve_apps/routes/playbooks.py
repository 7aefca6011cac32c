"""Playbooks and their runs: look, try dry, run, say yes or no, call off."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from grace_ray.core.errors import Conflict
from grace_ray.core.playbook import OPEN_RUN_STATUSES, RUNS_VIEW, Playbook, Run, RunStatus
from serve_apps.answers import After, Limit, as_json, as_page, record_body
from serve_apps.dependencies import Caller, TheGateway, ThePlaybooks, TheReader, signature

router = APIRouter(tags=["playbooks"])

Id = Annotated[str, Path(max_length=200)]


class NewRun(BaseModel):
    """What to act on, with which parameters; a dry run says what would be done and touches nothing."""

    model_config = ConfigDict(extra="forbid")

    subject: str = Field("", max_length=200)
    parameters: dict[str, Any] = Field(default_factory=dict, max_length=50)
    dry_run: bool = False
    by: str | None = Field(None, max_length=200)


class Word(BaseModel):
    """Who says so, and why."""

    model_config = ConfigDict(extra="forbid")

    by: str | None = Field(None, max_length=200)
    note: str = Field("", max_length=2000)


@router.get("/api/playbooks", summary="Every playbook")
async def list_playbooks(playbooks: ThePlaybooks, limit: Limit = 100, after: After = None) -> Response:
    """In order of id, with risk, parameters and steps."""
    rest = [playbook for playbook in playbooks.all() if playbook.id > (after or "")]
    items = rest[:limit]
    return as_json({"items": items, "next": items[-1].id if len(rest) > limit else None})


@router.get("/api/playbooks/{playbook_id}", summary="One playbook", response_model=Playbook)
async def show(playbook_id: Id, playbooks: ThePlaybooks) -> Response:
    """404 names the nearest."""
    return as_json(playbooks.get(playbook_id))


@router.post("/api/playbooks/{playbook_id}/run", status_code=201, summary="Run a playbook", response_model=Run)
async def run(
    playbook_id: Id,
    playbooks: ThePlaybooks,
    gateway: TheGateway,
    caller: Caller,
    request: Request,
    body: NewRun | None = None,
) -> Response:
    """Safe ones start at once, others wait for approval; a dry run is answered when it is done."""
    playbooks.get(playbook_id)
    asked = body or NewRun()
    arguments = {
        **asked.model_dump(),
        "playbook": playbook_id,
        "by": signature(asked.by, caller),
        "key": request.headers.get("idempotency-key", ""),
    }
    made = await gateway.call("playbooks", "operate", "run", arguments)
    return as_json(made, 201, {"Location": f"/api/playbook-runs/{made.run_id}"})


@router.get("/api/playbook-runs", summary="Runs, newest first")
def list_runs(reader: TheReader, status: RunStatus | None = None, limit: Limit = 100, after: After = None) -> Response:
    """Of every status, or of one; those that await approval wait for your word."""
    return as_page(reader.records(RUNS_VIEW, status, limit, after))


@router.get("/api/playbook-runs/{run_id}", summary="One run with its steps", response_model=Run)
def show_run(run_id: Id, reader: TheReader) -> Response:
    """What each step did, the KPIs around it, and the reward once it is known."""
    return as_json(record_body(reader, RUNS_VIEW, run_id, "run"))


@router.post("/api/playbook-runs/{run_id}/approve", summary="Let a run go on", response_model=Run)
async def approve(run_id: Id, gateway: TheGateway, caller: Caller, body: Word | None = None) -> Response:
    """409 where it waits for no approval, or another run acts on the same."""
    return as_json(await _say("approve", run_id, gateway, caller, body))


@router.post("/api/playbook-runs/{run_id}/reject", summary="Forbid a run", response_model=Run)
async def reject(run_id: Id, gateway: TheGateway, caller: Caller, body: Word | None = None) -> Response:
    """409 where it waits for no approval."""
    return as_json(await _say("reject", run_id, gateway, caller, body))


@router.post("/api/playbook-runs/{run_id}/cancel", summary="Call a run off", response_model=Run)
async def cancel(run_id: Id, gateway: TheGateway, caller: Caller, body: Word | None = None) -> Response:
    """One that runs stops at its step, and what it did is taken back where it can be; 409 where it has ended."""
    return as_json(await _say("cancel", run_id, gateway, caller, body))


async def _say(action: str, run_id: str, gateway: TheGateway, caller: str, body: Word | None) -> Any:
    said = body or Word()
    known: Mapping[str, Any] = await asyncio.to_thread(record_body, gateway.reader, RUNS_VIEW, run_id, "run")
    if known["status"] not in OPEN_RUN_STATUSES:
        raise Conflict(f"The run has ended already: it is {known['status']}.", "run_id")
    arguments = {"run_id": run_id, "by": signature(said.by, caller), "note": said.note}
    return await gateway.call("playbooks", "operate", action, arguments)
