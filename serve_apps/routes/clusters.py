"""Clusters: list, look closely, and say what a person knows better."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Path
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import Response

from grace_ray.core.clock import to_text
from grace_ray.core.cluster import Cluster
from grace_ray.core.errors import InvalidInput
from grace_ray.core.store import EntryFilter, Reader
from serve_apps.answers import After, Limit, as_json, as_page, record_body
from serve_apps.dependencies import Caller, TheGateway, TheReader, signature

router = APIRouter(prefix="/api/clusters", tags=["clusters"])

ClusterKey = Annotated[str, Path(max_length=512)]
Name = Annotated[str, Field(max_length=200)]
Note = Annotated[str, Field(max_length=2000)]
Status = Literal["open", "acknowledged", "silenced", "resolved", "merged"]
EVENTS_SHOWN = 50
MISSIONS_SHOWN = 20


class Action(StrEnum):
    """What a person can say about a cluster."""

    ACKNOWLEDGE = "acknowledge"
    SILENCE = "silence"
    RESOLVE = "resolve"
    REOPEN = "reopen"
    SEVERITY = "severity"
    CLEAR = "clear"


class Word(BaseModel):
    """A person's word on a cluster. ``until``, or ``for_s`` seconds from now, ends it (each action has its default).

    ``value`` is the severity that ``severity`` sets, or the action that ``clear`` takes back (empty: all).
    """

    model_config = ConfigDict(extra="forbid")

    by: Name | None = None
    note: Note = ""
    until: AwareDatetime | None = Field(None, ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(9000, 1, 1, tzinfo=UTC))
    for_s: float | None = Field(None, gt=0, le=366 * 24 * 3600, allow_inf_nan=False)
    value: str = Field("", max_length=20)


class Merge(BaseModel):
    """Which clusters are one; the first key survives."""

    model_config = ConfigDict(extra="forbid")

    keys: list[Annotated[str, Field(min_length=1, max_length=512)]] = Field(min_length=2, max_length=100)
    by: Name | None = None
    note: Note = ""


class Split(BaseModel):
    """Which message templates, or which merged keys, become clusters of their own again."""

    model_config = ConfigDict(extra="forbid")

    templates: list[Annotated[str, Field(min_length=1, max_length=4096)]] = Field([], max_length=1000)
    keys: list[Annotated[str, Field(min_length=1, max_length=512)]] = Field([], max_length=100)
    by: Name | None = None
    note: Note = ""


class Undo(BaseModel):
    """Take back the last merge or split."""

    model_config = ConfigDict(extra="forbid")

    by: Name | None = None
    note: Note = ""


@router.get("", summary="Clusters, most urgent first")
def list_clusters(reader: TheReader, status: Status | None = None, limit: Limit = 100, after: After = None) -> Response:
    """Merged clusters are left out unless asked for by ``status=merged``."""
    return as_page(clusters_page(reader, status, limit, after))


def clusters_page(reader: Reader, status: str | None, limit: int, after: str | None) -> Any:
    """Return a page of clusters; without a status of everything but those merged into others."""
    page = reader.records("clusters", status, limit, after)
    if status is None:
        return page._replace(items=[item for item in page.items if item.status != "merged"])
    return page


@router.post("/merge", summary="Say that clusters are one", response_model=Cluster)
async def merge(body: Merge, gateway: TheGateway, caller: Caller) -> Response:
    """The merge stays for events to come, and can be undone."""
    arguments = {"keys": body.keys, "by": signature(body.by, caller), "note": body.note}
    return as_json(await gateway.call("triage", "operate", "merge", arguments))


@router.get("/{cluster_key:path}", summary="One cluster, its events, missions and group")
def show(cluster_key: ClusterKey, reader: TheReader) -> Response:
    """The cluster's own fields, and beside them what belongs to it."""
    return as_json(close_up(reader, cluster_key))


@router.post("/{cluster_key:path}/split", summary="Take clusters apart")
async def split(cluster_key: ClusterKey, body: Split, gateway: TheGateway, caller: Caller) -> Response:
    """{clusters: [...]}; the split stays for events to come, and can be undone."""
    if bool(body.templates) == bool(body.keys):
        raise InvalidInput("Name what to split off: templates, or the keys of merged clusters.", "templates")
    arguments = {
        "cluster_key": cluster_key,
        "templates": body.templates,
        "keys": body.keys,
        "by": signature(body.by, caller),
        "note": body.note,
    }
    return as_json(await gateway.call("triage", "operate", "split", arguments))


@router.post("/{cluster_key:path}/undo", summary="Take back the last merge or split", response_model=Cluster)
async def undo(cluster_key: ClusterKey, gateway: TheGateway, caller: Caller, body: Undo | None = None) -> Response:
    """Answers 409 where there is nothing to take back."""
    said = body or Undo()
    arguments = {"cluster_key": cluster_key, "by": signature(said.by, caller), "note": said.note}
    return as_json(await gateway.call("triage", "operate", "undo", arguments))


@router.post("/{cluster_key:path}/{action}", summary="A person's word on a cluster", response_model=Cluster)
async def act(
    cluster_key: ClusterKey, action: Action, gateway: TheGateway, caller: Caller, body: Word | None = None
) -> Response:
    """No sensor overwrites it; it ends at ``until``, or after ``for_s`` seconds, or with ``clear``."""
    word = body or Word()
    if word.until is not None and word.for_s is not None:
        raise InvalidInput("Give until or for_s, not both.", "until")
    arguments = word.model_dump(exclude_none=True) | {"cluster_key": cluster_key, "by": signature(word.by, caller)}
    if word.until is not None:
        arguments["until"] = to_text(word.until)
    return as_json(await gateway.call("triage", "operate", action.value, arguments))


def close_up(reader: Reader, cluster_key: str) -> dict[str, Any]:
    """Return a cluster with its newest events, missions and group. Raises NotFound."""
    cluster = record_body(reader, "clusters", cluster_key, "cluster")
    group = reader.record("groups", cluster["group_id"]) if cluster.get("group_id") else None
    return {
        **cluster,
        "events": cluster["sample"][-EVENTS_SHOWN:],
        "missions": _missions(reader, cluster),
        "group": orjson.loads(group.body) if group and group.body else None,
    }


def _missions(reader: Reader, cluster: dict[str, Any]) -> list[Any]:
    created = EntryFilter(kinds=frozenset({"mission"}), type="mission.created", trace=cluster["cluster_key"])
    ids = [entry.subject for entry in reader.latest(MISSIONS_SHOWN, created)]
    if cluster.get("learning_mission_id"):
        ids.append(cluster["learning_mission_id"])
    found = [reader.record("missions", mission_id) for mission_id in dict.fromkeys(ids)]
    return [orjson.loads(record.body) for record in found if record and record.body]
