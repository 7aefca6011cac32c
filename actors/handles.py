"""Calling the named actors: handles by name, time limits, retries while an actor restarts, errors as they were raised.

Every method called through here may be repeated without harm (facts have ids, commits have cursors, operator actions
give the same answer again), so a call that an actor's death interrupted is simply made again.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any

import ray
from ray.actor import ActorHandle
from ray.exceptions import GetTimeoutError, RayError, RayTaskError, TaskCancelledError

from actors import wire
from grace_ray.core.entry import Entry
from grace_ray.core.errors import GraceError, PartAway, RuntimeFault
from grace_ray.core.fact import Row
from grace_ray.core.store import Appended, Commit
from grace_ray.settings import Settings

NAMESPACE = "grace"


class Part:
    """A named part; ``actor`` is the one that hosts it, where it has none of its own name (see ``part_of``)."""

    def __init__(self, name: str, patience_s: float = 30.0, *, actor: str = "") -> None:
        self.name = name
        self._actor = actor or name
        self._patience_s = patience_s
        self._handle: ActorHandle[Any] | None = None

    async def call(self, method: str, *args: Any, timeout_s: float | None = None) -> Any:
        """Return what the actor's ``method`` answers; GraceErrors come through as they were raised.

        Raises PartAway when the actor does not answer within ``timeout_s`` (default: the part's patience).
        """
        deadline = time.monotonic() + (timeout_s or self._patience_s)
        pause_s = 0.05
        while True:
            try:
                async with asyncio.timeout_at(asyncio.get_running_loop().time() + deadline - time.monotonic()):
                    handle = await asyncio.to_thread(self._find) if self._handle is None else self._handle
                    return await self._asked(handle, method, args)
            except RayTaskError as error:
                raise _original(error) from None
            except TimeoutError:
                raise PartAway(f"The part {self.name} did not answer {method} in time.") from None
            except (RayError, _NotThere) as error:  # it died, or what it answered was lost with it
                self._handle = None
                if time.monotonic() + pause_s > deadline:
                    raise PartAway(f"The part {self.name} is not there: {type(error).__name__}.") from None
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, 1.0)

    def call_blocking(self, method: str, *args: Any, timeout_s: float | None = None) -> Any:
        """Return the same as ``call``, for threads outside an event loop."""
        deadline = time.monotonic() + (timeout_s or self._patience_s)
        pause_s = 0.05
        while True:
            try:
                reference = self._asked(self._find(), method, args)
                return ray.get(reference, timeout=max(deadline - time.monotonic(), 0.01))
            except RayTaskError as error:
                raise _original(error) from None
            except GetTimeoutError:
                raise PartAway(f"The part {self.name} did not answer {method} in time.") from None
            except (RayError, _NotThere) as error:  # it died, or what it answered was lost with it
                self._handle = None
                if time.monotonic() + pause_s > deadline:
                    raise PartAway(f"The part {self.name} is not there: {type(error).__name__}.") from None
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, 1.0)

    async def status(self, timeout_s: float) -> dict[str, Any]:
        """Return what the part says of itself; {state: failed, fault} where it does not answer in time."""
        try:
            status: dict[str, Any] = await self.call("status", timeout_s=timeout_s)
        except GraceError as error:
            return {"state": "failed", "fault": str(error)}
        return status

    def _find(self) -> ActorHandle[Any]:
        if self._handle is None:
            try:
                self._handle = ray.get_actor(self._actor, namespace=NAMESPACE)
            except ValueError as error:
                raise _NotThere(self._actor) from error
        return self._handle

    def _asked(self, handle: Any, method: str, args: tuple[Any, ...]) -> Any:
        """Ask, and return the reference to the answer."""
        if self._actor == self.name:
            return getattr(handle, method).remote(*args)
        return handle.call.remote(self.name, method, *args)


def part_of(settings: Settings, name: str, patience_s: float = 30.0) -> Part:
    """Return the part of this name, in whichever process the settings put it."""
    return Part(name, patience_s, actor=settings.actor_of(name))


def parts_of(settings: Settings, *, but: str = "") -> dict[str, Part]:
    """Return the parts that are switched on, by name, all ``but`` one: kept, each asks for its actor only once."""
    return {name: part_of(settings, name) for name, is_on in settings.parts.items() if is_on and name != but}


async def states_of(parts: Mapping[str, Part], timeout_s: float) -> dict[str, dict[str, Any]]:
    """Return what each part says of itself, by name; all are asked at once. See ``Part.status``."""
    states = await asyncio.gather(*(part.status(timeout_s) for part in parts.values()))
    return dict(zip(parts, states, strict=True))


class _NotThere(Exception):
    """No actor has this name at the moment."""


def _original(error: RayTaskError) -> BaseException:
    cause = error.cause
    if isinstance(cause, GraceError):
        return cause
    if isinstance(cause, asyncio.CancelledError | TaskCancelledError):
        return PartAway("The call was cancelled because the actor is stopping.")
    return RuntimeFault(f"A part failed: {str(cause or error).strip().splitlines()[-1][:500]}.")


class JournalClient:
    """The journal actor as the other processes see it."""

    def __init__(self, patience_s: float = 30.0) -> None:
        self._part = Part("journal", patience_s)

    async def append(self, rows: Iterable[Row]) -> Appended:
        """Make rows durable; see core.store.JournalPort."""
        return wire.decode_appended(await self._part.call("append", wire.encode_rows(rows)))

    async def commit(self, commit: Commit) -> Appended:
        """Commit a follower's effects; see core.store.JournalPort."""
        return wire.decode_appended(await self._part.call("commit", wire.encode_commit(commit)))

    async def follow(
        self, after: int, limit: int, kinds: frozenset[str], wait_s: float = 1.0
    ) -> tuple[list[Entry], int]:
        """Return up to ``limit`` entries of ``kinds`` after ``after`` and the seq looked through to.

        Waits up to ``wait_s`` seconds where there are none yet.
        """
        payload = await self._part.call("follow", after, limit, kinds, wait_s)
        return wire.decode_entries(payload)
