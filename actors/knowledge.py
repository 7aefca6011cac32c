"""The knowledge actor: documents and missions' findings in, searchable passages with their provenance out."""

from typing import Any

from actors.follower import FollowerActor
from actors.host import Host
from grace_ray import wiring
from grace_ray.settings import Settings

_DOCUMENTS_A_TURN = 50


class KnowledgeActor(FollowerActor):
    """Hosts learn.knowledge.Knowledge."""

    @staticmethod
    def _host_for(settings: Settings) -> Host:
        return Host(
            lambda: wiring.build_knowledge(settings), lambda: wiring.open_reader(settings), batch=_DOCUMENTS_A_TURN
        )

    async def search(self, query: str, k: int, origins: frozenset[str] = frozenset()) -> Any:
        """Return the best passages; see core.ports.KnowledgePort."""
        return await self._ask("search", query, k, origins)

    async def passages(self, source: str) -> Any:
        """Return every passage of one source; see core.ports.KnowledgePort."""
        return await self._host.ask("passages", source)

    async def sources(self, origin: str) -> Any:
        """Return the sources of every document of one origin."""
        return await self._host.ask("sources", origin)

    async def explain(self, identifier: str) -> Any:
        """Return where a statement or passage comes from, None for an unknown one."""
        return await self._host.ask("explain", identifier)

    async def stats(self) -> Any:
        """Return how much is held, and whether search is dense."""
        return await self._ask("stats")
