"""Proofs as people carry them away: plain JSON that shows, without the journal, that an entry stands in it."""

import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

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
        raise NotFound(f"The journal has no entry {seq}.", "seq")
    signed = reader.checkpoint()
    checkpoint = Checkpoint.decoded(signed) if signed else None
    if tree_size is None:
        tree_size = checkpoint.tree_size if checkpoint and checkpoint.tree_size >= seq else reader.head()
    if not seq <= tree_size <= reader.head():
        raise InvalidInput(f"A tree that holds entry {seq} has {seq} to {reader.head()} entries.", "tree_size")
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


def consistency(reader: Reader, first: int, second: int | None = None) -> dict[str, Any]:
    """Return the proof that the tree of ``second`` entries (None: of all) begins with that of ``first``.

    The answer is {first, first_root, second, second_root, proof}. Raises InvalidInput (fields ``first``, ``second``).
    """
    head = reader.head()
    size = head if second is None else second
    if size > head:
        raise InvalidInput(f"The journal has {head} entries.", "second")
    if not 0 < first <= size:
        raise InvalidInput(f"The first tree has 1 to {size} entries.", "first")
    return {
        "first": first,
        "first_root": merkle.root(first, reader.tile).hex(),
        "second": size,
        "second_root": merkle.root(size, reader.tile).hex(),
        "proof": [node.hex() for node in merkle.consistency_proof(first, size, reader.tile)],
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


def inclusion_flaw(proof: Mapping[str, Any], key: Ed25519PublicKey | None = None) -> str:
    """Return what is wrong with an inclusion proof and the checkpoint in it, "" where nothing is.

    Without a ``key`` the checkpoint's signature is not checked. Raises InvalidInput for what is no proof.
    """
    if not is_inclusion_sound(proof):
        return "the entry is not in the tree that the proof names"
    if proof.get("checkpoint") is None:
        return ""
    checkpoint = Checkpoint.decoded(json.dumps(proof["checkpoint"]).encode())
    if (checkpoint.tree_size, checkpoint.root.hex()) != (proof["tree_size"], proof["root"]):
        return "the checkpoint is of another tree"
    if key is not None and not checkpoint.is_signed_by(key):
        return "the checkpoint has a bad signature"
    return ""


def is_consistency_sound(proof: Mapping[str, Any]) -> bool:
    """Return whether a consistency proof holds in itself."""
    try:
        path = [bytes.fromhex(node) for node in proof["proof"]]
        first_root, second_root = bytes.fromhex(proof["first_root"]), bytes.fromhex(proof["second_root"])
        first, second = int(proof["first"]), int(proof["second"])
    except (KeyError, ValueError, TypeError) as error:
        raise InvalidInput(f"This is not a consistency proof: {error}.", "proof") from error
    return merkle.is_consistent(first, second, first_root, second_root, path)
