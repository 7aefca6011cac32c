"""The jobs of Grace: which part does each, when, and how long it may take."""

from dataclasses import dataclass
from datetime import time
from zoneinfo import ZoneInfo

from grace_ray.core.schedule import (
    FORECASTER_TRAINING,
    FORECASTS,
    META_LEARNING,
    PATTERN_REFRESH,
    RECOMMENDATION_CLEANUP,
    TRUST_RECALCULATION,
)
from grace_ray.decide.scheduling.timetable import Daily, Every, Timetable, Weekly
from grace_ray.settings import Settings

_SUNDAY = 6
_LIMIT_S = 900.0
_MARGIN_S = 60.0  # for a job whose part has a time limit of its own: that one is to end it


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A job, the part that does it, its timetable, and the seconds after which its run counts as lost."""

    job: str
    part: str
    description: str
    timetable: Timetable
    limit_s: float = _LIMIT_S
    is_on: bool = True


def planned_jobs(settings: Settings) -> tuple[Planned, ...]:
    """Return every job; those of a part that is switched off are not on."""
    return (*_forecaster(settings), *_meta_learner(settings), *_trust(settings))


def _meta_learner(settings: Settings) -> tuple[Planned, ...]:
    zone = ZoneInfo(settings.scheduler.timezone)
    is_on = settings.parts.get("meta_learner", False)
    limit_s = settings.meta_learner.timeout_s + _MARGIN_S
    return (
        Planned(
            job=META_LEARNING,
            part="meta_learner",
            description="Look for patterns in outcomes, make profiles and rules of them",
            timetable=Daily(time(2, 0), zone),
            limit_s=limit_s,
            is_on=is_on,
        ),
        Planned(
            job=PATTERN_REFRESH,
            part="meta_learner",
            description="Hold known patterns against fresh outcomes, drop those that no longer hold",
            timetable=Daily(time(1, 0), zone),
            limit_s=limit_s,
            is_on=is_on,
        ),
    )


def _trust(settings: Settings) -> tuple[Planned, ...]:
    zone = ZoneInfo(settings.scheduler.timezone)
    is_on = settings.parts.get("trust", False)
    return (
        Planned(
            job=TRUST_RECALCULATION,
            part="trust",
            description="Make every agent's trust score anew",
            timetable=Every(6 * 3600),
            is_on=is_on,
        ),
        Planned(
            job=RECOMMENDATION_CLEANUP,
            part="trust",
            description=f"Remove recommendations older than {settings.trust.keep_days:g} days",
            timetable=Weekly(_SUNDAY, time(3, 0), zone),
            is_on=is_on,
        ),
    )


def _forecaster(settings: Settings) -> tuple[Planned, ...]:
    forecaster = settings.forecaster
    return (
        Planned(
            job=FORECASTER_TRAINING,
            part="forecaster",
            description="Train the global model of metrics",
            timetable=Every(forecaster.train_interval_s),
            limit_s=forecaster.train_timeout_s + _MARGIN_S,
            is_on=forecaster.enabled,
        ),
        Planned(
            job=FORECASTS,
            part="forecaster",
            description=f"Forecast every metric {forecaster.horizon_steps} snapshots ahead",
            timetable=Every(max(forecaster.interval_s, settings.metrics.snapshot_s)),  # nothing is new in between
            is_on=forecaster.enabled,
        ),
    )
