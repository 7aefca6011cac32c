"""Knowledge: a follower that turns documents and missions' statements into something to search, and learns what helps.

It reads knowledge.document, .removed and .feedback facts, completed missions, and findings on whether a cluster came
back or stayed quiet; it tells knowledge.learned, .applied, .scored and .rejected. The host calls ``handle``, ``tick``
and ``operate`` one at a time, and commits what they return before the next (a handle and the tick after it may share a
commit); ``search`` may be called from another thread at any time.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from grace_ray.core.canonical import canonical
from grace_ray.core.clock import from_us
from grace_ray.core.document import Document, Hit
from grace_ray.core.entry import Entry
from grace_ray.core.errors import CallerError, Disabled, InvalidInput, NotFound, RuntimeFault
from grace_ray.core.fact import Fact
from grace_ray.core.follower import NOTHING, Effects
from grace_ray.core.jsonable import from_plain, to_plain
from grace_ray.core.mission import Statement
from grace_ray.core.store import Reader, Record
from grace_ray.learn.embedding import Embedding
from grace_ray.learn.explanation import explanation
from grace_ray.learn.facts import SOURCE, requested, scored, told
from grace_ray.learn.holdings import HeldStatement
from grace_ray.learn.library import Library
from grace_ray.learn.ranking import hits_of, passages_of
from grace_ray.learn.submission import parse_documents
from grace_ray.models.retrieval.hybrid import Embedder, HybridIndex, query_text
from grace_ray.settings import KnowledgeSettings

EMBED_MAX = 16  # passages embedded in one call of handle or tick: about half a second of one core
K_MAX = 100
_QUERY_MAX_CHARS = 20_000
_SPARE = 10  # candidates beyond those asked for, so that usefulness can lift one of them


class Knowledge:
    """What Grace knows. ``embedder`` None, or one that fails to load, leaves search lexical; ``model`` names it."""

    name = "knowledge"
    follows = frozenset({"knowledge", "mission", "finding"})

    def __init__(
        self, settings: KnowledgeSettings, embedder: Embedder | None = None, model: str = "all-MiniLM-L6-v2"
    ) -> None:
        self._settings = settings
        self._embedding = Embedding(embedder if settings.dense else None)
        self._model = model
        self._lock = threading.RLock()
        self._reader: Reader | None = None
        self._forget()
        self._searches = 0

    def restore(self, state: bytes | None, reader: Reader) -> None:
        """Start from the records of ``reader``; they are read when they are first needed."""
        with self._lock:
            self._reader = reader
            self._forget()

    def state(self) -> bytes:
        """Return nothing of weight: all that is known is in the records."""
        return canonical({"version": 1})

    def relearn(self, entries: Sequence[Entry]) -> None:
        """Do nothing: the records are as new as the cursor."""

    def handle(self, entries: Sequence[Entry], now: datetime) -> Effects:
        """Take documents, feedback, completed missions and findings; embed what is little, queue what is much."""
        facts: list[Fact] = []
        records: dict[tuple[str, str], Record] = {}
        with self._lock:
            self._settle()
            self._is_fresh = True
            for entry in entries:
                take = self._taker(entry)
                if take and entry.body is not None:
                    effects = take(entry, now)
                    facts += effects.facts
                    records.update({(record.view, record.key): record for record in effects.records})
        if records:
            records.update({(record.view, record.key): record for record in self._embed_some().records})
        return Effects(facts=facts, records=list(records.values()))

    def tick(self, now: datetime) -> Effects:
        """Embed up to EMBED_MAX passages that wait for a vector. Searches are answered meanwhile."""
        with self._lock:
            if not self._is_fresh:
                self._settle()
            self._is_fresh = False
            if self._library is None and not self._is_waiting():
                return NOTHING
        return self._embed_some()

    def operate(self, action: str, args: Mapping[str, Any], now: datetime) -> tuple[Effects, Any]:
        """Do what a person or program asks: "add", "feedback", "remove" or "rebuild".

        add: ``documents`` (see parse_documents), answers {added, unchanged}. feedback: ``statement_id`` (or a
        passage's), ``useful``, ``by``. remove: ``source``. rebuild: makes the index anew from the store. Raises
        CallerError naming the argument at fault.
        """
        if not self._settings.enabled:
            raise Disabled("Knowledge is switched off by the setting knowledge.enabled.", "knowledge.enabled")
        actions = {"add": self._add, "feedback": self._feedback, "remove": self._remove, "rebuild": self._rebuild}
        if action not in actions:
            raise InvalidInput(f"Knowledge has no action {action}; it has {', '.join(actions)}.", "action")
        with self._lock:
            return actions[action](args, now)

    def search(self, query: str, k: int = 5, origins: frozenset[str] = frozenset()) -> list[Hit]:
        """Return the ``k`` best passages (1..100), best first, at most one a source; see KnowledgePort.

        Raises InvalidInput (field ``q`` or ``k``).
        """
        if not isinstance(query, str) or not query.strip():
            raise InvalidInput("A search needs some words.", "q")
        if not 1 <= k <= K_MAX:
            raise InvalidInput(f"k must be from 1 to {K_MAX}.", "k")
        asked = query[:_QUERY_MAX_CHARS]
        with self._lock:
            self._searches += 1
            if not self._shelves().holds_any(origins):
                return []
        vector = self._embedding.of_question(query_text(asked))
        with self._lock:
            index = self._ready_index()
            library = self._shelves()
            among = library.of_origins(origins) if origins else library.apart()
            found = index.search(asked, vector, 3 * k + _SPARE, None if len(among) == len(index) else among)
            return hits_of(found, library, origins)[:k]

    def passages(self, source: str) -> list[Hit]:
        """Return every passage of one document in reading order; empty where it is not held."""
        with self._lock:
            return passages_of(source, self._shelves())

    def sources(self, origin: str) -> list[str]:
        """Return the sources of every document read from one origin, such as runbook."""
        with self._lock:
            return self._shelves().sources(origin)

    def explain(self, identifier: str) -> dict[str, Any] | None:
        """Return where a statement or passage comes from and what is known of its use; None for an unknown one."""
        with self._lock:
            return explanation(self._shelves(), identifier)

    def stats(self) -> dict[str, Any]:
        """Return how much is held, by kind, and whether search is dense; ``reason`` says why not."""
        with self._lock:
            counts = self._shelves().counts()
            dense = {"dense": self._embedding.is_on, "reason": self._embedding.reason}
            return {**counts, "searches": self._searches, **dense}

    def _rebuild(self, args: Mapping[str, Any], now: datetime) -> tuple[Effects, dict[str, Any]]:
        """Drop the index and everything in memory, and build it again from the records."""
        searches = self._searches
        self._forget()
        self._searches = searches
        self._ready_index()
        return NOTHING, self._shelves().counts()

    def _forget(self) -> None:
        self._library: Library | None = None
        self._index: HybridIndex | None = None
        self._announced: dict[str, Document] = {}
        self._searches = 0
        self._has_waiting: bool | None = None
        self._is_fresh = False  # whether what handle returned may not be committed yet

    def _settle(self) -> None:
        if self._library is not None:
            self._library.settle()

    def _shelves(self) -> Library:
        if self._library is None:
            if self._reader is None:
                raise RuntimeFault("Knowledge was not restored yet.")
            self._library = Library(self._reader, self._model)
        return self._library

    def _is_waiting(self) -> bool:
        if self._reader is None or not self._embedding.is_on:
            return False
        if self._has_waiting is None:  # asked of the store once: what comes later passes through handle
            counts = [self._reader.count(view) for view in ("documents", "statements")]
            self._has_waiting = any(count.get("pending") for count in counts)
        return self._has_waiting

    # What entries bring

    def _taker(self, entry: Entry) -> Callable[[Entry, datetime], Effects] | None:
        if entry.source == SOURCE:
            return None
        return {
            "knowledge.document": self._take_document,
            "knowledge.removed": self._take_removal,
            "knowledge.feedback": self._take_feedback,
            "mission.completed": self._take_mission,
            "cluster.reopened": self._take_verdict,
            "cluster.stayed_quiet": self._take_verdict,
        }.get(entry.type)

    def _take_document(self, entry: Entry, now: datetime) -> Effects:
        try:
            documents = parse_documents([entry.content()], self._settings.document_max_bytes, from_us(entry.at_us))
        except CallerError as error:
            rejected = {"reason": error.message, "field": error.field}
            return Effects(facts=[told(entry, now, "knowledge.rejected", entry.subject, rejected)])
        self._announced.pop(documents[0].source, None)
        changed, records = self._shelves().put(documents[0])
        self._reindex(changed)
        return Effects(records=records)

    def _take_removal(self, entry: Entry, now: datetime) -> Effects:
        changed, records = self._shelves().remove(str(entry.content().get("source", "")))
        self._reindex(changed)
        return Effects(records=records)

    def _take_feedback(self, entry: Entry, now: datetime) -> Effects:
        body, library = entry.content(), self._shelves()
        key = library.find(str(body.get("statement_id", "")))
        if key is None:
            return NOTHING
        is_useful, by = bool(body.get("useful")), str(body.get("by", ""))
        evidence, records = library.vote(key, by, is_useful)
        return Effects(facts=[scored(entry, now, key, evidence, is_useful)], records=records)

    def _take_mission(self, entry: Entry, now: datetime) -> Effects:
        mission = entry.content()
        mission_id, cluster_key = mission.get("mission_id", entry.subject), mission.get("cluster_key")
        facts: list[Fact] = []
        records: list[Record] = []
        ids: list[str] = []
        for plain in mission.get("knowledge_acquired", ()):
            held, is_new = self._shelves().state_of(from_plain(Statement, plain))
            held = _applied(held, cluster_key)
            records += self._shelves().keep(held)
            ids.append(held.statement.id)
            if is_new:
                self._reindex(ids[-1:])
                facts.append(told(entry, now, "knowledge.learned", ids[-1], to_plain(held.statement)))
        if cluster_key and ids:
            body = {"cluster_key": cluster_key, "statement_ids": list(dict.fromkeys(ids)), "mission_id": mission_id}
            facts.append(told(entry, now, "knowledge.applied", cluster_key, body))
        return Effects(facts=facts, records=records)

    def _take_verdict(self, entry: Entry, now: datetime) -> Effects:
        """Judge what was applied to the cluster: each application counts once."""
        cluster_key = str(entry.content().get("cluster_key") or entry.subject)
        has_helped = entry.type == "cluster.stayed_quiet"
        facts: list[Fact] = []
        records: list[Record] = []
        for held in self._shelves().applied_to(cluster_key):
            judged = replace(
                held,
                awaiting=[key for key in held.awaiting if key != cluster_key],
                helped=held.helped + has_helped,
                hurt=held.hurt + (not has_helped),
            )
            records += self._shelves().keep(judged)
            facts.append(scored(entry, now, held.statement.id, judged.evidence, has_helped))
        return Effects(facts=facts, records=records)

    # What people ask

    def _add(self, args: Mapping[str, Any], now: datetime) -> tuple[Effects, Any]:
        library = self._shelves()
        documents = parse_documents(args.get("documents"), self._settings.document_max_bytes, now)
        last = {document.source: document for document in documents}
        changed = [d for d in last.values() if not library.holds(d) and not _same(self._announced.get(d.source), d)]
        self._announced.update({document.source: document for document in changed})
        facts = [requested("knowledge.document", d.source, to_plain(d), args, now) for d in changed]
        return Effects(facts=facts), {"added": len(changed), "unchanged": len(documents) - len(changed)}

    def _feedback(self, args: Mapping[str, Any], now: datetime) -> tuple[Effects, Any]:
        identifier, is_useful, by = args.get("statement_id"), args.get("useful"), str(args.get("by") or "operator")
        if not isinstance(is_useful, bool):
            raise InvalidInput("useful must be true or false.", "useful")
        library = self._shelves()
        key = library.find(str(identifier))
        if key is None:
            raise NotFound("There is no such statement or passage.", "statement_id")
        body = {"statement_id": key, "useful": is_useful, "by": by}
        usefulness = library.evidence_with(key, by, is_useful).usefulness
        effects = Effects(facts=[requested("knowledge.feedback", key, body, args, now)])
        return effects, {**body, "usefulness": usefulness}

    def _remove(self, args: Mapping[str, Any], now: datetime) -> tuple[Effects, Any]:
        source = str(args.get("source") or "")
        if self._shelves().text_of(source) is None:
            raise NotFound("There is no document of this source.", "source")
        return Effects(facts=[requested("knowledge.removed", source, {"source": source}, args, now)]), {"removed": 1}

    # Vectors and the index

    def _embed_some(self) -> Effects:
        if not self._embedding.is_on:
            return NOTHING
        with self._lock:
            library = self._shelves()
            batch: dict[str, str] = {}
            for key in library.pending:
                batch.update(library.missing(key))
                if len(batch) >= EMBED_MAX:
                    break
            wanted = dict(list(batch.items())[:EMBED_MAX])
        vectors = self._embedding.of_texts(list(wanted.values())) if wanted else None
        if vectors is None:
            return NOTHING
        with self._lock:
            complete, records = library.embed(list(wanted), vectors)
            self._reindex(complete)
            return Effects(records=records)

    def _reindex(self, keys: Sequence[str]) -> None:
        """Bring the index, where it is in memory, in line with the library."""
        if self._index is None:
            return
        library = self._shelves()
        for key in keys:
            if key in library:
                self._index.add(key, library.article(key), library.vectors(key, self._embedding.dim))
            else:
                self._index.remove(key)

    def _ready_index(self) -> HybridIndex:
        if self._index is None:
            library = self._shelves()
            dim = self._embedding.dim
            index, passages = HybridIndex(dim), library.scan("passages")
            vectors = library.scan("vectors") if self._embedding.is_on else {}
            for key in library:
                index.add(key, library.article_from(key, passages.get), library.vectors_from(key, dim, vectors.get))
            self._index = index
        return self._index


def _applied(held: HeldStatement, cluster_key: str | None) -> HeldStatement:
    if not cluster_key or cluster_key in held.awaiting:
        return held
    return replace(held, awaiting=[*held.awaiting, cluster_key])


def _same(announced: Document | None, document: Document) -> bool:
    return announced is not None and replace(announced, at=None) == replace(document, at=None)
