"""What was learned of playbooks: statistics, policies, recommendations, and experiences that others report."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from grace_ray.core.clock import utc_now
from grace_ray.core.playbook import Experience, Recommendation
from serve_apps.answers import After, Limit, as_json, as_part
from serve_apps.dependencies import Caller, TheGateway, signature

router = APIRouter(prefix="/api/ml", tags=["machine learning"])

Name = Annotated[str, Field(min_length=1, max_length=200)]
Number = Annotated[float, Field(allow_inf_nan=False)]
_CANDIDATES_MAX = 200


class ReportedCandidate(BaseModel):
    """What could have been chosen, and the probability with which it was."""

    model_config = ConfigDict(extra="forbid")

    playbook: Name
    probability: float = Field(ge=0, le=1, allow_inf_nan=False)


class ReportedExperience(BaseModel):
    """What another system did, and what came of it; without candidates the playbook was the only one."""

    model_config = ConfigDict(extra="forbid")

    service: Name
    diagnosis: Name
    playbook: Name
    reward: float = Field(ge=-1, le=1, allow_inf_nan=False)
    candidates: list[ReportedCandidate] = Field(default_factory=list, max_length=_CANDIDATES_MAX)
    context: dict[str, Number] = Field(default_factory=dict, max_length=_CANDIDATES_MAX)
    kpi_deltas: dict[str, Number] = Field(default_factory=dict, max_length=_CANDIDATES_MAX)
    trust_delta: float = Field(0, ge=-1, le=1, allow_inf_nan=False)
    experience_id: str | None = Field(None, max_length=200)
    by: str | None = Field(None, max_length=200)


@router.get("/causal-rl/statistics", summary="What playbooks have taught, in figures")
async def statistics(gateway: TheGateway) -> Response:
    """Experiences, rewards, exploration, and what other policies would have earned (IPS, SNIPS, doubly robust)."""
    return as_json(await gateway.call("playbooks", "statistics", utc_now()))


@router.get("/causal-rl/policies", summary="What is thought of each playbook, by service and diagnosis")
async def policies(gateway: TheGateway, limit: Limit = 1000, after: After = None) -> Response:
    """Ranked, with expectation, uncertainty, moving average, count, and the effect against doing nothing."""
    found = await gateway.call("playbooks", "policies")
    return as_part(found, lambda each: f"{each['service']}|{each['diagnosis']}", limit, after)


@router.get("/causal-rl/recommend", summary="Which playbook for this?", response_model=list[Recommendation])
async def recommend(
    gateway: TheGateway,
    service: Annotated[str, Query(min_length=1, max_length=200)],
    diagnosis: Annotated[str, Query(min_length=1, max_length=200, description="A metric's id, or another name")],
    candidates: Annotated[str, Query(max_length=8000, description="Playbooks, separated by commas; none: all")] = "",
) -> Response:
    """The candidates ranked by learned effectiveness; an unknown playbook is 404 with the nearest names."""
    asked = [name.strip() for name in candidates.split(",") if name.strip()]
    return as_json(await gateway.call("playbooks", "recommend", service, diagnosis, asked))


@router.post(
    "/causal-rl/experience",
    status_code=201,
    summary="Report what a playbook brought elsewhere",
    response_model=Experience,
)
async def experience(body: ReportedExperience, gateway: TheGateway, caller: Caller) -> Response:
    """It teaches like one of Grace's own; the same experience_id again is 409."""
    arguments: dict[str, Any] = {**body.model_dump(), "by": signature(body.by, caller)}
    return as_json(await gateway.call("playbooks", "operate", "experience", arguments), 201)


@router.get("/dashboard/playbook-performance", summary="How each playbook has done")
async def performance(gateway: TheGateway, limit: Limit = 1000, after: After = None) -> Response:
    """Runs by status and rewards with their uncertainty, best first."""
    return as_part(await gateway.call("playbooks", "performance"), lambda each: str(each["playbook"]), limit, after)
