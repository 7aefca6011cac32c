"""Pause a source that sends too much: its events are answered 429 for a while, and it sends them again later."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from grace_ray.act.playbooks.brakes import put_brake, standing, take_off
from grace_ray.act.playbooks.step import Arguments, StepTime, World
from grace_ray.core.clock import to_text


class PauseArguments(Arguments):
    """Which source, and for how many seconds."""

    source: str = Field(min_length=1, max_length=512)
    for_s: float = Field(gt=0)


class PauseSource:
    """Nothing that was acknowledged is lost: what comes meanwhile is not taken, and the sender is told when to come."""

    arguments = PauseArguments

    def plan(self, arguments: PauseArguments, world: World) -> str:
        """Say which source, and how long."""
        return f"Answer 429 to {arguments.source} for {min(arguments.for_s, world.settings.brake_max_s):g} s."

    def prepare(self, arguments: PauseArguments, world: World) -> Mapping[str, Any] | None:
        """Note the brake, and one that stands already."""
        return standing(world, "source", arguments.source, world.clock())

    def run(self, arguments: PauseArguments, world: World, time: StepTime) -> str:
        """Put the brake on."""
        time.left()
        brake = put_brake(world, "source", arguments.source, arguments.for_s, "paused by a playbook")
        return f"Events of {arguments.source} wait until {to_text(brake.until)}."

    def undo(self, undo: Mapping[str, Any], world: World, time: StepTime) -> str:
        """Take the brake off."""
        return take_off(world, undo)
