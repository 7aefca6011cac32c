"""Triage: the follower that turns events into clusters and groups, and clusters that matter into mission requests.

Everything that decides is in records or is learned from entries alone, entry by entry, so that a crash between any two
commits changes nothing: `restore` reads records and the last snapshot, `relearn` catches up what is learned.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from grace_ray.core.clock import to_us
from grace_ray.core.entry import Entry
from grace_ray.core.follower import NOTHING, Effects
from grace_ray.core.store import Reader, Record
from grace_ray.diagnose.clusters import PARTS, VIEW, Clusters
from grace_ray.diagnose.counters import Counters
from grace_ray.diagnose.groups import VIEW as GROUPS
from grace_ray.diagnose.groups import Groups
from grace_ray.diagnose.lessons import VIEW as LESSONS
from grace_ray.diagnose.lessons import Lessons
from grace_ray.diagnose.lifecycle import Lifecycle
from grace_ray.diagnose.miner import Miner
from grace_ray.diagnose.operator import Operator
from grace_ray.diagnose.outbox import Outbox
from grace_ray.diagnose.protection import Alarm, SourceRates
from grace_ray.diagnose.recovery import Recovery
from grace_ray.diagnose.signal import Signal, decode
from grace_ray.diagnose.sweep import Sweeper
from grace_ray.settings import TriageSettings


class Triage:
    """See core.follower.Follower. `operate` is what persons do; the host commits its effects with cursor None."""

    name = "triage"
    follows = frozenset({"event", "mission", "knowledge"})

    def __init__(self, settings: TriageSettings, miner: Miner) -> None:
        self._settings = settings
        self._miner = miner
        self._blank_miner = miner.state()
        self._start()

    def _start(self) -> None:
        settings = self._settings
        self._out = Outbox()
        self._counters = Counters()
        self._clusters = Clusters(settings)
        self._lessons = Lessons(self._clusters)
        self._lifecycle = Lifecycle(settings, self._clusters, self._counters, self._out)
        self._operator = Operator(self._clusters, self._lessons, self._lifecycle, self._counters, self._out)
        self._groups = Groups(self._clusters, self._lessons, self._miner.resolve)
        self._rates = SourceRates(settings.noisy_per_minute)
        self._recovery = Recovery()
        self._sweeper = Sweeper(settings, self._clusters, self._lessons, self._miner.resolve)
        self._is_counted = False  # whether the record of the counters has to be written

    def handle(self, entries: Sequence[Entry], now: datetime) -> Effects:
        """Take events, and what became of missions and knowledge."""
        for entry in entries:
            if entry.kind == "event":
                self._event(entry)
            elif entry.kind == "mission":
                self._is_counted = True
                self._lifecycle.mission(entry)
            elif entry.type == "knowledge.applied":
                self._lifecycle.applied(entry)
        return self._effects(entries[-1].recorded_us if entries else to_us(now))

    def tick(self, now: datetime) -> Effects:
        """End overrides, judge quiet periods, delete what was resolved long ago, and let urgency fall with age."""
        now_us = to_us(now)
        self._lifecycle.tick(now_us)
        self._sweeper.tick(now)
        return self._effects(now_us, is_due=True)

    def operate(self, action: str, args: Mapping[str, Any], now: datetime) -> tuple[Effects, Any]:
        """Do what a person asks: acknowledge, silence, resolve, reopen, severity, clear, merge, split or undo.

        ``args``: ``cluster_key`` (``keys`` for merge), ``by``, ``note``, and what the action needs: ``until`` or
        ``for_s``, ``value``, ``templates`` or ``keys``. Returns the effects, and the cluster (for split
        ``{"clusters": [...]}``) as plain JSON values. A repeat returns the same without effects.
        Raises NotFound, Conflict, InvalidInput.
        """
        answer, has_changed = self._operator.act(action, args, now)
        return self._effects(to_us(now)) if has_changed else NOTHING, answer

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
        self._start()
        plain = orjson.loads(state) if state is not None else {}
        self._miner.restore(plain.get("miner", self._blank_miner))
        if plain:
            self._rates.restore(plain["rates"])
            self._recovery.restore(plain["recovery"])
            self._groups.restore(plain["units"])
        self._lessons.restore(reader.scan(LESSONS))
        self._clusters.restore(reader.scan(VIEW), reader.scan(PARTS))
        stats = reader.record("triage", "stats")
        if stats is not None and stats.body is not None:
            plain = orjson.loads(stats.body)
            self._counters.restore(plain)
            self._lifecycle.tuning.restore(plain["tuning"])
            self._lifecycle.alarms.restore(plain["alarms"])
        self._groups.settle(reader.scan(GROUPS))
        for live in self._clusters:
            self._lifecycle.set_timers(live)

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
            self._lifecycle.warn(Alarm(kind="noisy_source", subject=entry.source, why=why), entry.recorded_us, entry.id)
        if signal.success:
            self._counters.success_events += 1
            self._lifecycle.succeeded(entry, answered, recovered)
            return
        root, is_new = self._clusters.join(signal)
        count = self._clusters.score(root, entry.recorded_us)
        if is_new:
            self._lifecycle.created(root, entry)
        elif root.status == "resolved":
            self._lifecycle.recurred(root, entry)
        self._lifecycle.consider(root, count, entry.recorded_us, entry.id)

    def _effects(self, at_us: int, *, is_due: bool = False) -> Effects:
        records = self._clusters.drain()
        records += self._groups.update(at_us, self._out, is_due=is_due)
        records += self._clusters.drain()  # clusters that learned their group just now
        alarm = self._lifecycle.alarms.clusters(self._clusters.active)
        if alarm is not None:
            self._lifecycle.warn(alarm, at_us, "")
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
            "warnings": self._lifecycle.alarms.active(),
            "tuning": self._lifecycle.tuning.state(),
            "alarms": self._lifecycle.alarms.state(),
        }
        return Record("triage", "stats", "", 0.0, orjson.dumps(body, option=orjson.OPT_SORT_KEYS))
