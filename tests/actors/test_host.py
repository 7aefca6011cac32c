"""The host of a follower, on a real journal in this process: what fails midway is forgotten, and done once."""

import asyncio
from pathlib import Path
from typing import ClassVar

import pytest

from actors.host import Host
from grace_ray.adapters.store import sqlite
from grace_ray.core.errors import StaleCursor
from grace_ray.core.fact import Row
from grace_ray.core.follower import NOTHING, Effects
from grace_ray.core.store import Commit, Record
from grace_ray.prove.journal import Journal


class LocalJournal:
    """The journal as JournalClient shows it, without Ray between; ``late`` is committed before whatever comes next."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.late: list[Commit] = []

    async def commit(self, commit: Commit):
        while self.late:
            self.journal.commit(self.late.pop(0))
        return self.journal.commit(commit)

    async def follow(self, after, limit, kinds, wait_s=0.0):
        await asyncio.sleep(0.01)
        found = self.journal.read(after, limit, kinds)
        return found, found[-1].seq if found else after


class Counter:
    """Counts events in memory, and keeps the count in a record; ``faults`` are raised by ticks, one each."""

    name = "counter"
    follows = frozenset({"event"})
    faults: ClassVar[list[Exception]] = []

    def __init__(self) -> None:
        self.count = 0

    def handle(self, entries, now):
        self.count += len(entries)
        return Effects(records=(Record("counts", "all", "", float(self.count), b"{}"),))

    def tick(self, now):
        if self.faults and self.count:
            raise self.faults.pop()
        return NOTHING

    def state(self):
        return b""

    def restore(self, state, reader):
        record = reader.record("counts", "all")
        self.count = int(record.rank) if record else 0

    def relearn(self, entries):
        return None


@pytest.fixture
def journal(tmp_path: Path):
    journal = Journal(sqlite.writer(tmp_path / "grace.db"))
    journal.recover()
    yield LocalJournal(journal)
    journal.close()


@pytest.fixture
def host(tmp_path: Path, journal, monkeypatch):
    monkeypatch.setattr(Counter, "faults", [])
    host = Host(Counter, lambda: sqlite.reader(tmp_path / "grace.db"), batch=10)
    host._journal = journal
    return host


def append(journal, *numbers):
    journal.journal.append([Row(f"e{n}", n, "event", "t", "s", "", "", "", b"{}") for n in numbers])


async def until(journal, count):
    for _ in range(2000):
        record = journal.journal._writer.record("counts", "all")
        if record and record.rank >= count:
            return
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("fault", [ValueError("a bug"), StaleCursor("not there")])
def test_what_a_part_counted_before_it_failed_is_counted_once(host, journal, fault):
    async def live():
        Counter.faults.append(fault)
        append(journal, 1, 2, 3)
        host.start()
        await asyncio.wait([host._running], timeout=1.5)
        host.start()  # as the supervisor does; a fault of Grace's own is tried again without it
        append(journal, 4)
        await until(journal, 4)
        host._running.cancel()

    asyncio.run(live())
    assert not Counter.faults
    assert journal.journal._writer.record("counts", "all").rank == 4


def test_a_part_starts_from_what_an_earlier_one_sent_and_the_journal_had_not_written_yet(host, journal):
    async def live():
        append(journal, 1)
        record = Record("counts", "all", "", 41.0, b"{}")
        journal.late.append(Commit(follower="counter", expected=0, cursor=1, records=(record,)))
        assert await host.ask("restore_count") == 41

    Counter.restore_count = lambda self: self.count
    asyncio.run(live())


def test_a_bug_in_an_operators_action_leaves_no_trace_in_memory(host, journal):
    def broken(part, now):
        part.count = 99
        raise ValueError("a bug")

    async def live():
        with pytest.raises(ValueError, match="a bug"):
            await host.change(broken)
        assert await host.change(lambda part, _: (NOTHING, part.count)) == 0

    asyncio.run(live())
