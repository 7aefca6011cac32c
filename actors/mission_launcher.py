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
from grace_ray.core.errors import GraceError, Unreachable
from grace_ray.core.follower import NOTHING
from grace_ray.core.jsonable import from_plain, to_plain
from grace_ray.core.mission import Findings, StrategyReport
from grace_ray.settings import Settings

log = structlog.get_logger()

_NEWS_WAIT_S = 2.0
_HEED_CANCEL_S = 20.0


class MissionLauncherActor(FollowerActor):
    """Hosts act.missions.launcher.Launcher and a pool of worker actors, made when first needed.

    A pool of our own, for ray.util.ActorPool shrinks when a worker dies and waits in a blocking way. The launcher asks
    each busy worker for news; an answer renews the lease, silence lets it expire.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._host.on_turn = self._look
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._turn = asyncio.Lock()
        self._looks: set[asyncio.Task[None]] = set()

    @staticmethod
    def _host_for(settings: Settings) -> Host:
        return Host(lambda: wiring.build_launcher(settings), lambda: wiring.open_reader(settings), batch=200)

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
        names = [f"mission_worker_{number}" for number in range(1, self._settings.missions.max_running + 1)]
        free = [name for name in names if name not in self._watches]
        if not free:
            return
        starts: list[Start] = await self._host.change(lambda part, now: part.starts(now, free))
        for start in starts:
            self._watch(start.worker, start.mission.mission_id, start.attempt, start)

    def _watch(self, worker: str, mission_id: str, attempt: int, start: Start | None = None) -> None:
        task = asyncio.create_task(self._see_through(worker, mission_id, attempt, start))
        self._watches[worker] = task
        task.add_done_callback(lambda _: self._watches.pop(worker, None))

    async def _see_through(self, worker: str, mission_id: str, attempt: int, start: Start | None) -> None:
        part = Part(worker, patience_s=self._settings.missions.lease_s)
        try:
            if start is not None:
                await asyncio.to_thread(_make_worker, worker, self._settings)
                await part.call("start", to_plain(start.mission), attempt, list(start.strategies))
            await self._listen(part, mission_id, attempt)
        except GraceError as error:
            log.warning("mission.worker_lost", worker=worker, mission=mission_id, error=str(error))
            why = str(error)
            await self._tell(lambda now, p: (p.failed(mission_id, attempt, why, now, worker_died=True), None))
        self._look()

    async def _listen(self, part: Part, mission_id: str, attempt: int) -> None:
        known = 0
        while True:
            news = await part.call("news", mission_id, attempt, known, _NEWS_WAIT_S)
            known += len(news["reports"])
            if news["state"] == "unknown":
                raise Unreachable("The worker lost the mission: it was restarted.")
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
    await part.call("cancel", mission_id)
    deadline = time.monotonic() + _HEED_CANCEL_S
    while time.monotonic() < deadline:
        news = await part.call("news", mission_id, attempt, 1_000_000, _NEWS_WAIT_S)
        if news["state"] != "running":
            return
    await asyncio.to_thread(_end_worker, part.name)


def _end_worker(name: str) -> None:
    try:
        ray.kill(ray.get_actor(name, NAMESPACE), no_restart=True)
    except ValueError:
        return


def _make_worker(name: str, settings: Settings) -> None:
    named(MissionWorkerActor, name, {"health": 1, "news": 2}).remote(settings)
