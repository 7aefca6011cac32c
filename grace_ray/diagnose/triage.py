"""Triage: the follower that turns events into clusters and groups, and clusters that matter into mission requests.

Everything that decides is in records or is learned from entries alone, entry by entry, so that a crash between any two
commits changes nothing: `restore` reads records and the last snapshot, `relearn` catches up what is learned.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from grace_ray.core.clock import from_us, to_us
from grace_ray.core.entry import Entry
from grace_ray.core.errors import Conflict, InvalidInput, NotFound
from grace_ray.core.follower import Effects
from grace_ray.core.ids import derived_id
from grace_ray.core.jsonable import to_plain
from grace_ray.core.store import Reader, Record
from grace_ray.diagnose import launching, overrides
from grace_ray.diagnose.clusters import PARTS, VIEW, Clusters
from grace_ray.diagnose.counters import Counters
from grace_ray.diagnose.groups import VIEW as GROUPS
from grace_ray.diagnose.groups import Groups
from grace_ray.diagnose.lessons import VIEW as LESSONS
from grace_ray.diagnose.lessons import Lessons
from grace_ray.diagnose.live_cluster import LiveCluster
from grace_ray.diagnose.miner import Miner
from grace_ray.diagnose.outbox import Outbox
from grace_ray.diagnose.protection import Alarm, Alarms, SourceRates
from grace_ray.diagnose.recovery import Recovery
from grace_ray.diagnose.signal import Signal, decode
from grace_ray.diagnose.timers import Timers
from grace_ray.diagnose.tuning import Tuning
from grace_ray.settings import TriageSettings

QUIET_S = 3_600.0  # without like events for so long after a mission, what it learned is held to have helped
_SWEPT_AT_ONCE = 200
_RESCORED_FROM = 0.02  # change of urgency with age that is worth writing


class Triage:
    """See core.follower.Follower. `operate` is what persons do; the host commits its effects with cursor None."""

    name = "triage"
    follows = frozenset({"event", "mission", "knowledge"})

    def __init__(self, settings: TriageSettings, miner: Miner) -> None:
        self._settings = settings
        self._miner = miner
        self._clusters = Clusters(settings)
        self._lessons = Lessons(self._clusters)
        self._groups = Groups(self._clusters, self._lessons, miner.resolve)
        self._counters = Counters()
        self._tuning = Tuning(settings)
        self._alarms = Alarms(settings)
        self._rates = SourceRates(settings.noisy_per_minute)
        self._recovery = Recovery()
        self._timers = Timers()
        self._out = Outbox()
        self._to_sweep: list[str] = []
        self._next_sweep_us = 0
        self._is_counted = False  # whether the record of the counters has to be written

    def handle(self, entries: Sequence[Entry], now: datetime) -> Effects:
        """Take events, and what became of missions and knowledge."""
        for entry in entries:
            if entry.kind == "event":
                self._event(entry)
            elif entry.kind == "mission":
                self._mission(entry)
            elif entry.type == "knowledge.applied":
                self._applied(entry)
        return self._effects(entries[-1].recorded_us if entries else to_us(now))

    def tick(self, now: datetime) -> Effects:
        """End overrides, judge quiet periods, delete what was resolved long ago, and let urgency fall with age."""
        now_us = to_us(now)
        for due_us, key in self._timers.due(now_us):
            live = self._clusters.get(key)
            if live is not None and live.merged_into is None:
                self._look_again(live, due_us, now_us)
        self._sweep(now_us)
        return self._effects(now_us, is_due=True)

    def operate(self, action: str, args: Mapping[str, Any], now: datetime) -> tuple[Effects, Any]:
        """Do what a person asks: acknowledge, silence, resolve, reopen, severity, clear, merge, split or undo.

        ``args``: ``cluster_key`` (``keys`` for merge), ``by``, ``note``, and what the action needs. Returns the effects
        and the cluster (for split and undo ``{"clusters": [...]}`` and the cluster) as plain JSON values. A repeat
        returns the same without effects. Raises NotFound, Conflict, InvalidInput.
        """
        if action in overrides.ACTIONS:
            return self._override(action, args, now)
        if action == "merge":
            survivor = self._lessons.merge(args, now)
            effects = self._taught(action, survivor, args, now) if self._lessons.has_changed else Effects()
            return effects, self._shown(survivor)
        if action == "split":
            clusters = self._lessons.split(args, now)
            effects = self._taught(action, clusters[0], args, now) if self._lessons.has_changed else Effects()
            return effects, {"clusters": [self._shown(live) for live in clusters]}
        if action == "undo":
            return self._undo(args, now)
        raise InvalidInput(f"There is no action {action}.", "action")

    def group_of(self, entry: Entry) -> str | None:
        """Return the id of the incident group that an event stands in now, None where it is in none."""
        signal = decode(entry)
        if signal.message:
            mined = self._miner.predict_one(signal.message)
            signal.template_id = mined.template_id if mined is not None else ""
        return self._groups.group_of(signal)

    def state(self) -> bytes:
        """Return what is learned from entries and not kept in records."""
        return orjson.dumps(
            {
                "version": 1,
                "miner": self._miner.state(),
                "rates": self._rates.state(),
                "recovery": self._recovery.state(),
                "units": self._groups.state(),
            }
        )

    def restore(self, state: bytes | None, reader: Reader) -> None:
        """Start from a snapshot and the records as they stand."""
        self.__init__(self._settings, self._miner)  # type: ignore[misc]
        if state is not None:
            plain = orjson.loads(state)
            self._miner.restore(plain["miner"])
            self._rates.restore(plain["rates"])
            self._recovery.restore(plain["recovery"])
            self._groups.restore(plain["units"])
        self._lessons.restore(reader.scan(LESSONS))
        self._clusters.restore(reader.scan(VIEW), reader.scan(PARTS))
        stats = reader.record("triage", "stats")
        if stats is not None and stats.body is not None:
            plain = orjson.loads(stats.body)
            self._counters.restore(plain)
            self._tuning.restore(plain["tuning"])
            self._alarms.restore(plain["alarms"])
        self._groups.settle(reader.scan(GROUPS))
        for live in self._clusters:
            self._set_timers(live)

    def relearn(self, entries: Sequence[Entry]) -> None:
        """Learn again from entries whose effects are in the records already."""
        for entry in entries:
            if entry.kind == "event":
                self._learn(decode(entry))

    def _learn(self, signal: Signal) -> tuple[bool, list[str], list[str]]:
        """Learn what needs no record; return whether its source became noisy, and the keys that a success answers."""
        entry = signal.entry
        signal.is_noisy, became_noisy = self._rates.count(entry.source, entry.recorded_us)
        if signal.success:
            return became_noisy, *self._recovery.succeeded(signal)
        if signal.message:
            mined = self._miner.learn_one(signal.message)
            signal.template_id, signal.template = mined.template_id, mined.template
        if not signal.pattern:
            signal.pattern = f"t-{signal.template_id}" if signal.template_id else signal.entry.type.rsplit(".", 1)[-1]
        self._recovery.failed(signal, signal.rule_key)
        self._groups.learn(signal)
        return became_noisy, [], []

    def _event(self, entry: Entry) -> None:
        signal = decode(entry)
        became_noisy, answered, recovered = self._learn(signal)
        self._counters.event(entry.recorded_us)
        self._is_counted = True
        if became_noisy:
            limit = self._settings.noisy_per_minute
            why = f"{entry.source} sent more than {limit} events in a minute: each is counted, few are kept as samples."
            self._warn(Alarm(kind="noisy_source", subject=entry.source, why=why), entry.recorded_us, entry.id)
        if signal.success:
            self._counters.success_events += 1
            self._succeeded(entry, answered, recovered)
            return
        root, is_new = self._clusters.join(signal)
        count = self._clusters.score(root, entry.recorded_us)
        if is_new:
            self._created(root, entry)
        elif root.status == "resolved":
            self._recurred(root, entry)
        self._consider(root, count, entry.recorded_us, entry.id)

    def _created(self, root: LiveCluster, entry: Entry) -> None:
        self._counters.clusters_created += 1
        names = {"domain": root.domain, "severity": root.severity, "pattern": root.pattern, "event_id": entry.id}
        self._out.finding("cluster.created", root.key, entry.recorded_us, entry.id, {"cluster_key": root.key, **names})

    def _recurred(self, root: LiveCluster, entry: Entry) -> None:
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
        if root.mission_status in ("completed", "helped"):
            body |= {"mission_id": root.mission_id, "statement_ids": list(root.knowledge)}
        self._judge(root, helped=False, at_us=now_us)
        root.status, root.resolved_us, root.resolved_by = "open", None, ""
        root.status = overrides.stance(root)
        root.reopened_count += 1
        root.say(why)
        self._counters.clusters_reopened += 1
        self._out.finding("cluster.reopened", root.key, now_us, entry.id, body)

    def _judge(self, root: LiveCluster, *, helped: bool, at_us: int) -> None:
        if root.mission_status != "completed":
            return
        root.mission_status = "helped" if helped else "did_not_help"
        before = self._tuning.thresholds(root.domain)
        after = self._tuning.observe(root.domain, helped=helped, at_us=at_us)
        if after != before and after.why != before.why:
            root.say(after.why)

    def _consider(self, root: LiveCluster, count: int, now_us: int, cause: str) -> None:
        if root.mission_status == "open" or root.status == "resolved":
            return
        severity, thresholds = self._clusters.severity(root), self._tuning.thresholds(root.domain)
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

    def _mission(self, entry: Entry) -> None:
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
        self._is_counted = True
        if ending == "completed":
            self._counters.missions_completed += 1
        elif ending != "cancelled":
            self._counters.missions_failed += 1
        alarm = self._alarms.mission_ended(succeeded=ending == "completed") if ending != "cancelled" else None
        if alarm is not None:
            self._warn(alarm, entry.recorded_us, entry.id)
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
                self._resolve(live, f"mission {live.mission_id}", entry.recorded_us, entry.id)
            return
        live.say("Its mission ended without learning anything." if ending == "completed" else f"Its mission {ending}.")
        if ending != "cancelled":
            self._tuning.observe(live.domain, helped=False, at_us=entry.recorded_us)

    def _applied(self, entry: Entry) -> None:
        body = entry.content()
        live = self._clusters.get(str(body.get("cluster_key") or ""))
        if live is None:
            return
        live.knowledge = list(dict.fromkeys([*live.knowledge, *map(str, body.get("statement_ids") or ())]))[-100:]
        self._clusters.touch(live)

    def _succeeded(self, entry: Entry, answered: Sequence[str], recovered: Sequence[str]) -> None:
        for key in answered:
            live = self._clusters.get(key)
            if live is None:
                continue
            live.recent = round(max(0.0, live.recent - 0.5), 6)
            root = self._clusters.root(live)
            self._clusters.score(root, entry.recorded_us)
            self._clusters.touch(live)
            if key in recovered and root is live and live.status == "open" and len(self._clusters.members(live)) == 1:
                self._resolve(live, f"recovery ({entry.type})", entry.recorded_us, entry.id)

    def _resolve(self, live: LiveCluster, by: str, at_us: int, cause: str) -> None:
        live.status, live.resolved_us, live.resolved_by = "resolved", at_us, by
        live.say(f"It was resolved by {by}.")
        self._counters.clusters_resolved += 1
        self._clusters.touch(live)
        self._set_timers(live)
        body = {"cluster_key": live.key, "by": by, "mission_id": live.mission_id}
        self._out.finding("cluster.resolved", live.key, at_us, cause, body)

    def _set_timers(self, live: LiveCluster) -> None:
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
                self._consider(live, count, now_us, live.key)
        if live.status != "resolved" or live.resolved_us is None:
            return
        quiet_s = (now_us - live.resolved_us) / 1e6
        if quiet_s >= QUIET_S and live.mission_status == "completed":
            self._judge(live, helped=True, at_us=due_us)
            why = f"No like event came within {QUIET_S:.0f} s after its mission."
            live.say(why)
            self._clusters.touch(live)
            told = {"mission_id": live.mission_id, "quiet_s": QUIET_S, "statement_ids": list(live.knowledge)}
            quiet = {"cluster_key": live.key, "reason": why, **told}
            self._out.finding("cluster.stayed_quiet", live.key, due_us, live.mission_id or "", quiet)
        if quiet_s >= self._settings.delete_resolved_after_s:
            self._clusters.delete(live)
            self._out.finding("cluster.deleted", live.key, due_us, "", {"cluster_key": live.key})

    def _sweep(self, now_us: int) -> None:
        if not self._to_sweep and now_us >= self._next_sweep_us:
            self._to_sweep = [live.key for live in self._clusters if live.recurrence > 0 and live.status != "resolved"]
            self._next_sweep_us = now_us + int(self._settings.sweep_interval_s * 1e6)
        rest = len(self._to_sweep) - _SWEPT_AT_ONCE
        now_due, self._to_sweep = self._to_sweep[: max(rest, 0) or None], []
        for key in now_due:
            live = self._clusters.get(key)
            if live is None or live.merged_into is not None:
                continue
            before = live.urgency, live.recurrence
            self._clusters.score(live, now_us)
            if before[0] - live.urgency >= _RESCORED_FROM or (live.recurrence == 0 and before[1] > 0):
                self._clusters.touch(live)
            else:
                live.urgency, live.recurrence = before

    def _override(self, action: str, args: Mapping[str, Any], now: datetime) -> tuple[Effects, Any]:
        live = self._addressed(args)
        was_resolved = live.status == "resolved"
        if not overrides.ACTIONS[action](live, args, now):
            return Effects(), self._shown(live)
        now_us = to_us(now)
        by = overrides.text_arg(args, "by") or "operator"
        self._clusters.score(live, now_us)
        live.say(f"{by}: {action}" + (f" ({args['note']})" if args.get("note") else ""))
        if live.status == "resolved" and not was_resolved:
            self._counters.clusters_resolved += 1
            self._out.finding("cluster.resolved", live.key, now_us, by, {"cluster_key": live.key, "by": by})
        self._set_timers(live)
        return self._taught(action, live, args, now), self._shown(live)

    def _undo(self, args: Mapping[str, Any], now: datetime) -> tuple[Effects, Any]:
        key = str(args.get("cluster_key") or "")
        lesson = self._lessons.undo(key)
        live = next((found for name in (key, *lesson.keys) if (found := self._clusters.get(name))), None)
        if live is None:
            raise NotFound(f"There is no cluster {key}.", "cluster_key")
        return self._taught("undo", live, args, now), self._shown(live)

    def _taught(self, action: str, live: LiveCluster, args: Mapping[str, Any], now: datetime) -> Effects:
        """Put a person's action on the journal."""
        self._clusters.touch(live)
        now_us = to_us(now)
        by = overrides.text_arg(args, "by") or "operator"
        told = {
            name: to_plain(args[name])
            for name in ("note", "until", "for_s", "value", "keys", "templates")
            if name in args
        }
        self._counters.operator_actions += 1
        self._is_counted = True
        self._out.operator(action, live.key, now_us, by, {"cluster_key": live.key, "by": by, **told})
        return self._effects(now_us)

    def _addressed(self, args: Mapping[str, Any]) -> LiveCluster:
        key = str(args.get("cluster_key") or "")
        live = self._clusters.get(key)
        if live is None:
            raise NotFound(f"There is no cluster {key}.", "cluster_key")
        if live.merged_into is not None:
            raise Conflict(f"{key} was merged into {live.merged_into}: act on that, or undo the merge.", "cluster_key")
        return live

    def _shown(self, live: LiveCluster) -> dict[str, Any]:
        shown = self._clusters.shown(live) if live.merged_into is None else live
        plain: dict[str, Any] = orjson.loads(orjson.dumps(shown.plain()))
        return plain

    def _warn(self, alarm: Alarm, at_us: int, cause: str) -> None:
        body = {"kind": alarm.kind, "subject": alarm.subject, "reason": alarm.why}
        self._out.finding(f"cluster.warning.{alarm.kind}", alarm.subject, at_us, cause, body)

    def _effects(self, at_us: int, *, is_due: bool = False) -> Effects:
        groups = self._groups.update(at_us, self._out, is_due=is_due)
        records = self._clusters.drain() + groups
        alarm = self._alarms.clusters(self._clusters.active)
        if alarm is not None:
            self._warn(alarm, at_us, "")
        records += self._lessons.drain()
        if self._is_counted or records:
            records.append(self._stats(at_us))
            self._is_counted = False
        return Effects(facts=self._out.take(), records=records)

    def _stats(self, at_us: int) -> Record:
        active = self._clusters.active
        body = {
            **self._counters.plain(),
            "active_clusters": active,
            "average_urgency": round(max(0.0, self._clusters.urgency_sum) / active, 4) if active else 0.0,
            "learning_coverage": round(self._clusters.covered / active, 4) if active else 0.0,
            "noisy_sources": self._rates.noisy(at_us),
            "warnings": self._alarms.active(),
            "tuning": self._tuning.state(),
            "alarms": self._alarms.state(),
        }
        return Record("triage", "stats", "", 0.0, orjson.dumps(body, option=orjson.OPT_SORT_KEYS))
