"""Documents and passages: what knowledge is made from, and what a search returns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

ORIGINS = ("runbook", "web", "github", "mission", "operator", "upload")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A text that Grace may learn from: a runbook, a web page, an issue, or what a mission stated.

    ``source`` is unique for the place it came from (path or URL); the same source with other text replaces the old
    text, and the same text twice is one document. ``origin`` is one of ORIGINS. ``confidence`` is in 0..1.
    """

    source: str
    title: str
    text: str
    origin: str
    topic: str = ""
    learned_from: str = ""
    confidence: float = 1.0
    at: datetime | None = None
    mission_id: str | None = None
    media_type: str = "text/markdown"
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One passage that a search found, with its provenance and why it was found.

    ``score`` is in 0..1, comparable within one answer; ``relevance`` (0..1) says how much the passage's document is
    about the question at all and may be compared between answers, None where nobody measured it (a page that another
    search engine found). ``reasons`` name matched terms and similarity.
    """

    passage_id: str
    text: str
    title: str
    heading: str
    source: str
    origin: str
    topic: str
    score: float
    confidence: float
    relevance: float | None = None
    learned_from: str = ""
    at: datetime | None = None
    mission_id: str | None = None
    usefulness: float | None = None
    reasons: Sequence[str] = ()
