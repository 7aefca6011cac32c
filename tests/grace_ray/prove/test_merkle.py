"""The tree against RFC 6962's own recursion and the certificate-transparency project's known roots."""

import hashlib
import random
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace_ray.prove import merkle
from grace_ray.prove.merkle import Frontier

LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
KNOWN_PATH = [  # leaf 5 (from 0) in the tree of 8
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
]
SIZE = 70_000


@cache
def leaf(index: int) -> bytes:
    return hashlib.sha256(b"%d" % index).digest()


def rfc_root(hashes: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, word for word."""
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return hashlib.sha256(b"\x01" + rfc_root(hashes[:k]) + rfc_root(hashes[k:])).digest()


def grow(size: int, steps: tuple[int, ...] = (1000,)) -> tuple[Frontier, dict[tuple[int, int], bytes]]:
    frontier, tiles, done = Frontier(), {}, 0
    while done < size:
        step = min(steps[done % len(steps)], size - done)
        frontier, changed = frontier.extended([leaf(index) for index in range(done, done + step)])
        tiles |= {(level, index): tile for level, index, tile in changed}
        done += step
    return frontier, tiles


@pytest.fixture(scope="module")
def tiles():
    stored = grow(SIZE)[1]
    return lambda level, index: stored.get((level, index), b"")


def test_the_known_roots_of_certificate_transparency():
    hashes = [merkle.leaf_hash(data) for data in LEAVES]
    assert [merkle.root_of(hashes[: size + 1]).hex() for size in range(8)] == ROOTS
    assert merkle.root_of([]).hex() == hashlib.sha256(b"").hexdigest()
    assert Frontier().root() == merkle.EMPTY_ROOT


def test_a_known_audit_path_of_certificate_transparency():
    hashes = [merkle.leaf_hash(data) for data in LEAVES]
    _, changed = Frontier().extended(hashes)
    stored = {(level, index): tile for level, index, tile in changed}
    path = merkle.inclusion_proof(5, 8, lambda level, index: stored[level, index])
    assert [node.hex() for node in path] == KNOWN_PATH


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 511, 512, 513, 1000, 65_535, 65_536, 65_537, SIZE])
def test_the_root_at_any_size_is_that_of_the_rfc(size, tiles):
    expected = rfc_root([leaf(index) for index in range(size)])
    assert merkle.root(size, tiles) == expected
    assert grow(size)[0].root() == expected


@given(st.lists(st.integers(1, 600), min_size=1, max_size=8))
@settings(max_examples=30, deadline=None)
def test_a_tree_grown_in_any_steps_and_restored_in_between_is_one_and_the_same(steps):
    frontier, stored, done = Frontier(), {}, 0
    for step in steps:
        frontier, changed = frontier.extended([leaf(index) for index in range(done, done + step)])
        stored |= {(level, index): tile for level, index, tile in changed}
        done += step
        levels = {level: max(index for at, index in stored if at == level) for level, _ in stored}
        frontier = Frontier.restored([(level, index, stored[level, index]) for level, index in sorted(levels.items())])
    assert (frontier, stored) == grow(done)


def test_every_inclusion_proof_holds_and_no_other_leaf_passes(tiles):
    rng = random.Random(1)
    for _ in range(200):
        size = rng.randint(1, SIZE)
        index = rng.randrange(size)
        root, path = merkle.root(size, tiles), merkle.inclusion_proof(index, size, tiles)
        assert merkle.is_included(index, size, leaf(index), path, root)
        assert not merkle.is_included(index, size, leaf(index + 1), path, root)
        assert not merkle.is_included(index, size, leaf(index), [*path, root], root)
        if path:
            assert not merkle.is_included(index, size, leaf(index), path[:-1], root)
            assert not merkle.is_included((index + 1) % size, size, leaf(index), path, root)


def test_every_consistency_proof_holds_and_no_other_root_passes(tiles):
    rng = random.Random(2)
    for _ in range(200):
        size = rng.randint(2, SIZE)
        old = rng.randint(1, size - 1)
        old_root, root = merkle.root(old, tiles), merkle.root(size, tiles)
        path = merkle.consistency_proof(old, size, tiles)
        assert merkle.is_consistent(old, size, old_root, root, path)
        assert not merkle.is_consistent(old, size, leaf(0), root, path)
        assert not merkle.is_consistent(old, size, old_root, leaf(0), path)
        assert not merkle.is_consistent(old, size, old_root, root, path[:-1])
    assert merkle.is_consistent(9, 9, leaf(1), leaf(1), [])


def test_a_proof_in_a_large_tree_reads_a_few_tiles(tiles):
    read: list[tuple[int, int]] = []

    def counted(level: int, index: int) -> bytes:
        read.append((level, index))
        return tiles(level, index)

    merkle.inclusion_proof(12_345, SIZE, counted)
    merkle.consistency_proof(33_333, SIZE, counted)
    assert len(read) <= 12


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 3)])
def test_a_leaf_outside_the_tree_has_no_proof(index, size, tiles):
    with pytest.raises(ValueError, match="no leaf"):
        merkle.inclusion_proof(index, size, tiles)
    assert not merkle.is_included(index, size, leaf(0), [], leaf(0))
