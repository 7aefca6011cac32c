"""Cancel the missions that have waited or run for longest."""

import json

from pydantic import Field

from grace_ray.act.playbooks.step import Arguments, Lasting, StepTime, World
from grace_ray.core.errors import Conflict, NotFound
from grace_ray.core.mission import OPEN_STATUSES

_LOOKED_AT = 1000


class CancelArguments(Arguments):
    """At most ``count`` missions older than ``older_than_s`` seconds."""

    count: int = Field(ge=1, le=1000)
    older_than_s: float = Field(0, ge=0)


class CancelMissions(Lasting):
    """A cancelled mission is not begun again: its cluster asks anew where the trouble lasts."""

    arguments = CancelArguments

    def plan(self, arguments: CancelArguments, world: World) -> str:
        """Say which."""
        found = self._oldest(arguments, world)
        return f"Cancel {len(found)} missions: {', '.join(found)}." if found else "Cancel nothing: no mission is open."

    def run(self, arguments: CancelArguments, world: World, time: StepTime) -> str:
        """Cancel them, oldest first; those that end meanwhile are left alone."""
        cancelled = 0
        for mission_id in self._oldest(arguments, world):
            args = {"mission_id": mission_id, "by": f"playbook run {world.run_id}", "note": "the oldest make room"}
            try:
                world.runtime.call("mission_launcher", "operate", "cancel", args, timeout_s=time.left())
            except (Conflict, NotFound):
                continue
            cancelled += 1
        return f"{cancelled} missions were cancelled."

    def _oldest(self, arguments: CancelArguments, world: World) -> list[str]:
        newest_at = world.clock().timestamp() - arguments.older_than_s
        found = []
        for status in sorted(OPEN_STATUSES):
            after: str | None = None
            while True:
                page = world.reader.records("missions", status, _LOOKED_AT, after)
                found += [(r.rank, json.loads(r.body)["mission_id"]) for r in page.items if r.body]
                after = page.next
                if after is None:
                    break
        return [mission_id for rank, mission_id in sorted(found) if rank <= newest_at][: arguments.count]
