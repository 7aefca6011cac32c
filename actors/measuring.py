"""Measures Grace itself and its host on a schedule: the parts are asked, host and store are read, points are kept."""

import asyncio
import time
from typing import Any

import structlog

from actors.handles import JournalClient, parts_of, states_of
from grace_ray import wiring
from grace_ray.core.clock import utc_now
from grace_ray.core.errors import GraceError
from grace_ray.core.store import Commit
from grace_ray.sense.collectors.metrics import MetricsCollector, RuntimeFigures, Silence, read_resident_mib
from grace_ray.sense.collectors.probe import probe
from grace_ray.settings import Settings

log = structlog.get_logger()

_ANSWER_S = 10.0
_FACE_TRIES = 20
_CPU_S = 1.0  # what the first reading of the CPU is of
_QUESTION = "no space left on device"
_TROUBLED = ("degraded", "failed")


class Measuring:
    """Runs in the sensors actor; ``points`` counts what was kept, ``fault`` says what went wrong in the last round."""

    def __init__(self, settings: Settings, journal: JournalClient) -> None:
        self._settings = settings
        self._journal = journal
        self._parts = parts_of(settings, but="sensors")
        self._silence = Silence()
        self.points = 0
        self.fault = ""

    async def run(self) -> None:
        """Measure at once, and then every so often, for ever."""
        collector = await asyncio.to_thread(wiring.build_metrics_collector, self._settings)
        await asyncio.gather(self._await_face(), asyncio.sleep(_CPU_S))
        while True:
            began = time.monotonic()
            try:
                await self._measure(collector)
                self.fault = ""
            except GraceError as error:
                self.fault = str(error)
                log.warning("metrics.retry", error=self.fault)
            await asyncio.sleep(max(collector.interval_s - (time.monotonic() - began), 0.1))

    async def _await_face(self) -> None:
        """Wait for the HTTP face, as long as it usually takes to start, so that the first reading tells of it, too."""
        for _ in range(_FACE_TRIES):
            if (await asyncio.to_thread(probe, self._settings.url, _ANSWER_S)).is_answered:
                return
            await asyncio.sleep(1.0)

    async def _measure(self, collector: MetricsCollector) -> None:
        runtime = await self._look()
        samples = await asyncio.to_thread(collector.collect, runtime, utc_now())
        await self._journal.commit(Commit(follower="sensors", points=[sample.to_point() for sample in samples]))
        self.points += len(samples)

    async def _look(self) -> RuntimeFigures:
        searching = asyncio.create_task(self._search_ms())
        probing = asyncio.create_task(asyncio.to_thread(probe, self._settings.url, _ANSWER_S))
        by_name = await states_of(self._parts, _ANSWER_S)
        head = int(by_name["journal"].get("head", 0))
        cursors = {name: _cursor(state, head) for name, state in by_name.items()}
        now_s = time.monotonic()
        actor_of = self._settings.actor_of  # parts that share a process share its memory
        memory = {actor_of(name): state["memory_mib"] for name, state in by_name.items() if "memory_mib" in state}
        return RuntimeFigures(
            silence_s={name: self._silence.of(name, cursors[name], head, now_s) for name in by_name},
            resident_mib=memory | {actor_of("sensors"): read_resident_mib()},
            not_ready=sum(state.get("state") in _TROUBLED for state in by_name.values()),
            lag=max((head - cursor for cursor in cursors.values() if cursor is not None), default=0),
            backlog=int(by_name["journal"].get("buffered", 0)),
            search_ms=await searching,
            face=await probing,
        )

    async def _search_ms(self) -> float | None:
        """Return how long the knowledge takes to answer; a search only where there is something to find."""
        knowledge, began = self._parts.get("knowledge"), time.perf_counter()
        if knowledge is None:
            return None
        try:
            held = await knowledge.call("stats", timeout_s=_ANSWER_S)
            if held.get("documents"):
                began = time.perf_counter()
                await knowledge.call("search", _QUESTION, 3, timeout_s=_ANSWER_S)
        except GraceError as error:
            log.info("metrics.search_failed", error=str(error))
        return (time.perf_counter() - began) * 1000


def _cursor(state: dict[str, Any], head: int) -> int | None:
    """Return how far a part has read; the head for one that answers and does not follow the journal."""
    return None if state.get("state") == "failed" else int(state.get("cursor", head))
