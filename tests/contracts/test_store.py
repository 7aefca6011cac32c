"""What core.store promises of a Reader, a Writer and a Transaction, tried on every store that Grace has."""

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import pytest

from grace_ray.adapters.store import postgres, schema, sqlite
from grace_ray.adapters.store.tables import TableReader, TableWriter
from grace_ray.core.entry import Entry
from grace_ray.core.errors import Conflict, InvalidInput, NewerVersion, StoreUnavailable
from grace_ray.core.sample import Point, Series, Snapshot
from grace_ray.core.store import EntryFilter, FollowerState, Record, RecordPage, Transaction


def entry(seq: int, **changes: object) -> Entry:
    body = b'{"seq":%d}' % seq
    made = Entry(
        seq, f"id-{seq}", 1000 + seq, "event", "disk.full", "host/a", "sda", "trace-1", "", 2000 + seq, b"", body
    )
    made = made._replace(**changes)
    return made._replace(body_hash=sha256(made.body or b"").digest())


def write(writer: TableWriter, work: Callable[[Transaction], object]) -> None:
    writer.transact(lambda transaction: work(transaction) and None)


def append(writer: TableWriter, *entries: Entry) -> None:
    write(writer, lambda transaction: transaction.append(entries))


class TestAStoreThatIsNotThereYet:
    """Readers may be there before the writer is."""

    def test_it_reads_as_empty(self, store):
        reader = store.reader()
        assert reader.head() == 0
        assert reader.entries(0, 10) == reader.latest(10) == reader.find("x") == reader.scan("clusters") == []
        assert reader.records("clusters") == RecordPage([], None)
        assert reader.record("clusters", "a") is None
        assert reader.count("clusters") == reader.cursors() == {}
        assert reader.follower("triage") == FollowerState(0, None, 0)
        assert reader.tile(0, 0) == b""
        assert reader.frontier() == reader.checkpoints() == []
        assert reader.checkpoint() is None
        assert reader.series() == reader.points_after(0, 10) == reader.points("m", 0, 10) == []
        assert reader.snapshots("m", 300, 0, 10) == []
        assert reader.last_point() == reader.size_bytes() == 0
        reader.close()

    def test_it_cannot_be_written_before_it_is_migrated_and_can_be_afterwards(self, store):
        writer = store.writer()
        with pytest.raises(StoreUnavailable):
            append(writer, entry(1))
        writer.migrate()
        append(writer, entry(1))
        assert writer.head() == 1
        writer.close()

    def test_a_reader_that_was_there_first_sees_the_store_once_it_is_made(self, store):
        reader = store.reader()
        assert reader.head() == 0
        writer = store.writer()
        writer.migrate()
        append(writer, entry(1))
        assert reader.head() == 1
        reader.close()
        writer.close()


class TestTheSchema:
    """One version of the schema, brought up to date by migrations."""

    def test_migrating_twice_changes_nothing(self, writer, reader):
        append(writer, entry(1))
        writer.migrate()
        assert reader.entries(0, 10) == [entry(1)]

    def test_a_store_of_a_newer_grace_is_refused(self, store, writer):
        store.execute("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(NewerVersion, match="9999"):
            store.writer().migrate()
        with pytest.raises(NewerVersion):
            store.reader().head()

    def test_the_revisions_known_are_those_of_the_migrations(self):
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config()
        config.set_main_option("script_location", schema.__file__.replace("schema.py", "migrations"))
        revisions = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
        assert tuple(reversed(revisions)) == schema.REVISIONS


class TestEntries:
    """The journal's entries."""

    def test_they_come_back_as_they_were_appended_in_order(self, writer, reader):
        odd = entry(2, id='ünï "q" \\ \n', source="", subject="日本", at_us=-5, body=b'{"x":"\xc3\xa9"}')
        append(writer, entry(1), odd)
        append(writer, entry(3))
        assert reader.entries(0, 10) == [entry(1), odd, entry(3)]
        assert reader.entries(1, 1) == [odd]
        assert reader.head() == 3

    def test_filters_narrow_them_alone_and_together(self, writer, reader):
        made = entry(2, kind="finding", type="cluster.created", source="grace/triage", subject="c1", trace="t9")
        append(writer, entry(1), made, entry(3, kind="decision", source="grace/triage"))
        for where in (
            EntryFilter(kinds=frozenset({"finding"})),
            EntryFilter(type="cluster.created"),
            EntryFilter(source="grace/triage", subject="c1"),
            EntryFilter(trace="t9"),
            EntryFilter(kinds=frozenset({"finding", "event"}), source="grace/triage"),
        ):
            assert reader.entries(0, 10, where) == [made], where
            assert reader.latest(10, where) == [made], where
        assert reader.entries(0, 10, EntryFilter(source="nobody")) == []

    def test_they_are_looked_for_between_two_seqs(self, writer, reader):
        append(writer, *map(entry, range(1, 10)))
        between = EntryFilter(lowest=3, highest=6)
        assert [e.seq for e in reader.entries(0, 10, between)] == [3, 4, 5, 6]
        assert [e.seq for e in reader.entries(4, 10, between)] == [5, 6]
        assert [e.seq for e in reader.latest(10, between, 6)] == [5, 4, 3]

    def test_a_text_is_found_in_the_body_in_any_case_and_not_as_a_pattern(self, writer, reader):
        append(writer, entry(1, body=b'{"m":"Disk FULL on sda"}'), entry(2, body=b'{"m":"100% busy"}'), entry(3))
        assert [e.seq for e in reader.entries(0, 10, EntryFilter(text="disk full"))] == [1]
        assert [e.seq for e in reader.entries(0, 10, EntryFilter(text="0% B"))] == [2]
        assert reader.entries(0, 10, EntryFilter(text="1_0")) == []

    def test_the_latest_come_newest_first_and_page_backwards(self, writer, reader):
        append(writer, *map(entry, range(1, 8)))
        assert [e.seq for e in reader.latest(3)] == [7, 6, 5]
        assert [e.seq for e in reader.latest(3, before=5)] == [4, 3, 2]

    def test_an_id_is_found_whoever_used_it(self, writer, reader):
        append(writer, entry(1, id="same"), entry(2, id="same", source="host/b"), entry(3))
        assert [e.seq for e in reader.find("same")] == [1, 2]
        assert reader.find("other") == []

    def test_the_same_source_and_id_conflict_and_nothing_of_the_transaction_is_kept(self, writer, reader):
        append(writer, entry(1))

        def work(transaction: Transaction) -> None:
            transaction.put_follower("triage", 1, b"state")
            transaction.append([entry(2), entry(3, id="id-1")])

        with pytest.raises(Conflict):
            writer.transact(work)
        assert reader.head() == 1
        assert reader.cursors() == {}
        append(writer, entry(2))
        assert reader.head() == 2

    def test_the_same_seq_conflicts(self, writer, reader):
        append(writer, entry(1))
        with pytest.raises(Conflict):
            append(writer, entry(1, id="another"))
        assert reader.entries(0, 10) == [entry(1)]

    def test_seqs_are_looked_up_by_source_and_id_many_at_a_time(self, writer):
        append(writer, *map(entry, range(1, 1203)))
        found = {}
        wanted = [("host/a", f"id-{seq}") for seq in range(1400)] + [("host/b", "id-5")]
        write(writer, lambda transaction: found.update(transaction.seqs(wanted)))
        assert found == {("host/a", f"id-{seq}"): seq for seq in range(1, 1203)}

    def test_a_value_that_the_store_cannot_hold_is_the_callers_fault(self, writer, reader):
        for bad in (entry(1, subject="\ud800"), entry(1, at_us=2**63)):
            with pytest.raises(InvalidInput):
                append(writer, bad)
        append(writer, entry(1))
        assert reader.head() == 1

    def test_events_are_counted_in_a_range(self, writer, reader):
        append(writer, entry(1), entry(2, kind="finding"), entry(3), entry(4))
        assert reader.count_entries("event", 0, 4) == 3
        assert reader.count_entries("event", 1, 3) == 1

    def test_pruned_bodies_are_gone_and_all_else_stays(self, writer, reader):
        append(writer, *map(entry, range(1, 4)), entry(4, kind="finding"), entry(5))
        pruned = []
        write(writer, lambda transaction: pruned.append(transaction.prune_bodies(1, 4, frozenset({"event"}))))
        assert pruned == [2]
        assert [e.body is None for e in reader.entries(0, 10)] == [False, True, True, False, False]
        assert [e._replace(body=None) for e in reader.entries(1, 1)] == [entry(2)._replace(body=None)]
        assert reader.entries(0, 10, EntryFilter(text="seq")) != []


class TestRecords:
    """The views that followers keep."""

    def put(self, writer: TableWriter, *records: Record) -> None:
        write(writer, lambda transaction: transaction.put_records(records))

    def test_the_last_one_put_counts_and_none_deletes(self, writer, reader):
        a, b = Record("clusters", "a", "open", 0.5, b"1"), Record("clusters", "b", "open", 0.1, b"\x00\xff")
        self.put(writer, a._replace(body=b"0"), b, a)
        assert reader.record("clusters", "a") == a
        assert sorted(reader.scan("clusters")) == [a, b]
        assert reader.record("groups", "a") is None
        self.put(writer, a._replace(status="resolved", rank=-2.0), b._replace(body=None))
        assert reader.scan("clusters") == [a._replace(status="resolved", rank=-2.0)]
        self.put(writer, a._replace(body=None), a._replace(body=b"2"))
        assert reader.record("clusters", "a") == a._replace(body=b"2")

    def test_pages_go_down_by_rank_then_up_by_key_and_miss_nothing(self, writer, reader):
        records = [
            Record("clusters", f"{key:03}é", "open" if key % 3 else "resolved", float(key % 4), b"x")
            for key in range(50)
        ]
        self.put(writer, *records, Record("groups", "z", "open", 9.0, b"x"))
        expected = sorted(records, key=lambda record: (-record.rank, record.key))
        assert self.listed(reader, None) == expected
        assert self.listed(reader, "resolved") == [record for record in expected if record.status == "resolved"]
        assert self.listed(reader, "merged") == []

    def listed(self, reader: TableReader, status: str | None) -> list[Record]:
        found: list[Record] = []
        page = reader.records("clusters", status, 7)
        while True:
            assert len(page.items) <= 7
            found += page.items
            if page.next is None:
                return found
            page = reader.records("clusters", status, 7, page.next)

    def test_the_order_of_keys_does_not_hang_on_a_locale(self, writer, reader):
        keys = ["B", "a", "b", "A", "ä", "_", "-"]
        self.put(writer, *(Record("v", key, "", 0.0, b"") for key in keys))
        assert [record.key for record in reader.records("v").items] == sorted(keys)

    @pytest.mark.parametrize("after", ["", "x", "bm9uZQ==", "WzFd", "é", "e30="])
    def test_a_bad_cursor_is_refused_by_name(self, reader, after):
        with pytest.raises(InvalidInput) as refusal:
            reader.records("clusters", after=after)
        assert refusal.value.field == "after"

    def test_what_is_kept_has_a_size(self, writer, reader):
        before = reader.size_bytes()
        self.put(writer, *(Record("v", str(key), "", 0.0, os.urandom(10_000)) for key in range(100)))
        assert reader.size_bytes() - before > 500_000

    def test_they_are_counted_by_status(self, writer, reader):
        self.put(writer, *(Record("v", str(key), "open" if key else "", 0.0, b"") for key in range(4)))
        assert reader.count("v") == {"": 1, "open": 3}


class TestFollowersAndTheTree:
    """What the journal keeps about itself."""

    def test_a_cursor_moves_alone_and_a_snapshot_says_where_it_was_made(self, writer, reader):
        write(writer, lambda transaction: transaction.put_follower("triage", 3, None))
        assert reader.follower("triage") == FollowerState(3, None, 0)
        write(writer, lambda transaction: transaction.put_follower("triage", 5, b"snapshot"))
        write(writer, lambda transaction: transaction.put_follower("triage", 8, None))
        assert reader.follower("triage") == FollowerState(8, b"snapshot", 5)
        assert reader.cursors() == {"triage": (8, 5)}
        inside = []
        write(writer, lambda transaction: inside.append(transaction.follower("triage")))
        assert inside == [FollowerState(8, b"snapshot", 5)]

    def test_tiles_are_replaced_as_they_grow_and_the_frontier_is_the_last_of_each_level(self, writer, reader):
        for tiles in ([(0, 0, b"a")], [(0, 0, b"ab"), (0, 1, b"c"), (1, 0, b"r")], [(0, 2, b"d")]):
            write(writer, lambda transaction, tiles=tiles: transaction.put_tiles(tiles))
        assert reader.tile(0, 0) == b"ab"
        assert reader.frontier() == [(0, 2, b"d"), (1, 0, b"r")]

    def test_checkpoints_come_in_order(self, writer, reader):
        for size in (9, 3, 20):
            write(writer, lambda transaction, size=size: transaction.put_checkpoint(size, b"%d" % size))
        assert reader.checkpoints() == [b"3", b"9", b"20"]
        assert reader.checkpoints(after=3) == [b"9", b"20"]
        assert reader.checkpoint() == b"20"


class TestTransactions:
    """All or nothing, one writer, many readers."""

    def test_work_that_raises_leaves_nothing_and_the_writer_goes_on(self, writer, reader):
        def work(transaction: Transaction) -> None:
            transaction.append([entry(1)])
            transaction.put_records([Record("v", "k", "", 0.0, b"")])
            raise RuntimeError("the caller's own trouble")

        with pytest.raises(RuntimeError):
            writer.transact(work)
        assert reader.head() == 0
        assert reader.scan("v") == []
        append(writer, entry(1))
        assert reader.head() == 1

    def test_a_second_writer_is_kept_out_while_the_first_is_there(self, store, writer, monkeypatch):
        monkeypatch.setattr(sqlite, "BUSY_S", 0.05)
        monkeypatch.setattr(postgres, "LOCK_WAIT_S", 0.05)
        append(writer, entry(1))
        second = store.writer()
        with pytest.raises(StoreUnavailable, match="Another process"):
            append(second, entry(2))
        writer.close()
        append(second, entry(2))
        assert second.head() == 2
        second.close()

    def test_a_reader_serves_many_threads_while_the_writer_writes(self, writer, reader):
        wrong: list[object] = []

        def read() -> None:
            for _ in range(50):
                entries = reader.entries(0, 1000)
                if [e.seq for e in entries] != list(range(1, len(entries) + 1)):
                    wrong.append(entries)

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for seq in range(1, 60):
            append(writer, entry(seq))
        for thread in threads:
            thread.join()
        assert wrong == []
        assert reader.head() == 59

    def test_a_closed_reader_says_so(self, reader):
        reader.close()
        with pytest.raises(StoreUnavailable):
            reader.head()


def point(number: int, series: str = "api.latency_p95", **changes: object) -> Point:
    return Point(series, 1_000_000 * number, float(number))._replace(**changes)


def snapshot(start: int, series: str = "api.latency_p95", step_s: int = 300, **changes: object) -> Snapshot:
    made = Snapshot(
        series=series,
        step_s=step_s,
        start_us=start,
        count=5,
        min=-1.5,
        max=9.0,
        mean=4.0,
        p50=4.5,
        p95=8.0,
        p99=8.5,
        band="good",
    )
    return replace(made, **changes)


class TestSeries:
    """Points of metrics, and the snapshots that sum them up."""

    def put(self, writer: TableWriter, *points: Point) -> int:
        kept: list[int] = []
        write(writer, lambda transaction: kept.append(transaction.put_points(points)))
        return kept[0]

    def test_points_come_back_by_arrival_and_by_time(self, writer, reader):
        late = point(1, value=-1e30)
        assert self.put(writer, point(3), point(2, 'http.latency{zone="b"}')) == 2
        assert self.put(writer, late, point(4)) == 2
        arrived = reader.points_after(0, 10)
        assert [(p.series, p.at_us, p.value) for p in arrived] == [
            ("api.latency_p95", 3_000_000, 3.0),
            ('http.latency{zone="b"}', 2_000_000, 2.0),
            ("api.latency_p95", 1_000_000, -1e30),
            ("api.latency_p95", 4_000_000, 4.0),
        ]
        assert reader.points_after(arrived[1].seq, 1) == [arrived[2]]
        assert reader.last_point() == arrived[-1].seq
        assert reader.points("api.latency_p95", 1_000_000, 4_000_000) == [arrived[2], arrived[0]]
        assert reader.points("api.latency_p95", 0, 2**62, limit=1) == [arrived[2]]
        assert reader.points("unheard.of", 0, 2**62) == []

    def test_a_point_that_comes_again_is_skipped_and_the_first_stays(self, writer, reader):
        assert self.put(writer, point(1), point(2), point(2, value=9.0)) == 2
        assert self.put(writer, point(2, value=7.0), point(3)) == 1
        assert [p.value for p in reader.points("api.latency_p95", 0, 2**62)] == [1.0, 2.0, 3.0]
        seqs = [p.seq for p in reader.points_after(0, 10)]
        assert seqs == sorted(set(seqs))

    def test_series_are_listed_in_order_of_key_in_pages_and_by_metric(self, writer, reader):
        keys = [f'm{{host="{number:04}"}}' for number in range(1200)]
        counter = point(1, "z_total", is_counter=True)
        self.put(writer, *(point(1, key) for key in reversed(keys)), counter, counter._replace(at_us=0))
        assert [s.key for s in reader.series("m", limit=2000)] == keys
        assert [s.key for s in reader.series(after=keys[-2], limit=5)] == [keys[-1], "z_total"]
        assert reader.series("z_total") == [Series("z_total", "z_total", is_counter=True, first_us=1_000_000)]
        assert reader.series("n") == []

    def test_what_is_not_finite_is_refused_and_nothing_of_the_transaction_is_kept(self, writer, reader):
        for value in (float("nan"), float("inf"), float("-inf")):
            with pytest.raises(InvalidInput, match="bad_one"):
                self.put(writer, point(1), point(1, "bad_one", value=value))
            with pytest.raises(InvalidInput, match="bad_one"):
                write(writer, lambda t, value=value: t.put_snapshots([snapshot(0, "bad_one", mean=value)]))
        assert reader.last_point() == 0
        assert reader.series() == []

    def test_a_snapshot_replaces_the_one_of_the_same_series_step_and_start(self, writer, reader):
        first, hourly = snapshot(0), snapshot(0, step_s=3600)
        others = [snapshot(start, band="warning") for start in (300, 600, 900)]
        write(writer, lambda transaction: transaction.put_snapshots([first, hourly, *others]))
        grown = replace(first, count=6, max=1e30, band="critical")
        write(writer, lambda transaction: transaction.put_snapshots([grown]))
        assert reader.snapshots("api.latency_p95", 300, 0, 2**62) == [grown, *others]
        assert reader.snapshots("api.latency_p95", 3600, 0, 2**62) == [hourly]
        assert reader.snapshots("api.latency_p95", 300, 300, 900) == others[:2]
        assert reader.snapshots("api.latency_p95", 300, 0, 2**62, limit=2) == others[1:], "the newest ones"

    def test_old_points_are_pruned_in_steps_up_to_a_seq_whose_number_is_never_used_again(self, writer, reader):
        self.put(writer, *map(point, range(10)))
        pruned: list[int] = []
        write(writer, lambda transaction: pruned.append(transaction.prune_points(6_000_000, 2**62, 4)))
        write(writer, lambda transaction: pruned.append(transaction.prune_points(6_000_000, 5, 4)))
        assert pruned == [4, 1]
        assert [p.value for p in reader.points_after(0, 20)] == [5.0, 6.0, 7.0, 8.0, 9.0]
        last = reader.last_point()
        write(writer, lambda transaction: pruned.append(transaction.prune_points(2**62, 2**62, 100)))
        self.put(writer, point(20))
        assert reader.last_point() > last

    def test_old_snapshots_of_one_step_are_pruned_in_steps(self, writer, reader):
        kept = [snapshot(0, step_s=3600), snapshot(0, series="other", step_s=3600)]
        made = [snapshot(start, series) for start in range(0, 1500, 300) for series in ("a", "b")]
        write(writer, lambda transaction: transaction.put_snapshots([*kept, *made]))
        pruned: list[int] = []
        for _ in range(3):
            write(writer, lambda transaction: pruned.append(transaction.prune_snapshots(300, 900, 4)))
        assert pruned == [4, 2, 0]
        assert [s.start_us for s in reader.snapshots("a", 300, 0, 2**62)] == [900, 1200]
        assert reader.snapshots("other", 3600, 0, 2**62) == kept[1:]

    def test_a_series_is_pruned_when_neither_points_nor_snapshots_of_it_are_left(self, writer, reader):
        self.put(writer, point(1), point(2, "with-points"))
        write(writer, lambda transaction: transaction.put_snapshots([snapshot(0, "with-snapshots")]))
        pruned: list[int] = []
        write(writer, lambda transaction: pruned.append(transaction.prune_series(10)))
        write(writer, lambda transaction: transaction.prune_points(2_000_000, 2**62, 10))
        write(writer, lambda transaction: pruned.append(transaction.prune_series(10)))
        assert pruned == [0, 1]
        assert [series.key for series in reader.series()] == ["with-points", "with-snapshots"]
        self.put(writer, point(3))
        assert [found.at_us for found in reader.points(point(3).series, 0, 2**62)] == [3_000_000], "it may come again"


class TestVacuum:
    """The space of what was deleted comes back, and everything else stays."""

    def test_what_was_deleted_makes_room_and_what_stands_stays(self, store, writer, reader):
        body = b"x" * 4000
        append(writer, *[entry(seq, body=body) for seq in range(1, 301)])
        write(writer, lambda transaction: transaction.prune_bodies(0, 300, frozenset({"event"})))
        before = reader.size_bytes()
        writer.vacuum(30.0)
        if store.name == "sqlite":  # PostgreSQL keeps the room for what comes next
            assert reader.size_bytes() < before / 2
        assert [found.seq for found in reader.entries(0, 1000)] == list(range(1, 301))
        append(writer, entry(301))
        assert reader.head() == 301
