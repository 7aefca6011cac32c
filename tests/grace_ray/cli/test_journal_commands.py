"""grace journal: verified offline, and whoever changes a byte is found."""

import json
import sqlite3

import pytest

from grace_ray.core.clock import utc_now
from grace_ray.core.errors import InvalidInput, NotFound, Tampered


@pytest.fixture
def written(here, served):
    """A home whose journal holds some entries."""
    for number in range(5):
        here("emit", "agent.task.failed", f"task {number} failed")
    return served


def _change(home, statement):
    with sqlite3.connect(home / "grace.db") as store:
        store.execute(statement)


def test_a_sound_journal_is_verified_with_the_number_of_its_entries(grace, written):
    said = grace("journal", "verify", "--home", written.home)
    assert said.code == 0
    assert said.out.startswith(f"{written.loop.reader.head()} entries")
    assert grace("journal", "verify", "--home", written.home, "--json").json["sound"] is True


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET body = CAST(replace(CAST(body AS TEXT), 'task ', 'tusk ') AS BLOB) WHERE seq = 3",
        "UPDATE entries SET source = 'someone else' WHERE seq = 3",
        "DELETE FROM entries WHERE seq = 3",
        "DELETE FROM entries WHERE seq = (SELECT max(seq) FROM entries)",
    ],
)
def test_a_journal_that_was_changed_exits_1_and_names_the_entry(grace, written, statement):
    _change(written.home, statement)
    said = grace("journal", "verify", "--home", written.home)
    assert said.code == 1
    assert "Entry " in said.out
    flaw = grace("journal", "verify", "--home", written.home, "--json").json["flaw"]
    assert flaw["seq"] in {3, written.loop.reader.head() + 1}


def test_an_entry_is_proven(grace, written):
    assert "stands on the journal" in grace("journal", "prove", 3, "--home", written.home).out
    assert grace("journal", "prove", 3, "--home", written.home, "--json").json["holds"] is True


def test_an_entry_that_was_changed_is_not_proven(grace, written):
    _change(written.home, "UPDATE entries SET source = 'someone else' WHERE seq = 3")
    assert isinstance(grace("journal", "prove", 3, "--home", written.home).error, Tampered)


def test_what_is_not_there_cannot_be_proven_or_verified(grace, written, tmp_path):
    assert isinstance(grace("journal", "prove", 99999, "--home", written.home).error, NotFound)
    assert isinstance(grace("journal", "verify", "--home", tmp_path / "nowhere").error, NotFound)


def test_an_export_is_verified_without_the_journal(grace, written, tmp_path):
    written.loop._journal.checkpoint(utc_now())
    out, elsewhere = tmp_path / "journal.jsonl", tmp_path / "another machine"
    assert grace("journal", "export", "--out", out, "--home", written.home).code == 0
    assert not (tmp_path / ".journal.jsonl.part").exists()
    said = grace("journal", "verify", out, "--home", elsewhere, "--key", written.home / "journal.pub")
    assert (said.code, said.out.split(":")[0]) == (0, f"{written.loop.reader.head()} entries, 1 checkpoints")
    assert "not checked" in grace("journal", "verify", out, "--home", elsewhere).out
    assert "not checked" not in grace("journal", "verify", out, "--home", written.home).out
    assert not elsewhere.exists()


def test_a_changed_export_exits_1_and_names_the_entry(grace, written, tmp_path):
    out = tmp_path / "journal.jsonl"
    grace("journal", "export", "--out", out, "--home", written.home)
    out.write_bytes(out.read_bytes().replace(b"task 2", b"tusk 2", 1))
    said = grace("journal", "verify", out, "--home", tmp_path / "elsewhere", "--json")
    assert said.code == 1
    assert said.json["flaw"]["seq"] > 0


def test_a_part_of_the_journal_is_exported_and_verified(grace, written, tmp_path):
    out = tmp_path / "part.jsonl"
    for narrowed in (("--after", 4), ("--kind", "finding"), ("--type", "agent.task.failed")):
        assert grace("journal", "export", "--out", out, *narrowed, "--home", written.home).code == 0
        entries = [json.loads(line) for line in out.read_text().splitlines()[1:]]
        assert 0 < len(entries) < written.loop.reader.head()
        assert grace("journal", "verify", out, "--home", tmp_path / "elsewhere").code == 0


def test_a_proof_is_verified_without_the_journal(grace, written, tmp_path):
    written.loop._journal.checkpoint(utc_now())
    out, key = tmp_path / "proof.json", written.home / "journal.pub"
    out.write_text(grace("journal", "prove", 3, "--home", written.home, "--json").out)
    said = grace("journal", "verify", out, "--key", key, "--home", tmp_path / "elsewhere")
    assert (said.code, "stands on the journal" in said.out) == (0, True)
    out.write_text(out.read_text().replace("agent.task.failed", "agent.task.healed"))
    said = grace("journal", "verify", out, "--key", key, "--home", tmp_path / "elsewhere")
    assert (said.code, "NOT proven" in said.out) == (1, True)


@pytest.mark.parametrize("text", ["", "junk", "[]", "{}", '{"format": "x"}', '{"seq": 1}'])
def test_a_file_that_is_no_evidence_is_refused(grace, tmp_path, text):
    (tmp_path / "file").write_text(text)
    assert isinstance(grace("journal", "verify", tmp_path / "file", "--home", tmp_path).error, InvalidInput)
    assert isinstance(grace("journal", "verify", tmp_path / "none", "--home", tmp_path).error, InvalidInput)


def test_it_is_listed_from_either_end(here, written):
    oldest = here("journal", "list", "--limit", 1, "--json").json["items"][0]
    newest = here("journal", "list", "--limit", 1, "--newest", "--json").json["items"][0]
    assert (oldest["seq"], newest["seq"]) == (1, written.loop.reader.head())
    assert "agent.task.failed" in here("journal", "list", "--text", "TASK 3").out
