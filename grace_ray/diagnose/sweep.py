"""The sweep: now and then each cluster is looked at again, a few at a time, for what no event brings about.

Urgency falls with age; and where the miner finds that two templates are one, the clusters named after them are merged.
"""

from collections.abc import Callable
from datetime import datetime

from grace_ray.core.clock import to_us
from grace_ray.diagnose.clusters import Clusters
from grace_ray.diagnose.lessons import Lessons
from grace_ray.diagnose.live_cluster import LiveCluster
from grace_ray.settings import TriageSettings

MINED = "t-"  # how a pattern starts that names a mined template
_SWEPT_AT_ONCE = 200
_RESCORED_FROM = 0.02  # change of urgency with age that is worth writing


class Sweeper:
    """Sweeps over all clusters every ``sweep_interval_s``; one tick takes at most _SWEPT_AT_ONCE of them."""

    def __init__(
        self, settings: TriageSettings, clusters: Clusters, lessons: Lessons, resolve: Callable[[str], str]
    ) -> None:
        self._interval_us = int(settings.sweep_interval_s * 1e6)
        self._clusters = clusters
        self._lessons = lessons
        self._resolve = resolve
        self._left: list[str] = []
        self._next_us = 0

    def tick(self, now: datetime) -> None:
        """Go on with the sweep, or begin the next where it is due."""
        now_us = to_us(now)
        if not self._left and now_us >= self._next_us:
            self._left = [live.key for live in self._clusters if live.merged_into is None]
            self._next_us = now_us + self._interval_us
        due, self._left = self._left[:_SWEPT_AT_ONCE], self._left[_SWEPT_AT_ONCE:]
        for key in due:
            live = self._clusters.get(key)
            if live is not None and live.merged_into is None:
                self._rescore(live, now_us)
                if live.pattern.startswith(MINED):
                    self._join(live, now)

    def _rescore(self, live: LiveCluster, now_us: int) -> None:
        if live.recurrence == 0 or live.status == "resolved":
            return
        before = live.urgency, live.recurrence
        self._clusters.score(live, now_us)
        if before[0] - live.urgency >= _RESCORED_FROM or live.recurrence == 0:
            self._clusters.touch(live)
        else:
            live.urgency, live.recurrence = before

    def _join(self, live: LiveCluster, now: datetime) -> None:
        """Merge a cluster into that of the template that its own went into; a person may undo it, for good."""
        template = live.pattern.removeprefix(MINED)
        now_template = self._resolve(template)
        target = self._clusters.get(live.key.removesuffix(template) + now_template)
        if target is None or target is live or live.overrides or not live.key.endswith(template):
            return
        keys = [self._clusters.root(target).key, live.key]
        if keys[0] == live.key or self._lessons.was_undone(keys):
            return
        note = f"Its template {template} was found to be the same as {now_template}."
        self._lessons.merge({"keys": keys, "by": "triage", "note": note}, now)
        live.say(note)
