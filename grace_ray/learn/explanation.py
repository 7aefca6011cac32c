"""Where a piece of knowledge comes from and what is known of its use, in sentences and in full."""

from typing import Any

from grace_ray.core.jsonable import to_plain
from grace_ray.learn.holdings import Held, HeldStatement
from grace_ray.learn.library import Library


def explanation(library: Library, identifier: str) -> dict[str, Any] | None:
    """Return {id, kind, answer: [sentences], facts, ...} for a statement, text or passage; None for an unknown one."""
    key = library.find(identifier)
    if key is None:
        return None
    if key in library.statements:
        return {"id": identifier, "facts": [], **_of_statement(library.statements[key])}
    return {"id": identifier, "facts": [], **_of_text(library.documents[key])}


def _of_statement(held: HeldStatement) -> dict[str, Any]:
    cited = held.statement
    answer = [
        f"Mission {cited.mission_id} stated it at {cited.at:%Y-%m-%d %H:%M:%S} UTC on {cited.topic}.",
        f"It was found by the strategy {cited.origin} in {cited.source}.",
        held.evidence.sentence,
    ]
    return {"kind": "statement", "answer": answer, "statement": to_plain(cited)}


def _of_text(held: Held) -> dict[str, Any]:
    answer = [
        *(f"It was read at {place.source} (origin {place.origin})." for place in held.places),
        f"It is held in {len(held.rows) - 1} passages.",
        held.evidence.sentence,
    ]
    return {"kind": "document", "answer": answer, "document": to_plain(held)}
