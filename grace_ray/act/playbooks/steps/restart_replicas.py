"""Replace the replicas of a Serve deployment one by one."""

from pydantic import Field

from grace_ray.act.playbooks.step import Arguments, Lasting, StepTime, World


class ReplicaArguments(Arguments):
    """Which deployment of which Serve application."""

    application: str = Field(min_length=1)
    deployment: str = Field(min_length=1)


class RestartReplicas(Lasting):
    """Each replica is ended once the others answer; Serve makes another in its place."""

    arguments = ReplicaArguments

    def plan(self, arguments: ReplicaArguments, world: World) -> str:
        """Say how many."""
        count = world.runtime.replicas(arguments.application, arguments.deployment)
        return f"Replace the {count} replicas of {arguments.deployment}, one by one."

    def run(self, arguments: ReplicaArguments, world: World, time: StepTime) -> str:
        """Replace them."""
        count = world.runtime.restart_replicas(arguments.application, arguments.deployment, time.left())
        return f"{count} replicas of {arguments.deployment} were replaced."
