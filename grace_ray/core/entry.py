"""The Entry: a fact once it stands on the journal, with its place and its hash."""

import hashlib
import json
from typing import Any, NamedTuple

from grace_ray.core.canonical import canonical
from grace_ray.core.clock import from_us, to_text


class Entry(NamedTuple):
    """One journal entry.

    ``seq`` counts from 1 without gaps; ``recorded_us`` is when it was committed; ``body_hash`` is the SHA-256 of the
    body bytes and stays when retention prunes ``body`` to None. The leaf of the Merkle tree is the canonical JSON of
    ``[seq, id, at_us, kind, type, source, subject, trace, cause, recorded_us, body_hash_hex]``, so a proof holds
    without the body.
    """

    seq: int
    id: str
    at_us: int
    kind: str
    type: str
    source: str
    subject: str
    trace: str
    cause: str
    recorded_us: int
    body_hash: bytes
    body: bytes | None

    def leaf(self) -> bytes:
        """Return the bytes whose RFC 6962 leaf hash stands in the tree."""
        return canonical([*self[:10], self.body_hash.hex()])

    def leaf_hash(self) -> bytes:
        """Return SHA-256(0x00 || leaf), 32 bytes (RFC 6962, section 2.1)."""
        return hashlib.sha256(b"\x00" + self.leaf()).digest()

    def content(self) -> dict[str, Any]:
        """Return the decoded body; empty where retention has pruned it."""
        return json.loads(self.body) if self.body else {}

    def view(self) -> dict[str, Any]:
        """Return what the HTTP API shows of an entry."""
        return {
            "seq": self.seq,
            "id": self.id,
            "at": to_text(from_us(self.at_us)),
            "kind": self.kind,
            "type": self.type,
            "source": self.source,
            "subject": self.subject,
            "trace": self.trace,
            "cause": self.cause,
            "recorded_at": to_text(from_us(self.recorded_us)),
            "body": json.loads(self.body) if self.body is not None else None,
            "hash": self.leaf_hash().hex(),
        }
