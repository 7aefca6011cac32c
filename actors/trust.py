"""The trust actor: recommendations and their outcomes in, scores of agents out."""

from collections.abc import Sequence
from typing import Any

from actors.follower import FollowerActor
from actors.host import Host
from grace_ray import wiring
from grace_ray.settings import Settings

_BATCH = 1000


class TrustActor(FollowerActor):
    """Hosts decide.trust.part.TrustPart."""

    @staticmethod
    def _host_for(settings: Settings) -> Host:
        return Host(lambda: wiring.build_trust(settings), lambda: wiring.open_reader(settings), batch=_BATCH)

    async def boost(
        self, workspace_id: str, agent_id: str, recommendation_type: str, confidence: float | None = None
    ) -> Any:
        """Return by how much to adjust the confidence in an agent's advice; see the part."""
        return await self._ask("boost", workspace_id, agent_id, recommendation_type, confidence)

    async def expect(self, workspace_id: str, agents: Sequence[str], kind: str, task: str = "") -> Any:
        """Return what to expect of each agent's next outcome; see the part."""
        return await self._ask("expect", workspace_id, agents, kind, task)

    async def consensus(self, workspace_id: str, correlation_id: str) -> Any:
        """Return what the agents that answered one question say together; see the part."""
        return await self._ask("consensus", workspace_id, correlation_id)

    async def routing(self, workspace_id: str) -> Any:
        """Return what the routing of a workspace has earned; see the part."""
        return await self._ask("routing", workspace_id)
