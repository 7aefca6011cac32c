"""The meta-learner actor: counts outcomes; learning cycles run beside it as Ray tasks, in processes of their own."""

import asyncio
import os
import time
from datetime import datetime
from typing import Any

import ray
import structlog
from ray.exceptions import RayError, RayTaskError

from actors.follower import FollowerActor
from actors.host import Host
from grace_ray import wiring
from grace_ray.core.clock import utc_now
from grace_ray.core.errors import GraceError
from grace_ray.core.store import Reader
from grace_ray.learn.meta.cycle import result_from_bytes
from grace_ray.learn.meta.part import Due
from grace_ray.settings import Settings

log = structlog.get_logger()

_AT_ONCE = 2
_NICENESS = 10
_BATCH = 1000
_TRIES = 10
_RETRY_S = 1.0
_TRUST_S = 30.0
_TRUST_LOOK_S = 0.1


class MetaLearnerActor(FollowerActor):
    """Hosts learn.meta.part.MetaLearner. A cycle whose process dies, or whose actor does, is given out once more."""

    def __init__(self, settings: Settings, name: str) -> None:
        super().__init__(settings, name)
        self._host.on_turn = self._look
        self._held: dict[str, asyncio.Task[None]] = {}
        self._looking: asyncio.Task[None] | None = None

    @staticmethod
    def _host_for(settings: Settings) -> Host:
        return Host(lambda: wiring.build_meta_learner(settings), lambda: wiring.open_reader(settings), batch=_BATCH)

    async def operate(self, action: str, args: dict[str, Any]) -> Any:
        """Return the answer to an operator's action; a cycle begins at once."""
        answer = await super().operate(action, args)
        self._look()
        return answer

    async def should_trigger(self, workspace_id: str) -> Any:
        """Return whether a workspace wants a cycle, and why; see the part."""
        return await self._ask("should_trigger", workspace_id)

    def _look(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._attend())

    async def _attend(self) -> None:
        """Take up what was cut off, and start what waits."""
        try:
            held = frozenset(self._held)
            await self._host.change(lambda part, now: part.lost(now, held))
            room = _AT_ONCE - len(held)
            for due in await self._host.change(lambda part, now: part.starts(now, held, room)):
                self._held[due.cycle.iteration_id] = asyncio.create_task(self._see_through(due))
        except GraceError as error:
            log.warning("meta_learner.retry", error=str(error))

    async def _see_through(self, due: Due) -> None:
        iteration = due.cycle.iteration_id
        remote: Any = ray.remote
        # after one cycle the process ends, and gives its memory back
        task = remote(num_cpus=0, max_retries=0, max_calls=1)(_run_cycle)
        reference = task.remote(self._settings, due)
        try:
            async with asyncio.timeout(self._settings.meta_learner.timeout_s):
                data = await reference
            result = await asyncio.to_thread(result_from_bytes, data)
            await self._tell(lambda part, now: (part.finished(iteration, result, now), None))
        except TimeoutError:
            ray.cancel(reference, force=True)
            said = f"The cycle took longer than {self._settings.meta_learner.timeout_s:g} s."
            await self._tell(lambda part, now: (part.failed(iteration, said, now), None))
        except RayTaskError as error:
            log.exception("meta_learner.failed", iteration=iteration)
            why = f"The cycle failed: {_last_line(error)}."
            await self._tell(lambda part, now: (part.failed(iteration, why, now), None))
        except RayError as error:  # its process died: it is found lost, and run once more
            log.warning("meta_learner.cut_off", iteration=iteration, error=type(error).__name__)
        finally:
            del self._held[iteration]
            self._look()

    async def _tell(self, call: Any) -> None:
        """Commit the end of a cycle; while the journal is away, again."""
        for _ in range(_TRIES):
            try:
                await self._host.change(call)
            except GraceError as error:
                log.warning("meta_learner.unheard", error=str(error))
                await asyncio.sleep(_RETRY_S)
            else:
                return


def _run_cycle(settings: Settings, due: Due) -> bytes:
    os.nice(_NICENESS)
    if settings.trust.enabled:
        _wait_for_trust(wiring.open_reader(settings))
    now: datetime = utc_now()
    return wiring.run_learning_cycle(settings, due, now)


def _wait_for_trust(reader: Reader) -> None:
    """Return when the trust part has written down what is on the journal by now, or is too far behind to wait for."""
    head, ends_at = reader.head(), time.monotonic() + _TRUST_S
    while reader.follower("trust").cursor < head and time.monotonic() < ends_at:
        time.sleep(_TRUST_LOOK_S)
    reader.close()


def _last_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1][:500].rstrip(".")
