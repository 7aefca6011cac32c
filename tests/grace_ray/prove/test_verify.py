"""Verification finds any edit, insertion, deletion, reordering and truncation, and names the first bad entry."""

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest

from grace_ray.adapters.store import sqlite
from grace_ray.core.entry import Entry
from grace_ray.core.errors import InvalidInput
from grace_ray.prove import verify as verification
from grace_ray.prove.merkle import Frontier
from grace_ray.prove.verify import Report, verify

LAST = 1500
COLUMNS = ", ".join(Entry._fields)


@pytest.fixture
def kept(house, rows, now) -> list[bytes]:
    """A journal of 1,500 entries with checkpoints at 600, 1,000 and 1,500; returns the file's checkpoints."""
    for first, last in ((1, 600), (601, 1000), (1001, LAST)):
        house.journal.append(rows(first, last))
        house.journal.checkpoint(now)
    house.writer.close()
    return house.notary.kept()


def check(house, checkpoints: list[bytes] | None = None) -> Report:
    reader = sqlite.reader(house.path)
    try:
        kept = house.notary.kept() if checkpoints is None else checkpoints
        return verify(reader, house.notary.public_key(), kept)
    finally:
        reader.close()


def tamper(path: Path, change: Callable[[sqlite3.Connection], object]) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        change(connection)


def shift(connection: sqlite3.Connection, first: int, by: int) -> None:
    """Renumber all entries from ``first`` on, as one who inserts or deletes would to leave no gap."""
    connection.execute("UPDATE entries SET seq = -seq WHERE seq >= ?", (first,))
    connection.execute("UPDATE entries SET seq = -seq + ? WHERE seq < 0", (by,))


def insert(connection: sqlite3.Connection, seq: int) -> None:
    body = b'{"forged":true}'
    forged = (seq, "forged", 1, "event", "t", "s", "", "", "", 1, sha256(body).digest(), body)
    connection.execute(f"INSERT INTO entries VALUES ({', '.join('?' * 12)})", forged)


def edit(connection: sqlite3.Connection, seq: int, column: str, value: object) -> None:
    connection.execute(f"UPDATE entries SET {column} = ? WHERE seq = ?", (value, seq))


def edit_body_and_hash(connection: sqlite3.Connection, seq: int) -> None:
    edit(connection, seq, "body", b'{"number":0}')
    edit(connection, seq, "body_hash", sha256(b'{"number":0}').digest())


def swap(connection: sqlite3.Connection, first: int, second: int) -> None:
    for old, new in ((first, -1), (second, first), (-1, second)):
        connection.execute("UPDATE entries SET seq = ? WHERE seq = ?", (new, old))


def rebuild_tree(connection: sqlite3.Connection, levels: int = 99) -> None:
    """Make the tree fit the entries as they stand, as one who knows the format would."""
    rows = connection.execute(f"SELECT {COLUMNS} FROM entries ORDER BY seq").fetchall()
    _, tiles = Frontier().extended([Entry._make(row).leaf_hash() for row in rows])
    connection.execute("DELETE FROM tiles WHERE level < ?", (levels,))
    connection.executemany("INSERT INTO tiles VALUES (?, ?, ?)", [tile for tile in tiles if tile[0] < levels])


def test_a_journal_that_nobody_touched_is_sound(house, kept):
    report = check(house)
    assert report.is_sound
    assert (report.entries, report.checkpoints) == (LAST, 3)
    assert f'"root":"{report.root}"'.encode() in kept[-1]


def test_an_empty_journal_is_sound(tmp_path):
    report = verify(sqlite.reader(tmp_path / "grace.db"))
    assert (report.is_sound, report.entries) == (True, 0)


def test_pruned_bodies_leave_a_journal_sound(house, kept):
    tamper(house.path, lambda connection: connection.execute("UPDATE entries SET body = NULL WHERE seq < 800"))
    assert check(house).is_sound


@pytest.mark.parametrize(
    ("change", "seq", "entry_id"),
    [
        pytest.param(lambda c: edit(c, 700, "body", b"{}"), 700, "id-700", id="edited body"),
        pytest.param(lambda c: edit_body_and_hash(c, 700), 700, "id-700", id="edited body and hash"),
        pytest.param(lambda c: edit(c, 1, "source", "host/b"), 1, "id-1", id="edited first"),
        pytest.param(lambda c: edit(c, LAST, "at_us", 5), LAST, f"id-{LAST}", id="edited last"),
        pytest.param(lambda c: edit(c, 257, "recorded_us", 5), 257, "id-257", id="edited time"),
        pytest.param(lambda c: edit(c, 3, "id", "other"), 3, "other", id="edited id"),
        pytest.param(lambda c: (edit(c, 9, "body", b"{}"), edit(c, 7, "type", "x")), 7, "id-7", id="two, first named"),
        pytest.param(lambda c: (edit(c, 7, "body", b"{}"), edit(c, 9, "type", "x")), 7, "id-7", id="two, body first"),
        pytest.param(lambda c: c.execute("DELETE FROM entries WHERE seq = 700"), 700, "", id="deleted"),
        pytest.param(lambda c: c.execute("DELETE FROM entries WHERE seq = 1"), 1, "", id="deleted first"),
        pytest.param(
            lambda c: (c.execute("DELETE FROM entries WHERE seq = 700"), shift(c, 701, -1)),
            700,
            "id-701",
            id="closed up",
        ),
        pytest.param(lambda c: (shift(c, 700, 1), insert(c, 700)), 700, "forged", id="inserted"),
        pytest.param(lambda c: insert(c, LAST + 1), LAST + 1, "forged", id="inserted at the end"),
        pytest.param(lambda c: swap(c, 300, 1200), 300, "id-1200", id="reordered"),
        pytest.param(lambda c: c.execute("DELETE FROM entries WHERE seq > 1400"), 1401, "", id="truncated"),
        pytest.param(lambda c: c.execute("DELETE FROM entries"), 1, "", id="emptied"),
        pytest.param(lambda c: c.execute("DELETE FROM tiles"), 1, "id-1", id="tree deleted"),
    ],
)
def test_what_was_changed_is_found_and_the_first_bad_entry_named(house, kept, change, seq, entry_id):
    tamper(house.path, change)
    report = check(house)
    assert not report.is_sound
    assert (report.flaw.seq, report.flaw.id) == (seq, entry_id), report.flaw
    assert check(house, []).flaw == report.flaw, "found without the file of checkpoints, too"


def test_any_one_edit_anywhere_is_found_where_it_is(house, kept):
    rng = random.Random(7)
    for _ in range(40):
        seq, column = rng.randint(1, LAST), rng.choice(Entry._fields[2:9])
        with closing(sqlite3.connect(house.path)) as connection:
            (old,) = connection.execute(f"SELECT {column} FROM entries WHERE seq = ?", (seq,)).fetchone()
        new = 5 if column == "at_us" else f"{old}x"
        tamper(house.path, partial(edit, seq=seq, column=column, value=new))
        assert check(house).flaw.seq == seq, (seq, column)
        tamper(house.path, partial(edit, seq=seq, column=column, value=old))
    assert check(house).is_sound


def test_an_edit_with_the_lowest_tiles_made_to_fit_is_narrowed_to_a_tile(house, kept):
    tamper(house.path, lambda c: (edit_body_and_hash(c, 700), rebuild_tree(c, levels=1)))
    flaw = check(house).flaw
    assert flaw.seq == 513
    assert "513 to 768" in flaw.what


def test_an_edit_with_the_whole_tree_made_to_fit_is_found_by_the_checkpoints(house, kept):
    tamper(house.path, lambda c: (edit_body_and_hash(c, 700), rebuild_tree(c)))
    flaw = check(house).flaw
    assert flaw.seq == 601
    assert "601 to 1000" in flaw.what


def test_a_truncation_with_tree_and_checkpoints_made_to_fit_is_found_by_the_file(house, kept):
    def cut(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM entries WHERE seq > 1200")
        connection.execute("DELETE FROM checkpoints WHERE tree_size > 1200")
        rebuild_tree(connection)

    tamper(house.path, cut)
    assert check(house, []).is_sound, "a copy kept elsewhere is what finds it"
    flaw = check(house).flaw
    assert flaw.seq == 1201
    assert "covers 1500" in flaw.what


def test_a_checkpoint_signed_by_another_key_is_a_flaw(house, kept, tmp_path, now):
    other = type(house.notary)(tmp_path / "other").sign(1000, bytes(32), now)
    assert "bad signature" in check(house, [*kept, other]).flaw.what


def test_what_is_no_checkpoint_is_refused(house, kept):
    with pytest.raises(InvalidInput):
        check(house, [b"junk"])


def test_two_processes_find_what_one_finds(house, kept, monkeypatch):
    monkeypatch.setattr(verification, "_PARALLEL_FROM", 1)
    monkeypatch.setattr(verification, "_SLICE_TILES", 1)
    opener = partial(sqlite.reader, house.path)
    seen: list[int] = []
    report = verify(opener(), house.notary.public_key(), kept, open_reader=opener, on_progress=seen.append)
    assert report == check(house)
    assert seen == sorted(seen)
    assert seen[-1] == LAST
    tamper(house.path, lambda c: edit(c, 700, "type", "x"))
    assert verify(opener(), open_reader=opener).flaw == check(house).flaw


def test_a_journal_that_grows_meanwhile_is_sound(house, rows):
    house.journal.append(rows(1, 300))
    reader = sqlite.reader(house.path)
    head = reader.head

    def grown_head() -> int:
        found = head()
        house.journal.append(rows(house.journal.head + 1, house.journal.head + 300))
        return found

    reader.head = grown_head
    report = verify(reader)
    assert report.is_sound
    assert report.entries == 300
    reader.close()
