"""The followers over a journal in one process: the parts that actors host, run in turn, for tests and local work."""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from grace_ray import __version__
from grace_ray.core.errors import Disabled, GraceError
from grace_ray.core.fact import Row
from grace_ray.core.follower import Effects, Follower
from grace_ray.core.store import Appended, Commit, Reader
from grace_ray.settings import Settings

_BATCH = 1000
_RELEARN_BATCH = 5000


class AppliesWork(Protocol):
    """What the loop needs of prove.journal.Journal."""

    def apply(self, works: Sequence[list[Row] | Commit], now: datetime) -> list[Appended | GraceError]:
        """Commit works in one transaction; each has its answer or its error."""
        ...


def restored(part: Follower, reader: Reader) -> int:
    """Bring a follower to where the store says it stands; return its cursor.

    What it handled after its state was kept, it learns again.
    """
    stands = reader.follower(part.name)
    part.restore(stands.state, reader)
    seq = stands.state_seq
    while seq < stands.cursor:
        entries = reader.entries(seq, _RELEARN_BATCH)
        part.relearn([entry for entry in entries if entry.kind in part.follows and entry.seq <= stands.cursor])
        seq = entries[-1].seq if entries else stands.cursor
    return stands.cursor


class Loop:
    """A journal, its followers, and whoever carries out missions, in one process and one thread at a time.

    ``carry_out(loop, now)`` is called in every round; it does the effects that followers asked for (missions) and
    returns whether it did any. ``clock()`` gives aware UTC.
    """

    def __init__(
        self,
        journal: AppliesWork,
        reader: Reader,
        followers: Sequence[Follower],
        clock: Callable[[], datetime],
        carry_out: Callable[["Loop", datetime], bool] = lambda _loop, _now: False,
    ) -> None:
        self.reader = reader
        self.parts: dict[str, Follower] = {follower.name: follower for follower in followers}
        self._journal = journal
        self._clock = clock
        self._carry_out = carry_out
        self._turn = threading.RLock()
        self._cursors = {name: restored(part, reader) for name, part in self.parts.items()}

    def append(self, rows: Sequence[Row]) -> Appended:
        """Make rows durable. Raises what the journal raises."""
        with self._turn:
            return self._apply(list(rows))

    def write(self, commit: Commit) -> Appended:
        """Commit what somebody outside the loop hands in."""
        with self._turn:
            return self._apply(commit)

    def settle(self, rounds_max: int = 1000) -> None:
        """Let every follower take what is new, and do what follows, until nothing is new."""
        with self._turn:
            for _ in range(rounds_max):
                moved = [self._follow(part) for part in self.parts.values()]
                if not any(moved) and not self._carry_out(self, self._clock()):
                    return

    def tick(self) -> None:
        """Let time pass for every follower."""
        with self._turn:
            for part in self.parts.values():
                self.commit(part, part.tick(self._clock()))

    def change(self, name: str, method: str, *args: Any) -> Any:
        """Call a part's method that returns (effects, result), commit the effects, and return the result."""
        with self._turn:
            part = self.parts[name]
            effects, result = getattr(part, method)(*args, self._clock())
            self.commit(part, effects)
            return result

    def commit(self, part: Follower, effects: Effects, cursor: int | None = None) -> None:
        """Commit what a part made."""
        if not effects and cursor is None:
            return
        expected = self._cursors.get(part.name, 0)
        rows = [fact.to_row() for fact in effects.facts]
        self._apply(
            Commit(
                follower=part.name,
                expected=expected,
                cursor=cursor,
                rows=rows,
                records=list(effects.records),
                snapshots=list(effects.snapshots),
            )
        )
        if cursor is not None:
            self._cursors[part.name] = cursor

    def _follow(self, part: Follower) -> bool:
        cursor = self._cursors[part.name]
        entries = self.reader.entries(cursor, _BATCH)
        if not entries:
            return False
        mine = [entry for entry in entries if entry.kind in part.follows]
        effects = part.handle(mine, self._clock()) if mine else Effects()
        self.commit(part, effects, entries[-1].seq)
        return True

    def _apply(self, work: list[Row] | Commit) -> Appended:
        (answer,) = self._journal.apply([work], self._clock())
        if isinstance(answer, GraceError):
            raise answer
        return answer


class LocalGateway:
    """A Loop behind the gateway that serve_apps speaks to (serve_apps.gateway.Gateway), without Ray."""

    def __init__(self, settings: Settings, loop: Loop, questions: Mapping[str, frozenset[str]]) -> None:
        self.settings = settings
        self.reader = loop.reader
        self._loop = loop
        self._questions = questions

    async def append(self, rows: Sequence[Row]) -> Appended:
        """Make rows durable and let the loop turn."""
        return await asyncio.to_thread(self._append, rows)

    async def commit(self, commit: Commit) -> Appended:
        """Commit records of the HTTP face's own."""
        return await asyncio.to_thread(self._loop.write, commit)

    async def call(self, part: str, method: str, *args: Any) -> Any:
        """Return what a part answers; ``questions`` names the methods that change nothing."""
        if part not in self._loop.parts:
            raise Disabled(f"The part {part} is switched off by a setting.")
        if method in self._questions.get(part, frozenset()):
            return await asyncio.to_thread(getattr(self._loop.parts[part], method), *args)
        return await asyncio.to_thread(self._change, part, method, *args)

    async def status(self) -> dict[str, Any]:
        """Return {ready, url, home, version, parts}."""
        parts = {name: {"state": "ready"} for name in self._loop.parts}
        home, url = str(self.settings.home), self.settings.url
        return {
            "ready": True,
            "url": url,
            "home": home,
            "version": __version__,
            "parts": {"journal": {"state": "ready"}, **parts},
        }

    def _append(self, rows: Sequence[Row]) -> Appended:
        appended = self._loop.append(rows)
        self._loop.settle()
        return appended

    def _change(self, part: str, method: str, *args: Any) -> Any:
        result = self._loop.change(part, method, *args)
        self._loop.settle()
        return result
