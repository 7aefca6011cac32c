"""The journal: what happened, in order, and proofs that nobody changed it."""

import base64
import time
from typing import Annotated, Literal

from cryptography.hazmat.primitives import serialization
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from grace_ray.core.entry import Entry
from grace_ray.core.errors import NotFound
from grace_ray.core.store import EntryFilter, Reader
from grace_ray.prove import proofs
from grace_ray.prove.checkpoints import Checkpoint, Notary, key_id
from grace_ray.prove.search import Found, newest_first, oldest_first
from serve_apps.answers import SEQ_MAX, as_json
from serve_apps.dependencies import TheGateway, TheReader

router = APIRouter(prefix="/api/journal", tags=["journal"])

Place = Annotated[int, Path(ge=1, le=SEQ_MAX)]
Kind = Literal["event", "finding", "decision", "outcome", "change", "mission", "knowledge", "recommendation"]


class EntryQuery(BaseModel):
    """Which entries, in which order, from where on."""

    model_config = ConfigDict(extra="ignore")

    after: int | None = Field(None, ge=0, le=SEQ_MAX, description="The `next` of the page before")
    limit: int = Field(100, ge=1, le=1000)
    kind: list[Kind] = Field([], max_length=8, description="May be given several times")
    source: str = Field("", max_length=500)
    type: str = Field("", max_length=500)
    subject: str = Field("", max_length=500)
    trace: str = Field("", max_length=500)
    q: str = Field("", max_length=500, description="A substring of the body, in any case")
    order: Literal["asc", "desc"] = "asc"

    def read(self, reader: Reader) -> Found:
        """Return the page."""
        where = EntryFilter(
            kinds=frozenset(self.kind),
            source=self.source,
            type=self.type,
            subject=self.subject,
            trace=self.trace,
            text=self.q,
        )
        if self.order == "desc":
            return newest_first(reader, self.after, self.limit, where, time.monotonic)
        return oldest_first(reader, self.after or 0, self.limit, where, time.monotonic)


@router.get("", summary="Entries in order")
def list_entries(reader: TheReader, asked: Annotated[EntryQuery, Query()]) -> Response:
    """``after`` is the ``next`` of the page before; with ``order=desc`` the list starts at the newest.

    A search ends after a quarter of a second with what it has found: go on as long as there is a ``next``, even where a
    page is empty.
    """
    found = asked.read(reader)
    return as_json({"items": [entry.view() for entry in found.items], "next": found.next})


@router.get("/checkpoint", summary="The newest signed checkpoint")
def newest_checkpoint(reader: TheReader) -> Response:
    """What to keep elsewhere: the root of the tree as it was, signed. 404 until the first one is made."""
    encoded = reader.checkpoint()
    if encoded is None:
        raise NotFound("No checkpoint has been signed yet.", "checkpoint")
    checkpoint = Checkpoint.decoded(encoded)
    return as_json(
        {
            "tree_size": checkpoint.tree_size,
            "root": checkpoint.root.hex(),
            "at": checkpoint.at,
            "key": checkpoint.key_id,
            "signature": base64.b64encode(checkpoint.signature).decode(),
            "body": checkpoint.signed_bytes().decode(),
        }
    )


@router.get("/consistency", summary="Proof that nothing was rewritten in between")
def consistency(
    reader: TheReader,
    first: Annotated[int, Query(ge=1, le=SEQ_MAX, description="The smaller tree")],
    second: Annotated[int, Query(ge=1, le=SEQ_MAX, description="The larger tree")],
) -> Response:
    """RFC 6962, section 2.1.2: the tree of ``second`` entries begins with that of ``first``."""
    return as_json(proofs.consistency(reader, first, second))


@router.get("/public-key", summary="The key that checkpoints are signed with")
def public_key(gateway: TheGateway) -> Response:
    """Ed25519, as PEM and in hexadecimal."""
    key = Notary(gateway.settings.home).public_key()
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return as_json({"key": key_id(key), "hex": key.public_bytes_raw().hex(), "pem": pem.decode()})


@router.get("/{seq}", summary="One entry")
def show(seq: Place, reader: TheReader) -> Response:
    """The entry, its body where retention has kept it, and its leaf hash."""
    return as_json(_entry(reader, seq).view())


@router.get("/{seq}/proof", summary="Proof that an entry stands on the journal")
def proof(seq: Place, reader: TheReader, tree_size: Annotated[int | None, Query(ge=1, le=SEQ_MAX)] = None) -> Response:
    """RFC 6962, section 2.1.1; holds after a body is pruned.

    In the tree of ``tree_size`` entries; by default that of the newest checkpoint that covers the entry, which is then
    part of the proof, else that of all entries.
    """
    return as_json(proofs.inclusion(reader, seq, tree_size))


def _entry(reader: Reader, seq: int) -> Entry:
    found = reader.entries(seq - 1, 1)
    if not found or found[0].seq != seq:
        raise NotFound(f"The journal has no entry {seq}.", "seq")
    return found[0]
