"""Let fewer or more missions run at once, until it is taken back or Grace is told otherwise."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from grace_ray.act.playbooks.step import Arguments, StepTime, World

_PART = "mission_launcher"


class ConcurrencyArguments(Arguments):
    """``by`` missions more (or, negative, fewer) at once, within ``least`` and ``most``."""

    by: int = Field(ge=-64, le=64)
    least: int = Field(1, ge=0, le=64)
    most: int = Field(6, ge=0, le=64)


class SetConcurrency:
    """Undone by the number that there was."""

    arguments = ConcurrencyArguments

    def plan(self, arguments: ConcurrencyArguments, world: World) -> str:
        """Say from how many to how many."""
        present = self._present(world, 10.0)
        return f"Let {_missions(self._wanted(arguments, present))} run at once instead of {present}."

    def prepare(self, arguments: ConcurrencyArguments, world: World) -> Mapping[str, Any] | None:
        """Note how many may run."""
        return {"max_running": self._present(world, 10.0)}

    def run(self, arguments: ConcurrencyArguments, world: World, time: StepTime) -> str:
        """Set it."""
        present = self._present(world, time.left())
        wanted = self._wanted(arguments, present)
        self._set(world, wanted, time)
        return f"{_missions(wanted)} may run at once, instead of {present}."

    def undo(self, undo: Mapping[str, Any], world: World, time: StepTime) -> str:
        """Set the number that there was."""
        self._set(world, undo["max_running"], time)
        return f"{_missions(undo['max_running'])} may run at once again."

    def _present(self, world: World, timeout_s: float) -> int:
        return int(world.runtime.call(_PART, "max_running", timeout_s=timeout_s))

    def _wanted(self, arguments: ConcurrencyArguments, present: int) -> int:
        return max(arguments.least, min(arguments.most, present + arguments.by))

    def _set(self, world: World, number: int, time: StepTime) -> None:
        args = {"max_running": number, "by": f"playbook run {world.run_id}"}
        world.runtime.call(_PART, "operate", "limit", args, timeout_s=time.left())


def _missions(number: int) -> str:
    return "1 mission" if number == 1 else f"{number} missions"
