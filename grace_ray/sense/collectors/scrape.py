"""Scrapes Prometheus endpoints: what they expose becomes points, and ``up`` says whether they answered."""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from grace_ray.core.errors import CallerError, OutsideError
from grace_ray.sense.formats import prometheus
from grace_ray.sense.samples import RawSample, SampleIntake, TakenSamples
from grace_ray.settings import ScrapeTarget

Fetch = Callable[[ScrapeTarget], tuple[str, bytes]]
"""Returns content type and body of a target. Raises Unreachable, TooLarge."""


class Scraper:
    """Reads one target; every series gets its labels, and ``instance`` (host and port) where they name none.

    ``fault`` says why the last scrape failed or lost samples, "" where it did neither.
    """

    def __init__(self, target: ScrapeTarget, fetch: Fetch, intake: SampleIntake) -> None:
        self.target = target
        self.fault = ""
        self._fetch = fetch
        self._intake = intake
        self._labels = {"instance": urlsplit(target.url).netloc, **target.labels}

    def scrape(self, now: Callable[[], datetime]) -> TakenSamples:
        """Return what the target exposes now, as points; never raises for its faults. ``now`` gives aware UTC."""
        raws: list[RawSample] = []
        self.fault = ""
        try:
            content_type, body = self._fetch(self.target)
            raws = prometheus.decode(content_type, body, self._labels)
        except (OutsideError, CallerError) as error:
            self.fault = error.message
        raws.append(RawSample(len(raws), "up", 0.0 if self.fault else 1.0, None, self._labels, False))
        taken = self._intake.take(raws, now())
        if taken.rejected:
            first = taken.rejected[0]
            self.fault = f"{len(taken.rejected)} samples were refused, the first of {first.metric}: {first.reason}"
        return taken
