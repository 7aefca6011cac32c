"""Several light parts in one actor process: a process that does nothing still costs 0.8% of a core and 80 MB.

Each part keeps its name, its thread and its place in the journal; `ray.shared` of the settings says which live
together, and `actors.handles.part_of` finds them. What ends the process ends all its parts; each is restored by itself.
"""

import asyncio
import inspect
from collections.abc import Mapping
from typing import Any

import ray
import structlog

from actors.logs import log_to_home
from grace_ray.core.errors import NotFound
from grace_ray.settings import Settings


class SharedActor:
    """Hosts parts by name. ``makers`` are their actors' classes; ``__init__`` cannot fail where theirs cannot."""

    def __init__(self, settings: Settings, process: str, makers: Mapping[str, type]) -> None:
        log_to_home(settings, process)
        self._process = process
        self._parts: dict[str, Any] = {name: maker(settings, name) for name, maker in makers.items()}

    @ray.method(concurrency_group="health")
    def ping(self) -> bool:
        """Return whether every part is following."""
        return all(part.ping() for part in self._parts.values())

    async def start(self) -> None:
        """Start every part that does not run."""
        for name, part in self._parts.items():
            with structlog.contextvars.bound_contextvars(part=name):  # its tasks take that over
                await part.start()

    async def call(self, name: str, method: str, *args: Any) -> Any:
        """Return what a part's method answers, raise what it raises. Raises NotFound for a part that is not here."""
        part = self._parts.get(name)
        if part is None:
            raise NotFound(f"The process {self._process} does not host {name}.")
        with structlog.contextvars.bound_contextvars(part=name):
            found = getattr(part, method)
            if inspect.iscoroutinefunction(found):
                return await found(*args)
            return await asyncio.to_thread(found, *args)


def shared_by(process: str) -> type[SharedActor]:
    """Return the class of a shared process: the system lists processes by their class's name."""
    return type(f"{process.capitalize()}Actor", (SharedActor,), {})
