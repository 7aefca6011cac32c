"""The launcher: requested missions wait in a queue, run under a lease, and each ends exactly once.

A pure follower: the host (an actor) commits the effects of a call before it acts on them, so the journal says that a
mission starts before a worker does. A worker that is silent for ``lease_s`` has lost its mission and must stop by
itself; only then another attempt starts. What an older attempt brings home late is ignored.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from grace_ray.act.missions.ledger import SOURCE, Changes, Ledger, mission_fact, to_record
from grace_ray.act.missions.priority import OutcomeModel, base_order, credited, kind_of
from grace_ray.act.missions.requests import cancelled_decision, is_by_person, operator_mission, requested_mission
from grace_ray.core.canonical import canonical
from grace_ray.core.clock import from_us, to_text
from grace_ray.core.entry import Entry
from grace_ray.core.errors import Backpressure, Conflict, Disabled, InvalidInput, NotFound
from grace_ray.core.fact import Fact
from grace_ray.core.follower import NOTHING, Effects
from grace_ray.core.ids import derived_id
from grace_ray.core.jsonable import to_plain
from grace_ray.core.mission import Findings, Mission, StrategyReport
from grace_ray.core.store import Reader, Record
from grace_ray.settings import MissionSettings

MODEL_VIEW = "mission_outcomes"
MODEL_KEY = "model"
LIMIT_KEY = "limit"
_LIMIT_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A mission to start now: on which worker, as which attempt (from 1), with which strategies in which order."""

    mission: Mission
    attempt: int
    worker: str
    strategies: Sequence[str]


class Launcher:
    """Queue, leases and outcomes of missions; see the module for the rules.

    Everything it knows is in the records of the views "missions" and "mission_outcomes": ``state`` is empty, and
    ``restore`` reads them. The host may call ``running`` after a restart to re-attach to workers that still run.
    """

    name = "mission_launcher"
    follows = frozenset({"decision", "finding"})

    def __init__(self, settings: MissionSettings) -> None:
        self._settings = settings
        self._ledger = Ledger()
        self._model = OutcomeModel()
        self._listens_since: datetime | None = None
        self._max_running = settings.max_running

    def handle(self, entries: Sequence[Entry], now: datetime) -> Effects:
        """Take requests and what became of clusters."""
        changes = Changes()
        for entry in entries:
            if entry.type == "mission.requested":
                self._request(requested_mission(entry, self._model), entry.id, now, changes)
            elif entry.type == "cluster.resolved" and is_by_person(entry):
                self._drop_waiting(entry, now, changes)
            elif entry.type in {"cluster.stayed_quiet", "cluster.reopened"}:
                self._outcome(entry, changes)
        return changes.effects()

    def tick(self, now: datetime) -> Effects:
        """End what ran out of time, and take back what a silent worker lost."""
        changes = Changes()
        self._listens_since = self._listens_since or now  # while nobody listened, no worker was silent
        heard_by = self._listens_since + timedelta(seconds=self._settings.lease_s)
        for mission in self._ledger.running():
            if mission.started_at and now >= mission.started_at + timedelta(seconds=self._settings.timeout_s):
                error = f"The mission did not end within {self._settings.timeout_s:.0f} s."
                self._end(mission, "timed_out", now, changes, error=error)
            elif now >= max(mission.lease_until or now, heard_by):
                error = f"Worker {mission.worker} was silent for {self._settings.lease_s:.0f} s."
                self._retry(mission, error, now, changes)
        return changes.effects()

    def starts(
        self, now: datetime, free_workers: Sequence[str], held: Collection[str] = ()
    ) -> tuple[Effects, list[Start]]:
        """Give waiting missions to free workers, as far as the cap allows. The host commits, then starts them.

        Missions ``held`` (ids) wait on: a worker that has lost such a one has not been stopped yet.
        """
        running = self._ledger.running()
        busy = {mission.worker for mission in running}
        free = [worker for worker in dict.fromkeys(free_workers) if worker not in busy]
        room = max(0, self._max_running - len(running))
        changes, started = Changes(), []
        waiting = [mission for mission in self._ledger.pending() if mission.mission_id not in held]
        for mission, worker in zip(waiting[:room], free, strict=False):
            started.append(self._start(mission, worker, now, changes))
        return changes.effects(), started

    def heartbeat(self, mission_id: str, attempt: int, now: datetime) -> tuple[Effects, bool]:
        """Extend a lease; it is on record before the worker hears of it.

        False: the mission is no longer this attempt's (ended, cancelled, lost), and the worker must stop.
        """
        mission = self._held(mission_id, attempt)
        if mission is None:
            return NOTHING, False
        changes = Changes()
        self._put(replace(mission, lease_until=self._lease(now)), changes)
        return changes.effects(), True

    def progress(self, mission_id: str, attempt: int, report: StrategyReport, now: datetime) -> tuple[Effects, bool]:
        """Note what one strategy did; counts as a heartbeat."""
        mission = self._held(mission_id, attempt)
        if mission is None:
            return NOTHING, False
        reports = [*(done for done in mission.strategies if done.strategy != report.strategy), report]
        mission = replace(mission, strategies=tuple(reports), lease_until=self._lease(now))
        body = {"mission_id": mission_id, "cluster_key": mission.cluster_key, "attempt": attempt, **to_plain(report)}
        changes = Changes()
        self._put(mission, changes, mission_fact(mission, "mission.progress", now, body, key=report.strategy))
        return changes.effects(), True

    def finished(self, mission_id: str, attempt: int, findings: Findings, now: datetime) -> Effects:
        """Take what a worker brought home: knowledge completes the mission, none fails it."""
        mission = self._held(mission_id, attempt)
        if mission is None:
            return NOTHING
        mission = replace(
            mission,
            strategies=tuple(findings.reports),
            sources=tuple(dict.fromkeys(source for report in findings.reports for source in report.sources)),
            knowledge_acquired=tuple(findings.statements),
            summary=findings.summary,
        )
        changes = Changes()
        status = "completed" if findings.statements else "failed"
        error = "" if findings.statements else findings.summary
        self._end(mission, status, now, changes, error=error, facts=_document_facts(mission, findings, now))
        return changes.effects()

    def failed(self, mission_id: str, attempt: int, error: str, now: datetime, worker_died: bool = False) -> Effects:
        """Take a worker's failure. A death is tried again elsewhere, at most ``attempts_max`` times in all."""
        mission = self._held(mission_id, attempt)
        if mission is None:
            return NOTHING
        changes = Changes()
        if worker_died:
            self._retry(mission, error, now, changes)
        else:
            self._end(mission, "failed", now, changes, error=error)
        return changes.effects()

    def max_running(self) -> int:
        """Return how many missions may run at once: what the settings say, or a playbook or person has said since."""
        return self._max_running

    def operate(self, action: str, args: Mapping[str, Any], now: datetime) -> tuple[Effects, Any]:
        """Do what a person asks for and return the mission as it is then.

        ``create`` takes description or question, and topic, mission_type, cluster_key, priority, by, key; ``cancel``
        takes mission_id, by, note; ``limit`` takes max_running (0..64, None: as the settings say) and by, and answers
        how many may run at once. Raises InvalidInput, NotFound, Conflict, Backpressure, Disabled.
        """
        if action == "limit":
            return self._limit(args, now)
        if action == "create":
            return self._create(args, now)
        if action == "cancel":
            return self._cancel(args, now)
        raise InvalidInput(f"There is no action {action!r} on missions; there are create, cancel and limit.", "action")

    def running(self) -> list[Mission]:
        """Return the missions that hold a lease, with worker and attempt."""
        return self._ledger.running()

    def pending(self) -> list[Mission]:
        """Return the missions that wait, the next one first."""
        return self._ledger.pending()

    def state(self) -> bytes:
        """Return nothing: all of it is in the records."""
        return b""

    def restore(self, state: bytes | None, reader: Reader) -> None:
        """Start from the records as they stand; running missions keep their lease."""
        self._ledger = Ledger.of(reader)
        self._listens_since = None
        limit = reader.record(MODEL_VIEW, LIMIT_KEY)
        said = json.loads(limit.body) if limit and limit.body else {}
        self._max_running = said.get("max_running", self._settings.max_running)
        record = reader.record(MODEL_VIEW, MODEL_KEY)
        self._model = OutcomeModel()
        if record and record.body:
            self._model.restore(json.loads(record.body))

    def relearn(self, entries: Sequence[Entry]) -> None:
        """Do nothing: records are as new as the cursor."""

    def _create(self, args: Mapping[str, Any], now: datetime) -> tuple[Effects, Mission]:
        if not self._settings.enabled:
            raise Disabled("Missions are switched off.", "missions.enabled")
        mission = operator_mission(args, self._model, now)
        known = self._ledger.get(mission.mission_id)
        if known:
            return NOTHING, known
        other = self._ledger.open_of(mission.cluster_key)
        if other:
            raise Conflict(f"Mission {other.mission_id} of this cluster has not ended.", "cluster_key")
        if len(self._ledger.pending()) >= self._settings.queue_max:
            raise Backpressure(f"The queue is full: {self._settings.queue_max} missions wait.", retry_after_s=60.0)
        changes = Changes()
        self._put(mission, changes, mission_fact(mission, "mission.created", now))
        return changes.effects(), mission

    def _limit(self, args: Mapping[str, Any], now: datetime) -> tuple[Effects, int]:
        wanted = args.get("max_running")
        if isinstance(wanted, bool) or not isinstance(wanted, int | None) or not 0 <= (wanted or 0) <= _LIMIT_MAX:
            raise InvalidInput(f"max_running is a whole number from 0 to {_LIMIT_MAX}.", "max_running")
        before, by = self._max_running, str(args.get("by") or "operator")
        self._max_running = self._settings.max_running if wanted is None else wanted
        is_default = self._max_running == self._settings.max_running
        body = None if is_default else canonical({"max_running": self._max_running, "by": by})
        decision = Fact(
            id=derived_id(now, "operator.limit_missions", by, str(self._max_running)),
            at=now,
            kind="decision",
            type="operator.limit_missions",
            source=SOURCE,
            subject="max_running",
            body={"by": by, "max_running": self._max_running, "before": before},
        )
        changes = Changes()
        changes.add(Record(MODEL_VIEW, LIMIT_KEY, "", 0.0, body), decision)
        return changes.effects(), self._max_running

    def _cancel(self, args: Mapping[str, Any], now: datetime) -> tuple[Effects, Mission]:
        mission_id = str(args.get("mission_id") or args.get("id") or "")
        mission = self._ledger.get(mission_id)
        if mission is None:
            raise NotFound(f"There is no open mission {mission_id}.", "mission_id")
        if not mission.is_open:
            raise Conflict(f"The mission has ended already: it is {mission.status}.", "mission_id")
        decision = cancelled_decision(mission, args, now)
        by, note = decision.body["by"], decision.body["note"]
        changes = Changes()
        changes.add(to_record(mission), decision)
        error = f"Cancelled by {by}{f': {note}' if note else ''}."
        ended = self._end(mission, "cancelled", now, changes, error=error, cause=decision.id)
        return changes.effects(), ended

    def _request(self, mission: Mission, cause: str, now: datetime, changes: Changes) -> None:
        """Let a new mission in, or end it at once with the reason; a repeated request changes nothing."""
        if self._ledger.get(mission.mission_id):
            return
        other = self._ledger.open_of(mission.cluster_key)
        self._put(mission, changes, mission_fact(mission, "mission.created", mission.created_at, cause=cause))
        if not self._settings.enabled:
            self._end(mission, "cancelled", now, changes, error="Missions are switched off (missions.enabled).")
        elif other:
            error = f"Mission {other.mission_id} of this cluster has not ended."
            self._end(mission, "cancelled", now, changes, error=error)
        for excess in self._ledger.pending()[self._settings.queue_max :]:
            error = f"The queue is full: {self._settings.queue_max} missions wait, and all of them are more urgent."
            self._end(excess, "cancelled", now, changes, error=error)

    def _drop_waiting(self, entry: Entry, now: datetime, changes: Changes) -> None:
        mission = self._ledger.open_of(entry.content().get("cluster_key") or entry.subject)
        if mission and mission.status == "pending":
            error = "A person resolved the cluster before the mission started."
            self._end(mission, "cancelled", now, changes, error=error, cause=entry.id)

    def _outcome(self, entry: Entry, changes: Changes) -> None:
        """Learn whether a cluster's last completed mission helped; the same verdict again teaches nothing."""
        has_helped = entry.type == "cluster.stayed_quiet"
        mission = self._ledger.learned_of(entry.content().get("cluster_key") or entry.subject)
        if mission is None or mission.helped is has_helped:
            return
        contributed, empty_handed = credited(mission)
        self._model.learn_one(
            kind_of(mission.cluster_key), contributed, empty_handed, has_helped, from_us(entry.recorded_us)
        )
        body = {"helped": has_helped, "contributed": sorted(contributed), "empty_handed": sorted(empty_handed)}
        said = mission_fact(mission, "mission.judged", from_us(entry.recorded_us), body, cause=entry.id, key=entry.id)
        self._put(replace(mission, helped=has_helped), changes, said)
        changes.add(Record(MODEL_VIEW, MODEL_KEY, "", 0.0, canonical(self._model.state())))

    def _start(self, mission: Mission, worker: str, now: datetime, changes: Changes) -> Start:
        settings = self._settings
        chances = self._model.order(
            base_order(settings.strategies, settings.learning_priority), mission.cluster_key, now
        )
        mission = replace(
            mission,
            status="running",
            started_at=now,
            attempt=mission.attempt + 1,
            worker=worker,
            lease_until=self._lease(now),
            strategies=(),
        )
        body = {
            "mission_id": mission.mission_id,
            "cluster_key": mission.cluster_key,
            "attempt": mission.attempt,
            "worker": worker,
            "lease_until": to_text(self._lease(now)),
            "strategies": [{"strategy": name, "chance": round(chance, 4)} for name, chance in chances],
        }
        self._put(mission, changes, mission_fact(mission, "mission.started", now, body))
        return Start(
            mission=mission, attempt=mission.attempt, worker=worker, strategies=tuple(name for name, _ in chances)
        )

    def _held(self, mission_id: str, attempt: int) -> Mission | None:
        mission = self._ledger.get(mission_id)
        return mission if mission and mission.status == "running" and mission.attempt == attempt else None

    def _retry(self, mission: Mission, error: str, now: datetime, changes: Changes) -> None:
        """Put a mission whose worker is gone back into the queue, or fail it after the last attempt."""
        if mission.attempt >= self._settings.attempts_max:
            error = f"{error} It was attempt {mission.attempt} of {self._settings.attempts_max}."
            self._end(mission, "failed", now, changes, error=error)
            return
        body = {
            "mission_id": mission.mission_id,
            "cluster_key": mission.cluster_key,
            "attempt": mission.attempt,
            "status": "worker_lost",
            "detail": error,
        }
        waiting = replace(mission, status="pending", worker=None, lease_until=None, error=error)
        self._put(waiting, changes, mission_fact(mission, "mission.progress", now, body, key="worker_lost"))

    def _end(
        self,
        mission: Mission,
        status: str,
        now: datetime,
        changes: Changes,
        *,
        error: str = "",
        cause: str = "",
        facts: Sequence[Fact] = (),
    ) -> Mission:
        ended = replace(mission, status=status, ended_at=now, lease_until=None, error=error)
        self._put(ended, changes, mission_fact(ended, f"mission.{status}", now, cause=cause), *facts)
        return ended

    def _put(self, mission: Mission, changes: Changes, *facts: Fact) -> None:
        self._ledger.put(mission)
        changes.add(to_record(mission), *facts)

    def _lease(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self._settings.lease_s)


def _document_facts(mission: Mission, findings: Findings, at: datetime) -> list[Fact]:
    """Return the facts that hand what a mission read to knowledge."""
    return [
        Fact(
            id=derived_id(at, mission.mission_id, "knowledge.document", document.source),
            at=at,
            kind="knowledge",
            type="knowledge.document",
            source=SOURCE,
            subject=document.source,
            trace=mission.cluster_key or mission.mission_id,
            body=to_plain(document),
        )
        for document in findings.documents
    ]
