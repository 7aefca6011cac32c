"""Scan: one fast look at all bytes of a batch for the rare events that need a slow one.

A sign is a set of four-letter pieces, of which one is in whatever is looked for, and a pattern that must match where a
piece stands. The pieces of all signs are in one hash table over 4-grams, looked up in NumPy, at about 2 ns a byte; the
patterns run only where a piece is found.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple, TypeAlias

import numpy as np

_Words: TypeAlias = "np.ndarray[Any, np.dtype[np.uint32]]"
_Offsets: TypeAlias = "np.ndarray[Any, np.dtype[np.signedinteger[Any]]]"
_Octets: TypeAlias = "np.ndarray[Any, np.dtype[np.uint8]]"

_FOLD = 0x5F  # takes a letter's case away; of other bytes it makes some others, which only adds false hits
_ANY = tuple(sorted({byte & _FOLD for byte in range(256)}))
_TABLE_BITS = 20
_GAP = b"\0\0\0\0"
_CHUNK_BYTES = 1 << 20


class Sign(NamedTuple):
    """``pieces`` are four letters each, of either case, "?" for any byte; ``context`` matches where a piece begins."""

    pieces: Iterable[str]
    context: re.Pattern[bytes]


class Scanner:
    """Finds which blobs show which signs; a sign that is there is always found.

    >>> scanner = Scanner({"secret": Sign(["pass"], re.compile(rb"password=", re.IGNORECASE))})
    >>> scanner.find([b"all is well", b"Failed password for root", b"login with PASSWORD=x"])
    {'secret': [2]}
    """

    def __init__(self, signs: Mapping[str, Sign]) -> None:
        self._contexts = [(name, sign.context.match) for name, sign in signs.items()]
        self._table = np.zeros(1 << _TABLE_BITS, dtype=np.bool_)
        for sign in signs.values():
            self._table[_slots(_words_of(sign.pieces))] = True

    def find(self, blobs: Sequence[bytes]) -> dict[str, list[int]]:
        """Return the indexes of the blobs with each sign, in order."""
        found: dict[str, list[int]] = {name: [] for name, _ in self._contexts}
        start = size = 0
        for index, blob in enumerate(blobs):
            size += len(blob)
            if size >= _CHUNK_BYTES or index + 1 == len(blobs):
                self._find_in(blobs[start : index + 1], start, found)
                start, size = index + 1, 0
        return found

    def _find_in(self, blobs: Sequence[bytes], first: int, found: dict[str, list[int]]) -> None:
        joined = _GAP.join([*blobs, b""])
        octets = np.frombuffer(joined, dtype=np.uint8)
        offsets = np.concatenate([self._hits(octets, shift) for shift in range(4)])
        if not len(offsets):
            return
        ends = np.cumsum([len(blob) + len(_GAP) for blob in blobs])
        places = np.searchsorted(ends, offsets, side="right") + first
        seen: dict[str, set[int]] = {name: set() for name in found}
        for offset, place in zip(offsets.tolist(), places.tolist(), strict=True):
            for name, matches in self._contexts:
                if matches(joined, offset):
                    seen[name].add(place)
        for name, indexes in seen.items():
            found[name] += sorted(indexes)

    def _hits(self, octets: _Octets, shift: int) -> _Offsets:
        """Return the offsets, every fourth from ``shift`` on, at which a piece stands."""
        rest = octets[shift:]
        words = rest[: len(rest) // 4 * 4].view("<u4") & np.uint32(_FOLD * 0x01010101)
        return np.flatnonzero(self._table.take(_slots(words))) * 4 + shift


def _slots(words: _Words) -> _Words:
    """Turn folded 4-grams into places in the table, by multiplicative hashing (Knuth); ``words`` is used up."""
    words *= np.uint32(2654435761)
    words >>= np.uint32(32 - _TABLE_BITS)
    return words


def _words_of(pieces: Iterable[str]) -> _Words:
    """Return the 4-grams of pieces, folded, as little-endian words."""
    folded = (
        product(*(_ANY if letter == "?" else (ord(letter) & _FOLD,) for letter in piece)) for piece in set(pieces)
    )
    words = [one | two << 8 | three << 16 | four << 24 for grams in folded for one, two, three, four in grams]
    return np.array(words, dtype=np.uint32)
