"""robots.txt (RFC 9309): what a site asks robots not to read, kept for an hour."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from urllib.robotparser import RobotFileParser

from grace_ray.core.errors import GraceError, Refused, Unreachable

KEPT_S = 3600.0
SITES_MAX = 256
SIZE_MAX = 500 * 1024


@dataclass(frozen=True, slots=True)
class Robots:
    """A site's answer: HTTP status and text."""

    status: int
    text: str


class RobotsRules:
    """Asks a site for its rules once, through ``fetch`` (the site's robots.txt URL to its answer)."""

    def __init__(self, fetch: Callable[[str], Robots], agent: str, clock: Callable[[], float]) -> None:
        self._fetch = fetch
        self._agent = agent
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, RobotFileParser]] = OrderedDict()

    def check(self, site: str, url: str) -> None:
        """Raise Refused where ``site`` (scheme and authority) asks not to read ``url``, Unreachable if it fails."""
        if not self._rules(site).can_fetch(self._agent, url):
            raise Refused(f"The robots.txt of {site} asks not to read this page.", "url")

    def _rules(self, site: str) -> RobotFileParser:
        known = self._known.get(site)
        if known and self._clock() - known[0] < KEPT_S:
            return known[1]
        rules = self._ask(site)
        self._known[site] = (self._clock(), rules)
        self._known.move_to_end(site)
        while len(self._known) > SITES_MAX:
            self._known.popitem(last=False)
        return rules

    def _ask(self, site: str) -> RobotFileParser:
        """No such file: all is allowed. A site that fails to answer (5xx) is not read (RFC 9309, section 2.3.1)."""
        rules = RobotFileParser()
        try:
            robots = self._fetch(f"{site}/robots.txt")
        except (Unreachable, Refused):
            raise
        except GraceError as error:
            raise Refused(f"The robots.txt of {site} cannot be read: {error}", "url") from error
        if robots.status >= 500:
            raise Unreachable(f"The robots.txt of {site} answered {robots.status}.", "url")
        rules.parse(robots.text.splitlines() if robots.status == 200 else [])
        return rules
