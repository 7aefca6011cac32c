"""Let the parts of Grace give memory back that they hold and do not use."""

from pydantic import Field

from grace_ray.act.playbooks.step import Arguments, Lasting, StepTime, World
from grace_ray.core.errors import PartAway


class TrimArguments(Arguments):
    """Which parts."""

    parts: tuple[str, ...] = Field(min_length=1)


class TrimMemory(Lasting):
    """Collects garbage, and hands free pages back to the system; a part that is away is left out."""

    arguments = TrimArguments

    def plan(self, arguments: TrimArguments, world: World) -> str:
        """Say which."""
        return f"Let {', '.join(arguments.parts)} give back memory that they do not use."

    def run(self, arguments: TrimArguments, world: World, time: StepTime) -> str:
        """Ask one part after the other."""
        said = []
        for part in arguments.parts:
            try:
                before, after = world.runtime.call(part, "trim", timeout_s=time.left())
            except PartAway as error:
                said.append(f"{part}: {error}")
                continue
            said.append(f"{part} has {after // 2**20} MB and had {before // 2**20}")
        return "; ".join(said) + "."
