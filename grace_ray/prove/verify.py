"""Offline verification: recomputes every leaf, the whole tree and every checkpoint, and names the first bad entry.

An edit shows as a body that has lost its hash or a leaf that is not the tree's; a deletion as a missing seq; an
insertion or a reordering as the first entry that is not the one at its place; a truncation as a tree, or a signed
checkpoint, of more entries than there are. Who rewrites entries and tree alike is found by the checkpoints.
"""

import gc
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from multiprocessing import get_context

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from grace_ray.core.entry import Entry
from grace_ray.core.store import Reader
from grace_ray.prove import merkle
from grace_ray.prove.checkpoints import Checkpoint
from grace_ray.prove.leaves import bad_body, leaf_hashes
from grace_ray.prove.merkle import HASH_BYTES, WIDTH

_CHUNK_TILES = 8
_SLICE_TILES = 128
_PARALLEL_FROM = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """What is wrong first: ``seq`` and ``id`` of the entry ("" where it is gone or not known exactly), and ``what``."""

    seq: int
    id: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The outcome of a verification: entries and checkpoints that were checked, the root, and the first flaw."""

    entries: int
    checkpoints: int
    root: str
    flaw: Flaw | None = None

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return self.flaw is None


@dataclass(slots=True)
class _Slice:
    """What checking a slice of the journal gave: the roots of its full tiles, and the first flaw."""

    roots: list[bytes] = field(default_factory=list)
    flaw: Flaw | None = None


def verify(
    reader: Reader,
    key: Ed25519PublicKey | None = None,
    checkpoints: Sequence[bytes] = (),
    *,
    open_reader: Callable[[], Reader] | None = None,
    on_progress: Callable[[int], object] = lambda entries: None,
) -> Report:
    """Verify the journal as it stands now; it may grow meanwhile.

    ``checkpoints`` are encoded ones kept outside the store (the file beside it, or a copy from elsewhere), checked
    beside those in the store; without a ``key`` their signatures are not. With ``open_reader`` (picklable) a large
    journal is checked by two processes. ``on_progress`` is told how many entries have been checked.
    """
    signed = sorted({*checkpoints, *reader.checkpoints()}, key=_size_of)
    tree_size = merkle.Frontier.restored(reader.frontier()).size
    head = reader.head()
    flaw, roots = _check_tiles(reader, head, open_reader, on_progress)
    flaw = flaw or _check_ends(reader, head, tree_size)
    flaw = flaw or _check_upper(reader, roots)
    checked = 0
    if flaw is None:
        checked, flaw = _check_checkpoints(reader, head, key, signed)
    root = merkle.root(head, reader.tile).hex() if flaw is None else ""
    return Report(entries=head, checkpoints=checked, root=root, flaw=flaw)


def _check_tiles(
    reader: Reader, head: int, open_reader: Callable[[], Reader] | None, on_progress: Callable[[int], object]
) -> tuple[Flaw | None, list[bytes]]:
    """Check entries against the tiles of leaf hashes; return the first flaw, and the roots of the full tiles."""
    firsts = range(0, head, _SLICE_TILES * WIDTH)
    lasts = [min(head, first + _SLICE_TILES * WIDTH) for first in firsts]
    if open_reader is None or head < _PARALLEL_FROM:
        return _collected(map(_check_slice, repeat(reader), firsts, lasts), lasts, on_progress)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        results = pool.map(_check_slice_apart, repeat(open_reader), firsts, lasts)
        flaw, roots = _collected(results, lasts, on_progress)
        pool.shutdown(cancel_futures=True)
    return flaw, roots


def _collected(
    results: Iterable[_Slice], lasts: Sequence[int], on_progress: Callable[[int], object]
) -> tuple[Flaw | None, list[bytes]]:
    roots: list[bytes] = []
    for result, last in zip(results, lasts, strict=True):
        roots += result.roots
        if result.flaw is not None:
            return result.flaw, roots
        on_progress(last)
    return None, roots


def _check_slice_apart(open_reader: Callable[[], Reader], first: int, last: int) -> _Slice:
    gc.disable()  # this process makes no cycles, and looking for them takes a twelfth of its time
    reader = open_reader()
    try:
        return _check_slice(reader, first, last)
    finally:
        reader.close()


def _check_slice(reader: Reader, first: int, last: int) -> _Slice:
    """Check the entries with first < seq <= last; ``first`` begins a tile."""
    result = _Slice()
    for start in range(first, last, _CHUNK_TILES * WIDTH):
        _check_chunk(reader, start, min(last, start + _CHUNK_TILES * WIDTH), result)
        if result.flaw is not None:
            break
    return result


def _check_chunk(reader: Reader, start: int, end: int, result: _Slice) -> None:
    """Check the entries with start < seq <= end."""
    entries = reader.entries(start, end - start)
    whole = _prefix_in_place(entries, start)
    hashes = leaf_hashes(whole)
    bad = bad_body(whole)
    for first in range(0, len(hashes), WIDTH):
        own = hashes[first : first + WIDTH]
        tile = reader.tile(0, (start + first) // WIDTH)
        if b"".join(own) != tile[: len(own) * HASH_BYTES]:
            place = first + _first_difference(own, merkle.split_tile(tile))
            if bad is None or bad.seq > whole[place].seq:
                result.flaw = _edited(whole[place])
                return
            break
        if len(own) == WIDTH:
            result.roots.append(merkle.root_of(own))
    if bad is not None:
        result.flaw = Flaw(seq=bad.seq, id=bad.id, what="its body is not the one that was committed")
    elif len(whole) < end - start:
        result.flaw = Flaw(seq=start + len(whole) + 1, id="", what="it is missing")


def _prefix_in_place(entries: Sequence[Entry], start: int) -> Sequence[Entry]:
    """Return the entries up to the first gap."""
    if entries and entries[-1].seq == start + len(entries):
        return entries
    for place, entry in enumerate(entries):
        if entry.seq != start + 1 + place:
            return entries[:place]
    return entries


def _first_difference(own: Sequence[bytes], stored: Sequence[bytes]) -> int:
    return next(i for i in range(len(own)) if i >= len(stored) or own[i] != stored[i])


def _edited(entry: Entry) -> Flaw:
    return Flaw(seq=entry.seq, id=entry.id, what="it is not the entry that was committed at this place")


def _check_ends(reader: Reader, head: int, tree_size: int) -> Flaw | None:
    if tree_size > head:
        return Flaw(seq=head + 1, id="", what=f"it is missing: the tree has {tree_size} entries, the journal {head}")
    grown = merkle.Frontier.restored(reader.frontier()).size
    if grown < head:
        (entry,) = reader.entries(grown, 1)
        return Flaw(seq=entry.seq, id=entry.id, what=f"it was never committed: the tree has {grown} entries")
    return None


def _check_upper(reader: Reader, roots: list[bytes]) -> Flaw | None:
    """Check the tiles above the leaves, level by level, against the roots of the tiles below."""
    level, span = 1, WIDTH
    while roots:
        above: list[bytes] = []
        for first in range(0, len(roots), WIDTH):
            own = roots[first : first + WIDTH]
            stored = reader.tile(level, first // WIDTH)
            if b"".join(own) != stored[: len(own) * HASH_BYTES]:
                place = first + _first_difference(own, merkle.split_tile(stored))
                what = f"one of the entries {place * span + 1} to {(place + 1) * span} is not as it was committed"
                return Flaw(seq=place * span + 1, id="", what=what)
            if len(own) == WIDTH:
                above.append(merkle.root_of(own))
        roots, level, span = above, level + 1, span * WIDTH
    return None


def _check_checkpoints(
    reader: Reader, head: int, key: Ed25519PublicKey | None, signed: Sequence[bytes]
) -> tuple[int, Flaw | None]:
    """Check every checkpoint; return how many hold, and the flaw that the first bad one shows."""
    sound = 0
    for number, encoded in enumerate(signed):
        checkpoint = Checkpoint.decoded(encoded)
        size = checkpoint.tree_size
        if key is not None and not checkpoint.is_signed_by(key):
            return number, Flaw(seq=size, id="", what=f"the checkpoint of {size} entries has a bad signature")
        if size > head:
            what = f"it is missing: a checkpoint of {checkpoint.at} covers {size} entries, the journal has {head}"
            return number, Flaw(seq=head + 1, id="", what=what)
        if merkle.root(size, reader.tile) != checkpoint.root:
            what = f"one of the entries {sound + 1} to {size} is not as it was when the checkpoint of {size} was signed"
            return number, Flaw(seq=sound + 1, id="", what=what)
        sound = size
    return len(signed), None


def _size_of(encoded: bytes) -> int:
    return Checkpoint.decoded(encoded).tree_size
