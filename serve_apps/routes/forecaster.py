"""Forecasts, early warnings and the training of what makes them: /api/ml/forecaster, /api/forecasts, /api/incidents."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from grace_ray.core.clock import to_us, utc_now
from grace_ray.core.forecast import IncidentWarning, TrainingRun, WarningStatus
from grace_ray.core.sample import metric_of
from grace_ray.diagnose.forecasting import reports
from grace_ray.diagnose.forecasting.views import FORECASTS, INCIDENTS, TRAINING_RUNS
from serve_apps.answers import After, Limit, as_json, as_page, record_body
from serve_apps.dependencies import Caller, TheCatalog, TheGateway, TheReader, signature
from serve_apps.series import known_series

router = APIRouter(tags=["forecasts and incidents"])

Name = Annotated[str, Path(max_length=2000)]


class Ask(BaseModel):
    """Which metrics (none: every one that is forecast), and how far ahead."""

    model_config = ConfigDict(extra="forbid")

    metric_ids: list[Annotated[str, Field(max_length=2000)]] = Field(default_factory=list, max_length=200)
    horizon_minutes: float = Field(60, gt=0, le=100_000, allow_inf_nan=False)


class Train(BaseModel):
    """Who asks, and whether to search for better hyperparameters (with Ray Tune; it takes several times as long)."""

    model_config = ConfigDict(extra="forbid")

    by: str | None = Field(None, max_length=200)
    search: bool = False


@router.get("/api/ml/forecaster/statistics", summary="The forecaster at a glance")
def statistics(reader: TheReader) -> Response:
    """Which model speaks, how right it was, how its warnings ended, its trainings."""
    return as_json(reports.statistics(reader))


@router.post("/api/ml/forecaster/predict", summary="Forecast metrics now")
async def predict(gateway: TheGateway, catalog: TheCatalog, body: Ask | None = None) -> Response:
    """Return {generated_at, horizon_minutes, predictions: {metric: forecast}}; an unknown metric is 404."""
    asked = body or Ask()
    keys = await run_in_threadpool(known_series, gateway.reader, catalog, asked.metric_ids)
    return as_json(await gateway.call("forecaster", "predict", keys, asked.horizon_minutes, utc_now()))


@router.post("/api/ml/forecaster/train", status_code=202, summary="Train the global model", response_model=TrainingRun)
async def train(gateway: TheGateway, caller: Caller, body: Train | None = None) -> Response:
    """It runs beside the forecaster; follow it at its Location. 409 while another one runs."""
    return await start_training(gateway, caller, body or Train())


async def start_training(gateway: Any, caller: str, body: Train) -> Response:
    """Ask the forecaster for a training and say where to follow it."""
    arguments = {"by": signature(body.by, caller), "is_search": body.search}
    run = await gateway.call("forecaster", "operate", "train", arguments)
    return as_json(run, 202, {"Location": f"/api/ml/forecaster/trainings/{run.run_id}"})


@router.post("/api/ml/forecaster/rollback", summary="Put the version before back")
async def roll_back(gateway: TheGateway, caller: Caller) -> Response:
    """Reject the version on trial, or put back the one before a version newly promoted."""
    return as_json(await gateway.call("forecaster", "operate", "roll_back", {"by": caller}))


@router.get("/api/ml/forecaster/trainings", summary="Trainings, newest first")
def trainings(reader: TheReader, limit: Limit = 100, after: After = None) -> Response:
    """Each with how far it is, or how it ended."""
    return as_page(reader.records(TRAINING_RUNS, None, limit, after))


@router.get("/api/ml/forecaster/trainings/{run_id}", summary="One training", response_model=TrainingRun)
def training(run_id: Name, reader: TheReader) -> Response:
    """Its progress from 0 to 1, with an estimate of the seconds left."""
    return as_json(record_body(reader, TRAINING_RUNS, run_id, "training"))


@router.get("/api/forecasts", summary="The newest forecast of each metric")
def forecasts(reader: TheReader, limit: Limit = 100, after: After = None) -> Response:
    """Newest first."""
    return as_page(reader.records(FORECASTS, None, limit, after))


@router.get("/api/forecasts/{metric:path}", summary="One metric's forecast beside what it was")
def forecast(
    metric: Name,
    gateway: TheGateway,
    catalog: TheCatalog,
    hours: Annotated[float, Query(gt=0, le=24 * 90, allow_inf_nan=False)] = 6,
) -> Response:
    """The newest forecast, what was said a horizon before, the snapshots, the thresholds, and the warnings."""
    reader = gateway.reader
    key = known_series(reader, catalog, [metric])[0]
    now = utc_now()
    since_us = to_us(now - timedelta(hours=hours))
    return as_json(
        {
            "metric_id": key,
            "metric": catalog.get(metric_of(key)),
            "snapshots": reader.snapshots(key, gateway.settings.metrics.snapshot_s, since_us, to_us(now) + 1),
            **reports.one(reader, key, since_us),
        }
    )


@router.get("/api/incidents", summary="Early warnings, newest first")
def incidents(
    reader: TheReader, status: WarningStatus | None = None, limit: Limit = 100, after: After = None
) -> Response:
    """Of every status, or of one."""
    return as_page(reader.records(INCIDENTS, status, limit, after))


@router.get("/api/incidents/{warning_id}", summary="One warning", response_model=IncidentWarning)
def incident(warning_id: Name, reader: TheReader) -> Response:
    """What was foreseen, and what came of it."""
    return as_json(record_body(reader, INCIDENTS, warning_id, "warning"))
