"""/api/ml/dashboard: how well Grace learns, in figures that each say what they rest on."""

from fastapi import APIRouter
from starlette.responses import Response

from grace_ray.core.forecast import TrainingRun
from grace_ray.diagnose.forecasting import reports
from serve_apps.answers import Limit, as_json
from serve_apps.dependencies import Caller, TheGateway, TheReader
from serve_apps.routes.forecaster import Train, start_training

router = APIRouter(prefix="/api/ml/dashboard", tags=["machine learning"])


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
