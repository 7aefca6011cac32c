"""Intake: raw CloudEvents become journal rows: checked, redacted, completed, encoded; a bad one costs only itself."""

import base64
import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from grace_ray.core.canonical import canonical
from grace_ray.core.clock import to_us
from grace_ray.core.cloudevent import to_cloudevent
from grace_ray.core.errors import CallerError, InvalidInput, TooLarge
from grace_ray.core.event import SEVERITIES, Event
from grace_ray.core.event_types import REGISTRY, EventType, lookup
from grace_ray.core.fact import Row
from grace_ray.sense import derivation
from grace_ray.sense.encoding import FLOAT, NUL, encoded, has_nul
from grace_ray.sense.raw import RawEvent, Rejected
from grace_ray.sense.redaction import Redactor
from grace_ray.sense.scan import Scanner
from grace_ray.sense.times import Times
from grace_ray.settings import IntakeSettings

ID_MAX, SOURCE_MAX, TYPE_MAX, SUBJECT_MAX, TEXT_MAX = 256, 512, 255, 1024, 4096
"""Characters of an attribute."""

_CLOUDEVENTS = "specversion id source type time subject datacontenttype data data_base64"
_GRACE = "domain severity pattern message success trace traceparent tracestate cause reported"
_KNOWN = frozenset(f"{_CLOUDEVENTS} {_GRACE}".split())
_SEVERITIES = frozenset(SEVERITIES)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_EXTENSION = re.compile(r"[a-z0-9]{1,64}")
_WORD = re.compile(r"[\w.-]{1,64}", re.ASCII)
_PATTERN = re.compile(r"[\w .-]{0,128}", re.ASCII)
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")


class Taken(NamedTuple):
    """What became of a batch: rows for the journal, the events not taken, and how often unregistered types came."""

    rows: list[Row]
    rejected: list[Rejected]
    unknown: Counter[str]


class _Draft(NamedTuple):
    """An event on its way: its row, the body decoded, and whether the sender wrote the message."""

    row: Row
    body: dict[str, Any]
    has_message: bool


class Intake:
    """The door of sensing; holds no state beyond caches, so any number of replicas may have one.

    >>> from datetime import UTC, datetime
    >>> raw = {"specversion": "1.0", "id": "1", "source": "/ci", "type": "github.rate_limit", "data": {"remaining": 5}}
    >>> taken = Intake(IntakeSettings()).take([raw, {"id": "2"}], datetime(2026, 1, 1, tzinfo=UTC))
    >>> orjson.loads(taken.rows[0].body)["severity"], taken.rejected[0].field
    ('high', 'source')
    """

    def __init__(self, settings: IntakeSettings) -> None:
        self._settings = settings
        self._redactor = Redactor(settings.redact_extra)
        self._scanner = Scanner({"secret": self._redactor.sign, "float": FLOAT, "nul": NUL})
        self._source = lru_cache(maxsize=4096)(self._redactor.text)
        self._times = Times(settings)

    def take(self, raws: Sequence[RawEvent | Rejected], now: datetime) -> Taken:
        """Return the rows of ``raws`` (as a format decoded them); ``now`` (aware UTC) is the time of undated ones."""
        drafts: list[_Draft] = []
        places: list[int] = []
        rejected: list[Rejected] = []
        now_us = to_us(now)
        for index, raw in enumerate(raws):
            if isinstance(raw, Rejected):
                rejected.append(raw)
                continue
            try:
                drafts.append(self._draft(raw, now_us))
                places.append(index)
            except CallerError as error:
                rejected.append(_rejected(index, raw, error))
        rows: list[Row | None] = [draft.row for draft in drafts]
        found = self._scanner.find([row.body + row.subject.encode() if row.subject else row.body for row, *_ in drafts])
        for index in {*found["float"], *found["secret"]}:
            rows[index] = self._redacted(drafts[index])
        for index in found["nul"]:
            if has_nul(drafts[index].body):
                rows[index] = None
                place = places[index]
                fault = InvalidInput("The data holds a NUL character.", "data")
                rejected.append(_rejected(place, raws[place], fault))
        rejected.sort(key=lambda item: item.index)
        kept = [row for row in rows if row is not None]
        return Taken(kept, rejected, Counter(row.type for row in kept if row.type not in REGISTRY))

    def take_events(self, events: Sequence[Event], now: datetime) -> Taken:
        """Return the rows of events made in this process, by an emitter or a collector."""
        return self.take([_wire(index, event) for index, event in enumerate(events)], now)

    def _draft(self, raw: RawEvent, now_us: int) -> _Draft:
        if type(raw) is not dict:
            raise InvalidInput("An event is a JSON object.", "event")
        get = raw.get
        event_id = _required("id", get("id"), ID_MAX)
        source = self._source(_required("source", get("source"), SOURCE_MAX))
        type_name = _required("type", get("type"), TYPE_MAX)
        if get("specversion") != "1.0":
            raise InvalidInput("The attribute specversion must be '1.0'.", "specversion")
        at_us = (
            self._reported(get("reported"), now_us)
            if (time := get("time")) is None
            else self._times.read("time", time, now_us)
        )
        subject = "" if (subject := get("subject")) is None else _text("subject", subject, SUBJECT_MAX)
        cause = "" if (cause := get("cause")) is None else _text("cause", cause, ID_MAX)
        body, has_message = _body(raw, lookup(type_name))
        row = Row(event_id, at_us, "event", type_name, source, subject, _trace(raw), cause, self._encoded(body))
        return _Draft(row, body, has_message)

    def _reported(self, value: Any, now_us: int) -> int:
        """Return the time that a system without CloudEvents wrote, where it is plausible, else the time of receipt.

        An alert that has fired for two years, or a clock that went wrong, is no reason to lose what it says.
        """
        if value is None:
            return now_us
        try:
            return self._times.read("time", value, now_us)
        except InvalidInput:
            return now_us

    def _encoded(self, body: dict[str, Any]) -> bytes:
        octets = encoded(body, body.get("data", {}).values(), "data", self._settings.depth_max)
        if len(octets) > self._settings.event_max_bytes:
            raise TooLarge(f"The event has {len(octets)} bytes; {self._settings.event_max_bytes} are allowed.", "data")
        return octets

    def _redacted(self, draft: _Draft) -> Row:
        body = self._redactor.value(draft.body)
        if not draft.has_message:
            body["message"] = derivation.message(draft.row.type, body.get("data", {}))
        return draft.row._replace(subject=self._redactor.text(draft.row.subject), body=canonical(body))


def _body(raw: RawEvent, kind: EventType) -> tuple[dict[str, Any], bool]:
    """Return the row's body (the shape of Event.to_row), and whether its message is the sender's own."""
    get = raw.get
    data = _data(raw)
    message = get("message") and _text("message", get("message"), None)
    body: dict[str, Any] = {
        "domain": kind.domain if (domain := get("domain")) is None else _domain(domain),
        "severity": derivation.severity(kind, data) if (word := get("severity")) is None else _severity(word),
        "message": message[: derivation.MESSAGE_MAX] if message else derivation.message(kind.type, data),
    }
    if pattern := kind.pattern if (pattern := get("pattern")) is None else _pattern(pattern):
        body["pattern"] = pattern
    if kind.success if (success := get("success")) is None else _boolean("success", success):
        body["success"] = True
    if data:
        body["data"] = data
    if not _KNOWN.issuperset(raw):
        body["extensions"] = _extensions(raw)
    return body, bool(message)


def _rejected(index: int, raw: Any, error: CallerError) -> Rejected:
    event_id = raw.get("id") if isinstance(raw, dict) else None
    return Rejected(
        index=index,
        id=event_id[:ID_MAX].encode(errors="replace").decode() if isinstance(event_id, str) else "",
        field=error.field,
        reason=error.message,
        code="too_large" if isinstance(error, TooLarge) else "invalid",
    )


def _wire(index: int, event: Event) -> RawEvent | Rejected:
    """Return an event as JSON would bring it: Python values that JSON does not have are refused here."""
    wire = to_cloudevent(event)
    try:
        data: dict[str, Any] = orjson.loads(canonical(dict(event.data)))
    except InvalidInput as error:
        return Rejected(index=index, id=event.id, field="data", reason=error.message)
    return wire | {"data": data}


def _required(name: str, value: Any, limit: int) -> str:
    if type(value) is str and 0 < len(value) <= limit and value.isprintable():
        return value
    if value is None or value == "":
        raise InvalidInput(f"The attribute {name} is missing.", name)
    return _text(name, value, limit)


def _text(name: str, value: Any, limit: int | None) -> str:
    """Return ``value`` if it is text; ``limit`` None: of any length, and with line breaks."""
    if not isinstance(value, str):
        raise InvalidInput(f"The attribute {name} must be a string, not {type(value).__name__}.", name)
    if limit is None:
        return value
    if len(value) > limit:
        raise InvalidInput(f"The attribute {name} has {len(value)} characters; {limit} are allowed.", name)
    if not value.isprintable() and _CONTROL.search(value):
        raise InvalidInput(f"The attribute {name} holds a control character.", name)
    return value


def _severity(word: Any) -> str:
    if isinstance(word, str) and word in _SEVERITIES:
        return word
    raise InvalidInput("The attribute severity is one of low, medium, high, critical.", "severity")


def _boolean(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):  # HTTP headers of the binary mode carry text alone
        return bool(value == "true")
    raise InvalidInput(f"The attribute {name} must be true or false.", name)


def _domain(value: Any) -> str:
    """Return a domain: free of what a cluster key or a URL would trip over."""
    if isinstance(value, str) and _WORD.fullmatch(value):
        return value
    raise InvalidInput("The attribute domain must be 1 to 64 letters, digits, '_', '.' and '-'.", "domain")


def _pattern(value: Any) -> str:
    if isinstance(value, str) and _PATTERN.fullmatch(value):
        return value
    raise InvalidInput("The attribute pattern must be at most 128 letters, digits, '_', '.', '-' and ' '.", "pattern")


def _trace(raw: RawEvent) -> str:
    """Return the trace: our own attribute, else the trace id of a W3C traceparent (which says to ignore a bad one)."""
    if (trace := raw.get("trace")) is not None:
        return _text("trace", trace, ID_MAX)
    if (parent := raw.get("traceparent")) is None:
        return ""
    found = _TRACEPARENT.fullmatch(_text("traceparent", parent, TEXT_MAX))
    return found[1] if found else ""


def _extensions(raw: RawEvent) -> dict[str, Any]:
    """Return the extension attributes that mean nothing to Grace: kept, once their names and types are CloudEvents'."""
    kept: dict[str, Any] = {}
    for name in sorted(raw.keys() - _KNOWN):
        value = raw[name]
        if not _EXTENSION.fullmatch(name):
            shown = name[:40].encode(errors="replace").decode()
            raise InvalidInput(f"The attribute name {shown!r} is not lower-case letters and digits.", shown)
        if value is not None and not isinstance(value, str | bool | int):
            raise InvalidInput(f"The attribute {name} must be a string, a boolean or an integer.", name)
        if isinstance(value, str) and len(value) > TEXT_MAX:
            raise InvalidInput(f"The attribute {name} has {len(value)} characters; {TEXT_MAX} are allowed.", name)
        if value is not None:
            kept[name] = value
    return kept


def _data(raw: RawEvent) -> dict[str, Any]:
    """Return the payload as an object; anything else stands under ``value``, bytes under ``base64``."""
    data = raw.get("data")
    if "data_base64" in raw and raw["data_base64"] is not None:
        if data is not None:
            raise InvalidInput("An event has data or data_base64, not both.", "data_base64")
        data = _from_base64(raw)
    if type(data) is dict:
        return data
    return {} if data is None else {"value": data}


def _from_base64(raw: RawEvent) -> Any:
    text = _text("data_base64", raw["data_base64"], None)
    try:
        octets = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise InvalidInput("The attribute data_base64 is not Base64.", "data_base64") from error
    media_type = raw.get("datacontenttype")
    if isinstance(media_type, str) and (media_type.startswith("text/") or "json" in media_type):
        try:
            return orjson.loads(octets) if "json" in media_type else octets.decode()
        except ValueError as error:
            raise InvalidInput(f"The data is not {media_type}.", "data_base64") from error
    return {"base64": text}
