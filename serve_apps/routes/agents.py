"""How far agents can be trusted, what they are good at, and who is given a task."""

import asyncio
import hashlib
import math
from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query, Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from starlette.responses import Response

from grace_ray.core.jsonable import from_plain
from grace_ray.core.recommendation import (
    RECOMMENDATIONS_VIEW,
    TRUST_VIEW,
    AgentProfile,
    TrustScore,
    key_of,
)
from grace_ray.core.store import Reader, Record
from grace_ray.decide.routing.route import ROUTES_VIEW
from grace_ray.decide.routing.rules import last_cycle
from grace_ray.sense.recommendation_fields import ID_MAX, NAMES_MAX, TYPE_MAX, WORD_MAX
from serve_apps.answers import After, Limit, as_json, as_page, filtered
from serve_apps.dependencies import TheGateway, TheReader
from serve_apps.gateway import Gateway
from serve_apps.workspaces import PART, UpToDate, enter, settled, unknown

router = APIRouter(prefix="/api/v1/learning", tags=["learning"])

AgentId = Annotated[str, Path(max_length=ID_MAX)]
Word = Annotated[str, Field(min_length=1, max_length=ID_MAX)]
_CANDIDATES_MAX = 200
_LOOKS, _PAUSE_S = 30, 0.05


def _scalar(value: Any) -> Any:
    is_number = isinstance(value, int | float) and math.isfinite(value)
    if value is None or is_number or (isinstance(value, str) and len(value) <= WORD_MAX):
        return value
    raise ValueError(f"must be a text of at most {WORD_MAX} characters, a finite number or a boolean")


def _candidate(value: Any) -> Any:
    return {"agent_id": value} if isinstance(value, str) else value


class Task(BaseModel):
    """What is to be done: its type, the question it answers (others may have answered it), and what rules rest on."""

    model_config = ConfigDict(extra="forbid")

    recommendation_type: str = Field("general", min_length=1, max_length=TYPE_MAX)
    correlation_id: str = Field("", max_length=ID_MAX)
    context: dict[str, Annotated[Any, AfterValidator(_scalar)]] = Field(default_factory=dict, max_length=NAMES_MAX)


class Candidate(BaseModel):
    """An agent that could do it, and what that costs against a success, which is worth 1."""

    model_config = ConfigDict(extra="forbid")

    agent_id: Word
    cost: float = Field(0.0, ge=0, le=1e6, allow_inf_nan=False)


class Routing(BaseModel):
    """A task and who could do it."""

    model_config = ConfigDict(extra="forbid")

    workspace_id: str
    task: Task = Field(default_factory=Task)
    candidates: list[Annotated[Candidate, BeforeValidator(_candidate)]] = Field(
        min_length=1, max_length=_CANDIDATES_MAX, description="Objects, or agent_ids of those that cost nothing"
    )


@router.get("/trust-scores", summary="Agents by how far they can be trusted")
async def list_trust(
    workspace_id: UpToDate,
    reader: TheReader,
    min_trust: Annotated[float, Query(ge=0, le=1, description="Least overall_trust_score", allow_inf_nan=False)] = 0.0,
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """By ``expected``, the likelihood that the next outcome is good, highest first."""

    def is_trusted(record: Record) -> bool:
        return bool(orjson.loads(record.body or b"{}")["overall_trust_score"] >= min_trust)

    return as_page(await asyncio.to_thread(filtered, reader, (TRUST_VIEW, workspace_id), limit, after, is_trusted))


@router.get("/trust-scores/{agent_id:path}", summary="How far one agent can be trusted", response_model=TrustScore)
async def show_trust(agent_id: AgentId, workspace_id: UpToDate, gateway: TheGateway) -> Response:
    """404 for an agent that the workspace does not know.

    The scores are moving averages; ``expected`` and its ``interval`` are what decisions rest on.
    """
    return as_json(await _trust(gateway, workspace_id, agent_id))


@router.get("/agent-profiles/{agent_id:path}", summary="What one agent is good and bad at", response_model=AgentProfile)
async def show_profile(agent_id: AgentId, workspace_id: UpToDate, gateway: TheGateway) -> Response:
    """As the last learning cycle found it; before the first one, what its trust score tells. 404 as above."""
    found = await asyncio.to_thread(_profile, gateway.reader, workspace_id, agent_id)
    return as_json(found or _outline(await _trust(gateway, workspace_id, agent_id)))


@router.get("/decision-boost", summary="By how much to adjust the confidence in an agent's advice")
async def boost(
    workspace_id: UpToDate,
    gateway: TheGateway,
    agent_id: Annotated[str, Query(min_length=1, max_length=ID_MAX)],
    recommendation_type: Annotated[str, Query(min_length=1, max_length=TYPE_MAX)] = "general",
    confidence_score: Annotated[float | None, Query(ge=0, le=1, description="As sure as the agent says it is")] = None,
) -> Response:
    """{boost, expected, low, high, fleet, samples}: ``boost`` is what is expected of it less what is of the fleet.

    With a confidence_score also ``calibrated``: how often it was right when it said that it was so sure.
    """
    if not await asyncio.to_thread(_is_known, gateway.reader, workspace_id, agent_id):
        raise await unknown(gateway, workspace_id, "agent", agent_id)
    return as_json(await gateway.call(PART, "boost", workspace_id, agent_id, recommendation_type, confidence_score))


@router.get("/consensus", summary="What several agents together say to one question")
async def consensus(
    workspace_id: UpToDate, gateway: TheGateway, correlation_id: Annotated[str, Query(min_length=1, max_length=ID_MAX)]
) -> Response:
    """Each agent's answer weighs by what its answers have been worth, class by class."""
    found = (RECOMMENDATIONS_VIEW, "correlation_id", correlation_id, workspace_id, 1)
    if not await asyncio.to_thread(gateway.reader.matching, *found):
        raise await unknown(gateway, workspace_id, "question", correlation_id, "correlation_id")
    return as_json(await gateway.call(PART, "consensus", workspace_id, correlation_id))


@router.post("/route", status_code=201, summary="Choose an agent for a task")
async def route(body: Routing, request: Request, gateway: TheGateway) -> Response:
    """{route_id, agent_id, propensity, reasons, offers}: by trust, rules, costs, and what others made of the task.

    Every candidate has a chance, which is logged: so other ways of choosing can be judged by what came of this one.
    """
    await enter(request, [body.workspace_id])
    await settled(gateway, body.workspace_id)
    arguments = {
        "workspace_id": body.workspace_id,
        **body.task.model_dump(),
        "candidates": [each.model_dump() for each in body.candidates],
        "route_id": _route_id(body.workspace_id, request),
    }
    return as_json(await gateway.call(PART, "operate", "route", arguments), 201)


@router.get("/routes", summary="Tasks that were given to agents, newest first")
async def list_routes(workspace_id: UpToDate, reader: TheReader, limit: Limit = 100, after: After = None) -> Response:
    """Who was chosen among whom, why, and what came of it."""
    return as_page(await asyncio.to_thread(reader.records, ROUTES_VIEW, workspace_id, limit, after))


@router.get("/routing", summary="What the choosing has earned")
async def routing(workspace_id: UpToDate, gateway: TheGateway) -> Response:
    """{rewarded, value, others, best_fixed}: against always choosing one agent, by the log; {} before the first."""
    return as_json(await gateway.call(PART, "routing", workspace_id))


def _route_id(workspace_id: str, request: Request) -> str:
    """Return the id of a route that is asked for with a key, so that the same again is the same route."""
    key = request.headers.get("idempotency-key", "")
    if not key:
        return ""
    parts = (workspace_id, str(request.scope.get("grace.caller", "")), key)
    return "t-" + hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


async def _trust(gateway: Gateway, workspace_id: str, agent_id: str) -> Mapping[str, Any]:
    """Return an agent's score; that of an agent that is new is waited for a moment. Raises NotFound."""
    key = key_of(workspace_id, agent_id)
    for _ in range(_LOOKS):
        record = await asyncio.to_thread(gateway.reader.record, TRUST_VIEW, key)
        if record and record.body:
            found: Mapping[str, Any] = orjson.loads(record.body)
            return found
        if not await asyncio.to_thread(_is_known, gateway.reader, workspace_id, agent_id):
            break
        await asyncio.sleep(_PAUSE_S)
    raise await unknown(gateway, workspace_id, "agent", agent_id)


def _is_known(reader: Reader, workspace_id: str, agent_id: str) -> bool:
    key = key_of(workspace_id, agent_id)
    return bool(reader.record(TRUST_VIEW, key) or reader.records(RECOMMENDATIONS_VIEW, key, 1).items)


def _profile(reader: Reader, workspace_id: str, agent_id: str) -> Mapping[str, Any] | None:
    """Return what the last completed cycle says of an agent."""
    cycle = last_cycle(reader, workspace_id)
    return next((each for each in cycle["profiles"] if each["agent_id"] == agent_id), None) if cycle else None


def _outline(score: Mapping[str, Any]) -> AgentProfile:
    found = from_plain(TrustScore, score)
    return AgentProfile(
        workspace_id=found.workspace_id,
        agent_id=found.agent_id,
        agent_name=found.agent_name,
        sample_size=found.sample_size,
        success_rate=found.expected if found.approval_rate is None else found.approval_rate,
        by_type=found.by_type,
    )
