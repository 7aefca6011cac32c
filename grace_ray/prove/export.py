"""The journal, or a part of it, as JSON lines that can be verified anywhere, and that verification.

The first line is the head: {format, version, is_complete, tree_size, root, checkpoint, consistency}, where
``consistency`` proves that the tree extends the newest signed checkpoint. Then one entry a line; its ``body`` is text,
because its hash is over those very bytes. In a part of the journal each entry carries the ``path`` of its inclusion.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from grace_ray.core.entry import Entry
from grace_ray.core.errors import InvalidInput
from grace_ray.core.store import ANY, EntryFilter, Reader
from grace_ray.prove import merkle
from grace_ray.prove.checkpoints import Checkpoint
from grace_ray.prove.leaves import bad_body, leaf_hashes
from grace_ray.prove.verify import Flaw, Report

FORMAT = "grace-journal"
_PAGE = 1000


def export(
    reader: Reader, out: BinaryIO, where: EntryFilter = ANY, on_progress: Callable[[int], object] = lambda seq: None
) -> int:
    """Write the entries that match, up to the present head; return how many.

    ``on_progress`` is told the seq that the export has come to.
    """
    size = reader.head()
    out.write(_line(_head(reader, size, is_complete=where == ANY)))
    count, after = 0, 0
    while page := [entry for entry in reader.entries(after, _PAGE, where) if entry.seq <= size]:
        for entry in page:
            plain = _plain(entry)
            if where != ANY:
                plain["path"] = [h.hex() for h in merkle.inclusion_proof(entry.seq - 1, size, reader.tile)]
            out.write(_line(plain))
        count, after = count + len(page), page[-1].seq
        on_progress(after)
    return count


def verify_export(lines: Iterable[bytes], key: Ed25519PublicKey | None = None) -> Report:
    """Verify exported lines by themselves, and the checkpoint's signature where a ``key`` is given.

    Raises InvalidInput for lines that are no export.
    """
    stream = iter(lines)
    try:
        head = json.loads(next(stream, b""))
        size, root = int(head["tree_size"]), bytes.fromhex(head["root"])
        if head["format"] != FORMAT:
            raise InvalidInput("This is not an export of a journal.", "format")
        flaw = _head_flaw(head, size, root, key)
        count, entry_flaw = _check_entries(stream, size, root, is_complete=bool(head["is_complete"]))
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"This is not an export of a journal: {error}.") from error
    checkpoints = 0 if head["checkpoint"] is None else 1
    return Report(entries=count, checkpoints=checkpoints, root=head["root"], flaw=entry_flaw or flaw)


def _head(reader: Reader, size: int, *, is_complete: bool) -> dict[str, Any]:
    signed = reader.checkpoint()
    checkpoint = Checkpoint.decoded(signed) if signed else None
    covered = checkpoint is not None and checkpoint.tree_size <= size
    proof = merkle.consistency_proof(checkpoint.tree_size, size, reader.tile) if checkpoint and covered else []
    return {
        "format": FORMAT,
        "version": 1,
        "is_complete": is_complete,
        "tree_size": size,
        "root": merkle.root(size, reader.tile).hex(),
        "checkpoint": json.loads(signed) if signed and covered else None,
        "consistency": [node.hex() for node in proof],
    }


def _head_flaw(head: dict[str, Any], size: int, root: bytes, key: Ed25519PublicKey | None) -> Flaw | None:
    if head["checkpoint"] is None:
        return None
    checkpoint = Checkpoint.decoded(orjson.dumps(head["checkpoint"]))
    if key is not None and not checkpoint.is_signed_by(key):
        return Flaw(seq=checkpoint.tree_size, id="", what="the checkpoint has a bad signature")
    path = [bytes.fromhex(node) for node in head["consistency"]]
    if not merkle.is_consistent(checkpoint.tree_size, size, checkpoint.root, root, path):
        return Flaw(seq=checkpoint.tree_size, id="", what="the tree does not extend that of the signed checkpoint")
    return None


def _check_entries(lines: Iterable[bytes], size: int, root: bytes, *, is_complete: bool) -> tuple[int, Flaw | None]:
    frontier, count = merkle.Frontier(), 0
    for line in lines:
        plain = json.loads(line)
        entry = _entry(plain)
        (leaf,) = leaf_hashes([entry])
        if bad_body([entry]) is not None:
            return count, Flaw(seq=entry.seq, id=entry.id, what="its body is not the one that was committed")
        if is_complete:
            if entry.seq != count + 1:
                return count, Flaw(seq=count + 1, id="", what="it is missing")
            frontier, _ = frontier.extended([leaf])
        elif not merkle.is_included(entry.seq - 1, size, leaf, [bytes.fromhex(h) for h in plain["path"]], root):
            return count, Flaw(seq=entry.seq, id=entry.id, what="it is not the entry that was committed at this place")
        count += 1
    if is_complete and count < size:
        return count, Flaw(seq=count + 1, id="", what="it is missing")
    if is_complete and frontier.root() != root:
        return count, Flaw(seq=1, id="", what=f"one of the entries 1 to {count} is not as it was committed")
    return count, None


def _plain(entry: Entry) -> dict[str, Any]:
    body = None if entry.body is None else entry.body.decode()
    return {**entry._asdict(), "body_hash": entry.body_hash.hex(), "body": body}


def _entry(plain: dict[str, Any]) -> Entry:
    fields = {name: plain[name] for name in Entry._fields}
    body = None if plain["body"] is None else plain["body"].encode()
    return Entry._make({**fields, "body_hash": bytes.fromhex(plain["body_hash"]), "body": body}.values())


def _line(plain: dict[str, Any]) -> bytes:
    return orjson.dumps(plain) + b"\n"
