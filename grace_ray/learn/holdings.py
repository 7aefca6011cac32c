"""What the library holds of a text and of a statement, and how both are identified: by their content."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from grace_ray.core.document import Document
from grace_ray.core.mission import Statement
from grace_ray.learn.usefulness import OUTCOME_TRIALS, VOTE_TRIALS, Evidence, trial
from grace_ray.models.retrieval.chunks import Article, Passage, split_markdown, split_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a text was read, and what is said of it there: a Document without its text."""

    source: str
    title: str
    origin: str
    topic: str = ""
    learned_from: str = ""
    confidence: float = 1.0
    at: datetime | None = None
    mission_id: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> "Place":
        """Return the place of a document."""
        return cls(**{name: getattr(document, name) for name in cls.__slots__})

    def is_like(self, other: "Place") -> bool:
        """Whether both say the same, whenever they were read."""
        return replace(self, at=None) == replace(other, at=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A text that is held: its ``places``, oldest first, and its ``rows`` (the title's, then a row a passage)."""

    title: str
    places: Sequence[Place]
    rows: Sequence[str]
    aliases: Sequence[str] = ()
    votes: Mapping[str, bool] = field(default_factory=dict)

    @property
    def evidence(self) -> Evidence:
        """What people said of it."""
        return _votes_cast(self.votes)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldStatement:
    """A statement that is held; ``awaiting`` are the clusters it was applied to that have not been judged yet."""

    statement: Statement
    rows: Sequence[str]
    awaiting: Sequence[str] = ()
    helped: int = 0
    hurt: int = 0
    votes: Mapping[str, bool] = field(default_factory=dict)

    @property
    def evidence(self) -> Evidence:
        """What happened after it was applied, and what people said of it."""
        outcomes = Evidence(self.helped * OUTCOME_TRIALS, self.hurt * OUTCOME_TRIALS)
        return outcomes + _votes_cast(self.votes)


def _votes_cast(votes: Mapping[str, bool]) -> Evidence:
    """Return the evidence of people's votes."""
    return sum((trial(is_useful, VOTE_TRIALS) for is_useful in votes.values()), Evidence())


def text_id(text: str) -> str:
    """Return what identifies a text, wherever it was read."""
    return _digest("text", "\n".join(line.rstrip() for line in text.strip().splitlines()))


def statement_article(statement: Statement) -> Article:
    """Return a statement as one passage under the title of its source (or its topic)."""
    return Article(title=statement.title or statement.topic, passages=(Passage(text=statement.text),))


def words_id(statement: Statement) -> str:
    """Return what identifies a statement: its words, and the source that it cites."""
    return _digest(" ".join(statement.text.lower().split()), statement.source)


def row_ids(article: Article) -> tuple[str, ...]:
    """Return the identifiers of an article's rows: its title, then its passages under title and headings."""
    title = _digest("title", article.title)
    return (title, *(_digest("passage", article.title, *p.heading, p.text) for p in article.passages))


def split(document: Document) -> Article:
    """Cut a document into passages."""
    if document.media_type == "text/plain":
        return split_text(document.text, document.title)
    return split_markdown(document.text, document.title)


def passage_of(body: bytes) -> Passage:
    """Return the passage that a record of the view "passages" holds."""
    plain = json.loads(body)
    return Passage(text=plain["text"], heading=tuple(plain["heading"]), line=plain["line"])


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:24]
