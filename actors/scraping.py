"""Scrapes the Prometheus endpoints that the settings name, each on its own schedule; runs in the sensors actor."""

import asyncio
import time
from collections.abc import Sequence

import structlog

from actors.handles import JournalClient
from grace_ray import wiring
from grace_ray.core.clock import utc_now
from grace_ray.core.errors import GraceError
from grace_ray.core.sample import Point
from grace_ray.core.store import Commit
from grace_ray.sense.collectors.scrape import Scraper
from grace_ray.settings import Settings

log = structlog.get_logger()

_BATCH = 5000


class Scraping:
    """``faults`` says of each endpoint that fails why."""

    def __init__(self, settings: Settings, journal: JournalClient) -> None:
        self._settings = settings
        self._journal = journal
        self._scrapers: Sequence[Scraper] = ()

    @property
    def faults(self) -> dict[str, str]:
        """Why a scrape failed or lost samples, by the endpoint's address."""
        return {scraper.target.url: scraper.fault for scraper in self._scrapers if scraper.fault}

    async def run(self) -> None:
        """Scrape for ever."""
        self._scrapers = await asyncio.to_thread(wiring.build_scrapers, self._settings)
        await asyncio.gather(*map(self._follow, self._scrapers))

    async def _follow(self, scraper: Scraper) -> None:
        while True:
            began = time.monotonic()
            taken = await asyncio.to_thread(scraper.scrape, utc_now)
            if scraper.fault:
                log.warning("scrape.fault", url=scraper.target.url, error=scraper.fault)
            try:
                await self._keep(taken.points)
            except GraceError as error:
                log.warning("scrape.lost", url=scraper.target.url, error=str(error))
            await asyncio.sleep(max(scraper.target.interval_s - (time.monotonic() - began), 0.1))

    async def _keep(self, points: list[Point]) -> None:
        for start in range(0, len(points), _BATCH):
            await self._journal.commit(Commit(follower="sensors", points=points[start : start + _BATCH]))
