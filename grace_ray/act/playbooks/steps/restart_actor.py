"""Restart actors of Grace by name, or those that are stuck, whatever state they are in."""

from pydantic import Field, field_validator

from grace_ray.act.playbooks.step import Arguments, Lasting, NothingToDo, StepTime, World
from grace_ray.core.errors import GraceError

STUCK = "stuck"
_SELF = "playbooks"
_ANSWERS_WITHIN_S = 3.0


class ActorArguments(Arguments):
    """``name`` of the actor; one that ends in * stands for all whose name begins so, ``stuck`` for silent parts."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}\*?$")

    @field_validator("name")
    @classmethod
    def _is_another(cls, name: str) -> str:
        if name == _SELF:
            raise ValueError("the part that runs playbooks cannot restart itself")
        return name


class RestartActor(Lasting):
    """The playbooks part cannot restart itself: a run must outlive its steps."""

    arguments = ActorArguments

    def plan(self, arguments: ActorArguments, world: World) -> str:
        """Say which."""
        names = self._names(arguments, world, None)
        said = "no part is stuck" if arguments.name == STUCK else f"no actor is called {arguments.name}"
        return f"Restart {', '.join(names)}." if names else f"Restart nothing: {said}."

    def run(self, arguments: ActorArguments, world: World, time: StepTime) -> str:
        """Restart one after the other."""
        names = self._names(arguments, world, time)
        if not names and arguments.name == STUCK:
            raise NothingToDo("Every part answers: none is stuck.")
        done: list[str] = []
        for name in names:
            if arguments.name == STUCK and done and not self._is_stuck(name, world, time):
                continue  # it shares the process of one that was restarted
            done.append(world.runtime.restart_actor(name, time.left()))
        return " ".join(done) or f"No actor is called {arguments.name}: there was nothing to restart."

    def _names(self, arguments: ActorArguments, world: World, time: StepTime | None) -> list[str]:
        if arguments.name == STUCK:
            return [part for part in world.runtime.parts() if part != _SELF and self._is_stuck(part, world, time)]
        if not arguments.name.endswith("*"):  # by its name alone: one that has lost its process is not listed
            return [arguments.name]
        stem = arguments.name.removesuffix("*")
        return sorted(name for name in world.runtime.actors() if name.startswith(stem) and name != _SELF)

    def _is_stuck(self, part: str, world: World, time: StepTime | None) -> bool:
        limit_s = _ANSWERS_WITHIN_S if time is None else min(_ANSWERS_WITHIN_S, time.left())
        try:
            world.runtime.call(part, "status", timeout_s=limit_s)
        except GraceError:
            return True
        return False
