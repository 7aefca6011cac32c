"""The base of every actor that hosts a follower: health, status, operators' actions and questions."""

from typing import Any

import ray

from actors.host import Host
from actors.logs import log_to_home
from actors.memory import give_memory_back
from actors.meters import PartMeter
from grace_ray.settings import Settings


class FollowerActor:
    """Thin shell; a subclass says in ``_host_for`` which part it hosts. ``__init__`` cannot fail."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._settings = settings
        log_to_home(settings, name)
        self._host = self._host_for(settings)
        if settings.ray.dashboard_metrics:
            self._host.meter = PartMeter(name)

    @staticmethod
    def _host_for(settings: Settings) -> Host:
        raise TypeError(f"A subclass says which part it hosts (home {settings.home}).")

    @ray.method(concurrency_group="health")
    def ping(self) -> bool:
        """Return whether the part is following; answered even while it works."""
        return self._host.is_running()

    @ray.method(concurrency_group="health")
    def trim(self) -> tuple[int, int]:
        """Collect garbage and give free pages back to the system; return resident bytes before and after."""
        return give_memory_back()

    async def start(self) -> None:
        """Start following, where it does not yet."""
        self._host.start()

    async def status(self) -> dict[str, Any]:
        """Return what /api/status shows of this part."""
        return self._host.status()

    async def _ask(self, method: str, *args: Any) -> Any:
        """Return the answer of a method of the part that changes nothing."""
        self._host.start()
        return await self._host.ask(method, *args)

    async def operate(self, action: str, args: dict[str, Any]) -> Any:
        """Return the answer to an operator's action, once its effects are durable."""
        return await self._host.operate(action, args)
