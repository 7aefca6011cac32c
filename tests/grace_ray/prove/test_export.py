"""An export is verified by itself, wherever it was carried."""

import io
import json

import pytest

from grace_ray.core.errors import InvalidInput
from grace_ray.core.store import EntryFilter
from grace_ray.prove.export import export, verify_export


@pytest.fixture
def journal(house, rows, now):
    house.journal.append(rows(1, 600))
    house.journal.checkpoint(now)
    house.journal.append([*rows(601, 640), *rows(1, 3, "finding", "grace/triage")])
    return house


def exported(house, **where) -> list[bytes]:
    out = io.BytesIO()
    count = export(house.writer, out, EntryFilter(**where))
    lines = out.getvalue().splitlines(keepends=True)
    assert len(lines) == count + 1
    return lines


def test_the_whole_journal_is_verified_from_its_export(journal):
    lines = exported(journal)
    report = verify_export(lines, journal.notary.public_key())
    assert report.is_sound
    assert (report.entries, report.checkpoints) == (643, 1)
    assert json.loads(lines[300])["body"] == '{"number":300}'


def test_a_part_of_the_journal_is_verified_entry_by_entry(journal):
    report = verify_export(exported(journal, kinds=frozenset({"finding"})), journal.notary.public_key())
    assert (report.is_sound, report.entries) == (True, 3)


def test_an_empty_journal_is_exported_and_verified(house):
    assert verify_export(exported(house)).is_sound


def test_a_changed_export_is_found_out(journal):
    lines = exported(journal)
    changed = [line.replace(b'\\"number\\":300', b'\\"number\\":301') for line in lines]
    assert verify_export(changed).flaw.seq == 300
    assert verify_export([*lines[:300], *lines[301:]]).flaw.seq == 300
    assert verify_export(lines[:500]).flaw.seq == 500
    renamed = [line.replace(b'"subject":"sda"', b'"subject":"sdb"') for line in lines]
    assert not verify_export(renamed).is_sound
    part = exported(journal, source="grace/triage")
    assert verify_export([*part[:2], part[2].replace(b"sda", b"sdb"), *part[3:]]).flaw.seq == 642


def test_a_head_that_does_not_extend_the_signed_checkpoint_is_found_out(journal, house):
    lines = exported(journal)
    head = json.loads(lines[0])
    head["checkpoint"]["root"] = "00" * 32
    forged = [json.dumps(head).encode(), *lines[1:]]
    assert "does not extend" in verify_export(forged).flaw.what
    assert "signature" in verify_export(forged, house.notary.public_key()).flaw.what


@pytest.mark.parametrize("lines", [[], [b"junk"], [b"{}"], [b'{"tree_size":1,"root":"","format":"x"}']])
def test_what_is_no_export_is_refused(lines):
    with pytest.raises(InvalidInput):
        verify_export(lines)
