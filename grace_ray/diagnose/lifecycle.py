"""The life of a cluster: created, launched, resolved, reopened, judged, deleted; each step said as a fact.

The changes are made on the clusters that it is given; what follows for others goes to the outbox.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from grace_ray.core.clock import from_us, to_us
from grace_ray.core.entry import Entry
from grace_ray.core.ids import derived_id
from grace_ray.core.jsonable import to_plain
from grace_ray.diagnose import launching, overrides
from grace_ray.diagnose.clusters import Clusters
from grace_ray.diagnose.counters import Counters
from grace_ray.diagnose.live_cluster import LiveCluster
from grace_ray.diagnose.outbox import Outbox
from grace_ray.diagnose.protection import Alarm, Alarms
from grace_ray.diagnose.timers import Timers
from grace_ray.diagnose.tuning import Tuning
from grace_ray.settings import TriageSettings

QUIET_S = 3_600.0  # without like events for so long after a mission, what it learned is held to have helped
_KNOWLEDGE_KEPT = 100


class Lifecycle:
    """What becomes of clusters; see each method for when it is called."""

    def __init__(self, settings: TriageSettings, clusters: Clusters, counters: Counters, out: Outbox) -> None:
        self._settings = settings
        self._clusters = clusters
        self._counters = counters
        self._out = out
        self._timers = Timers()
        self.tuning = Tuning(settings)
        self.alarms = Alarms(settings)

    def created(self, root: LiveCluster, entry: Entry) -> None:
        """The first event of a new cluster has come."""
        self._counters.clusters_created += 1
        names = {"domain": root.domain, "severity": root.severity, "pattern": root.pattern, "event_id": entry.id}
        self._out.finding("cluster.created", root.key, entry.recorded_us, entry.id, {"cluster_key": root.key, **names})

    def recurred(self, root: LiveCluster, entry: Entry) -> None:
        """A like event has come after it was resolved: reopen it, unless a person's word holds."""
        now_us = entry.recorded_us
        for word in root.overrides:
            if word.action == "resolve" and word.until is not None and to_us(word.until) > now_us:
                root.say(
                    f"It stays resolved although like events come: {word.by} said so until {to_plain(word.until)}."
                )
                return
        after_s = round((now_us - (root.resolved_us or now_us)) / 1e6, 3)
        why = f"A like event came {after_s:.0f} s after {root.resolved_by} had resolved it."
        body: dict[str, Any] = {"cluster_key": root.key, "after_s": after_s, "reason": why}
        root.status, root.resolved_us, root.resolved_by = overrides.stance(root), None, ""
        root.say(why)
        self._reopened(root, now_us, entry.id, body)

    def _reopened(self, root: LiveCluster, now_us: int, cause: str, body: dict[str, Any]) -> None:
        if root.mission_status in ("completed", "helped"):
            body |= {"mission_id": root.mission_id, "statement_ids": list(root.knowledge)}
        self.judge(root, helped=False, at_us=now_us)
        root.reopened_count += 1
        self._counters.clusters_reopened += 1
        self._out.finding("cluster.reopened", root.key, now_us, cause, body)

    def judge(self, root: LiveCluster, *, helped: bool, at_us: int) -> None:
        """Learn whether its mission helped, once; thresholds follow."""
        if root.mission_status != "completed":
            return
        root.mission_status = "helped" if helped else "did_not_help"
        before = self.tuning.thresholds(root.domain)
        after = self.tuning.observe(root.domain, helped=helped, at_us=at_us)
        if after != before and after.why != before.why:
            root.say(after.why)

    def consider(self, root: LiveCluster, count: int, now_us: int, cause: str) -> None:
        """Launch a mission where a rule says so and nothing holds it back; ``count`` is of all of its events."""
        if root.mission_status == "open" or root.status == "resolved":
            return
        severity, thresholds = self._clusters.severity(root), self.tuning.thresholds(root.domain)
        reason = launching.launch_reason(root, severity, count, thresholds, self._settings)
        if reason is None:
            return
        hold = launching.hold_reason(root, now_us, self._settings)
        if hold is None:
            self._launch(root, reason, now_us, cause)
        elif root.say(f"No mission was launched: {hold}"):
            self._counters.missions_suppressed += 1
            body = {"cluster_key": root.key, "reason": reason, "hold": hold}
            self._out.decision("cluster.suppressed", root.key, now_us, cause, body)

    def _launch(self, root: LiveCluster, reason: str, now_us: int, cause: str) -> None:
        mission_id = derived_id(from_us(now_us), "mission", root.key, cause)
        body = {
            "mission_id": mission_id,
            "cluster_key": root.key,
            "mission_type": launching.mission_type(root, reason),
            "description": launching.description(root),
            "priority": root.urgency,
            "question": to_plain(launching.question(self._clusters.shown(root))),
            "reason": reason,
        }
        root.mission_id, root.mission_status, root.mission_us = mission_id, "open", now_us
        root.missions += 1
        root.say(f"A mission was launched: {reason}")
        self._counters.missions_launched += 1
        self._out.decision("mission.requested", root.key, now_us, cause, body, mission_id)

    def mission(self, entry: Entry) -> None:
        """Take what became of a mission."""
        body = entry.content()
        leaf = self._clusters.get(str(body.get("cluster_key") or ""))
        root = self._clusters.root(leaf) if leaf is not None else None
        mission_id = str(body.get("mission_id") or entry.subject)
        ending = entry.type.removeprefix("mission.")
        if ending in ("created", "started"):
            if root is not None and root.mission_id != mission_id and root.mission_status != "open":
                root.mission_id, root.mission_status, root.mission_us = mission_id, "open", entry.recorded_us
                root.say("A person asked for a mission.")
                self._clusters.touch(root)
            return
        if ending not in ("completed", "failed", "timed_out", "cancelled"):
            return
        if ending == "completed":
            self._counters.missions_completed += 1
        elif ending != "cancelled":
            self._counters.missions_failed += 1
        alarm = self.alarms.mission_ended(succeeded=ending == "completed") if ending != "cancelled" else None
        if alarm is not None:
            self.warn(alarm, entry.recorded_us, entry.id)
        for live in {leaf.key: leaf, root.key: root}.values() if leaf is not None and root is not None else ():
            if live.mission_id == mission_id:
                self._mission_ended(live, ending, body, entry)

    def _mission_ended(self, live: LiveCluster, ending: str, body: Mapping[str, Any], entry: Entry) -> None:
        live.mission_status = ending
        self._clusters.touch(live)
        learned = len(body.get("knowledge_acquired") or ())
        if ending == "completed" and learned:
            live.say(f"Its mission ended with {learned} statements of knowledge.")
            if live.status not in ("resolved", "merged"):
                self.resolve(live, f"mission {live.mission_id}", entry.recorded_us, entry.id)
            return
        live.say("Its mission ended without learning anything." if ending == "completed" else f"Its mission {ending}.")
        if ending != "cancelled":
            self.tuning.observe(live.domain, helped=False, at_us=entry.recorded_us)

    def applied(self, entry: Entry) -> None:
        """Take that knowledge was applied to a cluster."""
        body = entry.content()
        live = self._clusters.get(str(body.get("cluster_key") or ""))
        if live is None:
            return
        live.knowledge = list(dict.fromkeys([*live.knowledge, *map(str, body.get("statement_ids") or ())]))[
            -_KNOWLEDGE_KEPT:
        ]
        self._clusters.touch(live)

    def succeeded(self, entry: Entry, answered: Sequence[str], recovered: Sequence[str]) -> None:
        """Take a success that answers failures in clusters: it weighs against recurrence, or ends the trouble."""
        for key in answered:
            live = self._clusters.get(key)
            if live is None:
                continue
            live.recent = round(max(0.0, live.recent - 0.5), 6)
            root = self._clusters.root(live)
            self._clusters.score(root, entry.recorded_us)
            self._clusters.touch(live)
            if key in recovered and root is live and live.status == "open" and len(self._clusters.members(live)) == 1:
                self.resolve(live, f"recovery ({entry.type})", entry.recorded_us, entry.id)

    def resolve(self, live: LiveCluster, by: str, at_us: int, cause: str) -> None:
        """Resolve a cluster."""
        live.status, live.resolved_us, live.resolved_by = "resolved", at_us, by
        live.say(f"It was resolved by {by}.")
        self._counters.clusters_resolved += 1
        self._clusters.touch(live)
        self.set_timers(live)
        body = {"cluster_key": live.key, "by": by, "mission_id": live.mission_id}
        self._out.finding("cluster.resolved", live.key, at_us, cause, body)

    def resolved_by_person(self, live: LiveCluster, by: str, at_us: int) -> None:
        """A person resolved it; where they hold it resolved for a time, a mission for it was in vain."""
        self._counters.clusters_resolved += 1
        body = {"cluster_key": live.key, "by": by, "mission_id": live.mission_id}
        self._out.finding("cluster.resolved", live.key, at_us, by, body)
        if live.missions and any(word.action == "resolve" for word in live.overrides):
            self.tuning.observe(live.domain, helped=False, at_us=at_us)

    def reopened_by_person(self, live: LiveCluster, by: str, at_us: int) -> None:
        """A person says that it is not over, so its mission did not help."""
        body = {"cluster_key": live.key, "by": by, "reason": f"{by} reopened it."}
        self._reopened(live, at_us, by, body)

    def set_timers(self, live: LiveCluster) -> None:
        """Have the cluster looked at when something about it falls due."""
        for word in live.overrides:
            if word.until is not None:
                self._timers.at(to_us(word.until), live.key)
        if live.resolved_us is not None:
            self._timers.at(live.resolved_us + int(QUIET_S * 1e6), live.key)
            self._timers.at(live.resolved_us + int(self._settings.delete_resolved_after_s * 1e6), live.key)

    def _look_again(self, live: LiveCluster, due_us: int, now_us: int) -> None:
        for word in overrides.expired(live, due_us):
            overrides.end(live, word)
            why = f"The word of {word.by} ({word.action}) ended as it was set to."
            live.say(why)
            self._clusters.touch(live)
            body = {"cluster_key": live.key, "action": word.action, "by": word.by, "reason": why}
            self._out.finding("cluster.override_expired", live.key, due_us, word.action, body)
            count = self._clusters.score(live, now_us)
            if live.last_us > now_us - int(self._settings.sweep_interval_s * 2e6):
                self.consider(live, count, now_us, live.key)
        if live.status != "resolved" or live.resolved_us is None:
            return
        quiet_s = (now_us - live.resolved_us) / 1e6
        if quiet_s >= QUIET_S and live.mission_status == "completed":
            self.judge(live, helped=True, at_us=due_us)
            why = f"No like event came within {QUIET_S:.0f} s after its mission."
            live.say(why)
            self._clusters.touch(live)
            told = {"mission_id": live.mission_id, "quiet_s": QUIET_S, "statement_ids": list(live.knowledge)}
            quiet = {"cluster_key": live.key, "reason": why, **told}
            self._out.finding("cluster.stayed_quiet", live.key, due_us, live.mission_id or "", quiet)
        if quiet_s >= self._settings.delete_resolved_after_s:
            self._clusters.delete(live)
            self._out.finding("cluster.deleted", live.key, due_us, "", {"cluster_key": live.key})

    def tick(self, now_us: int) -> None:
        """Do what is due: end words, judge quiet periods, delete what was resolved long ago."""
        for due_us, key in self._timers.due(now_us):
            live = self._clusters.get(key)
            if live is not None and live.merged_into is None:
                self._look_again(live, due_us, now_us)

    def warn(self, alarm: Alarm, at_us: int, cause: str) -> None:
        """Put a warning on the journal."""
        body = {"kind": alarm.kind, "subject": alarm.subject, "reason": alarm.why}
        self._out.finding(f"cluster.warning.{alarm.kind}", alarm.subject, at_us, cause, body)
