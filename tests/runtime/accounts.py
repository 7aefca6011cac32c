"""What must be true of a stopped Grace's store, whatever was killed: events once, counted once, missions in order."""

from collections import Counter
from pathlib import Path

import orjson

from grace_ray import wiring
from grace_ray.core.entry import Entry
from grace_ray.core.store import EntryFilter, Reader
from grace_ray.settings import Settings

_PAGE = 5000
ENDS = {"mission.completed", "mission.failed", "mission.timed_out", "mission.cancelled"}


def open_store(home: Path) -> Reader:
    """Return a reader of the store in this home."""
    return wiring.open_reader(Settings(home=home))


def entries(reader: Reader, kind: str) -> list[Entry]:
    """Return every entry of one kind, in order."""
    found: list[Entry] = []
    seq = 0
    while page := reader.entries(seq, _PAGE, EntryFilter(kinds=frozenset({kind}))):
        found += page
        seq = page[-1].seq
    return found


def assert_events_stand_once(reader: Reader, acknowledged: dict[str, list[str]]) -> None:
    """``acknowledged``: ids by source. Each stands on the journal exactly once, and nothing else of these sources."""
    stored = Counter((entry.source, entry.id) for entry in entries(reader, "event") if entry.source in acknowledged)
    expected = Counter((source, event_id) for source, ids in acknowledged.items() for event_id in ids)
    assert stored - expected == Counter(), "on the journal, and never acknowledged, or twice"
    assert expected - stored == Counter(), "acknowledged, and not on the journal"


def assert_events_are_counted_once(reader: Reader, patterns: Counter[str]) -> None:
    """``patterns``: how many events were acknowledged of each. Clusters and statistics say the same."""
    counted: Counter[str] = Counter()
    for record in reader.scan("clusters"):
        cluster = orjson.loads(record.body or b"{}")
        if cluster["domain"] == "chaos":
            counted[cluster["pattern_type"]] += cluster["event_count"]
    assert counted == patterns
    stats = reader.record("triage", "stats")
    assert stats is not None
    taken = reader.count_entries("event", 0, reader.follower("triage").cursor)
    assert orjson.loads(stats.body or b"{}")["events_processed"] == taken
    assert taken == reader.count_entries("event", 0, reader.head())


def assert_missions_ran_in_order(reader: Reader, cap: int) -> int:
    """Return how many missions there were, each of which ended once.

    In journal order never more than ``cap`` run, none starts while it runs, and attempts follow each other.
    """
    attempts: Counter[str] = Counter()
    running: set[str] = set()
    ended: Counter[str] = Counter()
    created: set[str] = set()
    for entry in entries(reader, "mission"):
        mission, body = entry.subject, entry.content()
        if entry.type == "mission.created":
            assert mission not in created, f"{mission} was created twice"
            created.add(mission)
        elif entry.type == "mission.started":
            assert mission not in running, f"{mission} was started while it ran (entry {entry.seq})"
            assert mission not in ended, f"{mission} was started after its end (entry {entry.seq})"
            attempts[mission] += 1
            assert body["attempt"] == attempts[mission]
            running.add(mission)
            assert len(running) <= cap, f"{len(running)} missions run at entry {entry.seq}"
        elif body.get("status") == "worker_lost":
            running.discard(mission)
        elif entry.type in ENDS:
            ended[mission] += 1
            running.discard(mission)
    assert set(ended) == created, "missions that never ended, or were never created"
    assert set(ended.values()) <= {1}, "a mission ended twice"
    return len(created)


def open_missions(reader: Reader) -> int:
    """Return how many missions wait or run."""
    counts = reader.count("missions")
    return counts.get("pending", 0) + counts.get("running", 0)
