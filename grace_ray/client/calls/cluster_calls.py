"""Calls about clusters and incident groups."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

from grace_ray.client.answers import ClusterDetail, Page, cluster_detail
from grace_ray.client.calls.call import Call, get, page, post
from grace_ray.core.clock import to_text
from grace_ray.core.cluster import Cluster, IncidentGroup
from grace_ray.core.jsonable import from_plain

ClusterStatus = Literal["open", "acknowledged", "silenced", "resolved", "merged"]


def _cluster(answer: Any) -> Cluster:
    return from_plain(Cluster, answer)


def _on_cluster(key: str, action: str, **body: Any) -> Call[Cluster]:
    return post(f"/api/clusters/{quote(key, safe=':')}/{action}", _cluster, **body)


def clusters(*, status: ClusterStatus | None = None, limit: int = 100, after: str | None = None) -> Call[Page[Cluster]]:
    """List clusters, most urgent first; ``after`` is the ``next`` of the page before."""
    return get("/api/clusters", page(Cluster), status=status, limit=limit, after=after)


def cluster(key: str) -> Call[ClusterDetail]:
    """Get one cluster with its events, missions and group. Raises NotFound."""
    return get(f"/api/clusters/{quote(key, safe=':')}", cluster_detail)


def acknowledge(
    key: str, *, by: str | None = None, note: str = "", until: datetime | None = None, for_s: float | None = None
) -> Call[Cluster]:
    """Say that a person looks after a cluster, until a time or for so many seconds."""
    return _on_cluster(key, "acknowledge", by=by, note=note, until=until and to_text(until), for_s=for_s)


def silence(
    key: str, *, until: datetime | None = None, for_s: float | None = None, by: str | None = None, note: str = ""
) -> Call[Cluster]:
    """Let a cluster launch nothing until a time, or for so many seconds."""
    return _on_cluster(key, "silence", by=by, note=note, until=until and to_text(until), for_s=for_s)


def resolve(key: str, *, by: str | None = None, note: str = "") -> Call[Cluster]:
    """Say that a cluster's trouble is over, or was none."""
    return _on_cluster(key, "resolve", by=by, note=note)


def reopen(key: str, *, by: str | None = None, note: str = "") -> Call[Cluster]:
    """Say that a resolved cluster is not over."""
    return _on_cluster(key, "reopen", by=by, note=note)


def set_severity(
    key: str, severity: Literal["low", "medium", "high", "critical"], *, by: str | None = None, note: str = ""
) -> Call[Cluster]:
    """Set how grave a cluster is, whatever its events say."""
    return _on_cluster(key, "severity", value=severity, by=by, note=note)


def clear(key: str, action: str = "", *, by: str | None = None, note: str = "") -> Call[Cluster]:
    """Take a person's word on a cluster back: of one action, or all of it."""
    return _on_cluster(key, "clear", value=action, by=by, note=note)


def merge(keys: Sequence[str], *, by: str | None = None, note: str = "") -> Call[Cluster]:
    """Say that clusters are one; the first key survives. It stays so for events to come, until ``undo``."""
    return post("/api/clusters/merge", _cluster, keys=list(keys), by=by, note=note)


def split(
    key: str,
    *,
    templates: Sequence[str] = (),
    keys: Sequence[str] = (),
    by: str | None = None,
    note: str = "",
) -> Call[list[Cluster]]:
    """Take message templates, or merged keys, out of a cluster; return the clusters that come of it."""
    path = f"/api/clusters/{quote(key, safe=':')}/split"
    return post(
        path,
        lambda answer: [_cluster(item) for item in answer["clusters"]],
        templates=list(templates),
        keys=list(keys),
        by=by,
        note=note,
    )


def undo(key: str, *, by: str | None = None, note: str = "") -> Call[Cluster]:
    """Take the last merge or split of a cluster back. Raises Conflict where there is none."""
    return _on_cluster(key, "undo", by=by, note=note)


def groups(*, status: str | None = None, limit: int = 100, after: str | None = None) -> Call[Page[IncidentGroup]]:
    """List incident groups: clusters that one fault explains."""
    return get("/api/groups", page(IncidentGroup), status=status, limit=limit, after=after)


def group(group_id: str) -> Call[IncidentGroup]:
    """Get one incident group. Raises NotFound."""
    return get(f"/api/groups/{quote(group_id, safe='')}", lambda answer: from_plain(IncidentGroup, answer))
