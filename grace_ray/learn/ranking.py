"""From what the index found to what a person reads: provenance, reasons, and a gentle pull of usefulness."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from grace_ray.core.document import Hit
from grace_ray.learn.holdings import Held, HeldStatement, Place
from grace_ray.learn.library import Library
from grace_ray.learn.usefulness import Evidence, weighed
from grace_ray.models.retrieval.chunks import Passage
from grace_ray.models.retrieval.hybrid import Hit as Found


def hits_of(found: Iterable[Found], library: Library, origins: frozenset[str]) -> list[Hit]:
    """Return hits, best first, one a source.

    Of several statements of one source the best stands for all.
    """
    hits = [hit for one in found if (hit := _hit(one, library, origins))]
    hits.sort(key=lambda hit: (-hit.score, hit.passage_id))
    best: dict[str, Hit] = {}
    for hit in hits:
        best.setdefault(hit.source, hit)
    return list(best.values())


def _hit(found: Found, library: Library, origins: frozenset[str]) -> Hit | None:
    if found.document_id in library.statements:
        return _of_statement(found, library.statements[found.document_id])
    held = library.documents[found.document_id]
    passages = held.rows[1:]
    row = passages[found.passage] if passages else held.rows[0]
    place = next((place for place in held.places if place.origin in origins), held.places[0])
    evidence = held.evidence + library.evidence_by_source().get(place.source, Evidence())
    score = min(1.0, weighed(found.score, place.confidence, evidence.usefulness))
    hit = _of_place(held, place, row, library.passage(row), score)
    reasons = _reasons(found, place.confidence, evidence, held.places)
    relevance = round(found.relevance, 3)
    return replace(hit, relevance=relevance, usefulness=evidence.usefulness, reasons=reasons)


def passages_of(source: str, library: Library) -> list[Hit]:
    """Return every passage of the document of this source in reading order; empty where it is not held."""
    key = library.text_of(source)
    if key is None:
        return []
    held = library.documents[key]
    place = next(place for place in held.places if place.source == source)
    rows = ((row, library.passage(row)) for row in held.rows[1:])
    return [_of_place(held, place, row, passage, 1.0) for row, passage in rows if passage is not None]


def _of_place(held: Held, place: Place, row: str, passage: Passage | None, score: float) -> Hit:
    return Hit(
        passage_id=row,
        text=passage.text if passage else held.title,
        title=held.title,
        heading=" / ".join(passage.heading) if passage else "",
        source=place.source,
        origin=place.origin,
        topic=place.topic,
        score=score,
        confidence=place.confidence,
        learned_from=place.learned_from,
        at=place.at,
        mission_id=place.mission_id,
    )


def _of_statement(found: Found, held: HeldStatement) -> Hit:
    statement, evidence = held.statement, held.evidence
    return Hit(
        passage_id=statement.id,
        text=statement.text,
        title=statement.title or statement.topic,
        heading="",
        source=statement.source,
        origin="mission",
        topic=statement.topic,
        score=min(1.0, weighed(found.score, statement.confidence, evidence.usefulness)),
        confidence=statement.confidence,
        relevance=round(found.relevance, 3),
        learned_from=statement.origin,
        at=statement.at,
        mission_id=statement.mission_id,
        usefulness=evidence.usefulness,
        reasons=_reasons(found, statement.confidence, evidence, ()),
    )


def _reasons(found: Found, confidence: float, evidence: Evidence, places: Sequence[Place]) -> tuple[str, ...]:
    reasons = [found.why()]
    if evidence.usefulness is not None:
        reasons.append(evidence.sentence)
    if confidence < 1:
        reasons.append(f"Its confidence is {confidence:.2f}.")
    if len(places) > 1:
        reasons.append(f"The same text was read at {len(places)} places.")
    return tuple(reasons)
