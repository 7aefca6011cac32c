"""Documents as people and programs hand them in: checked field by field, so that a refusal names what is wrong."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from grace_ray.core.document import ORIGINS, Document
from grace_ray.core.errors import InvalidInput, TooLarge

DOCUMENTS_MAX = 1000
MEDIA_TYPES = ("text/markdown", "text/plain")
_LENGTHS = {"source": 2048, "title": 500, "topic": 200, "learned_from": 2048, "mission_id": 100}
_FIELDS = frozenset({*_LENGTHS, "text", "origin", "confidence", "at", "media_type", "meta"})


def parse_documents(value: Any, text_max_bytes: int, now: datetime) -> list[Document]:
    """Return the documents of ``[{source, title, text, origin?, topic?, ...}, ...]``; ``at`` defaults to ``now``.

    Raises InvalidInput or TooLarge with the path of the field at fault, such as ``documents[2].text``.
    """
    if not isinstance(value, Sequence) or isinstance(value, str | bytes) or not value:
        raise InvalidInput("The documents must be a list with at least one document.", "documents")
    if len(value) > DOCUMENTS_MAX:
        raise TooLarge(f"At most {DOCUMENTS_MAX} documents can be added at once, not {len(value)}.", "documents")
    return [_document(item, f"documents[{number}]", text_max_bytes, now) for number, item in enumerate(value)]


def _document(item: Any, path: str, text_max_bytes: int, now: datetime) -> Document:
    if not isinstance(item, Mapping):
        raise InvalidInput("A document must be an object.", path)
    unknown = sorted(set(map(str, item)) - _FIELDS)
    if unknown:
        raise InvalidInput(f"A document has no field {unknown[0]}.", f"{path}.{unknown[0]}")
    strings = {name: _text(item.get(name) or "", f"{path}.{name}", most) for name, most in _LENGTHS.items()}
    text = _text(item.get("text", ""), f"{path}.text", text_max_bytes)
    for name, found in (("source", strings["source"]), ("text", text)):
        if not found.strip():
            raise InvalidInput(f"A document must have a {name}.", f"{path}.{name}")
    return Document(
        source=strings["source"],
        title=strings["title"],
        text=text,
        origin=_one_of(item.get("origin", "upload"), ORIGINS, f"{path}.origin"),
        topic=strings["topic"],
        learned_from=strings["learned_from"],
        confidence=_share(item.get("confidence", 1.0), f"{path}.confidence"),
        at=_time(item["at"], f"{path}.at") if item.get("at") else now,
        mission_id=strings["mission_id"] or None,
        media_type=_one_of(item.get("media_type", MEDIA_TYPES[0]), MEDIA_TYPES, f"{path}.media_type"),
        meta=_object({} if item.get("meta") is None else item["meta"], f"{path}.meta"),
    )


def _text(value: Any, path: str, most_bytes: int) -> str:
    if not isinstance(value, str):
        raise InvalidInput("This must be a string.", path)
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        raise InvalidInput("This is not valid Unicode text.", path) from error
    if size > most_bytes:
        raise TooLarge(f"This is {size} bytes long; at most {most_bytes} are taken.", path)
    return value


def _one_of(value: Any, allowed: Sequence[str], path: str) -> str:
    if value not in allowed:
        raise InvalidInput(f"This must be one of {', '.join(allowed)}.", path)
    return str(value)


def _share(value: Any, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InvalidInput("This must be a number from 0 to 1.", path)
    return float(value)


def _time(value: Any, path: str) -> datetime:
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise InvalidInput("This must be a time as RFC 3339 writes it.", path) from error
    if at.tzinfo is None:
        raise InvalidInput("This time has no time zone.", path)
    return at.astimezone(UTC)


def _object(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidInput("This must be an object.", path)
    if len(str(value)) > _LENGTHS["source"]:
        raise TooLarge(f"This is too long; at most {_LENGTHS['source']} characters are taken.", path)
    return value
