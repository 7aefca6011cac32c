"""The door for recommendations and their outcomes: decoded JSON in, rows for the journal out; a bad one costs itself.

What is sent again is one row: a tracked one stands under its recommendation_id (or, where it has none, under the key
of its request), a judged one under its outcome_id, else under a hash of what was said.
"""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from random import Random
from typing import Any, NamedTuple

import orjson

from grace_ray.core.canonical import canonical
from grace_ray.core.clock import from_us, to_text, to_us
from grace_ray.core.errors import CallerError, InvalidInput, TooLarge
from grace_ray.core.fact import Row
from grace_ray.core.ids import time_id
from grace_ray.core.recommendation import JUDGED, KIND, TRACKED, source_of
from grace_ray.sense import recommendation_fields as fields
from grace_ray.sense.encoding import FLOAT, NUL, encoded, has_nul
from grace_ray.sense.redaction import Redactor
from grace_ray.sense.scan import Scanner
from grace_ray.sense.times import Times
from grace_ray.settings import IntakeSettings

_NO_SECRETS = frozenset(
    {
        *("workspace_id", "recommendation_id", "outcome_id", "agent_id", "correlation_id", "workflow_id"),
        *("created_at", "evaluated_at", "quality_scores"),
    }
)
"""Fields that are not redacted: an id must be found again, and numbers hide nothing."""
_NOT_SAID = frozenset({"workspace_id", "recommendation_id", "outcome_id", "evaluated_at"})
_STANDS = ("outcome", "quality_scores", "overall_quality_score", "evaluator_feedback")
"""Of an outcome: what names it, and what of it stands on its recommendation."""


class RejectedItem(NamedTuple):
    """One that was not taken: its place in the request, its recommendation_id, the field at fault, and why."""

    place: int
    id: str
    field: str
    reason: str
    is_too_large: bool = False


class TakenItems(NamedTuple):
    """What became of a batch; ``rows`` are in the order of the request."""

    rows: list[Row]
    rejected: list[RejectedItem]


class _Draft(NamedTuple):
    """One on its way: its row, its body decoded, and its place in the request."""

    row: Row
    body: dict[str, Any]
    place: int


_Make = Callable[[dict[str, Any], str, int], _Draft]


class RecommendationDoor:
    """Checks, completes, redacts and encodes; ``rng`` makes the ids of what has none.

    ``admit(workspace_id)`` raises CallerError for a workspace that may not be written to, or is one too many.

    >>> from datetime import UTC, datetime
    >>> door = RecommendationDoor(IntakeSettings(), Random(1))
    >>> tracked = {"workspace_id": "acme", "recommendation_id": "r-1", "agent_id": "ann", "confidence_score": 0.9}
    >>> taken = door.track([tracked, {**tracked, "confidence_score": 9}], datetime(2026, 1, 1, tzinfo=UTC))
    >>> taken.rows[0].id, taken.rows[0].source, taken.rejected[0].field
    ('r-1', 'workspaces/acme/recommendations', 'confidence_score')
    """

    def __init__(
        self, settings: IntakeSettings, rng: Random, admit: Callable[[str], None] = lambda _workspace: None
    ) -> None:
        self._settings = settings
        self._rng = rng
        self._admit = admit
        self._redactor = Redactor(settings.redact_extra)
        self._scanner = Scanner({"secret": self._redactor.sign, "float": FLOAT, "nul": NUL})
        self._times = Times(settings)

    def track(self, items: Sequence[Any], now: datetime, key: str = "") -> TakenItems:
        """Return the rows of recommendations; ``key`` names the request, so that its repeat is known as one."""
        return self._take(items, now, key, self._tracked)

    def judge(self, items: Sequence[Any], now: datetime, key: str = "") -> TakenItems:
        """Return the rows of outcomes."""
        return self._take(items, now, key, self._judged)

    def _take(self, items: Sequence[Any], now: datetime, key: str, make: _Make) -> TakenItems:
        drafts: list[_Draft] = []
        rejected: list[RejectedItem] = []
        now_us = to_us(now)
        for place, item in enumerate(items):
            try:
                if type(item) is not dict:
                    raise InvalidInput("This is not a JSON object.", "items")
                drafts.append(make(item, f"{key}\x1f{place}" if key else "", now_us)._replace(place=place))
            except CallerError as error:
                rejected.append(_rejected(place, item, error))
        return self._looked_over(drafts, rejected)

    def _looked_over(self, drafts: list[_Draft], rejected: list[RejectedItem]) -> TakenItems:
        """Return what is taken once the rare signs in the bytes have had their second look."""
        rows: list[Row | None] = [draft.row for draft in drafts]
        found = self._scanner.find([draft.row.body for draft in drafts])
        for place in {*found["float"], *found["secret"]}:
            rows[place] = drafts[place].row._replace(body=canonical(self._redacted(drafts[place].body)))
        for place in found["nul"]:
            if has_nul(drafts[place].body):
                rows[place] = None
                fault = InvalidInput("A text holds a NUL character.", "recommendation")
                rejected.append(_rejected(drafts[place].place, drafts[place].body, fault))
        rejected.sort(key=lambda item: item.place)
        return TakenItems([row for row in rows if row is not None], rejected)

    def _tracked(self, item: dict[str, Any], key: str, now_us: int) -> _Draft:
        get = item.get
        workspace_id = self._workspace(get("workspace_id"))
        agent_id = fields.identifier("agent_id", get("agent_id"))
        fields.refuse_others(item, fields.TRACKED)
        if get("outcome") not in (None, "pending"):
            raise InvalidInput("A recommendation is tracked before it is judged: see outcomes/evaluate.", "outcome")
        at_us = now_us if (at := get("created_at")) is None else self._times.read("created_at", at, now_us)
        given = get("recommendation_id")
        recommendation_id = (
            self._new_id(workspace_id, key, now_us) if given is None else fields.identifier("recommendation_id", given)
        )
        body: dict[str, Any] = {
            "workspace_id": workspace_id,
            "recommendation_id": recommendation_id,
            "agent_id": agent_id,
            "created_at": to_text(from_us(at_us)),
        }
        body.update(fields.described(item))
        octets = self._encoded(body, "recommendation_content", ("recommendation_content", "evidence"))
        source = source_of(workspace_id, "recommendations")
        trace = body.get("correlation_id", "")
        row = Row(recommendation_id, at_us, KIND, TRACKED, source, recommendation_id, trace, "", octets)
        return _Draft(row, body, 0)

    def _judged(self, item: dict[str, Any], key: str, now_us: int) -> _Draft:
        workspace_id = self._workspace(item.get("workspace_id"))
        recommendation_id = fields.identifier("recommendation_id", item.get("recommendation_id"))
        fields.refuse_others(item, fields.JUDGED)
        said = fields.said(item)
        given_at = item.get("evaluated_at")
        at_us = now_us if given_at is None else self._times.read("evaluated_at", given_at, now_us)
        given = item.get("outcome_id")
        outcome_id = (
            _hashed("o-", recommendation_id, said, given_at)
            if given is None
            else fields.identifier("outcome_id", given)
        )
        body = {
            "workspace_id": workspace_id,
            "outcome_id": outcome_id,
            "recommendation_id": recommendation_id,
            "evaluated_at": to_text(from_us(at_us)),
            **said,
        }
        octets = self._encoded(body, "evaluator_feedback", ())
        source = source_of(workspace_id, "outcomes")
        row = Row(outcome_id, at_us, KIND, JUDGED, source, recommendation_id, "", recommendation_id, octets)
        return _Draft(row, body, 0)

    def _workspace(self, value: Any) -> str:
        workspace_id = fields.workspace(value)
        self._admit(workspace_id)
        return workspace_id

    def _new_id(self, workspace_id: str, key: str, now_us: int) -> str:
        return _hashed("r-", workspace_id, key) if key else time_id(from_us(now_us), self._rng)

    def _encoded(self, body: dict[str, Any], field: str, outside: Sequence[str]) -> bytes:
        try:
            octets = encoded(body, [body.get(name) for name in outside], field, self._settings.depth_max)
        except InvalidInput as error:
            raise InvalidInput(error.message, error.field or field) from error
        limit = self._settings.event_max_bytes
        if len(octets) > limit:
            raise TooLarge(f"This has {len(octets)} bytes; {limit} are allowed.", field)
        return octets

    def _redacted(self, body: Mapping[str, Any]) -> dict[str, Any]:
        hidden: dict[str, Any] = self._redactor.value({name: body[name] for name in body.keys() - _NO_SECRETS})
        return {**{name: body[name] for name in body.keys() & _NO_SECRETS}, **hidden}


def said_anew(row: Row, sheet: Mapping[str, Any], *, is_known: bool = True) -> Row | None:
    """Return an outcome that was said before as a new one, where the recommendation's ``sheet`` holds another by now.

    None where it is a repeat of what stands, or has an id or a time of its own, by which it is itself. The new id
    follows from what it replaces, so that its own repeat is known. ``is_known`` is False where the sheet may be old.
    """
    body = orjson.loads(row.body)
    said = {name: value for name, value in body.items() if name not in _NOT_SAID}
    if row.id != _hashed("o-", row.subject, said, None):
        return None
    if is_known and all((sheet.get(name) or None) == (said.get(name) or None) for name in _STANDS):
        return None
    outcome_id = _hashed("o-", row.subject, said, sheet.get("evaluated_at") or "")
    return row._replace(id=outcome_id, body=canonical({**body, "outcome_id": outcome_id}))


class NotANumber:
    """What stands in decoded JSON for NaN and infinities (1e999 is one), so that the field that holds one is named."""

    def __init__(self, name: str) -> None:
        self.name = name


def decode(body: bytes, settings: IntakeSettings) -> tuple[list[Any], bool]:
    """Return the items of a request, and whether it was one object: that, a list, or {workspace_id, items}.

    Raises InvalidInput where the request as a whole cannot be read, TooLarge for too many items.
    """
    found = _loaded(body)
    if isinstance(found, dict) and "items" in found:
        found = _with_workspace(found)
    if isinstance(found, dict):
        return [found], True
    if not isinstance(found, list):
        raise InvalidInput("The body is an object, a list of objects, or {workspace_id, items}.", "items")
    if len(found) > settings.batch_max_events:
        raise TooLarge(f"There are {len(found)} items; {settings.batch_max_events} are allowed.", "items")
    return found, False


def _loaded(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except ValueError as error:
        if b"NaN" not in body and b"Infinity" not in body and "infinity" not in str(error):
            raise InvalidInput(f"The body is not JSON: {error}.", "body") from error
    try:
        return json.loads(body, parse_constant=NotANumber, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"The body is not JSON: {error}.", "body") from error


def _finite(text: str) -> Any:
    number = float(text)
    return number if math.isfinite(number) else NotANumber(text)


def _with_workspace(batch: dict[str, Any]) -> Any:
    fields.refuse_others(batch, {"workspace_id", "items"})
    items = batch["items"]
    if batch.get("workspace_id") is None or not isinstance(items, list):
        return items
    shared = {"workspace_id": batch["workspace_id"]}
    return [{**shared, **item} if isinstance(item, dict) else item for item in items]


def _hashed(prefix: str, *parts: Any) -> str:
    return prefix + hashlib.sha256(canonical(list(parts))).hexdigest()[:32]


def _rejected(place: int, item: Any, error: CallerError) -> RejectedItem:
    given = item.get("recommendation_id") if isinstance(item, dict) else None
    shown = given[: fields.ID_MAX].encode(errors="replace").decode() if isinstance(given, str) else ""
    return RejectedItem(place, shown, error.field, error.message, isinstance(error, TooLarge))
