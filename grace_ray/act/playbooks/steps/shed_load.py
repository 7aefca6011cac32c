"""Shed low-severity load: events below a severity are answered 429 for a while, and are sent again later."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from grace_ray.act.playbooks.brakes import put_brake, standing, take_off
from grace_ray.act.playbooks.step import Arguments, StepTime, World
from grace_ray.core.clock import to_text


class ShedArguments(Arguments):
    """Events less severe than ``below`` wait for ``for_s`` seconds."""

    below: Literal["medium", "high", "critical"]
    for_s: float = Field(gt=0)


class ShedLoad:
    """Nothing that was acknowledged is lost: see pause_source."""

    arguments = ShedArguments

    def plan(self, arguments: ShedArguments, world: World) -> str:
        """Say what is shed, and how long."""
        for_s = min(arguments.for_s, world.settings.brake_max_s)
        return f"Answer 429 to events less severe than {arguments.below} for {for_s:g} s."

    def prepare(self, arguments: ShedArguments, world: World) -> Mapping[str, Any] | None:
        """Note the brake, and one that stands already."""
        return standing(world, "severity", arguments.below, world.clock())

    def run(self, arguments: ShedArguments, world: World, time: StepTime) -> str:
        """Put the brake on."""
        time.left()
        brake = put_brake(world, "severity", arguments.below, arguments.for_s, "load is shed by a playbook")
        return f"Events less severe than {arguments.below} wait until {to_text(brake.until)}."

    def undo(self, undo: Mapping[str, Any], world: World, time: StepTime) -> str:
        """Take the brake off."""
        return take_off(world, undo)
