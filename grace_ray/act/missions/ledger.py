"""The missions in memory: which wait, which run, which ended lately; and their records and facts."""

import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from grace_ray.core.canonical import canonical
from grace_ray.core.fact import Fact
from grace_ray.core.follower import Effects
from grace_ray.core.ids import derived_id
from grace_ray.core.jsonable import from_plain, to_plain
from grace_ray.core.mission import Mission
from grace_ray.core.store import Reader, Record

SOURCE = "grace/mission_launcher"
VIEW = "missions"
ENDED_KEPT = 2000
AGEING_S = 1800.0


def to_record(mission: Mission) -> Record:
    """Return the record of a mission: by status, newest first."""
    rank = mission.created_at.timestamp()
    return Record(VIEW, mission.mission_id, mission.status, rank, canonical(to_plain(mission)))


def from_record(record: Record) -> Mission:
    """Return the mission that a record holds."""
    return from_plain(Mission, json.loads(record.body or b"{}"))


def mission_fact(
    mission: Mission,
    fact_type: str,
    at: datetime,
    body: Mapping[str, Any] | None = None,
    cause: str = "",
    key: str = "",
) -> Fact:
    """Return a fact of kind "mission"; its trace is the cluster's key, so that a cluster's missions are found."""
    return Fact(
        id=derived_id(at, mission.mission_id, fact_type, str(mission.attempt), key),
        at=at,
        kind="mission",
        type=fact_type,
        source=SOURCE,
        subject=mission.mission_id,
        trace=mission.cluster_key or mission.mission_id,
        cause=cause,
        body=to_plain(mission) if body is None else body,
    )


def waiting_order(mission: Mission) -> tuple[float, str]:
    """Return the place in the queue, lowest first: by priority, but each AGEING_S of waiting counts one full point.

    So a mission of priority 0 goes before every mission of priority 1 that came half an hour later: none starves. All
    age alike, so the order of two missions never changes.
    """
    return mission.created_at.timestamp() / AGEING_S - mission.priority, mission.mission_id


class Changes:
    """Facts and records as they pile up during one call; the last record of a key wins."""

    def __init__(self) -> None:
        self._facts: list[Fact] = []
        self._records: dict[tuple[str, str], Record] = {}

    def add(self, record: Record, *facts: Fact) -> None:
        """Take a changed record and the facts that say why."""
        self._records[record.view, record.key] = record
        self._facts.extend(facts)

    def effects(self) -> Effects:
        """Return everything so far."""
        return Effects(facts=tuple(self._facts), records=tuple(self._records.values()))


class Ledger:
    """Open missions, and the last ENDED_KEPT ended ones (their outcome may still come)."""

    def __init__(self) -> None:
        self._open: dict[str, Mission] = {}
        self._open_by_cluster: dict[str, str] = {}
        self._ended: OrderedDict[str, Mission] = OrderedDict()
        self._learned_by_cluster: dict[str, str] = {}

    def put(self, mission: Mission) -> None:
        """Keep the mission as it stands now."""
        cluster = mission.cluster_key
        if mission.is_open:
            self._open[mission.mission_id] = mission
            if cluster:
                self._open_by_cluster[cluster] = mission.mission_id
            return
        self._open.pop(mission.mission_id, None)
        if cluster and self._open_by_cluster.get(cluster) == mission.mission_id:
            del self._open_by_cluster[cluster]
        self._ended[mission.mission_id] = mission
        if cluster and mission.status == "completed":
            self._learned_by_cluster[cluster] = mission.mission_id
        while len(self._ended) > ENDED_KEPT:
            _, old = self._ended.popitem(last=False)
            if old.cluster_key and self._learned_by_cluster.get(old.cluster_key) == old.mission_id:
                del self._learned_by_cluster[old.cluster_key]

    def get(self, mission_id: str) -> Mission | None:
        """Return a mission, open or lately ended."""
        return self._open.get(mission_id) or self._ended.get(mission_id)

    def open_of(self, cluster_key: str | None) -> Mission | None:
        """Return the mission of a cluster that has not ended."""
        return self._open.get(self._open_by_cluster.get(cluster_key or "", ""))

    def learned_of(self, cluster_key: str) -> Mission | None:
        """Return the last completed mission of a cluster."""
        return self._ended.get(self._learned_by_cluster.get(cluster_key, ""))

    def pending(self) -> list[Mission]:
        """Return the missions that wait, the next one first."""
        return sorted((m for m in self._open.values() if m.status == "pending"), key=waiting_order)

    def running(self) -> list[Mission]:
        """Return the missions that run, in order of id."""
        return sorted((m for m in self._open.values() if m.status == "running"), key=lambda m: m.mission_id)

    @classmethod
    def of(cls, reader: Reader) -> "Ledger":
        """Return the ledger as the store has it."""
        ledger = cls()
        for status in ("pending", "running"):
            for mission in missions(reader, status):
                ledger.put(mission)
        newest = map(from_record, reader.records(VIEW, None, ENDED_KEPT).items)
        ended = [mission for mission in newest if not mission.is_open]
        for mission in sorted(ended, key=lambda m: (m.ended_at or m.created_at, m.mission_id)):
            ledger.put(mission)
        return ledger


def missions(reader: Reader, status: str) -> Iterator[Mission]:
    """Yield every mission of one status from the store."""
    after: str | None = None
    while True:
        page = reader.records(VIEW, status, 500, after)
        yield from map(from_record, page.items)
        if page.next is None:
            return
        after = page.next
