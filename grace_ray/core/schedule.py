"""Schedules: what is done at fixed times, as facts on the journal."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

SCHEDULES_VIEW = "schedules"
JOB_DUE = "job.due"
"""The type of the decision that a job is to run now; ``subject`` is the job, the body {scheduled_for, reason}."""
JOB_ENDED = "job.ended"
"""The type of the outcome that says so; ``subject`` the job, ``cause`` the decision's id, body {status, detail}."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One scheduled job as it stands: what it is, when it is due, and how it last went."""

    job: str
    part: str
    description: str
    timetable: str
    next_at: datetime
    last_scheduled_for: datetime | None = None
    last_started_at: datetime | None = None
    last_ended_at: datetime | None = None
    last_status: Literal["", "running", "completed", "failed", "timed_out"] = ""
    last_detail: str = ""
    runs: int = 0
    missed: int = 0
