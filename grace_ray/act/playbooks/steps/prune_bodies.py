"""Prune the bodies of old events now, sooner than the setting says; their hashes and every proof stay."""

from pydantic import Field

from grace_ray.act.playbooks.step import Arguments, Lasting, StepTime, World


class PruneArguments(Arguments):
    """Bodies of events older than so many days go."""

    keep_days: float = Field(gt=0)


class PruneBodies(Lasting):
    """Cannot be taken back: a body that is gone is gone."""

    arguments = PruneArguments

    def plan(self, arguments: PruneArguments, world: World) -> str:
        """Say how old, and how old by itself."""
        return (
            f"Prune the bodies of events older than {arguments.keep_days:g} days"
            f" (by itself Grace keeps them {world.keep_bodies_days:g} days)."
        )

    def run(self, arguments: PruneArguments, world: World, time: StepTime) -> str:
        """Go through the journal a bounded piece at a time."""
        gone_through = 0
        while done := int(world.runtime.call("journal", "prune", arguments.keep_days, timeout_s=time.left())):
            gone_through += done
        return f"{gone_through:,} entries were gone through."
