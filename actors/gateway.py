"""The HTTP face's way to the parts on Ray: appends are gathered, calls find actors by name, reads go to the store."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from actors.handles import JournalClient, parts_of, states_of
from grace_ray import __version__, wiring
from grace_ray.core.errors import Disabled, GraceError, NotFound
from grace_ray.core.fact import Row
from grace_ray.core.store import Appended, Commit, Reader
from grace_ray.settings import Settings

_STATUS_TIMEOUT_S = 3.0
_GATHER_MAX_ROWS = 2000
_SECOND_CALL_ROWS = 200


class _Waiting(NamedTuple):
    rows: Sequence[Row]
    done: "asyncio.Future[Appended]"


class RayGateway:
    """See serve_apps.gateway.Gateway. One per replica; made without Ray being asked anything."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.reader: Reader = wiring.open_reader(settings)
        self._journal = JournalClient()
        self._switches = settings.parts
        self._parts = parts_of(settings)
        self._waiting: deque[_Waiting] = deque()
        self._waiting_rows = 0
        self._sending: set[asyncio.Task[None]] = set()

    async def append(self, rows: Sequence[Row]) -> Appended:
        """Make rows durable; concurrent callers' rows travel in one call, as an actor call costs a millisecond.

        A second call sets out while the first is under way only where it has much to carry.
        """
        done: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(rows, done))
        self._waiting_rows += len(rows)
        if not self._sending or (len(self._sending) == 1 and self._waiting_rows >= _SECOND_CALL_ROWS):
            task = asyncio.create_task(self._send())
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        return await done

    async def commit(self, commit: Commit) -> Appended:
        """Commit records of the HTTP face's own."""
        return await self._journal.commit(commit)

    async def call(self, part: str, method: str, *args: Any) -> Any:
        """Return what a part answers. Raises Disabled, NotFound, PartAway, or what the part raised."""
        if part not in self._switches:
            raise NotFound(f"There is no part {part}.")
        if part not in self._parts:
            raise Disabled(f"The part {part} is switched off by a setting.")
        return await self._parts[part].call(method, *args)

    async def status(self) -> dict[str, Any]:
        """Return {ready, url, home, version, parts}."""
        states = await states_of(self._parts, _STATUS_TIMEOUT_S)
        parts = {name: states.get(name, {"state": "disabled"}) for name in self._switches}
        return {
            "ready": all(part["state"] in ("ready", "disabled") for part in parts.values()),
            "url": self.settings.url,
            "home": str(self.settings.home),
            "version": __version__,
            "parts": parts,
        }

    async def _send(self) -> None:
        while self._waiting:
            group = self._take_group()
            try:
                appended = await self._journal.append(row for waiting in group for row in waiting.rows)
            except GraceError as error:
                for waiting in group:
                    _fail(waiting.done, error)
                continue
            start = 0
            for waiting in group:
                end = start + len(waiting.rows)
                if not waiting.done.done():
                    waiting.done.set_result(Appended(appended.seqs[start:end], appended.is_new[start:end]))
                start = end

    def _take_group(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        rows = 0
        while self._waiting and (not group or rows + len(self._waiting[0].rows) <= _GATHER_MAX_ROWS):
            waiting = self._waiting.popleft()
            rows += len(waiting.rows)
            group.append(waiting)
        self._waiting_rows -= rows
        return group


def _fail(done: "asyncio.Future[Appended]", error: GraceError) -> None:
    if not done.done():
        done.set_exception(error)
