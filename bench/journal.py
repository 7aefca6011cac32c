"""The journal: durable appends and verification, against what SQLite itself can do with the same rows in the same run.

* append: entries of 300 bytes in groups, each group one durable transaction (fsync), with ids that sort by time as
  Grace makes them and with random ones (UUIDv4) as others may; the ceiling is raw SQLite: executemany of the finished
  rows into the same table with the same unique index, no hashing, no tree, no deduplication;
* append again: the same entries once more, all of them duplicates;
* one fsync an entry: what journals without group commit do, Grace's and raw;
* verify: every leaf, the tree and the checkpoints, in one process and in two; the ceiling reads the rows and hashes
  the bodies, nothing else.

The sides take turns, and the median of the rounds is shown, in entries per second of wall time and microseconds of CPU
an entry. Run it with `python bench/journal.py [--entries N] [--rounds N] [--postgres URL]`; the URL's schema is used.
"""

import argparse
import hashlib
import json
import random
import shutil
import sqlite3
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from grace_ray.adapters.store import sql, sqlite
from grace_ray.adapters.store.tables import TableReader
from grace_ray.core.fact import Row
from grace_ray.prove.checkpoints import Notary
from grace_ray.prove.journal import Journal
from grace_ray.prove.leaves import made_entries
from grace_ray.prove.verify import verify

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results" / "journal.json"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
GROUPS = (64, 256, 1024)
SINGLES = 500

Result = dict[str, float]


def main() -> None:
    """Run every side in turn, print the table, write the JSON."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--entries", type=int, default=50_000, help="appended a round")
    options.add_argument("--verify", type=int, default=1_000_000, help="verified a round")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--postgres", default="", help="URL of a PostgreSQL whose schema may be used")
    chosen = options.parse_args()
    report: dict[str, dict[str, Result]] = {}
    for ids in ("time", "random"):
        rows = make_rows(chosen.entries, ids)
        for group in GROUPS:
            sides = {"grace": partial(grace_appends, rows, group), "raw sqlite": partial(raw_appends, rows, group)}
            report[f"append, groups of {group}, {ids} ids"] = in_turn(sides, chosen.rounds)
    rows = make_rows(chosen.entries, "random")
    report["append again (all duplicates), groups of 256"] = in_turn(
        {"grace": partial(grace_duplicates, rows)}, chosen.rounds
    )
    singles = {
        "grace": partial(grace_appends, rows[:SINGLES], 1),
        "raw sqlite": partial(raw_appends, rows[:SINGLES], 1),
    }
    report["append, one fsync an entry"] = in_turn(singles, chosen.rounds)
    if chosen.postgres:
        sides = {"grace": partial(postgres_appends, chosen.postgres, chosen.entries // chosen.rounds)}
        report["append to PostgreSQL, groups of 256"] = in_turn(sides, chosen.rounds)
    with temporary_home() as home:
        fill(home, chosen.verify)
        sides = {
            "grace": partial(grace_verifies, home, None),
            "raw sqlite": partial(raw_reads, home),
            "grace, two processes": partial(grace_verifies, home, partial(sqlite.reader, home / "grace.db")),
        }
        report[f"verify {chosen.verify:,} entries"] = in_turn(sides, chosen.rounds)
    print_table(report)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")
    print(f"\nWritten to {RESULTS.relative_to(ROOT)}.")


def in_turn(sides: Mapping[str, Callable[[], Result]], rounds: int) -> dict[str, Result]:
    """Run the sides one after the other, round by round; return the median of each measure."""
    measured: dict[str, list[Result]] = {side: [] for side in sides}
    for _ in range(rounds):
        for side, run in sides.items():
            measured[side].append(run())
    return {
        side: {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        for side, runs in measured.items()
    }


@contextmanager
def temporary_home() -> Iterator[Path]:
    """Yield a folder beside the checkout's results, on a real disk, gone afterwards."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="journal-", dir=RESULTS.parent))
    try:
        yield home
    finally:
        shutil.rmtree(home)


@contextmanager
def clocked(count: int, result: Result) -> Iterator[None]:
    """Put entries per second of wall time and CPU microseconds an entry into ``result``."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    result["per_s"] = count / (time.perf_counter() - wall)
    result["cpu_us"] = (time.process_time() - cpu) / count * 1e6


def make_rows(count: int, ids: str, first: int = 0) -> list[Row]:
    """Return events with bodies of 300 bytes from 20 sources."""
    rng = random.Random(count + first)
    body = json.dumps({"domain": "host", "message": "x" * 260, "severity": "high"}, separators=(",", ":")).encode()
    return [
        Row(
            str(
                uuid.UUID(
                    int=rng.getrandbits(128) if ids == "random" else (first + n) // 50 << 80 | rng.getrandbits(60)
                )
            ),
            1_700_000_000_000_000 + n,
            "event",
            f"host.type_{n % 30}",
            f"host/{n % 20}",
            "/var",
            "",
            "",
            body[:-12] + b"%012d" % n,
        )
        for n in range(count)
    ]


def grace_appends(rows: list[Row], group: int) -> Result:
    """Append through the journal."""
    result: Result = {}
    with temporary_home() as home:
        writer = sqlite.writer(home / "grace.db")
        journal = Journal(writer)
        journal.recover()
        with clocked(len(rows), result):
            for start in range(0, len(rows), group):
                journal.apply([rows[start : start + group]], NOW)
        writer.close()
    return result


def raw_appends(rows: list[Row], group: int) -> Result:
    """Insert the finished rows, and nothing else."""
    result: Result = {}
    entries, _ = made_entries(rows, 1, 0)
    with temporary_home() as home:
        sqlite.writer(home / "grace.db").migrate()
        connection = sqlite3.connect(home / "grace.db", isolation_level=None)
        connection.execute("PRAGMA synchronous = FULL")
        with clocked(len(rows), result):
            for start in range(0, len(rows), group):
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(sql.ADD_ENTRY, entries[start : start + group])
                connection.execute("COMMIT")
        connection.close()
    return result


def grace_duplicates(rows: list[Row]) -> Result:
    """Append what stands on the journal already."""
    result: Result = {}
    with temporary_home() as home:
        writer = sqlite.writer(home / "grace.db")
        journal = Journal(writer)
        journal.append(rows)
        with clocked(len(rows), result):
            for start in range(0, len(rows), 256):
                journal.apply([rows[start : start + 256]], NOW)
        writer.close()
    return result


def postgres_appends(url: str, count: int) -> Result:
    """Append through the journal to PostgreSQL, going on from what earlier rounds left."""
    from grace_ray.adapters.store import postgres

    result: Result = {}
    writer = postgres.writer(url)
    journal = Journal(writer)
    rows = make_rows(count, "time", journal.recover())
    with clocked(len(rows), result):
        for start in range(0, len(rows), 256):
            journal.apply([rows[start : start + 256]], NOW)
    writer.close()
    return result


def fill(home: Path, count: int) -> None:
    """Make a journal to verify, with a checkpoint every tenth of it."""
    writer = sqlite.writer(home / "grace.db")
    journal = Journal(writer, notary=Notary(home))
    step = max(count // 10, 1)
    for start in range(0, count, step):
        journal.append(make_rows(min(step, count - start), "time", start))
        journal.checkpoint(NOW)
    writer.close()


def grace_verifies(home: Path, open_reader: Callable[[], TableReader] | None) -> Result:
    """Verify everything."""
    result: Result = {}
    reader, notary = sqlite.reader(home / "grace.db"), Notary(home)
    with clocked(reader.head(), result):
        report = verify(reader, notary.public_key(), notary.kept(), open_reader=open_reader)
    reader.close()
    if not report.is_sound or report.checkpoints == 0:
        raise SystemExit(f"The journal does not verify: {report}.")
    if open_reader is not None:
        del result["cpu_us"]  # spent in the other processes
    return result


def raw_reads(home: Path) -> Result:
    """Read every row and hash its body."""
    result: Result = {}
    connection = sqlite3.connect(home / "grace.db")
    (count,) = connection.execute(sql.HEAD).fetchone()
    with clocked(count, result):
        for row in connection.execute("SELECT * FROM entries ORDER BY seq"):
            hashlib.sha256(row[11]).digest()
    connection.close()
    return result


def print_table(report: dict[str, dict[str, Result]]) -> None:
    """One line a side, with the ratio to Grace's first line."""
    print(f"{'work':<46} {'side':<22} {'entries/s':>10} {'CPU us':>8} {'Grace / side':>13}")
    for work, sides in report.items():
        for side, result in sides.items():
            cpu = f"{result['cpu_us']:.2f}" if "cpu_us" in result else ""
            ratio = sides["grace"]["per_s"] / result["per_s"]
            print(f"{work:<46} {side:<22} {result['per_s']:>10,.0f} {cpu:>8} {ratio:>13.2f}")


if __name__ == "__main__":
    main()
