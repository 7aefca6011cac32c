"""Restart actors of Grace by name, whatever state they are in."""

from pydantic import Field

from grace_ray.act.playbooks.step import Arguments, Lasting, StepFailed, StepTime, World


class ActorArguments(Arguments):
    """``name`` of the actor; one that ends in * stands for every actor whose name begins so."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}\*?$")


class RestartActor(Lasting):
    """The playbooks part cannot restart itself: a run must outlive its steps."""

    arguments = ActorArguments

    def plan(self, arguments: ActorArguments, world: World) -> str:
        """Say which."""
        names = self._names(arguments, world)
        return f"Restart {', '.join(names)}." if names else f"Restart nothing: no actor is called {arguments.name}."

    def run(self, arguments: ActorArguments, world: World, time: StepTime) -> str:
        """Restart one after the other."""
        if arguments.name == "playbooks":
            raise StepFailed("The part that runs playbooks cannot restart itself.", "name")
        if not arguments.name.endswith("*"):  # by its name alone: one that has lost its process is not listed
            return world.runtime.restart_actor(arguments.name, time.left())
        names = self._names(arguments, world)
        done = [world.runtime.restart_actor(name, time.left()) for name in names]
        return " ".join(done) or f"No actor is called {arguments.name}: there was nothing to restart."

    def _names(self, arguments: ActorArguments, world: World) -> list[str]:
        if not arguments.name.endswith("*"):
            return [arguments.name]
        stem = arguments.name.removesuffix("*")
        return sorted(name for name in world.runtime.actors() if name.startswith(stem) and name != "playbooks")
