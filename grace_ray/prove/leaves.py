"""Rows to entries and their leaf hashes, many at a time: the same bytes as ``Entry.leaf``, five times as fast."""

import hashlib
from collections.abc import Iterable, Sequence

import orjson

from grace_ray.core.entry import Entry
from grace_ray.core.errors import InvalidInput
from grace_ray.core.fact import Row

_sha256 = hashlib.sha256


def made_entries(rows: Sequence[Row], first_seq: int, recorded_us: int) -> tuple[list[Entry], list[bytes]]:
    """Return the entries that ``rows`` become from ``first_seq`` on, and their leaf hashes.

    Raises InvalidInput for a row that has no canonical JSON.
    """
    entries: list[Entry] = []
    hashes: list[bytes] = []
    sha256, dumps, new = _sha256, orjson.dumps, tuple.__new__
    try:
        for seq, row in enumerate(rows, first_seq):
            body = row[8]
            digest = sha256(body)
            head = (seq, *row[:8], recorded_us)
            hashes.append(sha256(b"\x00" + dumps((*head, digest.hexdigest()))).digest())
            entries.append(new(Entry, (*head, digest.digest(), body)))
    except TypeError as error:
        raise InvalidInput(f"A fact cannot be put on the journal: {error}.") from error
    return entries, hashes


def leaf_hashes(entries: Iterable[Entry]) -> list[bytes]:
    """Return the RFC 6962 leaf hash of each entry, as ``Entry.leaf_hash`` gives it."""
    sha256, dumps = _sha256, orjson.dumps
    return [sha256(b"\x00" + dumps((*entry[:10], entry[10].hex()))).digest() for entry in entries]


def bad_body(entries: Iterable[Entry]) -> Entry | None:
    """Return the first entry whose body does not have its hash; a pruned body has none to check."""
    sha256 = _sha256
    for entry in entries:
        body = entry[11]
        if body is not None and sha256(body).digest() != entry[10]:
            return entry
    return None
