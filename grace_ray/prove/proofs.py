"""Proofs as people carry them away: plain JSON that shows, without the journal, that an entry stands in it."""

import json
from collections.abc import Mapping
from typing import Any

from grace_ray.core.errors import InvalidInput, NotFound, Tampered
from grace_ray.core.store import Reader
from grace_ray.prove import merkle
from grace_ray.prove.checkpoints import Checkpoint


def inclusion(reader: Reader, seq: int, tree_size: int | None = None) -> dict[str, Any]:
    """Return the proof that entry ``seq`` stands in the tree of ``tree_size`` entries.

    By default that is the tree of the newest signed checkpoint that covers the entry, which is then part of the proof,
    else the tree as it is. The answer is {seq, leaf, leaf_hash, tree_size, root, path, checkpoint}: leaf as text,
    hashes in hex, path from the leaf up. Raises NotFound, InvalidInput (field ``tree_size``), Tampered.
    """
    entries = reader.entries(seq - 1, 1) if seq > 0 else []
    if not entries or entries[0].seq != seq:
        raise NotFound(f"There is no entry {seq}.", "seq")
    signed = reader.checkpoint()
    checkpoint = Checkpoint.decoded(signed) if signed else None
    if tree_size is None:
        tree_size = checkpoint.tree_size if checkpoint and checkpoint.tree_size >= seq else reader.head()
    if not seq <= tree_size <= reader.head():
        raise InvalidInput(f"There is no tree of {tree_size} entries that holds entry {seq}.", "tree_size")
    leaf = entries[0].leaf()
    root = merkle.root(tree_size, reader.tile)
    path = merkle.inclusion_proof(seq - 1, tree_size, reader.tile)
    if not merkle.is_included(seq - 1, tree_size, merkle.leaf_hash(leaf), path, root):
        raise Tampered(f"Entry {seq} ({entries[0].id}) is not the one that the tree was made over.", "seq")
    return {
        "seq": seq,
        "leaf": leaf.decode(),
        "leaf_hash": merkle.leaf_hash(leaf).hex(),
        "tree_size": tree_size,
        "root": root.hex(),
        "path": [node.hex() for node in path],
        "checkpoint": json.loads(signed) if signed and checkpoint and checkpoint.tree_size == tree_size else None,
    }


def consistency(reader: Reader, old_size: int, tree_size: int | None = None) -> dict[str, Any]:
    """Return the proof that the tree of ``old_size`` entries is a prefix of that of ``tree_size`` (None: of all).

    The answer is {old_size, old_root, tree_size, root, path}. Raises InvalidInput (field ``old_size``).
    """
    head = reader.head()
    size = head if tree_size is None else tree_size
    if not 0 < old_size <= size <= head:
        raise InvalidInput(f"There are no trees of {old_size} and {size} entries in a journal of {head}.", "old_size")
    return {
        "old_size": old_size,
        "old_root": merkle.root(old_size, reader.tile).hex(),
        "tree_size": size,
        "root": merkle.root(size, reader.tile).hex(),
        "path": [node.hex() for node in merkle.consistency_proof(old_size, size, reader.tile)],
    }


def is_inclusion_sound(proof: Mapping[str, Any]) -> bool:
    """Return whether an inclusion proof holds in itself; that its root is the right one, a checkpoint must say."""
    try:
        leaf = merkle.leaf_hash(proof["leaf"].encode())
        path = [bytes.fromhex(node) for node in proof["path"]]
        root, index, size = bytes.fromhex(proof["root"]), int(proof["seq"]) - 1, int(proof["tree_size"])
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise InvalidInput(f"This is not an inclusion proof: {error}.", "proof") from error
    return json.loads(proof["leaf"])[0] == index + 1 and merkle.is_included(index, size, leaf, path, root)


def is_consistency_sound(proof: Mapping[str, Any]) -> bool:
    """Return whether a consistency proof holds in itself."""
    try:
        path = [bytes.fromhex(node) for node in proof["path"]]
        old_root, root = bytes.fromhex(proof["old_root"]), bytes.fromhex(proof["root"])
        old, size = int(proof["old_size"]), int(proof["tree_size"])
    except (KeyError, ValueError, TypeError) as error:
        raise InvalidInput(f"This is not a consistency proof: {error}.", "proof") from error
    return merkle.is_consistent(old, size, old_root, root, path)
