"""A house in memory around triage: a journal, records, and a host that may be killed at any moment."""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from grace_ray.core.clock import to_us
from grace_ray.core.entry import Entry
from grace_ray.core.event import Event
from grace_ray.core.fact import Fact, Row
from grace_ray.core.store import ANY, EntryFilter, FollowerState, Record, RecordPage
from grace_ray.diagnose.triage import Triage
from grace_ray.models.templates.miner import TemplateMiner
from grace_ray.settings import TriageSettings

START = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass
class MemoryReader:
    """The part of core.store.Reader that triage and its views use."""

    journal: list[Entry] = field(default_factory=list)
    rows: dict[tuple[str, str], Record] = field(default_factory=dict)
    state: FollowerState = field(default_factory=lambda: FollowerState(0, None, 0))

    def head(self) -> int:
        return len(self.journal)

    def entries(self, after: int, limit: int, where: EntryFilter = ANY) -> list[Entry]:
        return [e for e in self.journal[after:] if _matches(e, where)][:limit]

    def latest(self, limit: int, where: EntryFilter = ANY, before: int | None = None) -> list[Entry]:
        return [e for e in reversed(self.journal[: before and before - 1]) if _matches(e, where)][:limit]

    def find(self, entry_id: str) -> list[Entry]:
        return [e for e in self.journal if e.id == entry_id]

    def record(self, view: str, key: str) -> Record | None:
        return self.rows.get((view, key))

    def records(self, view: str, status: str | None = None, limit: int = 100, after: str | None = None) -> RecordPage:
        found = [r for (name, _), r in self.rows.items() if name == view and status in (None, r.status)]
        return RecordPage(sorted(found, key=lambda r: (-r.rank, r.key))[:limit], None)

    def scan(self, view: str) -> list[Record]:
        return [record for (name, _), record in self.rows.items() if name == view]

    def count(self, view: str) -> dict[str, int]:
        counts: dict[str, int] = {}
        for record in self.scan(view):
            counts[record.status] = counts.get(record.status, 0) + 1
        return counts

    def follower(self, name: str) -> FollowerState:
        return self.state

    def close(self) -> None:
        pass


def _matches(entry: Entry, where: EntryFilter) -> bool:
    return (
        (not where.kinds or entry.kind in where.kinds)
        and where.source in ("", entry.source)
        and where.type in ("", entry.type)
        and where.subject in ("", entry.subject)
        and where.trace in ("", entry.trace)
        and where.text.lower() in (entry.body or b"").decode().lower()
    )


class House:
    """Journal, store and host of one triage, with a clock that the test moves."""

    def __init__(self, **settings: Any) -> None:
        self.settings = TriageSettings(**settings)
        self.reader = MemoryReader()
        self.now = START
        self.numbers = itertools.count(1)
        self.triage = self._fresh()

    def _fresh(self) -> Triage:
        return Triage(self.settings, TemplateMiner(self.settings.templates_max))

    def append(self, *rows: Row) -> list[Entry]:
        added = []
        known = {(entry.source, entry.id) for entry in self.reader.journal}
        for row in rows:
            if (row.source, row.id) in known:
                continue
            entry = Entry(len(self.reader.journal) + 1, *row[:8], to_us(self.now), b"", row.body)
            self.reader.journal.append(entry)
            added.append(entry)
        return added

    def event(self, type_: str = "error.unhandled", **fields: Any) -> Entry:
        """Append one event, not yet triaged."""
        defaults = {"id": f"e{next(self.numbers)}", "source": "test", "at": self.now, "domain": "system"}
        event = Event(**{"type": type_, "severity": "high", "pattern": "error", **defaults, **fields})
        return self.append(event.to_row())[0]

    def mission(self, ending: str, mission_id: str, cluster_key: str, learned: int = 1) -> None:
        """Say on the journal what became of a mission, and triage it."""
        body = {
            "mission_id": mission_id,
            "cluster_key": cluster_key,
            "status": ending,
            "knowledge_acquired": [{"id": f"s{n}"} for n in range(learned)],
        }
        id_ = f"m{next(self.numbers)}"
        source = "grace/mission_launcher"
        fact = Fact(id=id_, at=self.now, kind="mission", type=f"mission.{ending}", source=source, body=body)
        self.append(fact.to_row())
        self.run()

    def commit(self, effects: Any, cursor: int | None = None) -> None:
        """Make effects durable."""
        self.append(*(fact.to_row() for fact in effects.facts))
        for record in effects.records:
            if record.body is None:
                self.reader.rows.pop((record.view, record.key), None)
            else:
                self.reader.rows[record.view, record.key] = record
        if cursor is not None:
            self.reader.state = self.reader.state._replace(cursor=cursor)

    def batch(self, limit: int = 1000) -> list[Entry]:
        """What triage has not taken yet."""
        where = EntryFilter(kinds=self.triage.follows)
        return self.reader.entries(self.reader.state.cursor, limit, where)

    def run(self, limit: int = 1000) -> None:
        """Handle and commit until nothing is left."""
        while batch := self.batch(limit):
            self.commit(self.triage.handle(batch, self.now), batch[-1].seq)

    def save(self) -> None:
        """Keep a snapshot as of the cursor."""
        cursor = self.reader.state.cursor
        self.reader.state = FollowerState(cursor, self.triage.state(), cursor)

    def kill(self) -> None:
        """Lose the process; start again from what is durable."""
        self.triage = self._fresh()
        state = self.reader.state
        self.triage.restore(state.state, self.reader)
        where = EntryFilter(kinds=self.triage.follows)
        missed = [e for e in self.reader.entries(state.state_seq, 10**9, where) if e.seq <= state.cursor]
        self.triage.relearn(missed)

    def wait(self, seconds: float) -> None:
        """Let time pass, and tick."""
        self.now += timedelta(seconds=seconds)
        self.commit(self.triage.tick(self.now))

    def operate(self, action: str, cluster_key: str = "", **args: Any) -> Any:
        """Do what a person asks, durably."""
        effects, answer = self.triage.operate(action, {"cluster_key": cluster_key, **args}, self.now)
        self.commit(effects)
        return answer

    def send(self, type_: str = "error.unhandled", **fields: Any) -> dict[str, Any]:
        """Append one event, triage it, and return its cluster."""
        event = Event.from_entry(self.event(type_, **fields))
        self.run()
        return self.cluster(f"{event.domain}:{event.severity}:{event.pattern}")

    def cluster(self, key: str) -> dict[str, Any]:
        """Return a cluster's record as JSON values, empty where there is none."""
        import json

        record = self.reader.rows.get(("clusters", key))
        return json.loads(record.body or b"{}") if record else {}

    def stats(self) -> dict[str, Any]:
        import json

        return json.loads(self.reader.rows["triage", "stats"].body or b"{}")

    def facts(self, type_: str) -> list[dict[str, Any]]:
        """Return the bodies of the facts of a type."""
        return [entry.content() for entry in self.reader.journal if entry.type == type_]


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def new_house() -> type[House]:
    return House
