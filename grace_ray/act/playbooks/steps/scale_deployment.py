"""Give a Serve deployment more or fewer replicas."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from grace_ray.act.playbooks.step import Arguments, StepTime, World


class ScaleArguments(Arguments):
    """``by`` replicas more (or, negative, fewer), within ``least`` and ``most``."""

    application: str = Field(min_length=1)
    deployment: str = Field(min_length=1)
    by: int = Field(ge=-16, le=16)
    least: int = Field(1, ge=1, le=64)
    most: int = Field(4, ge=1, le=64)


class ScaleDeployment:
    """Undone by the number that there was."""

    arguments = ScaleArguments

    def plan(self, arguments: ScaleArguments, world: World) -> str:
        """Say from how many to how many."""
        present, wanted = self._numbers(arguments, world)
        if present == wanted:
            return f"Leave {arguments.deployment} at {present} replicas: its bounds allow no other number."
        return f"Scale {arguments.deployment} of {arguments.application} from {present} to {wanted} replicas."

    def prepare(self, arguments: ScaleArguments, world: World) -> Mapping[str, Any] | None:
        """Note how many there are."""
        present, _ = self._numbers(arguments, world)
        return {"application": arguments.application, "deployment": arguments.deployment, "replicas": present}

    def run(self, arguments: ScaleArguments, world: World, time: StepTime) -> str:
        """Scale, and wait until the replicas run."""
        present, wanted = self._numbers(arguments, world)
        if present == wanted:
            return f"{arguments.deployment} has {present} replicas already, as many as its bounds allow."
        world.runtime.scale(arguments.application, arguments.deployment, wanted, time.left())
        return f"{arguments.deployment} has {wanted} replicas, and had {present}."

    def undo(self, undo: Mapping[str, Any], world: World, time: StepTime) -> str:
        """Scale back."""
        world.runtime.scale(undo["application"], undo["deployment"], undo["replicas"], time.left())
        return f"{undo['deployment']} has {undo['replicas']} replicas again."

    def _numbers(self, arguments: ScaleArguments, world: World) -> tuple[int, int]:
        present = world.runtime.replicas(arguments.application, arguments.deployment)
        return present, max(arguments.least, min(arguments.most, present + arguments.by))
