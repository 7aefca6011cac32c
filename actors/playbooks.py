"""The playbooks actor: the desk chooses, and its runs are carried out here, each in a thread with real time limits."""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog

from actors.actions import RayActions
from actors.follower import FollowerActor
from actors.host import Host
from grace_ray import wiring
from grace_ray.core.clock import utc_now
from grace_ray.core.errors import GraceError, PartAway
from grace_ray.core.follower import NOTHING, Effects
from grace_ray.core.playbook import Run, StepResult
from grace_ray.settings import Settings

log = structlog.get_logger()

_DRY_S = 30.0
_RETRY_S = 0.3
_FILES_A_TURN = 50
_FILES_AT_START = 1000


class PlaybooksActor(FollowerActor):
    """Hosts decide.playbooks.desk.Desk, runs act.playbooks.runner.Runner, and files what was learned.

    A run is given out once. What this process did not begin itself, and nobody renews, was cut off: it is taken back.
    """

    def __init__(self, settings: Settings, name: str) -> None:
        super().__init__(settings, name)
        self._host.on_turn = self._look
        self._held: dict[str, threading.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None] | None = None
        self._runner: Any = None
        self._archive: Any = None
        self._reader: Any = None
        self._filed_upto = -1

    @staticmethod
    def _host_for(settings: Settings) -> Host:
        return Host(lambda: wiring.build_desk(settings), lambda: wiring.open_reader(settings), batch=200)

    async def operate(self, action: str, args: dict[str, Any]) -> Any:
        """Return the answer to a person's action; a dry run is done before it is answered."""
        answer = await super().operate(action, args)
        if isinstance(answer, Run) and answer.is_dry and answer.is_open:
            return await self._settled(answer)
        if action == "cancel" and isinstance(answer, Run) and answer.run_id in self._held:
            self._held[answer.run_id].set()  # it need not wait for its next heartbeat
        self._look()
        return answer

    async def recommend(self, service: str, diagnosis: str, candidates: list[str]) -> Any:
        """Return the candidates ranked; see the desk."""
        return await self._ask("recommend", service, diagnosis, candidates)

    async def statistics(self, now: datetime) -> Any:
        """Return what was learned, in figures; see the desk."""
        return await self._ask("statistics", now)

    async def policies(self) -> Any:
        """Return what is thought of every playbook; see the desk."""
        return await self._ask("policies")

    async def performance(self) -> Any:
        """Return how each playbook has done; see the desk."""
        return await self._ask("performance")

    async def _settled(self, run: Run) -> Any:
        ends_at = time.monotonic() + _DRY_S
        while time.monotonic() < ends_at:
            self._look()
            await asyncio.sleep(_RETRY_S)
            found = await self._host.change(lambda part, _: (NOTHING, part.run_of(run.run_id)))
            if found is not None and not found.is_open:
                return found
        return run

    def _look(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._attend())

    async def _attend(self) -> None:
        """Take back what was cut off, start what may start, and file what is new."""
        try:
            held = frozenset(self._held)
            for run in await self._host.change(lambda part, now: part.lost(now, held)):
                self._begin(run, self._take_back)
            room = self._settings.playbooks.max_running - len(self._held)
            if room > 0:
                for run in await self._host.change(lambda part, now: part.starts(now, room)):
                    self._begin(run, self._carry_out)
            cursor = self._host.status()["cursor"]
            if cursor != self._filed_upto:  # what is to be filed is told on the journal, too
                await asyncio.to_thread(self._file)
                self._filed_upto = cursor
        except GraceError as error:
            log.warning("playbooks.retry", error=str(error))

    def _begin(self, run: Run, work: Callable[[Run, "_Record", threading.Event], None]) -> None:
        if run.run_id in self._held:
            return
        stop = self._held[run.run_id] = threading.Event()
        task = asyncio.create_task(self._see_through(run, work, stop))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _see_through(
        self, run: Run, work: Callable[[Run, "_Record", threading.Event], None], stop: threading.Event
    ) -> None:
        """Let a thread do the work while the lease is renewed; where it cannot be renewed, the thread stops."""
        lease_s = self._settings.playbooks.lease_s
        record = _Record(self._host, run.run_id, asyncio.get_running_loop(), lease_s)
        done = asyncio.create_task(asyncio.to_thread(work, run, record, stop))
        renewed_at = time.monotonic()
        try:
            while not done.done():
                await asyncio.wait({done}, timeout=lease_s / 3)
                if done.done():
                    break
                try:
                    async with asyncio.timeout(lease_s / 3):
                        is_mine = await self._host.change(lambda part, now: part.heartbeat(run.run_id, now))
                    renewed_at = time.monotonic()
                except (GraceError, TimeoutError):
                    is_mine = time.monotonic() - renewed_at < lease_s
                if not is_mine:
                    stop.set()
            await done
        except GraceError as error:
            log.warning("playbooks.run_unheard", run=run.run_id, error=str(error))
        finally:
            del self._held[run.run_id]
            self._look()

    def _carry_out(self, run: Run, record: "_Record", stop: threading.Event) -> None:
        runner, playbooks = self._built()
        try:
            playbook = playbooks.get(run.playbook)
        except GraceError as error:
            record.finished(str(error))
            return
        if run.is_dry:
            record.planned(runner.dry(run, playbook))
            return
        runner.run(run, playbook, record, stop)
        self._take_back(record.run() or run, record, stop)

    def _take_back(self, run: Run, record: "_Record", _: threading.Event) -> None:
        runner, _playbooks = self._built()
        if run.status == "running":
            runner.undo(run, record)

    def _built(self) -> tuple[Any, Any]:
        if self._runner is None:
            self._runner = (
                wiring.build_playbook_runner(self._settings, RayActions(self._settings), utc_now),
                wiring.load_playbooks(self._settings),
            )
        return self._runner  # type: ignore[no-any-return]

    def _file(self) -> None:
        """Write the files of the newest experiences and verdicts that are not there; a crash loses none."""
        count = _FILES_A_TURN
        if self._archive is None:
            self._archive, self._reader = wiring.build_archive(self._settings), wiring.open_reader(self._settings)
            count = _FILES_AT_START
        for path, content in wiring.archived(self._reader, count):
            if not self._archive.has(path):
                self._archive.write(path, content)


class _Record:
    """A run's course, made durable from the run's thread (act.playbooks.runner.Recorder)."""

    def __init__(self, host: Host, run_id: str, loop: asyncio.AbstractEventLoop, patience_s: float) -> None:
        self._host, self._run_id, self._loop, self._patience_s = host, run_id, loop, patience_s

    def begins(self, index: int, undo: Mapping[str, Any] | None) -> bool:
        """Record that a step is about to begin."""
        return bool(self._change(lambda part, now: part.begin_step(self._run_id, index, undo, now)))

    def ended(self, index: int, result: StepResult) -> bool:
        """Record how a step went."""
        return bool(self._change(lambda part, now: part.end_step(self._run_id, index, result, now)))

    def undone(self, index: int, detail: str, is_done: bool) -> None:
        """Record that a step was taken back, or could not be."""
        self._change(lambda part, now: part.undone_step(self._run_id, index, detail, is_done, now))

    def finished(self, error: str = "") -> None:
        """Record that the run is over."""
        self._change(lambda part, now: part.finish(self._run_id, now, error))

    def planned(self, results: list[StepResult]) -> None:
        """Record what a dry run has found."""
        self._change(lambda part, now: part.planned(self._run_id, results, now))

    def run(self) -> Run | None:
        """Return the run as it stands."""
        found: Run | None = self._change(lambda part, _: (NOTHING, part.run_of(self._run_id)))
        return found

    def _change(self, call: Callable[[Any, datetime], tuple[Effects, Any]]) -> Any:
        """Commit a change. Tried again while the journal is away, for as long as the lease: then raises PartAway."""
        ends_at = time.monotonic() + self._patience_s
        while True:
            try:
                return asyncio.run_coroutine_threadsafe(self._host.change(call), self._loop).result(self._patience_s)
            except (GraceError, TimeoutError) as error:
                if time.monotonic() >= ends_at:
                    raise PartAway(f"The journal took nothing for {self._patience_s:g} s: {error}.") from error
            time.sleep(_RETRY_S)
