"""The sensors actor: reads host and runtime on a schedule, and keeps the users' runbooks in step with knowledge."""

import asyncio
from typing import Any

import ray
import structlog

from actors.handles import JournalClient, part_of, parts_of, states_of
from actors.logs import log_to_home
from actors.measuring import Measuring
from actors.scraping import Scraping
from grace_ray import wiring
from grace_ray.core.clock import utc_now
from grace_ray.core.errors import GraceError
from grace_ray.core.jsonable import to_plain
from grace_ray.sense.collectors.runtime import PartReading, RuntimeReading
from grace_ray.settings import Settings

log = structlog.get_logger()

_STARTING = "starting"
_ANSWER_S = 10.0


class SensorsActor:
    """Thin shell around sense.collectors and the runbook folders; ``__init__`` cannot fail."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._settings = settings
        log_to_home(settings, name)
        self._journal = JournalClient()
        self._tasks: list[asyncio.Task[None]] = []
        self._fault = _STARTING
        self._observations = 0
        self._parts = parts_of(settings, but="sensors")
        self._reading = RuntimeReading(parts={})
        self._measuring = Measuring(settings, self._journal)
        self._scraping = Scraping(settings, self._journal)

    @ray.method(concurrency_group="health")
    def ping(self) -> bool:
        """Return whether every loop runs."""
        return self._is_running()

    async def start(self) -> None:
        """Start the loops, where they do not run."""
        if self._is_running():
            return
        for task in self._tasks:
            task.cancel()
        loops = [self._observe(), self._keep_runbooks()]
        if self._settings.metrics.enabled:
            loops.append(self._measuring.run())
            loops += [self._scraping.run()] if self._settings.metrics.scrape else []
        self._tasks = [asyncio.create_task(loop) for loop in loops]

    async def status(self) -> dict[str, Any]:
        """Return what /api/status shows of this part."""
        fault = self._fault or self._measuring.fault
        state = {"": "ready", _STARTING: _STARTING}.get(fault, "degraded")
        counts = {"observations": self._observations, "points": self._measuring.points}
        return {"state": state, **counts, "fault": fault, "scrape_faults": self._scraping.faults}

    def _is_running(self) -> bool:
        return bool(self._tasks) and not any(task.done() for task in self._tasks)

    async def _observe(self) -> None:
        collectors = wiring.build_collectors(self._settings, lambda: self._reading)
        while True:
            try:
                self._reading = await self._read_runtime()
                for collector in collectors:
                    events = await asyncio.to_thread(collector.collect, utc_now())
                    await self._journal.append([event.to_row() for event in events])
                    self._observations += len(events)
                self._fault = ""
            except GraceError as error:
                self._fault = str(error)
                log.warning("sensors.retry", error=str(error))
            await asyncio.sleep(self._settings.sensors.interval_s)

    async def _read_runtime(self) -> RuntimeReading:
        states = await states_of(self._parts, _ANSWER_S)
        head = int(states["journal"].get("head", 0))
        parts = {
            name: PartReading(
                state=state["state"], lag=max(head - state.get("cursor", head), 0), error=state.get("fault", "")
            )
            for name, state in states.items()
        }
        return RuntimeReading(parts=parts, journal_head=head)

    async def _keep_runbooks(self) -> None:
        if not self._settings.knowledge.enabled or not self._settings.knowledge.runbooks:
            await asyncio.Event().wait()
        knowledge = part_of(self._settings, "knowledge", patience_s=120.0)
        runbooks = wiring.build_runbooks(self._settings)
        while True:
            try:
                batches = runbooks.changed()
                while documents := await asyncio.to_thread(next, batches, None):
                    await knowledge.call("operate", "add", {"documents": to_plain(documents), "by": "runbooks"})
                known = await knowledge.call("sources", "runbook")
                for source in await asyncio.to_thread(runbooks.gone, known):
                    await knowledge.call("operate", "remove", {"source": source, "by": "runbooks"})
            except GraceError as error:
                log.warning("runbooks.retry", error=str(error))
            await asyncio.sleep(self._settings.knowledge.rescan_interval_s)
