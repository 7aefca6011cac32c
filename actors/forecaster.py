"""The forecaster actor: forecasts and warnings from snapshots; trainings run beside it as Ray jobs."""

import asyncio
from datetime import datetime
from typing import Any

import structlog

from actors.follower import FollowerActor
from actors.host import Host
from actors.jobs import Jobs, JobState, python_module
from grace_ray import wiring
from grace_ray.core.errors import GraceError
from grace_ray.core.follower import NOTHING
from grace_ray.core.forecast import TrainingRun
from grace_ray.settings import Settings

log = structlog.get_logger()

_POLL_S = 1.0


class ForecasterActor(FollowerActor):
    """Hosts diagnose.forecasting.part.Forecaster; a training that runs is found again by its id after a restart."""

    def __init__(self, settings: Settings, name: str) -> None:
        super().__init__(settings, name)
        self._host.on_turn = self._look
        self._jobs = Jobs(settings.home)
        self._training: asyncio.Task[None] | None = None

    @staticmethod
    def _host_for(settings: Settings) -> Host:
        return Host(lambda: wiring.build_forecaster(settings), lambda: wiring.open_reader(settings), batch=500)

    async def predict(self, series: list[str], horizon_minutes: float, now: datetime) -> Any:
        """Return forecasts made now; see the part."""
        return await self._ask("predict", series, horizon_minutes, now)

    def _look(self) -> None:
        if self._training is None or self._training.done():
            self._training = asyncio.create_task(self._attend())

    async def _attend(self) -> None:
        """See the open training through, where there is one."""
        run: TrainingRun | None = await self._host.change(lambda part, _: (NOTHING, part.open_training()))
        if run is None:
            return
        try:
            await self._see_through(run)
        except GraceError as error:
            log.warning("training.lost", run=run.run_id, error=str(error))
            said = str(error)
            await self._host.change(
                lambda part, now: (
                    (part.training_ended(run.run_id, None, now, error=said), None)
                    if part.open_training() == run
                    else (NOTHING, None)
                )
            )

    async def _see_through(self, run: TrainingRun) -> None:
        artefacts = wiring.forecaster_artefacts(self._settings)
        if run.status == "pending":
            champion = await self._host.change(lambda part, _: (NOTHING, part.champion()))
            arguments = [run.run_id, *(["--champion", champion] if champion else []), *(["--search"] * run.is_search)]
            await asyncio.to_thread(self._jobs.submit, python_module("actors.training", *arguments), run.run_id)
            await self._tell(run, {"phase": "starting"})
        said: dict[str, Any] = {}
        while True:
            state = await asyncio.to_thread(self._jobs.state, run.run_id)
            news = await asyncio.to_thread(artefacts.progress, run.run_id)
            if news and news != said:
                said = news
                await self._tell(run, news)
            if state.has_ended:
                break
            if not await self._host.change(lambda part, _: (NOTHING, part.open_training() is not None)):
                await asyncio.to_thread(self._jobs.stop, run.run_id)  # it took too long
                return
            await asyncio.sleep(_POLL_S)
        trained = await asyncio.to_thread(artefacts.brought_home, run.run_id)
        error = "" if trained else artefacts.failure(run.run_id) or _why(state)
        await self._host.change(lambda part, now: (part.training_ended(run.run_id, trained, now, error=error), None))
        needed = await self._host.change(lambda part, _: (NOTHING, part.versions()))
        await asyncio.to_thread(artefacts.clear, run.run_id, self._settings.forecaster.keep_versions, needed)

    async def _tell(self, run: TrainingRun, news: dict[str, Any]) -> None:
        await self._host.change(lambda part, now: (part.training_moved(run.run_id, now, news), None))


def _why(state: JobState) -> str:
    """Return why a job made nothing and said nothing of it."""
    _, is_there, trace = state.log.partition("Traceback")
    return trace.strip().splitlines()[-1] if is_there else f"The training was killed before its end ({state.status})."
