"""The Merkle tree of RFC 6962 over the journal's leaves: root, inclusion and consistency proofs, and their checks.

The tree is stored as tiles of 256 hashes. Tile ``i`` of level 0 holds the leaf hashes ``256 i`` to ``256 i + 255``;
the root of a full tile is one hash of a tile of level 1, and so on. The last tile of a level may be partial; it is
overwritten as it grows. So an entry costs 32 bytes and one row in 256, and a proof reads a few tiles however large
the tree is. (The layout is that of C2SP's tlog-tiles.)
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH = 256
HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

_sha256 = hashlib.sha256

Tiles = Callable[[int, int], bytes]
"""Gives the hashes of the tile at (level, index), one after the other; ``Reader.tile`` is one."""


def leaf_hash(leaf: bytes) -> bytes:
    """Return SHA-256(0x00 || leaf)."""
    return _sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right)."""
    return _sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Return the RFC 6962 root over these hashes (of leaves, or of complete subtrees of one size but for the last)."""
    if not hashes:
        return EMPTY_ROOT
    sha256, row = _sha256, list(hashes)
    while len(row) > 1:
        odd = row[-1:] if len(row) % 2 else []
        row = [sha256(b"\x01" + left + right).digest() for left, right in zip(row[::2], row[1::2], strict=False)]
        row += odd
    return row[0]


def split_tile(tile: bytes) -> list[bytes]:
    """Return the hashes of a tile."""
    return [tile[start : start + HASH_BYTES] for start in range(0, len(tile), HASH_BYTES)]


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree: all that it takes to append. ``partial[level]`` are the hashes of its last tile."""

    size: int = 0
    partial: tuple[tuple[bytes, ...], ...] = ()

    def extended(self, hashes: Sequence[bytes]) -> "tuple[Frontier, list[tuple[int, int, bytes]]]":
        """Return the frontier after appending leaf hashes, and the tiles (level, index, hashes) that changed."""
        tiles: list[tuple[int, int, bytes]] = []
        levels: list[tuple[bytes, ...]] = []
        count, level, new = self.size, 0, list(hashes)
        while new or level < len(self.partial):
            row = [*(self.partial[level] if level < len(self.partial) else ()), *new]
            first = count // WIDTH
            parts = [row[start : start + WIDTH] for start in range(0, len(row), WIDTH)]
            if new:
                tiles += [(level, first + i, b"".join(part)) for i, part in enumerate(parts)]
            new = [root_of(part) for part in parts if len(part) == WIDTH]
            levels.append(tuple(parts[-1]) if parts and len(parts[-1]) < WIDTH else ())
            count, level = first, level + 1
        return Frontier(self.size + len(hashes), tuple(levels)), tiles

    def root(self) -> bytes:
        """Return the tree's root."""
        carry: list[bytes] = []
        for hashes in self.partial:
            carry = [root_of([*hashes, *carry])] if hashes or carry else []
        return carry[0] if carry else EMPTY_ROOT

    @classmethod
    def restored(cls, tiles: Sequence[tuple[int, int, bytes]]) -> "Frontier":
        """Return the frontier whose last tiles of each level are these, lowest level first (``Reader.frontier``)."""
        partial = []
        size = 0
        for level, index, tile in tiles:
            hashes = split_tile(tile)
            if level == 0:
                size = index * WIDTH + len(hashes)
            partial.append(tuple(hashes) if len(hashes) < WIDTH else ())
        return cls(size, tuple(partial))


def root(size: int, tiles: Tiles) -> bytes:
    """Return the root of the tree of the first ``size`` leaves."""
    return _range_root(0, size, tiles) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, tiles: Tiles) -> list[bytes]:
    """Return the audit path of leaf ``index`` (from 0) in the tree of ``size`` leaves (RFC 6962, section 2.1.1)."""
    if not 0 <= index < size:
        raise ValueError(f"There is no leaf {index} in a tree of {size}.")
    tiles, path, first, last = _cached(tiles), [], 0, size
    while last - first > 1:
        middle = first + _split(last - first)
        if index < middle:
            path.append(_range_root(middle, last, tiles))
            last = middle
        else:
            path.append(_range_root(first, middle, tiles))
            first = middle
    return path[::-1]


def consistency_proof(old: int, size: int, tiles: Tiles) -> list[bytes]:
    """Return the proof that the tree of ``old`` leaves is a prefix of that of ``size`` (RFC 6962, section 2.1.2)."""
    if not 0 < old <= size:
        raise ValueError(f"There is no proof from a tree of {old} to one of {size}.")
    tiles, path, first, last = _cached(tiles), [], 0, size
    while last != old:
        middle = first + _split(last - first)
        if old <= middle:
            path.append(_range_root(middle, last, tiles))
            last = middle
        else:
            path.append(_range_root(first, middle, tiles))
            first = middle
    if first:
        path.append(_range_root(first, old, tiles))
    return path[::-1]


def is_included(index: int, size: int, leaf: bytes, path: Sequence[bytes], expected_root: bytes) -> bool:
    """Return whether ``path`` proves leaf hash ``leaf`` at ``index`` in the tree (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    position, last, value = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if position % 2 or position == last:
            value = node_hash(sibling, value)
            while position % 2 == 0 and position:
                position, last = position // 2, last // 2
        else:
            value = node_hash(value, sibling)
        position, last = position // 2, last // 2
    return last == 0 and value == expected_root


def is_consistent(old: int, size: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Return whether ``path`` proves that the new tree extends the old one (RFC 9162, section 2.1.4.2)."""
    if old == size:
        return not path and old_root == new_root
    if not 0 < old < size or not path:
        return False
    hashes = list(path) if old & (old - 1) else [old_root, *path]
    position, last = old - 1, size - 1
    while position % 2:
        position, last = position // 2, last // 2
    before = after = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if position % 2 or position == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while position % 2 == 0 and position:
                position, last = position // 2, last // 2
        else:
            after = node_hash(after, sibling)
        position, last = position // 2, last // 2
    return last == 0 and before == old_root and after == new_root


def _split(count: int) -> int:
    """Return the largest power of two below ``count``."""
    return 1 << (count - 1).bit_length() - 1


def _range_root(first: int, last: int, tiles: Tiles) -> bytes:
    """Return the root over the leaves [first, last), a range that the RFC's recursion splits a tree into."""
    level, carry = 0, list[bytes]()
    while last - first > WIDTH:
        edge = _hashes(level, last - last % WIDTH, last, tiles) + carry
        carry = [root_of(edge)] if edge else []
        first, last, level = first // WIDTH, last // WIDTH, level + 1
    return root_of(_hashes(level, first, last, tiles) + carry)


def _hashes(level: int, first: int, last: int, tiles: Tiles) -> list[bytes]:
    if first == last:
        return []
    tile, start = tiles(level, first // WIDTH), first % WIDTH
    return split_tile(tile[start * HASH_BYTES : (start + last - first) * HASH_BYTES])


def _cached(tiles: Tiles) -> Tiles:
    seen: dict[tuple[int, int], bytes] = {}

    def tile(level: int, index: int) -> bytes:
        if (level, index) not in seen:
            seen[level, index] = tiles(level, index)
        return seen[level, index]

    return tile
