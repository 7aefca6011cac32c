"""The supervisor: makes the actors by name, pings them, and makes again what is gone. It runs in the node process."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import ray
import structlog
from ray.exceptions import RayError

from actors.handles import NAMESPACE
from grace_ray.core.errors import PartAway

log = structlog.get_logger()

_PING_EVERY_S = 3.0
_PING_TIMEOUT_S = 5.0
_MISSED_PINGS = 3


class PartSpec(NamedTuple):
    """A named actor to keep alive; ``follows`` where it has a ``start`` method, ``parts`` where several share it."""

    name: str
    actor: type
    args: tuple[Any, ...]
    max_concurrency: int = 200
    follows: bool = True
    parts: tuple[str, ...] = ()


class Supervisor:
    """Keeps the actors of ``specs`` alive; ``on_change(name, what)`` hears of what it had to do.

    Ray restarts an actor whose process dies; what Ray gives up on, what hangs, and what runs another version's code is
    killed and made anew, with back-off.
    """

    def __init__(self, specs: Sequence[PartSpec], on_change: Callable[[str, str], None]) -> None:
        self._specs = specs
        self._on_change = on_change
        self._missed: dict[str, int] = {}
        self._not_before: dict[str, float] = {}
        self._backoff_s: dict[str, float] = {}

    async def bring_up(self, spec: PartSpec, timeout_s: float = 60.0) -> None:
        """Make the actor and return when it answers and follows. Raises PartAway."""
        try:
            async with asyncio.timeout(timeout_s):
                handle = await asyncio.to_thread(_make, spec)
                await handle.ping.remote()
                if spec.follows:
                    await handle.start.remote()
        except TimeoutError:
            raise PartAway(f"The part {spec.name} did not answer within {timeout_s:.0f} s of being made.") from None

    async def watch(self) -> None:
        """Ping every part for ever."""
        while True:
            await asyncio.gather(*(self._check(spec) for spec in self._specs))
            await asyncio.sleep(_PING_EVERY_S)

    async def _check(self, spec: PartSpec) -> None:
        if time.monotonic() < self._not_before.get(spec.name, 0.0):
            return
        try:
            async with asyncio.timeout(_PING_TIMEOUT_S):
                handle = await asyncio.to_thread(ray.get_actor, spec.name, NAMESPACE)
                is_running = await handle.ping.remote()
                if not is_running and spec.follows:
                    await handle.start.remote()
                    self._on_change(spec.name, "started again")
            if not is_running and not spec.follows:
                await self._replace(spec, "had stopped working")
                return
        except ValueError:
            await self._make_again(spec, "was gone")
        except (RayError, TimeoutError) as error:
            await self._note_silence(spec, type(error).__name__)
        else:
            self._missed[spec.name] = 0
            self._backoff_s[spec.name] = 1.0

    async def _note_silence(self, spec: PartSpec, why: str) -> None:
        missed = self._missed[spec.name] = self._missed.get(spec.name, 0) + 1
        if missed == 1:
            self._on_change(spec.name, f"is silent ({why})")
        if missed >= _MISSED_PINGS:
            await self._replace(spec, "hung")

    async def _replace(self, spec: PartSpec, why: str) -> None:
        await asyncio.to_thread(_kill, spec.name)
        await self._make_again(spec, why)

    async def _make_again(self, spec: PartSpec, why: str) -> None:
        backoff_s = self._backoff_s.get(spec.name, 1.0)
        self._not_before[spec.name] = time.monotonic() + backoff_s
        self._backoff_s[spec.name] = min(backoff_s * 2, 30.0)
        try:
            await self.bring_up(spec, timeout_s=20.0)
            self._missed[spec.name] = 0
            self._on_change(spec.name, f"{why} and was made again")
        except (RayError, PartAway, ValueError) as error:
            log.warning("supervisor.retry", part=spec.name, error=repr(error), pause_s=backoff_s)


def _make(spec: PartSpec) -> Any:
    return named(spec.actor, spec.name, {"health": 1}, max_concurrency=spec.max_concurrency).remote(*spec.args)


def named(actor: type, name: str, groups: dict[str, int], **options: Any) -> Any:
    """Return the remote class of ``actor`` with the options of all our actors: named, detached, restarted, free."""
    remote: Any = ray.remote
    return remote(concurrency_groups=groups)(actor).options(
        name=name,
        namespace=NAMESPACE,
        lifetime="detached",
        get_if_exists=True,
        num_cpus=0,
        max_restarts=-1,
        max_task_retries=0,
        **options,
    )


def _kill(name: str) -> None:
    try:
        ray.kill(ray.get_actor(name, NAMESPACE), no_restart=True)
    except ValueError:
        return
