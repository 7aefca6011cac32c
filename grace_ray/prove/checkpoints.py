"""Signed checkpoints: who holds one can tell later that the journal it was made of has been neither cut nor changed."""

import base64
import json
import os
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from grace_ray.core.canonical import canonical
from grace_ray.core.clock import to_text
from grace_ray.core.errors import InvalidInput, StoreUnavailable, Tampered
from grace_ray.core.store import Reader
from grace_ray.prove import merkle

KEY_FILE = "journal.key"
PUBLIC_KEY_FILE = "journal.pub"
CHECKPOINTS_FILE = "checkpoints.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A statement that the tree of the first ``tree_size`` entries has this root, made at ``at`` (RFC 3339)."""

    tree_size: int
    root: bytes
    at: str
    key_id: str
    signature: bytes

    def signed_bytes(self) -> bytes:
        """Return what is signed: canonical JSON of {tree_size, root, at, key_id}."""
        return canonical(
            {"tree_size": self.tree_size, "root": self.root.hex(), "at": self.at, "key_id": self.key_id},
        )

    def is_signed_by(self, key: Ed25519PublicKey) -> bool:
        """Return whether the signature holds."""
        try:
            key.verify(self.signature, self.signed_bytes())
        except InvalidSignature:
            return False
        return True

    def encoded(self) -> bytes:
        """Return canonical JSON of the fields, root in hex and signature in base64."""
        plain = json.loads(self.signed_bytes())
        return canonical({**plain, "signature": base64.b64encode(self.signature).decode()})

    @classmethod
    def decoded(cls, encoded: bytes) -> "Checkpoint":
        """Return the checkpoint that ``encoded`` gives. Raises InvalidInput."""
        try:
            plain = json.loads(encoded)
            return cls(
                tree_size=int(plain["tree_size"]),
                root=bytes.fromhex(plain["root"]),
                at=str(plain["at"]),
                key_id=str(plain["key_id"]),
                signature=base64.b64decode(plain["signature"], validate=True),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidInput(f"This is not a checkpoint: {error}.", "checkpoint") from error


class Notary:
    """Signs checkpoints with the key in ``home`` and keeps a copy of each in a file beside the store.

    The key (Ed25519, PEM, readable by its owner alone) is made at the first use, its public half beside it. Whoever
    holds key and home can rewrite all; a copy of public key and checkpoints kept elsewhere shows it.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._key: Ed25519PrivateKey | None = None

    def public_key(self) -> Ed25519PublicKey:
        """Return the key that checkpoints are checked with. Raises StoreUnavailable."""
        return self._private_key().public_key()

    def sign(self, tree_size: int, root: bytes, now: datetime) -> bytes:
        """Return an encoded checkpoint of this tree. Raises StoreUnavailable where the key cannot be kept."""
        key = self._private_key()
        unsigned = Checkpoint(
            tree_size=tree_size, root=root, at=to_text(now), key_id=key_id(key.public_key()), signature=b""
        )
        signature = key.sign(unsigned.signed_bytes())
        return Checkpoint(
            tree_size=tree_size, root=root, at=unsigned.at, key_id=unsigned.key_id, signature=signature
        ).encoded()

    def keep(self, checkpoint: bytes) -> None:
        """Append a checkpoint to the file and sync it. Raises StoreUnavailable."""
        try:
            with (self._home / CHECKPOINTS_FILE).open("ab") as file:
                file.truncate(_complete_bytes(self._home / CHECKPOINTS_FILE))
                file.write(checkpoint + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StoreUnavailable(f"The checkpoint cannot be kept: {error}.") from error

    def kept(self) -> list[bytes]:
        """Return the checkpoints of the file, oldest first. Raises StoreUnavailable."""
        return read_checkpoints(self._home / CHECKPOINTS_FILE)

    def check(self, reader: Reader) -> int:
        """Hold the store against the newest checkpoint of the file; return its tree size, 0 where there is none.

        Raises Tampered where the store is shorter than the checkpoint says, or has another root at its size.
        """
        kept = self.kept()
        if not kept:
            return 0
        newest = Checkpoint.decoded(kept[-1])
        if not newest.is_signed_by(self.public_key()):
            raise Tampered(f"The newest checkpoint in {CHECKPOINTS_FILE} is not signed by this home's key.")
        if reader.head() < newest.tree_size:
            raise Tampered(
                f"The journal ends at entry {reader.head()}, and a checkpoint covers {newest.tree_size}: it was cut, "
                "or replaced by an older copy."
            )
        if merkle.root(newest.tree_size, reader.tile) != newest.root:
            raise Tampered(f"The journal's first {newest.tree_size} entries are not those of the newest checkpoint.")
        return newest.tree_size

    def _private_key(self) -> Ed25519PrivateKey:
        if self._key is None:
            try:
                self._key = _load_or_make_key(self._home)
            except OSError as error:
                raise StoreUnavailable(f"The journal's key cannot be kept: {error}.") from error
        return self._key


def key_id(key: Ed25519PublicKey) -> str:
    """Return the first 16 hex digits of the SHA-256 of the raw public key."""
    return sha256(key.public_bytes_raw()).hexdigest()[:16]


def read_checkpoints(path: Path) -> list[bytes]:
    """Return the checkpoints in a file, oldest first; a last line that a crash tore is left out."""
    try:
        return path.read_bytes()[: _complete_bytes(path)].splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreUnavailable(f"The checkpoints cannot be read: {error}.") from error


def _complete_bytes(path: Path) -> int:
    """Return the length of a file up to the end of its last whole line."""
    return path.read_bytes().rfind(b"\n") + 1


def read_public_key(path: Path) -> Ed25519PublicKey:
    """Return the public key in a PEM file. Raises InvalidInput where there is none."""
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path} holds no public key: {error}.", "key") from error
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidInput(f"{path} holds a public key of another kind than Ed25519.", "key")
    return key


def _load_or_make_key(home: Path) -> Ed25519PrivateKey:
    path = home / KEY_FILE
    if not path.exists():
        form, secret = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        pem = Ed25519PrivateKey.generate().private_bytes(serialization.Encoding.PEM, form, secret)
        _write_whole(path, pem, 0o600)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except ValueError as error:
        raise InvalidInput(f"{KEY_FILE} does not hold a key: {error}.", KEY_FILE) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidInput(f"{KEY_FILE} does not hold an Ed25519 key.", KEY_FILE)
    if not (home / PUBLIC_KEY_FILE).exists():
        info = serialization.PublicFormat.SubjectPublicKeyInfo
        pem = key.public_key().public_bytes(serialization.Encoding.PEM, info)
        _write_whole(home / PUBLIC_KEY_FILE, pem, 0o644)
    return key


def _write_whole(path: Path, data: bytes, mode: int) -> None:
    """Write under another name first, so that a crash leaves no half a key."""
    draft = path.with_name(f"{path.name}.draft")
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        os.write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    draft.replace(path)
