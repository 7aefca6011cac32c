"""A knowledge part over records in memory, with an embedder that counts what it is asked."""

import json
import zlib
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from grace_ray.core.clock import to_us
from grace_ray.core.entry import Entry
from grace_ray.core.fact import Fact
from grace_ray.core.follower import Effects
from grace_ray.core.store import Record
from grace_ray.learn.knowledge import Knowledge
from grace_ray.settings import KnowledgeSettings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Records:
    """The part of a Reader that knowledge reads, over a dict."""

    def __init__(self):
        self.held: dict[tuple[str, str], Record] = {}

    def take(self, records: Sequence[Record]) -> None:
        for record in records:
            if record.body is None:
                self.held.pop((record.view, record.key), None)
            else:
                self.held[record.view, record.key] = record

    def record(self, view, key):
        return self.held.get((view, key))

    def scan(self, view):
        return [record for record in self.held.values() if record.view == view]

    def count(self, view):
        return dict(Counter(record.status for record in self.scan(view)))


class WordEmbedder:
    """Unit vectors from hashed words: like words, like vectors; ``texts`` is everything that was embedded."""

    dim = 64

    def __init__(self):
        self.texts: list[str] = []

    def embed(self, texts):
        self.texts += texts
        vectors = np.full((len(texts), self.dim), 1e-3, np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                vectors[row, zlib.crc32(word.encode()) % self.dim] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class House:
    """Hosts a Knowledge: commits what it returns, feeds facts back to it, restarts it."""

    def __init__(self, embedder=None, **settings):
        self.embedder = embedder or WordEmbedder()
        self.records = Records()
        self.settings = KnowledgeSettings(**settings)
        self.facts: list[Fact] = []
        self.now = NOW
        self._seq = 0
        self.restart()

    def restart(self):
        self.knowledge = Knowledge(self.settings, self.embedder)
        self.knowledge.restore(None, self.records)

    def tell(self, *facts: Fact) -> Effects:
        entries = []
        for fact in facts:
            self._seq += 1
            entries.append(Entry(self._seq, *fact.to_row()[:8], to_us(self.now), b"", fact.to_row().body))
        effects = self.knowledge.handle(entries, self.now)
        self.records.take(effects.records)
        self.facts += effects.facts
        return effects

    def ask(self, action: str, **args):
        self.now += timedelta(seconds=1)
        effects, result = self.knowledge.operate(action, args, self.now)
        self.records.take(effects.records)
        if effects.facts:
            self.tell(*effects.facts)
        return result

    def add(self, source: str, text: str, **rest):
        return self.ask("add", documents=[{"source": source, "title": rest.pop("title", source), "text": text, **rest}])

    def settle(self) -> int:
        turns = 0
        while effects := self.knowledge.tick(self.now):
            self.records.take(effects.records)
            turns += 1
        return turns

    def bodies(self, view: str):
        return [json.loads(record.body) for record in self.records.scan(view)]

    def of_type(self, fact_type: str) -> list[Fact]:
        return [fact for fact in self.facts if fact.type == fact_type]


@pytest.fixture
def house():
    return House()


@pytest.fixture
def make_house():
    return House
