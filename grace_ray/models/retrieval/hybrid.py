"""Hybrid retrieval: BM25 and embeddings together rank documents, and point at the passage that answers.

Either alone misses what the other finds: words and identifiers that must match exactly, and the same thing said in
other words. A title that the question spells out is a third witness. The mean of the three, each scaled to [0, 1],
ranks; a document whose name stands literally in the question goes before all that it does not name.
The index holds terms and vectors, no text: what a passage says stays in the store.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from grace_ray.models.retrieval.analysis import compounds, distinct, name_key, name_parts, split_name, terms
from grace_ray.models.retrieval.chunks import Article, readable
from grace_ray.models.retrieval.lexical import LexicalIndex
from grace_ray.models.retrieval.question import Question
from grace_ray.models.retrieval.vectors import VectorMatrix, from_blob, to_blob

Floats = NDArray[np.float32]

_TITLE_SMOOTHING = 4.0
_NAMED_RELEVANCE = 0.9
_CHANCE = 4.0  # what about one word tells: a question of one or two common words is covered by chance


class Embedder(Protocol):
    """Texts to unit vectors."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    def embed(self, texts: Sequence[str]) -> Floats:
        """Float32 unit vectors of shape (n, dim)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One document found, with the best of its passages.

    ``passage`` counts from 0. ``score`` in [0, 1] ranks within one search only; ``similarity`` (cosine, -1 to 1, None
    without vectors) and ``coverage`` (the share of what is asked that the document's words cover, 0 to 1) may be
    compared between searches. ``parts`` are the scaled signals that made the score; ``matched`` the words of the
    question that the document has, most telling first; ``is_named`` whether the question spells out its name.

    ``relevance``, 0 to 1 and comparable between searches, says how much the document is about the question at all. It
    needs both: words in common and, with vectors, the same meaning; the geometric mean of both shares tells an answer
    from the best of nothing better than either. A title that is spelled out counts by itself.
    """

    document_id: str
    passage: int
    score: float
    coverage: float
    similarity: float | None
    parts: Mapping[str, float]
    matched: tuple[str, ...]
    is_named: bool
    relevance: float

    def why(self) -> str:
        """The reasons in one sentence."""
        words = f"shares {', '.join(self.matched[:6])}" if self.matched else "shares no words"
        meaning = "" if self.similarity is None else f"; similar in meaning at {self.similarity:.2f}"
        named = "is named in the question, and " if self.is_named else ""
        return f"It {named}{words} ({self.coverage:.0%} of what was asked){meaning}."


@dataclass(frozen=True, slots=True)
class Signals:
    """What each part says of each slot (s,) or row (r,), unscaled; the dense ones are None without vectors.

    ``lexical`` is BM25 of the whole document, ``title`` the share of its title that the question says, ``dense`` the
    mean of the cosines of its best passage and of its title, NaN for a document that waits for its vectors.
    """

    lexical: Floats
    title: Floats
    row_lexical: Floats
    dense: Floats | None
    row_dense: Floats | None


def embedding_texts(article: Article) -> list[str]:
    """What to embed of a document: its title, then each passage under its title and headings."""
    title = split_name(article.title)
    return [title, *(". ".join([title, *p.heading, readable(p.text)]) for p in article.passages)]


def title_terms(article: Article) -> list[str]:
    """The terms of all names of a document, each once."""
    names = (article.title, *article.aliases)
    return distinct(term for name in names for term in (*terms(name), *compounds(name)))


def literal_names(article: Article) -> frozenset[str]:
    """The names of a document, as keys, that a question may hold literally: those of several words or parts.

    One plain word ("Disk") stands in too many questions by chance.
    """
    return frozenset(name_key(name) for name in (article.title, *article.aliases) if len(name_parts(name)) > 1)


def query_text(query: str) -> str:
    """What to embed of a question: its prose, without labels."""
    return Question.parse(query).prose


class HybridIndex:
    """Documents in, ranked hits out; documents may be added, replaced and removed at any time.

    ``dim`` is the length of the vectors. Without vectors (of the documents or of the query) ranking is lexical alone.
    Deterministic: ties rank in the order of adding.
    """

    def __init__(self, dim: int = 384) -> None:
        self._documents = LexicalIndex()
        self._titles = LexicalIndex({"title": 1.0})
        self._rows = LexicalIndex()
        self._starts: list[int] = []  # the first row of each slot: its title; passages follow
        self._has_vectors: list[bool] = []  # of each slot
        self._vectors = VectorMatrix(dim)
        self._names: dict[str, frozenset[str]] = {}  # document -> the names that a question may hold literally
        self._bearers: dict[str, set[str]] = {}  # name -> the documents that bear it

    def __len__(self) -> int:
        return len(self._documents)

    def __contains__(self, document_id: str) -> bool:
        return document_id in self._documents

    def add(self, document_id: str, article: Article, vectors: Floats | None = None) -> None:
        """Index a document, in place of an earlier one of that id.

        ``vectors`` has shape (1 + passages, dim): those of ``embedding_texts(article)``; None leaves it lexical.
        Raises ValueError for another shape, and changes nothing then.
        """
        count = 1 + len(article.passages)
        if vectors is not None and vectors.shape != (count, self._vectors.dim):
            raise ValueError(f"Vectors must have shape {(count, self._vectors.dim)}, not {vectors.shape}.")
        self.remove(document_id)
        title = title_terms(article)
        headings = [[term for part in p.heading for term in terms(part)] for p in article.passages]
        bodies = [terms(p.text) for p in article.passages]
        self._starts.append(len(self._rows.keys))
        self._has_vectors.append(vectors is not None)
        self._documents.add(document_id, {"title": title, "heading": _joined(headings), "body": _joined(bodies)})
        self._titles.add(document_id, {"title": title})
        self._name(document_id, literal_names(article))
        self._rows.add(f"{document_id}\n0", {"title": title})
        for number, (heading, body) in enumerate(zip(headings, bodies, strict=True), 1):
            self._rows.add(f"{document_id}\n{number}", {"heading": heading, "body": body})
        if vectors is not None:
            self._fill_up(len(self._rows.keys) - count)
            self._vectors.append(vectors)
        elif len(self._vectors):
            self._fill_up(len(self._rows.keys))

    def remove(self, document_id: str) -> bool:
        """Forget a document; whether there was one."""
        if document_id not in self._documents:
            return False
        slot = self._documents.slot(document_id)
        for number in range(self._end(slot) - self._starts[slot]):
            self._rows.remove(f"{document_id}\n{number}")
        self._documents.remove(document_id)
        self._titles.remove(document_id)
        for name in self._names.pop(document_id, ()):
            self._bearers[name].discard(document_id)
        if self._documents.is_sparse:
            self._compact()
        return True

    def search(
        self, query: str, vector: Floats | None = None, k: int = 5, among: Collection[str] | None = None
    ) -> list[Hit]:
        """The best ``k`` documents for a question, best first.

        ``vector`` (dim,) is the embedding of ``query_text(query)``; ``among`` restricts to these
        document ids. A document that shares no word and no vector with the question is no hit.
        """
        slots = self._candidates(among)
        if not len(slots):
            return []
        question = Question.parse(query)
        signals = self.signals(question, vector)
        parts = _scaled(signals, slots)
        is_named = self._named(slots, question)
        score = _first(_mean(parts), is_named)
        best = [n for n in np.argsort(-score, kind="stable")[:k] if score[n] > 0]
        word_weights = self._word_weights(question)
        return [
            self._hit(
                int(slots[n]),
                question,
                signals,
                word_weights,
                score=float(score[n]),
                parts={name: float(part[n]) for name, part in parts.items()},
                is_named=bool(is_named[n]),
            )
            for n in best
        ]

    def signals(self, question: Question, vector: Floats | None) -> Signals:
        """The raw signals for every slot and row."""
        weights = question.terms()
        lexical, row_lexical = self._documents.scores(weights), self._rows.scores(weights)
        title = self._titles.coverage(question.naming(), _TITLE_SMOOTHING)
        if vector is None or not len(self._vectors):
            return Signals(lexical, title, row_lexical, None, None)
        row_dense = self._vectors.similarities(vector)
        starts = np.array(self._starts)
        dense = np.float32(0.5) * (np.maximum.reduceat(row_dense, starts) + row_dense[starts])
        dense[~np.array(self._has_vectors)] = np.nan
        return Signals(lexical, title, row_lexical, dense, row_dense)

    def state(self) -> dict[str, Any]:
        """The whole index as lists and bytes."""
        if len(self._documents) < len(self._starts):
            self._compact()
        return {
            "documents": self._documents.state(),
            "titles": self._titles.state(),
            "rows": self._rows.state(),
            "starts": list(self._starts),
            "has_vectors": list(self._has_vectors),
            "names": {key: sorted(names) for key, names in self._names.items()},
            "dim": self._vectors.dim,
            "vectors": to_blob(self._vectors.rows),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become the index that ``state`` was taken from."""
        self._documents.restore(state["documents"])
        self._titles.restore(state["titles"])
        self._rows.restore(state["rows"])
        self._starts = list(state["starts"])
        self._has_vectors = list(state["has_vectors"])
        self._names, self._bearers = {}, {}
        for document_id, names in state["names"].items():
            self._name(document_id, names)
        self._vectors = VectorMatrix(state["dim"])
        self._vectors.append(from_blob(state["vectors"], state["dim"]))

    def _fill_up(self, count: int) -> None:
        """Give rows without a vector a zero one, up to ``count`` rows; without any vectors there is no matrix."""
        missing = count - len(self._vectors)
        self._vectors.append(np.zeros((missing, self._vectors.dim), np.float32))

    def _end(self, slot: int) -> int:
        return self._starts[slot + 1] if slot + 1 < len(self._starts) else len(self._rows.keys)

    def _candidates(self, among: Collection[str] | None) -> NDArray[np.intp]:
        if among is not None:
            return np.array(sorted(self._documents.slot(key) for key in set(among) if key in self._documents), np.intp)
        return self._documents.living

    def _named(self, slots: NDArray[np.intp], question: Question) -> NDArray[np.bool_]:
        """Which candidates have a name that stands literally in the question."""
        called = (self._bearers.get(name, ()) for name in question.names())
        return np.isin(slots, [self._documents.slot(document_id) for bearers in called for document_id in bearers])

    def _name(self, document_id: str, names: Iterable[str]) -> None:
        self._names[document_id] = frozenset(names)
        for name in names:
            self._bearers.setdefault(name, set()).add(document_id)

    def _word_weights(self, question: Question) -> dict[str, float]:
        """What each word of the question tells: as much as the rarest of its terms that a document has."""
        return {word: self._weight(word_terms) for word, word_terms in question.words().items()}

    def _weight(self, word_terms: Sequence[str]) -> float:
        held = [term for term in word_terms if self._documents.idf(term)]
        return max(map(self._documents.telling, held or word_terms))

    def _hit(
        self, slot: int, question: Question, signals: Signals, word_weights: Mapping[str, float], **ranked: Any
    ) -> Hit:
        similarity = _similarity(signals, slot)
        covered, mass, matched = self._in_common(slot, question, word_weights)
        shared = covered / (mass + _CHANCE)
        same = shared if similarity is None else max(0.0, similarity)
        said = self._titles.said(str(self._documents.keys[slot]), question.naming(), _CHANCE)
        floor = _NAMED_RELEVANCE if ranked["is_named"] else 0.0
        return Hit(
            document_id=str(self._documents.keys[slot]),
            passage=self._best_passage(slot, signals),
            coverage=covered / mass if mass else 0.0,
            similarity=similarity,
            matched=matched,
            relevance=min(1.0, max(math.sqrt(shared * same), said, floor)),
            **ranked,
        )

    def _in_common(
        self, slot: int, question: Question, word_weights: Mapping[str, float]
    ) -> tuple[float, float, tuple[str, ...]]:
        """What the words in common tell, what all of the question's do, and those in common, most telling first."""
        found = question.words()
        shared = self._documents.shared(
            str(self._documents.keys[slot]), (term for word_terms in found.values() for term in word_terms)
        )
        matched = [word for word, word_terms in found.items() if not shared.isdisjoint(word_terms)]
        mass = sum(word_weights.values())
        covered = sum(word_weights[word] * self._share(found[word], shared) for word in matched)
        return covered, mass, tuple(sorted(matched, key=lambda word: -word_weights[word]))

    def _share(self, word_terms: Sequence[str], shared: Collection[str]) -> float:
        """How much of one word a document has, 0 to 1: of an identifier, by parts, for one of them says little."""
        telling = {term: self._documents.telling(term) for term in word_terms}
        return sum(weight for term, weight in telling.items() if term in shared) / sum(telling.values())

    def _best_passage(self, slot: int, signals: Signals) -> int:
        """The passage, from 0, that is best by half and half of both signals; 0 where there is only a title."""
        rows = slice(self._starts[slot] + 1, self._end(slot))
        if rows.start >= rows.stop:
            return 0
        merit = _min_max(signals.row_lexical[rows])
        if signals.row_dense is not None:
            merit = merit + _min_max(signals.row_dense[rows])
        return int(np.argmax(merit))

    def _compact(self) -> None:
        sizes = [self._end(int(slot)) - self._starts[slot] for slot in self._documents.living]
        self._has_vectors = [self._has_vectors[slot] for slot in self._documents.living]
        self._documents.compact()
        self._titles.compact()
        rows = self._rows.compact()
        if len(self._vectors):
            self._vectors.keep(rows)
        self._starts = np.cumsum([0, *sizes])[:-1].tolist()


def _joined(lists: Sequence[Sequence[str]]) -> list[str]:
    return [term for found in lists for term in found]


def _scaled(signals: Signals, slots: NDArray[np.intp]) -> dict[str, Floats]:
    """Each signal over the candidates within [0, 1]; the title's is a share already.

    Where a document waits for its vectors, its other signals stand for the dense one.
    """
    parts = {"lexical": _min_max(signals.lexical[slots]), "title": signals.title[slots]}
    if signals.dense is not None:
        dense = signals.dense[slots]
        waits = np.isnan(dense)
        scaled = _mean(parts)
        if not waits.all():
            scaled[~waits] = _min_max(dense[~waits])
        parts["dense"] = scaled
    return parts


def _similarity(signals: Signals, slot: int) -> float | None:
    if signals.dense is None or np.isnan(signals.dense[slot]):
        return None
    return float(signals.dense[slot])


def _mean(parts: Mapping[str, Floats]) -> Floats:
    """All signals alike: weights fitted to four sets of alerts differed more from each other than from this."""
    total: Floats = np.sum(list(parts.values()), axis=0, dtype=np.float32)
    return total / np.float32(len(parts))


def _first(score: Floats, is_named: NDArray[np.bool_]) -> Floats:
    """Scores such that every named document stands at least level with all others, and each side keeps its order."""
    if not is_named.any():
        return score
    lifted = np.float32(0.5) * (np.float32(1.0) + score)
    return np.where(is_named, lifted, score * lifted[is_named].min())


def _min_max(values: Floats) -> Floats:
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-9:
        return np.full_like(values, 1.0 if high > 0 else 0.0)
    return (values - np.float32(low)) / np.float32(high - low)
