"""A text from outside, as passages that answer and as a document worth keeping."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from grace_ray.act.missions.distill import coverage, question_terms
from grace_ray.core.document import Document, Hit
from grace_ray.core.mission import Question
from grace_ray.models.retrieval.chunks import split_markdown

PASSAGES_MAX = 4
TEXT_MAX = 100_000


def passages_of(document: Document, question: Question, limit: int = PASSAGES_MAX) -> list[Hit]:
    """Return the ``limit`` passages that cover most of the question, best first; those that cover nothing are left."""
    weights: dict[str, float] = dict(Counter(question_terms(question)))
    article = split_markdown(document.text)
    hits = [
        Hit(
            passage_id=f"{document.source}#{number}",
            text=passage.text,
            title=document.title,
            heading=" > ".join(passage.heading),
            source=document.source,
            origin=document.origin,
            topic=document.topic,
            score=0.0,
            confidence=document.confidence,
            learned_from=document.learned_from,
            at=document.at,
        )
        for number, passage in enumerate(article.passages)
    ]
    return ranked(hits, weights)[:limit]


def ranked(hits: Sequence[Hit], weights: dict[str, float]) -> list[Hit]:
    """Return the hits scored by how much of the question they cover, best first."""
    scored = [replace(hit, score=coverage(hit, weights)) for hit in hits]
    return sorted((hit for hit in scored if hit.score > 0), key=lambda hit: -hit.score)


def outside_document(
    *, source: str, title: str, text: str, origin: str, question: Question, learned_from: str, confidence: float,
    at: datetime,
) -> Document:  # fmt: skip
    """Return a text from outside as a document, at most TEXT_MAX characters of it."""
    return Document(
        source=source,
        title=(title or source)[:300],
        text=text[:TEXT_MAX],
        origin=origin,
        topic=question.topic[:200],
        learned_from=learned_from,
        confidence=confidence,
        at=at,
    )
