"""Submit a Ray job of the allow-list and follow it to its end."""

import shlex
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from grace_ray.act.playbooks.commandline import check_allowed
from grace_ray.act.playbooks.step import Arguments, StepFailed, StepTime, World

_ENDED = frozenset({"STOPPED", "SUCCEEDED", "FAILED"})
_POLL_S = 0.5


class JobArguments(Arguments):
    """What the job runs; its words are quoted again, for Ray hands an entrypoint to a shell."""

    entrypoint: str = Field(min_length=1, max_length=4096)


class SubmitRayJob:
    """The job's id is that of the run, so that a repeat finds the job instead of starting another."""

    arguments = JobArguments

    def plan(self, arguments: JobArguments, world: World) -> str:
        """Say the entrypoint. Raises Refused where it is not allowed."""
        return f"Submit a Ray job: {self._entrypoint(arguments, world)}"

    def prepare(self, arguments: JobArguments, world: World) -> Mapping[str, Any] | None:
        """Note the job's id: what is undone is a job that still runs."""
        return {"job_id": self._job_id(world)}

    def run(self, arguments: JobArguments, world: World, time: StepTime) -> str:
        """Submit, and follow to the end; one that does not end in time is stopped."""
        entrypoint = self._entrypoint(arguments, world)
        time.left()
        job_id = world.runtime.submit_job(entrypoint, self._job_id(world))
        try:
            status, log = world.runtime.job(job_id)
            while status not in _ENDED:
                time.pause(_POLL_S)
                status, log = world.runtime.job(job_id)
        except StepFailed:
            world.runtime.stop_job(job_id)
            raise
        if status != "SUCCEEDED":
            raise StepFailed(f"Job {job_id} ended as {status}: {log[-500:]}")
        return f"Job {job_id} succeeded: {log.strip()[-300:]}"

    def undo(self, undo: Mapping[str, Any], world: World, time: StepTime) -> str:
        """Stop the job, where it has not ended."""
        time.left()
        world.runtime.stop_job(undo["job_id"])
        return f"Job {undo['job_id']} is stopped."

    def _entrypoint(self, arguments: JobArguments, world: World) -> str:
        words = shlex.split(arguments.entrypoint)
        check_allowed(words, world.settings.jobs, "playbooks.jobs")
        return shlex.join(words)

    def _job_id(self, world: World) -> str:
        return f"grace-playbook-{world.run_id}"
