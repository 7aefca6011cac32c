"""Schedules: what is done at fixed times, as facts on the journal."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from grace_ray.core.fact import Fact
from grace_ray.core.ids import derived_id

SCHEDULES_VIEW = "schedules"
JOB_DUE = "job.due"
"""The type of the decision that a job is to run now; ``subject`` is the job, the body {scheduled_for, reason}."""
JOB_ENDED = "job.ended"
"""The type of the outcome that says so; ``subject`` the job, ``cause`` the decision's id, body {status, detail}."""

META_LEARNING = "meta_learning"
PATTERN_REFRESH = "pattern_refresh"
TRUST_RECALCULATION = "trust_recalculation"
RECOMMENDATION_CLEANUP = "recommendation_cleanup"
FORECASTER_TRAINING = "forecaster_training"
FORECASTS = "forecasts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One scheduled job as it stands: what it is, when it is due, and how it last went.

    ``last_scheduled_for`` is the last time of the timetable that was acted on; ``missed`` counts its times at which the
    job could not run. ``is_on`` is False where a setting switches the part off that does it: it is not due then.
    """

    job: str
    part: str
    description: str
    timetable: str
    next_at: datetime
    is_on: bool = True
    last_scheduled_for: datetime | None = None
    last_started_at: datetime | None = None
    last_ended_at: datetime | None = None
    last_status: Literal["", "running", "completed", "failed", "timed_out"] = ""
    last_detail: str = ""
    runs: int = 0
    missed: int = 0


def job_ended(
    job: str, due_id: str, part: str, now: datetime, status: Literal["completed", "failed"], detail: str = ""
) -> Fact:
    """Return the outcome by which ``part`` tells the scheduler that what was due has ended."""
    return Fact(
        id=derived_id(now, JOB_ENDED, due_id),
        at=now,
        kind="outcome",
        type=JOB_ENDED,
        source=f"grace/{part}",
        subject=job,
        trace=due_id,
        cause=due_id,
        body={"status": status, "detail": detail},
    )
