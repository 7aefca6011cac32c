"""grace journal: verified offline, and whoever changes a byte is found."""

import json
import sqlite3

import pytest

from grace_ray.core.errors import NotFound


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
    said = grace("journal", "prove", 3, "--home", written.home)
    assert said.code == 1
    assert "NOT" in said.out


def test_what_is_not_there_cannot_be_proven_or_verified(grace, written, tmp_path):
    assert isinstance(grace("journal", "prove", 99999, "--home", written.home).error, NotFound)
    assert isinstance(grace("journal", "verify", "--home", tmp_path / "nowhere").error, NotFound)


def test_every_entry_is_exported_in_order(grace, written, tmp_path):
    out = tmp_path / "journal.jsonl"
    assert grace("journal", "export", "--out", out, "--home", written.home).code == 0
    entries = [json.loads(line) for line in out.read_text().splitlines()]
    assert [entry["seq"] for entry in entries] == list(range(1, written.loop.reader.head() + 1))
    rest = grace("journal", "export", "--after", 4, "--home", written.home).out
    assert json.loads(rest.splitlines()[0])["seq"] == 5
    assert not (tmp_path / ".journal.jsonl.part").exists()


def test_it_is_listed_from_either_end(here, written):
    oldest = here("journal", "list", "--limit", 1, "--json").json["items"][0]
    newest = here("journal", "list", "--limit", 1, "--newest", "--json").json["items"][0]
    assert (oldest["seq"], newest["seq"]) == (1, written.loop.reader.head())
    assert "agent.task.failed" in here("journal", "list", "--text", "TASK 3").out
