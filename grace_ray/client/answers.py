"""What the HTTP API answers, as nouns; and its problems, as the errors that Grace itself raised."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import httpx
import orjson

from grace_ray.core import errors
from grace_ray.core.cluster import Cluster, IncidentGroup
from grace_ray.core.jsonable import from_plain
from grace_ray.core.mission import Mission

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Some items of a list; ``next`` is the ``after`` of the page that follows, None at the end."""

    items: Sequence[T]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """An event that was not taken: its place among those sent, its id, the field at fault and why."""

    index: int
    id: str
    field: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of sent events: how many are durable now, were known already, or were refused."""

    accepted: int = 0
    duplicates: int = 0
    rejected: Sequence[Rejection] = ()

    def plus(self, other: "Receipt", offset: int) -> "Receipt":
        """Return the receipt of both, where the other's events began at ``offset``."""
        moved = [
            Rejection(index=item.index + offset, id=item.id, field=item.field, reason=item.reason)
            for item in other.rejected
        ]
        return Receipt(
            accepted=self.accepted + other.accepted,
            duplicates=self.duplicates + other.duplicates,
            rejected=(*self.rejected, *moved),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterDetail:
    """A cluster with its newest events, its missions and its incident group."""

    cluster: Cluster
    events: Sequence[Mapping[str, Any]]
    missions: Sequence[Mission]
    group: IncidentGroup | None


def receipt(answer: Mapping[str, Any]) -> Receipt:
    """Return the receipt in an answer, or in a problem that refuses all events."""
    return Receipt(
        accepted=answer.get("accepted", 0),
        duplicates=answer.get("duplicates", 0),
        rejected=tuple(from_plain(Rejection, item) for item in answer.get("rejected", ())),
    )


def cluster_detail(answer: Mapping[str, Any]) -> ClusterDetail:
    """Return a cluster and what belongs to it."""
    return ClusterDetail(
        cluster=from_plain(Cluster, answer),
        events=tuple(answer.get("events", ())),
        missions=tuple(from_plain(Mission, item) for item in answer.get("missions", ())),
        group=from_plain(IncidentGroup, group) if (group := answer.get("group")) else None,
    )


_BY_STATUS: Mapping[int, type[errors.GraceError]] = {
    400: errors.InvalidInput,
    415: errors.InvalidInput,
    422: errors.InvalidInput,
    413: errors.TooLarge,
    404: errors.NotFound,
    409: errors.Conflict,
    401: errors.Unauthorized,
    403: errors.Forbidden,
    429: errors.Backpressure,
    502: errors.Unreachable,
    503: errors.StoreUnavailable,
    504: errors.Unreachable,
}


def error_of(response: httpx.Response, retry_after: float | None) -> errors.GraceError:
    """Return the error that a problem answer tells of, with its sentence and field."""
    status = response.status_code
    problem = _problem(response)
    message = str(problem.get("detail") or problem.get("title") or f"Grace answered {status}.")
    field = str(problem.get("field") or "")
    if status == 429:
        return errors.Backpressure(message, field, retry_after if retry_after is not None else 1.0)
    default = errors.CallerError if 400 <= status < 500 else errors.RuntimeFault
    return _BY_STATUS.get(status, default)(message, field)


def _problem(response: httpx.Response) -> Mapping[str, Any]:
    try:
        problem = orjson.loads(response.content)
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}


def refusal(response: httpx.Response) -> Receipt | None:
    """Return the receipt of a request of which no event was taken, None for any other problem."""
    problem = _problem(response)
    return receipt(problem) if response.status_code in (400, 413, 422) and problem.get("rejected") else None
