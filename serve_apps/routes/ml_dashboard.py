"""/api/ml/dashboard: how well Grace learns, in figures that each say what they rest on."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from grace_ray.core.clock import utc_now
from grace_ray.core.forecast import TrainingRun
from grace_ray.core.playbook import RUNS_VIEW
from grace_ray.diagnose.forecasting import reports
from grace_ray.prove.learning import DAYS, newest_experiences, progress, rewards_of
from serve_apps.answers import Limit, as_json
from serve_apps.dependencies import Caller, TheGateway, TheReader
from serve_apps.routes.forecaster import Train, start_training

router = APIRouter(prefix="/api/ml/dashboard", tags=["machine learning"])


@router.get("/overview", summary="Machine learning at a glance")
def overview(reader: TheReader) -> Response:
    """Health, the forecaster, warnings, what playbooks earned, and how fast Grace learns."""
    now = utc_now()
    experiences = list(newest_experiences(reader))
    rewards, learned = rewards_of(experiences), progress(experiences, now)
    return as_json(
        {
            "health": reports.health(reader, now, rewards),
            "forecaster": reports.statistics(reader),
            "warnings": reports.warnings(reader),
            "playbooks": {"rewards": rewards, "runs": reader.count(RUNS_VIEW)},
            "learning": {name: learned[name] for name in ("experiences", "policies", "learning_velocity")},
        }
    )


@router.get("/learning-progress", summary="Experiences, rewards and policies, day by day")
def learning_progress(reader: TheReader, days: Annotated[int, Query(ge=1, le=365)] = DAYS) -> Response:
    """The velocity is of the last week."""
    return as_json(progress(newest_experiences(reader), utc_now(), days))


@router.get("/health-report", summary="The ML health score and what it is made of")
def health_report(reader: TheReader) -> Response:
    """From 0 to 100; a part without evidence yet is left out."""
    return as_json(reports.health(reader, utc_now(), rewards_of(newest_experiences(reader))))


@router.get("/forecast-accuracy", summary="How right forecasts were, by metric and horizon")
def forecast_accuracy(reader: TheReader) -> Response:
    """MASE, sMAPE and coverage against what later happened."""
    return as_json(reports.accuracy(reader))


@router.get("/training-history", summary="Trainings and what became of their versions")
def training_history(reader: TheReader, limit: Limit = 100) -> Response:
    """Newest first."""
    return as_json(reports.trainings(reader, limit))


@router.post("/trigger-training", status_code=202, summary="Train the global model", response_model=TrainingRun)
async def trigger_training(gateway: TheGateway, caller: Caller, body: Train | None = None) -> Response:
    """The same as POST /api/ml/forecaster/train."""
    return await start_training(gateway, caller, body or Train())
