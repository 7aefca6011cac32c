"""What ``grace journal export`` and ``prove`` wrote, checked by itself: no journal and no runtime is asked."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from grace_ray.core.errors import InvalidInput
from grace_ray.core.jsonable import to_plain

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from grace_ray.prove.verify import Report

_PROOF_MAX = 2**24


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a check found: as JSON, in a sentence, and what it could not tell (``doubt``, "" for nothing)."""

    is_sound: bool
    plain: Mapping[str, Any]
    sentence: str
    doubt: str = ""

    @classmethod
    def of_report(cls, report: "Report", doubt: str = "") -> "Verdict":
        """Return the verdict of a verified journal or export."""
        flaw = report.flaw
        if flaw is None:
            sentence = f"{report.entries} entries, {report.checkpoints} checkpoints: all sound. Root {report.root}"
        else:
            sentence = f"{report.entries} entries. Entry {flaw.seq}{f' ({flaw.id})' if flaw.id else ''}: {flaw.what}."
        return cls(is_sound=report.is_sound, plain=to_plain(report), sentence=sentence, doubt=doubt)


def check_file(file: Path, home: Path, key_file: Path | None) -> Verdict:
    """Check an export or a proof. Raises InvalidInput for a file that is neither.

    Its checkpoint's signature is checked with the key in ``key_file``, else with that of ``home`` where it signed.
    """
    with _opened(file) as lines:
        first = lines.readline(_PROOF_MAX)
        if (head := _object(first)) and "format" in head:
            from grace_ray.prove.export import verify_export

            key, doubt = _key_for(head, home, key_file)
            return Verdict.of_report(verify_export(chain([first], lines), key), doubt)
        proof = _object(first + lines.read(_PROOF_MAX))
    if proof is None:
        raise InvalidInput(f"{file} holds neither an export of a journal nor a proof.", "file")
    from grace_ray.prove.proofs import inclusion_flaw

    key, doubt = _key_for(proof, home, key_file)
    flaw = inclusion_flaw(proof, key)
    plain = {"seq": proof["seq"], "tree_size": proof["tree_size"], "root": proof["root"], "flaw": flaw or None}
    return Verdict(is_sound=not flaw, plain=plain, sentence=proof_in_words(proof, flaw), doubt=doubt)


def proof_in_words(proof: Mapping[str, Any], flaw: str) -> str:
    """Return what a proof of inclusion shows."""
    entry = f"Entry {proof['seq']} ({_named(proof['leaf'])})"
    if flaw:
        return f"{entry} is NOT proven: {flaw}."
    return f"{entry} stands on the journal of {proof['tree_size']} entries, root {proof['root']}."


def public_key(home: Path, given: Path | None) -> "Ed25519PublicKey | None":
    """Return the key in a file, else that of the home, None where it has none."""
    from grace_ray.prove.checkpoints import PUBLIC_KEY_FILE, read_public_key

    own = home / PUBLIC_KEY_FILE
    if given is None and not own.exists():
        return None
    return read_public_key(given or own)


def _key_for(evidence: Mapping[str, Any], home: Path, key_file: Path | None) -> "tuple[Ed25519PublicKey | None, str]":
    """Return the key to check the evidence with, and what stays in doubt without one."""
    from grace_ray.prove.checkpoints import key_id

    checkpoint = evidence.get("checkpoint")
    if not isinstance(checkpoint, dict):
        return None, "It holds no signed checkpoint: it is whole in itself, but nothing shows whose it is."
    key = public_key(home, key_file)
    if key is not None and (key_file is not None or key_id(key) == checkpoint.get("key_id")):
        return key, ""
    return None, f"The signature, by key {checkpoint.get('key_id')}, was not checked: give that key with --key."


def _named(leaf: str) -> str:
    """Return the type and id in a leaf, which is [seq, id, at, kind, type, ...]."""
    _, entry_id, _, _, entry_type, *_ = json.loads(leaf)
    return f"{entry_type}, {entry_id}"


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    try:
        with file.open("rb") as lines:
            yield lines
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}.", "file") from error
