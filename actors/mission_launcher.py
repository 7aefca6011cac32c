"""The mission launcher actor: starts missions on its workers, keeps their leases, and brings their findings home."""

import asyncio
import time
from typing import Any

import ray
import structlog

from actors.follower import FollowerActor
from actors.handles import NAMESPACE, Part
from actors.host import Host
from actors.mission_worker import MissionWorkerActor
from actors.supervisor import named
from grace_ray import wiring
from grace_ray.act.missions.launcher import Start
from grace_ray.core.errors import GraceError, RuntimeFault
from grace_ray.core.follower import NOTHING
from grace_ray.core.jsonable import from_plain, to_plain
from grace_ray.core.mission import Findings, StrategyReport
from grace_ray.settings import Settings

log = structlog.get_logger()

_NEWS_WAIT_MAX_S = 2.0
_HEED_CANCEL_S = 20.0
_END_WORKER_S = 10.0


class _WorkerLost(RuntimeFault):
    """A worker is gone, silent, or no longer has its mission."""


class MissionLauncherActor(FollowerActor):
    """Hosts act.missions.launcher.Launcher and a pool of worker actors, made when first needed.

    A pool of our own, for ray.util.ActorPool shrinks when a worker dies and waits in a blocking way. The launcher asks
    each busy worker for news; an answer renews the lease, silence lets it expire. A worker that lost its mission is
    ended before the mission starts again elsewhere, so that it never runs twice at once.
    """

    def __init__(self, settings: Settings, name: str) -> None:
        super().__init__(settings, name)
        self._host.on_turn = self._look
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._watched: dict[str, str] = {}
        self._has_looked = False
        self._news_wait_s = min(_NEWS_WAIT_MAX_S, settings.missions.lease_s / 3)
        self._looks: set[asyncio.Task[None]] = set()

    @staticmethod
    def _host_for(settings: Settings) -> Host:
        return Host(lambda: wiring.build_launcher(settings), lambda: wiring.open_reader(settings), batch=200)

    async def max_running(self) -> int:
        """Return how many missions may run at once."""
        return int(await self._ask("max_running"))

    def _look(self) -> None:
        if not self._looks:
            task = asyncio.create_task(self._attend())
            self._looks.add(task)
            task.add_done_callback(self._looks.discard)

    async def _attend(self) -> None:
        """Re-attach to missions that ran before a restart, and start what may start now."""
        for mission in await self._host.change(lambda part, _: (NOTHING, part.running())):
            if mission.worker and mission.worker not in self._watches:
                self._watch(mission.worker, mission.mission_id, mission.attempt)
        most = max(await self._host.change(lambda part, _: (NOTHING, part.max_running())), len(self._watches))
        names = [f"mission_worker_{number}" for number in range(1, max(most, self._settings.missions.max_running) + 1)]
        free = [name for name in names if name not in self._watches]
        if not self._has_looked:  # an earlier launcher may have left them with missions that are no longer theirs
            await asyncio.gather(*(asyncio.to_thread(_end_worker, name) for name in free))
            self._has_looked = True
        if not free:
            return
        held = frozenset(self._watched.values())
        starts: list[Start] = await self._host.change(lambda part, now: part.starts(now, free, held))
        for start in starts:
            self._watch(start.worker, start.mission.mission_id, start.attempt, start)

    def _watch(self, worker: str, mission_id: str, attempt: int, start: Start | None = None) -> None:
        task = asyncio.create_task(self._see_through(worker, mission_id, attempt, start))
        self._watches[worker], self._watched[worker] = task, mission_id
        task.add_done_callback(lambda _: (self._watches.pop(worker), self._watched.pop(worker)))

    async def _see_through(self, worker: str, mission_id: str, attempt: int, start: Start | None) -> None:
        part = Part(worker, patience_s=self._settings.missions.lease_s)
        try:
            if start is not None:
                await asyncio.to_thread(_make_worker, worker, self._settings)
                if not await _ask(part, "start", to_plain(start.mission), attempt, list(start.strategies)):
                    raise _WorkerLost("The worker has not let go of another mission.")
            await self._listen(part, mission_id, attempt)
        except _WorkerLost as error:
            why = str(error)
            log.warning("mission.worker_lost", worker=worker, mission=mission_id, error=why)
            await asyncio.to_thread(_end_worker, worker)
            await self._tell(lambda now, p: (p.failed(mission_id, attempt, why, now, worker_died=True), None))
        except GraceError as error:  # the journal is away; the worker goes on, and the next look listens to it again
            log.warning("mission.unheard", worker=worker, mission=mission_id, error=str(error))
        self._look()

    async def _listen(self, part: Part, mission_id: str, attempt: int) -> None:
        known = 0
        while True:
            news = await _ask(part, "news", mission_id, attempt, known, self._news_wait_s)
            known += len(news["reports"])
            if news["state"] == "unknown":
                raise _WorkerLost("The worker lost the mission: it was restarted.")
            for report in news["reports"]:
                noted = from_plain(StrategyReport, report)
                await self._tell(lambda now, p, noted=noted: p.progress(mission_id, attempt, noted, now))
            if news["state"] == "done":
                await self._bring_home(mission_id, attempt, news)
                return
            if not await self._tell(lambda now, p: p.heartbeat(mission_id, attempt, now)):
                await _abandon(part, mission_id, attempt)  # cancelled, timed out, or another attempt has it
                return

    async def _bring_home(self, mission_id: str, attempt: int, news: dict[str, Any]) -> None:
        if "error" in news:
            error = news["error"]
            await self._tell(lambda now, p: (p.failed(mission_id, attempt, error, now), None))
            return
        findings = from_plain(Findings, news["findings"])
        await self._tell(lambda now, p: (p.finished(mission_id, attempt, findings, now), None))

    async def _tell(self, call: Any) -> Any:
        return await self._host.change(lambda part, now: call(now, part))


async def _abandon(part: Part, mission_id: str, attempt: int) -> None:
    """Stop a mission that is not wanted any more; a worker that does not heed it is ended."""
    await _ask(part, "cancel", mission_id)
    deadline = time.monotonic() + _HEED_CANCEL_S
    while time.monotonic() < deadline:
        news = await _ask(part, "news", mission_id, attempt, 1_000_000, _NEWS_WAIT_MAX_S)
        if news["state"] != "running":
            return
    await asyncio.to_thread(_end_worker, part.name)


async def _ask(part: Part, method: str, *args: Any) -> Any:
    try:
        return await part.call(method, *args)
    except GraceError as error:
        raise _WorkerLost(str(error)) from error


def _end_worker(name: str) -> None:
    """End a worker, if there is one, and return when its name is free again."""
    deadline = time.monotonic() + _END_WORKER_S
    while time.monotonic() < deadline:
        try:
            ray.kill(ray.get_actor(name, NAMESPACE), no_restart=True)
        except ValueError:
            return
        time.sleep(0.05)


def _make_worker(name: str, settings: Settings) -> None:
    named(MissionWorkerActor, name, {"health": 1, "news": 2}).remote(settings)
