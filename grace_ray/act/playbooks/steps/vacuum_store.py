"""Vacuum the store: give the space of what was deleted back, and let the planner look at the tables anew."""

from grace_ray.act.playbooks.step import Arguments, Lasting, StepTime, World


class VacuumArguments(Arguments):
    """None."""


class VacuumStore(Lasting):
    """Done by the journal between two commits, and given up where it takes too long: writers wait meanwhile."""

    arguments = VacuumArguments

    def plan(self, arguments: VacuumArguments, world: World) -> str:
        """Say so."""
        return "Vacuum the store between two commits."

    def run(self, arguments: VacuumArguments, world: World, time: StepTime) -> str:
        """Let the journal do it."""
        left_s = time.left()
        before, after = world.runtime.call("journal", "vacuum", max(left_s - 2.0, left_s / 2), timeout_s=left_s)
        return f"The store has {after:,} bytes, and had {before:,}."
