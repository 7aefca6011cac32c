"""Ray jobs: heavy work in a process of its own, at a low priority, that outlives the actor that asked for it."""

import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import ray

from grace_ray.core.errors import RuntimeFault

NICENESS = 15
_LOG_END = 2000
_AGENT_S = 60.0
_ENDED = frozenset({"STOPPED", "SUCCEEDED", "FAILED"})


class JobState(NamedTuple):
    """PENDING, RUNNING, STOPPED, SUCCEEDED or FAILED; ``log`` is the end of what it printed, once it has ended."""

    status: str
    log: str

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in _ENDED


class Jobs:
    """Submits and follows jobs of one home through the dashboard's Jobs API. Every call blocks for some milliseconds.

    Raises RuntimeFault where the dashboard is off or does not answer.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._client: Any = None

    def submit(self, entrypoint: str, submission_id: str) -> str:
        """Start a job, or find the one that has this id already; return the id."""
        try:
            if submission_id in {job.submission_id for job in self._jobs().list_jobs()}:
                return submission_id
            return self._submitted(f"nice -n {NICENESS} env GRACE_HOME={self._home} {entrypoint}", submission_id)
        except (RuntimeError, OSError) as error:
            raise RuntimeFault(f"Ray took no job: {_last_line(error)}.") from error

    def _submitted(self, entrypoint: str, submission_id: str) -> str:
        """Submit, and wait for the agent that starts jobs: it is there some seconds after the dashboard."""
        deadline = time.monotonic() + _AGENT_S
        while True:
            try:
                return str(self._jobs().submit_job(entrypoint=entrypoint, submission_id=submission_id))
            except RuntimeError as error:
                if "No available agent" not in str(error) or time.monotonic() >= deadline:
                    raise
                time.sleep(1.0)

    def state(self, job_id: str) -> JobState:
        """Return how a job stands; FAILED for one that is not known any more."""
        try:
            status = str(self._jobs().get_job_status(job_id).value)
            log = self._jobs().get_job_logs(job_id)[-_LOG_END:] if status in _ENDED else ""
        except RuntimeError as error:
            if "does not exist" in str(error):
                return JobState("FAILED", "The job is not known any more: Ray was started anew.")
            raise RuntimeFault(f"Ray says nothing of the job {job_id}: {_last_line(error)}.") from error
        except OSError as error:
            raise RuntimeFault(f"Ray says nothing of the job {job_id}: {_last_line(error)}.") from error
        return JobState(status, log)

    def stop(self, job_id: str) -> None:
        """Stop a job; one that has ended or never was is left alone."""
        try:
            self._jobs().stop_job(job_id)
        except RuntimeError as error:
            if "does not exist" not in str(error):
                raise RuntimeFault(f"The job {job_id} does not stop: {_last_line(error)}.") from error
        except OSError as error:
            raise RuntimeFault(f"The job {job_id} does not stop: {_last_line(error)}.") from error

    def _jobs(self) -> Any:
        if self._client is None:
            from ray.dashboard.modules.job.sdk import JobSubmissionClient  # a quarter of a second of imports

            try:  # the GCS knows where the dashboard is
                self._client = JobSubmissionClient(ray.get_runtime_context().gcs_address)
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise RuntimeFault(f"Jobs need Ray's dashboard (ray.dashboard): {_last_line(error)}.") from error
        return self._client


def python_module(module: str, *arguments: str) -> str:
    """Return the entrypoint that runs a module of ours with this interpreter; the arguments must be plain words."""
    return " ".join([sys.executable, "-m", module, *arguments])


def _last_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1][:500]
