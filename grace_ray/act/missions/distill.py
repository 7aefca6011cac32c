"""Distillation by extraction: of the passages found, the sentences, steps and commands that answer best.

Scored by how well the source answers (its place in the search, the question's words in it), by words in common, by
what the section promises (Mitigation before Impact), by how actionable and by place; chosen by maximal marginal
relevance (Carbonell and Goldstein, 1998), so that the same advice from two sources is given once.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from grace_ray.act.missions.segments import Segment, segments
from grace_ray.core.document import Hit
from grace_ray.core.mission import Question, Statement
from grace_ray.models.retrieval.analysis import compounds, terms

STATEMENTS_MAX = 8
PER_SOURCE_MAX = 5
_COVERAGE_MIN = 0.12
_SAME = 0.6
_SURE_MAX = 0.95
_PLACE_DROP = 1.0
_RELEVANCE_SHARE = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    hit: Hit
    segment: Segment
    terms: frozenset[str]
    relevance: float
    standing: float
    score: float


class ExtractiveDistiller:
    """Statements without a language model: sentences as they stand in the source. Deterministic."""

    note = ""

    def __init__(self, clock: Callable[[], datetime], limit: int = STATEMENTS_MAX) -> None:
        self._clock = clock
        self._limit = limit

    def distill(self, question: Question, passages: Sequence[Hit]) -> list[Statement]:
        """Return at most ``limit`` statements, best first; none where no passage is about the question."""
        weights = _weights(question_terms(question), passages)
        standing = _standing(passages, weights)
        candidates = [
            candidate
            for hit in _distinct(passages)
            if hit.origin == "pattern" or coverage(hit, weights) >= _COVERAGE_MIN
            for candidate in _candidates(hit, weights, standing[hit.source])
        ]
        at = self._clock()
        return [
            to_statement(c.hit, c.segment.text, c.segment.quote, question, _sure(c), at) for c in self._pick(candidates)
        ]

    def _pick(self, candidates: list[_Candidate]) -> list[_Candidate]:
        """Return the best by maximal marginal relevance, at most PER_SOURCE_MAX of one source, source by source."""
        chosen: list[_Candidate] = []
        per_source: Counter[str] = Counter()
        left = list(candidates)
        while left and len(chosen) < self._limit:
            likeness = [max((_likeness(c, other) for other in chosen), default=0.0) for c in left]
            merit = [
                _RELEVANCE_SHARE * c.score - (1 - _RELEVANCE_SHARE) * like if like < _SAME else -1.0
                for c, like in zip(left, likeness, strict=True)
            ]
            best = max(range(len(left)), key=lambda n: merit[n])
            if merit[best] <= -1.0:
                break
            candidate = left.pop(best)
            if per_source[candidate.hit.source] < PER_SOURCE_MAX:
                per_source[candidate.hit.source] += 1
                chosen.append(candidate)
        return sorted(chosen, key=lambda c: (-c.standing, -c.score))


def statement_id(source: str, text: str) -> str:
    """Return the id of a statement: the same text from the same source is the same statement, whoever learns it."""
    return hashlib.sha256(f"{source}\x1f{text}".encode()).hexdigest()[:32]


def to_statement(hit: Hit, text: str, quote: str, question: Question, confidence: float, at: datetime) -> Statement:
    """Return a statement that cites ``hit``; ``quote`` stands verbatim in its passage."""
    return Statement(
        id=statement_id(hit.source, text),
        text=text,
        passage=quote,
        source=hit.source,
        origin=hit.origin,
        topic=question.topic or hit.topic,
        confidence=round(min(1.0, max(0.0, confidence)), 3),
        at=at,
        title=hit.title,
    )


def question_terms(question: Question) -> Counter[str]:
    """Return the stemmed terms asked for: of the text, the mined terms and a few messages (which count less)."""
    asked: Counter[str] = Counter()
    for text, weight in ((question.text, 2), (" ".join(question.terms), 2), (question.topic, 1)):
        for term in {*terms(text), *compounds(text)}:
            asked[term] += weight
    for term in {term for message in question.messages[:5] for term in terms(message)}:
        asked[term] += 1
    return asked


def coverage(hit: Hit, weights: dict[str, float]) -> float:
    """Return the share (0..1) of the question's weight that a passage with its title and headings covers."""
    total = sum(weights.values())
    words = f"{hit.title} {hit.heading} {hit.topic} {hit.text}"
    found = {*terms(words), *compounds(words)}
    return sum(weight for term, weight in weights.items() if term in found) / total if total else 0.0


def _weights(asked: Counter[str], passages: Sequence[Hit]) -> dict[str, float]:
    """Weigh each term by how few of the passages have it: what all of them share tells none apart."""
    holding: Counter[str] = Counter(term for hit in passages for term in set(terms(f"{hit.title} {hit.text}")))
    return {
        term: count * math.log(1.0 + (1.0 + len(passages)) / (0.5 + holding[term])) if holding[term] else 0.5 * count
        for term, count in asked.items()
        if not term.isdigit()
    }


def _distinct(passages: Sequence[Hit]) -> list[Hit]:
    """Drop passages found twice; the strategy that found one first is credited."""
    seen: dict[tuple[str, str], Hit] = {}
    for hit in passages:
        seen.setdefault((hit.source, " ".join(hit.text.split())), hit)
    return list(seen.values())


def _standing(passages: Sequence[Hit], weights: dict[str, float]) -> dict[str, float]:
    """Return how well each source answers as a whole, 0..1: its place in the search, its words, and its past use.

    A search ranks by more than words (meaning, title, use), so its order counts; its scores are scaled anew in every
    search and count little.
    """
    places: dict[str, dict[str, int]] = {}
    for hit in passages:
        found = places.setdefault(hit.origin, {})
        found.setdefault(hit.source, len(found))
    useful = {hit.source: 0.75 + 0.5 * hit.usefulness for hit in passages if hit.usefulness is not None}
    standing: dict[str, float] = {}
    for hit in passages:
        place = 1.0 / (1.0 + _PLACE_DROP * places[hit.origin][hit.source])
        told = 0.5 * place + 0.2 * hit.score + 0.3 * min(1.0, 2.0 * coverage(hit, weights))
        told = min(1.0, told * useful.get(hit.source, 1.0))
        standing[hit.source] = max(told, standing.get(hit.source, 0.0))
    return standing


def _relevance(hit: Hit, weights: dict[str, float]) -> float:
    """Return how much a source is about the question: as its search measured it, else by the words it covers.

    What the cluster's own history says is about the cluster.
    """
    if hit.relevance is not None:
        return hit.relevance
    return 1.0 if hit.origin == "pattern" else min(1.0, 2.0 * coverage(hit, weights))


def _candidates(hit: Hit, weights: dict[str, float], standing: float) -> list[_Candidate]:
    total = sum(weights.values()) or 1.0
    relevance = _relevance(hit, weights)
    found = []
    for segment in segments(hit.text, hit.heading):
        words = frozenset(terms(segment.text))
        overlap = min(1.0, 4.0 * sum(weight for term, weight in weights.items() if term in words) / total)
        score = (
            0.55 * standing + 0.10 * overlap + 0.22 * segment.section
            + 0.11 * segment.action + 0.02 * (1.0 - segment.place)
        )  # fmt: skip
        found.append(
            _Candidate(
                hit=hit,
                segment=segment,
                terms=words,
                relevance=relevance,
                standing=standing,
                score=min(1.0, score),
            )
        )
    return found


def _likeness(one: _Candidate, other: _Candidate) -> float:
    union = len(one.terms | other.terms)
    return len(one.terms & other.terms) / union if union else 1.0


def _sure(candidate: _Candidate) -> float:
    """Return the confidence: of the source, that it is about the question, and that this is what it advises."""
    told = candidate.hit.confidence * candidate.relevance * (0.3 + 0.7 * candidate.score)
    return min(_SURE_MAX, told)
