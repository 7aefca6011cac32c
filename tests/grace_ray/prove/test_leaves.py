"""The fast leaf is, byte for byte, the canonical one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace_ray.core.errors import InvalidInput
from grace_ray.core.fact import Row
from grace_ray.prove.leaves import bad_body, leaf_hashes, made_entries

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
MICROSECONDS = st.integers(-(2**63), 2**63 - 1)
ROWS = st.builds(Row, TEXT, MICROSECONDS, *[TEXT] * 6, st.binary())


@given(st.lists(ROWS, max_size=5), st.integers(1, 2**62), MICROSECONDS)
def test_leaves_made_in_bulk_are_those_of_the_entry_itself(rows, first_seq, recorded_us):
    entries, hashes = made_entries(rows, first_seq, recorded_us)
    assert hashes == [entry.leaf_hash() for entry in entries] == leaf_hashes(entries)
    assert [entry.seq for entry in entries] == list(range(first_seq, first_seq + len(rows)))
    assert bad_body(entries) is None
    assert bad_body([entry._replace(body=None) for entry in entries]) is None


@given(TEXT)
def test_control_characters_and_quotes_are_written_as_canonical_json_writes_them(text):
    nasty = "".join(map(chr, range(0x20))) + '"\\/\x7f\u2028\ufeff' + text
    (entry,), (digest,) = made_entries([Row(nasty, 0, nasty, "", "", "", "", "", b"{}")], 1, 0)
    assert entry.leaf_hash() == digest


@pytest.mark.parametrize(
    "bad",
    [{"id": "\ud800"}, {"at_us": 2**70}, {"subject": object()}, {"body": "text"}],
    ids=["surrogate", "huge", "object", "text body"],
)
def test_a_row_without_canonical_json_is_the_callers_fault(bad):
    row = Row("a", 1, "event", "t", "s", "", "", "", b"{}")._replace(**bad)
    with pytest.raises(InvalidInput):
        made_entries([row], 1, 0)
