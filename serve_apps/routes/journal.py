"""The journal: what happened, in order, and proofs that nobody changed it."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from grace_ray.core.entry import Entry
from grace_ray.core.errors import NotFound
from grace_ray.core.store import EntryFilter, Reader
from serve_apps.answers import SEQ_MAX, as_json
from serve_apps.dependencies import TheReader

router = APIRouter(prefix="/api/journal", tags=["journal"])

Place = Annotated[int, Path(ge=1, le=SEQ_MAX)]
Kind = Literal["event", "finding", "decision", "outcome", "change", "mission", "knowledge"]


class EntryQuery(BaseModel):
    """Which entries, in which order, from where on."""

    model_config = ConfigDict(extra="ignore")

    after: int | None = Field(None, ge=0, le=SEQ_MAX, description="The `next` of the page before")
    limit: int = Field(100, ge=1, le=1000)
    kind: list[Kind] = Field([], max_length=7, description="May be given several times")
    source: str = Field("", max_length=500)
    type: str = Field("", max_length=500)
    subject: str = Field("", max_length=500)
    trace: str = Field("", max_length=500)
    q: str = Field("", max_length=500, description="A substring of the body, in any case")
    order: Literal["asc", "desc"] = "asc"

    def read(self, reader: Reader) -> list[Entry]:
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
            return reader.latest(self.limit, where, self.after)
        return reader.entries(self.after or 0, self.limit, where)


@router.get("", summary="Entries in order")
def list_entries(reader: TheReader, asked: Annotated[EntryQuery, Query()]) -> Response:
    """``after`` is the seq of the last entry seen; with ``order=desc`` the list starts at the newest."""
    found = asked.read(reader)
    following = found[-1].seq if len(found) == asked.limit else None
    return as_json({"items": [entry.view() for entry in found], "next": following})


@router.get("/{seq}", summary="One entry")
def show(seq: Place, reader: TheReader) -> Response:
    """The entry, its body where retention has kept it, and its leaf hash."""
    return as_json(_entry(reader, seq).view())


def _entry(reader: Reader, seq: int) -> Entry:
    found = reader.entries(seq - 1, 1)
    if not found or found[0].seq != seq:
        raise NotFound(f"The journal has no entry {seq}.", "seq")
    return found[0]
