"""Wait until no mission runs and triage has taken what came in."""

from pydantic import Field

from grace_ray.act.playbooks.step import Arguments, Lasting, StepTime, World

_POLL_S = 0.5


class IdleArguments(Arguments):
    """``lag_max``: how many journal entries triage may still have before it."""

    lag_max: int = Field(20, ge=0)


class AwaitIdle(Lasting):
    """Does nothing but wait; the time of the step is how long."""

    arguments = IdleArguments

    def plan(self, arguments: IdleArguments, world: World) -> str:
        """Say what is waited for."""
        running = world.reader.count("missions").get("running", 0)
        return f"Wait until the {running} running missions have ended and triage has nothing before it."

    def run(self, arguments: IdleArguments, world: World, time: StepTime) -> str:
        """Look twice a second. Raises StepTimedOut where it does not come to rest."""
        while not self._is_idle(arguments, world):
            time.pause(_POLL_S)
        return "No mission runs, and triage has nothing before it."

    def _is_idle(self, arguments: IdleArguments, world: World) -> bool:
        cursors = world.reader.cursors()
        taken = cursors["triage"][0] if "triage" in cursors else world.reader.head()
        has_missions = bool(world.reader.count("missions").get("running", 0))
        return not has_missions and world.reader.head() - taken <= arguments.lag_max
