"""Build the index of knowledge anew from what the store holds."""

from grace_ray.act.playbooks.step import Arguments, Lasting, StepTime, World


class IndexArguments(Arguments):
    """None."""


class RebuildIndex(Lasting):
    """The documents stay as they are: only what was made of them is made again."""

    arguments = IndexArguments

    def plan(self, arguments: IndexArguments, world: World) -> str:
        """Say how much there is."""
        documents = sum(world.reader.count("documents").values())
        return f"Build the search index of {documents} documents anew."

    def run(self, arguments: IndexArguments, world: World, time: StepTime) -> str:
        """Let the knowledge part do it."""
        args = {"by": f"playbook run {world.run_id}"}
        answer = world.runtime.call("knowledge", "operate", "rebuild", args, timeout_s=time.left())
        return f"The index was built anew: {answer['passages']} passages of {answer['documents']} documents."
