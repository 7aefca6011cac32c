"""Calls about forecasts, early warnings and trainings."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from grace_ray.client.answers import Page
from grace_ray.client.calls.call import Call, get, page, plain, post
from grace_ray.core.forecast import Forecast, IncidentWarning, TrainingRun, WarningStatus
from grace_ray.core.jsonable import from_plain


def predict(metric_ids: Sequence[str] = (), *, horizon_minutes: float = 60) -> Call[dict[str, Any]]:
    """Forecast metrics now (none named: the catalog's); returns {generated_at, horizon_minutes, predictions}.

    Raises NotFound, naming the nearest metrics.
    """
    return post("/api/ml/forecaster/predict", plain, metric_ids=list(metric_ids), horizon_minutes=horizon_minutes)


def forecasts(*, limit: int = 100, after: str | None = None) -> Call[Page[Forecast]]:
    """List the newest forecast of each metric."""
    return get("/api/forecasts", page(Forecast), limit=limit, after=after)


def forecast(metric: str, *, hours: float = 6) -> Call[dict[str, Any]]:
    """Get one metric's forecast beside its snapshots of the last ``hours`` and its warnings. Raises NotFound."""
    return get(f"/api/forecasts/{quote(metric, safe='')}", plain, hours=hours)


def incidents(
    *, status: WarningStatus | None = None, limit: int = 100, after: str | None = None
) -> Call[Page[IncidentWarning]]:
    """List early warnings, newest first."""
    return get("/api/incidents", page(IncidentWarning), status=status, limit=limit, after=after)


def incident(warning_id: str) -> Call[IncidentWarning]:
    """Get one early warning, and what came of it. Raises NotFound."""
    return get(f"/api/incidents/{quote(warning_id, safe='')}", lambda answer: from_plain(IncidentWarning, answer))


def forecaster_statistics() -> Call[dict[str, Any]]:
    """Get which model speaks, how right it was, and how its warnings ended."""
    return get("/api/ml/forecaster/statistics", plain)


def train_forecaster(*, by: str | None = None, search: bool = False) -> Call[TrainingRun]:
    """Train the global model; follow it with ``training``. Raises Conflict while another training runs."""
    return post("/api/ml/forecaster/train", _training, by=by, search=search)


def trigger_training(*, by: str | None = None, search: bool = False) -> Call[TrainingRun]:
    """Do the same as ``train_forecaster``, by the dashboard's route."""
    return post("/api/ml/dashboard/trigger-training", _training, by=by, search=search)


def trainings(*, limit: int = 100, after: str | None = None) -> Call[Page[TrainingRun]]:
    """List trainings, newest first."""
    return get("/api/ml/forecaster/trainings", page(TrainingRun), limit=limit, after=after)


def training(run_id: str) -> Call[TrainingRun]:
    """Get one training: how far it is, or how it ended. Raises NotFound."""
    return get(f"/api/ml/forecaster/trainings/{quote(run_id, safe='')}", _training)


def roll_back_forecaster() -> Call[dict[str, Any]]:
    """Put the version before back. Raises InvalidInput where none is on trial or newly promoted."""
    return post("/api/ml/forecaster/rollback", plain)


def forecast_accuracy() -> Call[dict[str, Any]]:
    """Get how right forecasts were, by metric and horizon."""
    return get("/api/ml/dashboard/forecast-accuracy", plain)


def training_history(*, limit: int = 100) -> Call[dict[str, Any]]:
    """Get trainings and what became of their versions."""
    return get("/api/ml/dashboard/training-history", plain, limit=limit)


def _training(answer: Any) -> TrainingRun:
    return from_plain(TrainingRun, answer)
