"""The library: which texts and statements Grace holds, where each was read, and the records that keep them.

Everything is addressed by its content. A text is one document however many places it was read at; a passage (with its
title and headings) is kept and embedded once, so a changed document costs only its changed passages. Texts stay in the
store: in memory there are titles, places and identifiers.

Records: "documents" (a text's places and rows), "passages" (text and headings of a row), "vectors" (float32 bytes of a
row; status: the model), "statements". A document or statement has status "pending" until each of its rows has a vector.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from grace_ray.core.canonical import canonical
from grace_ray.core.document import Document
from grace_ray.core.jsonable import from_plain, to_plain
from grace_ray.core.mission import Statement
from grace_ray.core.store import Reader, Record
from grace_ray.learn.holdings import (
    Held,
    HeldStatement,
    Place,
    passage_of,
    row_ids,
    split,
    statement_article,
    text_id,
    words_id,
)
from grace_ray.learn.usefulness import Evidence
from grace_ray.models.retrieval.chunks import Article, Passage
from grace_ray.models.retrieval.hybrid import embedding_texts
from grace_ray.models.retrieval.vectors import Floats, from_blob, to_blob

_START = datetime(1970, 1, 1, tzinfo=UTC)


class Library:
    """Texts and statements by identifier, read from ``reader``; every change is told by the records it returns.

    ``model`` names the embedding model: vectors of another one do not count. Loads what it holds at once.
    """

    def __init__(self, reader: Reader, model: str) -> None:
        self._reader = reader
        self._model = model
        self._fresh: dict[tuple[str, str], bytes | None] = {}
        self._uses: Counter[str] = Counter()
        self._embedded: set[str] = set()
        self._by_source: dict[str, str] = {}
        self._by_words: dict[str, str] = {}
        self._awaiting: dict[str, set[str]] = {}
        self._by_cited: dict[str, Evidence] | None = None
        self.documents: dict[str, Held] = {}
        self.statements: dict[str, HeldStatement] = {}
        self.pending: dict[str, None] = {}
        self._load()

    def __contains__(self, key: str) -> bool:
        return key in self.documents or key in self.statements

    def __iter__(self) -> Iterator[str]:
        return iter([*self.documents, *self.statements])

    def of_origins(self, origins: frozenset[str]) -> set[str]:
        """Return the texts read at a place of these origins; "mission" adds all statements."""
        texts = {key for key, held in self.documents.items() if any(place.origin in origins for place in held.places)}
        return texts | self.statements.keys() if "mission" in origins else texts

    def holds_any(self, origins: frozenset[str]) -> bool:
        """Whether there is a text of these origins; of any, if none is named."""
        if not origins or ("mission" in origins and self.statements):
            return bool(self.documents or self.statements)
        return any(place.origin in origins for held in self.documents.values() for place in held.places)

    def apart(self) -> set[str]:
        """Return all but the statements whose source is held: the text itself answers in their place."""
        cited = [key for key, held in self.statements.items() if held.statement.source in self._by_source]
        return self.documents.keys() | self.statements.keys() - cited

    def settle(self) -> None:
        """Take what was returned before as committed: from now on it is read from the store."""
        self._fresh.clear()

    def put(self, document: Document) -> tuple[list[str], list[Record]]:
        """Hold a document; return the identifiers of the texts that changed (or went) and the records."""
        key, place = text_id(document.text), Place.of(document)
        held, left = self.documents.get(key), self._by_source.get(document.source)
        places = [place if each.source == place.source else each for each in held.places] if held else []
        if place not in places:
            places.append(place)
        if held and left == key and place.is_like(next(p for p in held.places if p.source == place.source)):
            return [], []
        has_new_title = held is not None and places[0] is place and place.title not in {"", held.title}
        article = split(document) if held is None or has_new_title else self.article(key)
        records = self._hold(key, article, places, held)
        self._by_source[document.source] = key
        changed = [key]
        if left is not None and left != key:
            records += self._leave(left, document.source)
            changed.append(left)
        return changed, self._kept(records)

    def remove(self, source: str) -> tuple[list[str], list[Record]]:
        """Forget what was read at ``source``; the text stays if it was read elsewhere too."""
        key = self._by_source.pop(source, None)
        if key is None:
            return [], []
        return [key], self._kept(self._leave(key, source))

    def holds(self, document: Document) -> bool:
        """Whether this very document is held already."""
        held = self.documents.get(text_id(document.text))
        return held is not None and any(Place.of(document).is_like(place) for place in held.places)

    def sources(self, origin: str) -> list[str]:
        """Return every source held of this origin."""
        places = (place for held in self.documents.values() for place in held.places)
        return sorted(place.source for place in places if place.origin == origin)

    def text_of(self, source: str) -> str | None:
        """Return the identifier of the text held for this source, None where there is none."""
        return self._by_source.get(source)

    def state_of(self, statement: Statement) -> tuple[HeldStatement, bool]:
        """Return the statement as held (one of the same words and source counts as the same), and whether it is new."""
        known = self._by_words.get(words_id(statement))
        if known is not None:
            return self.statements[known], False
        return HeldStatement(statement=statement, rows=row_ids(statement_article(statement))), True

    def keep(self, held: HeldStatement) -> list[Record]:
        """Hold a statement, new or changed; return its records."""
        key = held.statement.id
        if key not in self.statements:
            self._uses.update(held.rows)
            self._by_words[words_id(held.statement)] = key
        self._await(self.statements.get(key), held)
        self.statements[key] = held
        self._by_cited = None
        self._queue(key, held.rows)
        return self._kept([self._statement_record(key)])

    def applied_to(self, cluster_key: str) -> list[HeldStatement]:
        """Return the statements applied to a cluster that have not been judged since."""
        return [self.statements[key] for key in sorted(self._awaiting.get(cluster_key, ()))]

    def vote(self, key: str, by: str, is_useful: bool) -> tuple[Evidence, list[Record]]:
        """Count one person's last word on a statement or a text; KeyError for an unknown one."""
        if key in self.statements:
            statement = replace(self.statements[key], votes={**self.statements[key].votes, by: is_useful})
            return statement.evidence, self.keep(statement)
        held = self.documents[key]
        self.documents[key] = held = replace(held, votes={**held.votes, by: is_useful})
        return held.evidence, self._kept([self._document_record(key)])

    def evidence_with(self, key: str, by: str, vote: bool) -> Evidence:
        """Return what the evidence on a statement or text would be after this vote; nothing changes."""
        held = self.statements[key] if key in self.statements else self.documents[key]
        return replace(held, votes={**held.votes, by: vote}).evidence

    def find(self, identifier: str) -> str | None:
        """Return the statement or text that an identifier (of a statement, text or passage) belongs to."""
        if identifier in self.statements or identifier in self.documents:
            return identifier
        return next((key for key, held in self.documents.items() if identifier in held.rows[1:]), None)

    def evidence_by_source(self) -> dict[str, Evidence]:
        """Return the strongest evidence on the statements that cite each source: one outcome judges them together."""
        if self._by_cited is None:
            self._by_cited = {}
            for held in self.statements.values():
                source = held.statement.source
                self._by_cited[source] = self._by_cited.get(source, Evidence()).or_stronger(held.evidence)
        return self._by_cited

    def article(self, key: str) -> Article:
        """Return a text or statement ready to be indexed, its passages read from the store."""
        return self.article_from(key, lambda row: self._read("passages", row))

    def article_from(self, key: str, read: Callable[[str], bytes | None]) -> Article:
        """Return ``article(key)`` with passages from ``read`` (row to body)."""
        if key in self.statements:
            return statement_article(self.statements[key].statement)
        held = self.documents[key]
        passages = [passage_of(body) for row in held.rows[1:] if (body := read(row)) is not None]
        return Article(title=held.title, passages=tuple(passages), aliases=tuple(held.aliases))

    def rows_of(self, key: str) -> Sequence[str]:
        """Return the row identifiers of a text or statement: the title's first."""
        return self.statements[key].rows if key in self.statements else self.documents[key].rows

    def passage(self, row: str) -> Passage | None:
        """Return a passage by its row identifier, None where there is none."""
        body = self._read("passages", row)
        return passage_of(body) if body is not None else None

    def missing(self, key: str) -> list[tuple[str, str]]:
        """Return (row, text to embed) for the rows that have no vector yet."""
        texts = zip(self.rows_of(key), embedding_texts(self.article(key)), strict=True)
        return list({row: text for row, text in texts if row not in self._embedded}.items())

    def embed(self, rows: Sequence[str], vectors: Floats) -> tuple[list[str], list[Record]]:
        """Keep the vectors of rows; return the texts and statements that are complete by it, and the records."""
        living = [(row, vector) for row, vector in zip(rows, vectors, strict=True) if self._uses[row]]
        records = [Record("vectors", row, self._model, 0.0, to_blob(vector)) for row, vector in living]
        self._embedded.update(row for row, _ in living)
        complete = [key for key in self.pending if self._embedded.issuperset(self.rows_of(key))]
        for key in complete:
            del self.pending[key]
            records.append(self._statement_record(key) if key in self.statements else self._document_record(key))
        return complete, self._kept(records)

    def vectors(self, key: str, dim: int) -> Floats | None:
        """Return a text's vectors, shape (rows, dim), read from the store; None unless each row has one."""
        return self.vectors_from(key, dim, lambda row: self._read("vectors", row))

    def vectors_from(self, key: str, dim: int, read: Callable[[str], bytes | None]) -> Floats | None:
        """Return ``vectors(key)`` with the bytes from ``read`` (row to body)."""
        if key in self.pending:
            return None
        blobs = [blob for row in self.rows_of(key) if (blob := read(row)) is not None]
        if len(blobs) != len(self.rows_of(key)) or any(len(blob) != 4 * dim for blob in blobs):
            return None
        return from_blob(b"".join(blobs), dim)

    def scan(self, view: str) -> dict[str, bytes]:
        """Return every body of a view by key, in one pass over the store."""
        bodies = {record.key: record.body for record in self._reader.scan(view)}
        bodies.update({key: body for (of, key), body in self._fresh.items() if of == view})
        return {key: body for key, body in bodies.items() if body is not None}

    def counts(self) -> dict[str, Any]:
        """Return how much is held."""
        origins = Counter(held.places[0].origin for held in self.documents.values())
        rows = {row for held in self.documents.values() for row in held.rows[1:]}
        return {
            "documents": len(self.documents),
            "passages": len(rows),
            "statements": len(self.statements),
            "vectors": len(self._embedded),
            "pending": len(self.pending),
            "origins": dict(sorted(origins.items())),
        }

    def _await(self, before: HeldStatement | None, after: HeldStatement) -> None:
        for cluster_key in before.awaiting if before else ():
            self._awaiting[cluster_key].discard(after.statement.id)
        for cluster_key in after.awaiting:
            self._awaiting.setdefault(cluster_key, set()).add(after.statement.id)

    def _hold(self, key: str, article: Article, places: Sequence[Place], held: Held | None) -> list[Record]:
        titles = (*article.aliases, *(place.title for place in places))
        aliases = tuple(name for name in dict.fromkeys(titles) if name and name != article.title)
        rows = row_ids(article)
        self.documents[key] = Held(
            title=article.title, places=tuple(places), rows=rows, aliases=aliases, votes=held.votes if held else {}
        )
        added = self._use(rows)
        records = [
            Record("passages", row, "", 0.0, canonical({"text": p.text, "heading": list(p.heading), "line": p.line}))
            for row, p in zip(rows[1:], article.passages, strict=True)
            if row in added
        ]
        if held:
            records += self._disuse(held.rows)
        self._queue(key, rows)
        return [*records, self._document_record(key)]

    def _leave(self, key: str, source: str) -> list[Record]:
        held = self.documents[key]
        places = tuple(place for place in held.places if place.source != source)
        if places:
            self.documents[key] = replace(held, places=places)
            return [self._document_record(key)]
        del self.documents[key]
        self.pending.pop(key, None)
        return [Record("documents", key, "", 0.0, None), *self._disuse(held.rows)]

    def _use(self, rows: Sequence[str]) -> set[str]:
        added = {row for row in rows if not self._uses[row]}
        self._uses.update(rows)
        return added

    def _disuse(self, rows: Sequence[str]) -> list[Record]:
        self._uses.subtract(rows)
        gone = [row for row in dict.fromkeys(rows) if not self._uses[row]]
        for row in gone:
            del self._uses[row]
        self._embedded.difference_update(gone)
        return [Record(view, row, "", 0.0, None) for row in gone for view in ("passages", "vectors")]

    def _queue(self, key: str, rows: Sequence[str]) -> None:
        if self._embedded.issuperset(rows):
            self.pending.pop(key, None)
        else:
            self.pending[key] = None

    def _status(self, key: str) -> str:
        return "pending" if key in self.pending else "ready"

    def _document_record(self, key: str) -> Record:
        held = self.documents[key]
        rank = max((place.at or _START).timestamp() for place in held.places)
        return Record("documents", key, self._status(key), rank, canonical(to_plain(held)))

    def _statement_record(self, key: str) -> Record:
        held = self.statements[key]
        statement = to_plain(replace(held.statement, usefulness=held.evidence.usefulness))
        rest = to_plain(held)
        del rest["statement"]
        return Record(
            "statements", key, self._status(key), held.statement.at.timestamp(), canonical(statement | {"held": rest})
        )

    def _kept(self, records: list[Record]) -> list[Record]:
        """The last word on each key, remembered until it is committed."""
        last = {(record.view, record.key): record for record in records}
        self._fresh.update({key: record.body for key, record in last.items()})
        return list(last.values())

    def _read(self, view: str, key: str) -> bytes | None:
        if (view, key) in self._fresh:
            return self._fresh[view, key]
        record = self._reader.record(view, key)
        return record.body if record else None

    def _load(self) -> None:
        for record in self._sorted("documents"):
            document = from_plain(Held, json.loads(record.body or b"{}"))
            self.documents[record.key] = document
            self._by_source.update({place.source: record.key for place in document.places})
        for record in self._sorted("statements"):
            plain = json.loads(record.body or b"{}")
            statement = from_plain(Statement, plain)
            self.statements[record.key] = held = from_plain(HeldStatement, {"statement": plain, **plain["held"]})
            self._await(None, held)
            self._by_words[words_id(statement)] = record.key
        for key in (*self.documents, *self.statements):
            self._uses.update(self.rows_of(key))
        self._load_embedded()

    def _load_embedded(self) -> None:
        """Find the rows that have a vector: by the statuses, or one by one where those do not tell."""
        models = self._reader.count("vectors")
        is_same_model = set(models) <= {self._model}
        for record in (*self._sorted("documents"), *self._sorted("statements")):
            rows = self.rows_of(record.key)
            if record.status == "ready" and is_same_model:
                self._embedded.update(rows)
            else:
                self._embedded.update(row for row in rows if self._has_vector(row))
        for key in (*self.documents, *self.statements):
            self._queue(key, self.rows_of(key))

    def _has_vector(self, row: str) -> bool:
        record = self._reader.record("vectors", row)
        return record is not None and record.status == self._model

    def _sorted(self, view: str) -> Iterable[Record]:
        return sorted(self._reader.scan(view), key=lambda record: (record.rank, record.key))
