"""An incremental BM25 index over documents with weighted fields.

Scores are BM25F in its simple form (Robertson, Zaragoza and Taylor 2004): the term frequency of a document is the
weighted sum over its fields, and so is its length. The inverse document frequency is Lucene's, which is never
negative. Postings are growing typed arrays that NumPy reads in place, so a query costs one vectorised sweep a term.
"""

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

FIELD_WEIGHTS: Mapping[str, float] = MappingProxyType({"title": 2.0, "heading": 1.0, "body": 1.0})
BACKGROUND = 50  # documents that are thought beside those indexed, to say what tells while there are few
_COMPACT_AT = 0.5  # share of removed documents at which the postings are written anew


class LexicalIndex:
    """BM25 over documents that come and go.

    A document lives in a *slot*: slots are numbered in the order of adding and are stable until ``compact``, which
    keeps the order. ``field_weights`` says what an occurrence in each field counts (0 or more); ``k1`` (>= 0) is where
    repeats saturate, ``b`` in [0, 1] how much length counts against a document.
    """

    def __init__(self, field_weights: Mapping[str, float] = FIELD_WEIGHTS, k1: float = 1.2, b: float = 0.75) -> None:
        self._weights = dict(field_weights)
        self._k1, self._b = k1, b
        self._keys: list[str | None] = []
        self._slots: dict[str, int] = {}
        self._term_ids: dict[str, int] = {}
        self._posting_slots: list[array[int]] = []
        self._posting_counts: list[array[float]] = []
        self._frequencies: array[int] = array("i")  # in how many living documents each term occurs
        self._document_terms: list[array[int]] = []
        self._lengths: array[float] = array("f")
        self._total_length = 0.0
        self._saturation: Floats | None = None
        self._living: NDArray[np.intp] | None = None
        self._masses: Floats | None = None

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, key: str) -> bool:
        return key in self._slots

    @property
    def keys(self) -> Sequence[str | None]:
        """The key in each slot; None where the document was removed."""
        return self._keys

    @property
    def living(self) -> NDArray[np.intp]:
        """The slots that hold a document, in order."""
        if self._living is None:
            self._living = np.array([slot for slot, key in enumerate(self._keys) if key is not None], np.intp)
        return self._living

    def slot(self, key: str) -> int:
        """The slot of a document; KeyError if there is none."""
        return self._slots[key]

    def add(self, key: str, fields: Mapping[str, Sequence[str]]) -> int:
        """Index a document's terms by field, in place of an earlier one of that key; returns its slot.

        Raises KeyError for a field without a weight.
        """
        counts: Counter[str] = Counter()
        for name, found in fields.items():
            weight = self._weights[name]
            for term, count in Counter(found).items():
                counts[term] += weight * count  # type: ignore[assignment]
        return self._add_counts(key, counts)

    def remove(self, key: str) -> bool:
        """Forget a document; whether there was one."""
        slot = self._slots.pop(key, None)
        if slot is None:
            return False
        for term_id in self._document_terms[slot]:
            self._frequencies[term_id] -= 1
        self._keys[slot] = None
        self._document_terms[slot] = array("i")
        self._total_length -= self._lengths[slot]
        self._forget_derived()
        return True

    @property
    def is_sparse(self) -> bool:
        """Whether so many documents were removed that ``compact`` pays."""
        return len(self._slots) < (1 - _COMPACT_AT) * len(self._keys)

    def compact(self) -> NDArray[np.intp]:
        """Drop the slots of removed documents; returns the old slots that live on, in order."""
        kept = self.living
        self.restore(self.state())
        return kept

    def idf(self, term: str) -> float:
        """Inverse document frequency, 0 for a term that no document has."""
        term_id = self._term_ids.get(term)
        frequency = self._frequencies[term_id] if term_id is not None else 0
        return self._idf(frequency) if frequency else 0.0

    def telling(self, term: str) -> float:
        """How much a term tells: its idf among these documents and BACKGROUND others, of which one has it.

        Comparable between indexes of any size: of three documents, the words of one are no commonplaces.
        """
        term_id = self._term_ids.get(term)
        return self._telling(self._frequencies[term_id] if term_id is not None else 0)

    def scores(self, query: Mapping[str, float]) -> Floats:
        """The score of each slot, float32, for terms with weights; 0 where nothing matches or nothing lives."""
        scores = np.zeros(len(self._keys), np.float32)
        saturation = self._lengths_saturation()
        for term, weight in query.items():
            gain = weight * self.idf(term) * (self._k1 + 1)
            if gain:
                term_id = self._term_ids[term]
                slots = np.frombuffer(self._posting_slots[term_id], np.int32)
                counts = np.frombuffer(self._posting_counts[term_id], np.float32)
                scores[slots] += np.float32(gain) * counts / (counts + saturation[slots])
        if len(self._slots) < len(self._keys):
            living = np.zeros_like(scores)
            living[self.living] = scores[self.living]
            return living
        return scores

    def coverage(self, terms: Iterable[str], smoothing: float = 0.0) -> Floats:
        """The share of each slot's terms that are among ``terms``, float32 in [0, 1], each counting its idf.

        It looks from the document: 1 where the terms, each given once, say all that the document does. ``smoothing``
        (in units of idf) is added to the whole, so that one or two common words are not covered by chance.
        """
        covered = np.zeros(len(self._keys), np.float32)
        for term in terms:
            idf = self.idf(term)
            if idf:
                covered[np.frombuffer(self._posting_slots[self._term_ids[term]], np.int32)] += np.float32(idf)
        masses = self._idf_masses()
        share: Floats = np.divide(covered, masses + np.float32(smoothing), out=np.zeros_like(covered), where=masses > 0)
        return share

    def search(self, query: Mapping[str, float], k: int = 10) -> list[tuple[str, float]]:
        """The best ``k`` keys with their scores, best first; ties in the order of adding; only what matches."""
        scores = self.scores(query)
        order = np.argsort(-scores, kind="stable")[:k]
        return [(str(self._keys[slot]), float(scores[slot])) for slot in order if scores[slot] > 0]

    def shared(self, key: str, terms: Iterable[str]) -> set[str]:
        """Those of ``terms`` that a document has."""
        has = set(self._document_terms[self._slots[key]])
        return {term for term in terms if self._term_ids.get(term, -1) in has}

    def said(self, key: str, terms: Iterable[str], smoothing: float = 0.0) -> float:
        """The share of one document's terms that are among ``terms``, 0 to 1, each counting what it tells.

        As ``coverage``, but comparable between indexes of any size; ``smoothing`` is in units of ``telling``.
        """
        held = self._document_terms[self._slots[key]]
        asked = {self._term_ids.get(term, -1) for term in terms}
        telling = {term_id: self._telling(self._frequencies[term_id]) for term_id in held}
        mass = sum(telling.values()) + smoothing
        return sum(weight for term_id, weight in telling.items() if term_id in asked) / mass if mass else 0.0

    def state(self) -> dict[str, Any]:
        """Everything that lives, as lists and little-endian bytes."""
        living = self.living
        new_slots = np.full(len(self._keys), -1, np.int32)
        new_slots[living] = np.arange(len(living), dtype=np.int32)
        terms, ids, slots, counts = [], [], [], []
        for term, term_id in self._term_ids.items():
            if self._frequencies[term_id]:
                moved = new_slots[np.frombuffer(self._posting_slots[term_id], np.int32)]
                counts.append(np.frombuffer(self._posting_counts[term_id], np.float32)[moved >= 0])
                slots.append(moved[moved >= 0])
                ids.append(len(slots[-1]))
                terms.append(term)
        return {
            "keys": [self._keys[slot] for slot in living],
            "lengths": np.frombuffer(self._lengths, np.float32)[living].astype("<f4").tobytes() if len(living) else b"",
            "terms": terms,
            "sizes": np.array(ids, "<i4").tobytes(),
            "slots": np.concatenate([np.empty(0, np.int32), *slots]).astype("<i4").tobytes(),
            "counts": np.concatenate([np.empty(0, np.float32), *counts]).astype("<f4").tobytes(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become the index that ``state`` was taken from."""
        sizes = np.frombuffer(state["sizes"], "<i4")
        slots = np.frombuffer(state["slots"], "<i4").astype(np.int32)
        counts = np.frombuffer(state["counts"], "<f4").astype(np.float32)
        ends = np.cumsum(sizes)
        self._keys = list(state["keys"])
        self._slots = {str(key): slot for slot, key in enumerate(self._keys)}
        self._lengths = array("f", np.frombuffer(state["lengths"], "<f4").tolist())
        self._total_length = float(sum(self._lengths))
        self._term_ids = {term: number for number, term in enumerate(state["terms"])}
        self._frequencies = _typed("i", sizes.astype(np.int32))
        spans = [slice(end - size, end) for end, size in zip(ends.tolist(), sizes.tolist(), strict=True)]
        self._posting_slots = [_typed("i", slots[span]) for span in spans]
        self._posting_counts = [_typed("f", counts[span]) for span in spans]
        self._document_terms = _by_slot(slots, sizes, len(self._keys))
        self._forget_derived()

    def _add_counts(self, key: str, counts: Mapping[str, float]) -> int:
        self.remove(key)
        slot = len(self._keys)
        held = array("i")
        for term, count in counts.items():
            if count <= 0:
                continue
            term_id = self._term_ids.setdefault(term, len(self._term_ids))
            if term_id == len(self._frequencies):
                self._posting_slots.append(array("i"))
                self._posting_counts.append(array("f"))
                self._frequencies.append(0)
            self._posting_slots[term_id].append(slot)
            self._posting_counts[term_id].append(count)
            self._frequencies[term_id] += 1
            held.append(term_id)
        self._keys.append(key)
        self._slots[key] = slot
        self._document_terms.append(held)
        self._lengths.append(sum(counts.values()))
        self._total_length += self._lengths[slot]
        self._forget_derived()
        return slot

    def _idf(self, frequency: int) -> float:
        return math.log1p((len(self._slots) - frequency + 0.5) / (frequency + 0.5))

    def _telling(self, frequency: int) -> float:
        return math.log1p((BACKGROUND + len(self._slots) - frequency - 0.5) / (frequency + 1.5))

    def _forget_derived(self) -> None:
        self._saturation = self._living = self._masses = None

    def _idf_masses(self) -> Floats:
        """The sum of idf over the terms of each slot, 0 for an empty one, kept until the index changes."""
        if self._masses is None:
            frequencies = np.frombuffer(self._frequencies, np.int32).astype(np.float32)
            idf = np.log1p((len(self._slots) - frequencies + 0.5) / (frequencies + 0.5))
            sizes = [len(held) for held in self._document_terms]
            flat = np.frombuffer(b"".join(held.tobytes() for held in self._document_terms), np.int32)
            slots = np.repeat(np.arange(len(sizes)), sizes)
            self._masses = np.bincount(slots, idf[flat], len(sizes)).astype(np.float32)
        return self._masses

    def _lengths_saturation(self) -> Floats:
        """k1 * (1 - b + b * length / mean length) of each slot, kept until the index changes."""
        if self._saturation is None:
            mean = self._total_length / len(self._slots) if self._slots else 0.0
            lengths = np.array(self._lengths, np.float32)
            relative = lengths / np.float32(mean) if mean > 0 else np.zeros_like(lengths)
            self._saturation = np.float32(self._k1) * (1 - np.float32(self._b) + np.float32(self._b) * relative)
            # A removed document may stand in a posting still; its slot must not divide by zero.
            np.maximum(self._saturation, np.float32(1e-6), out=self._saturation)
        return self._saturation


def _typed(kind: str, values: NDArray[Any]) -> "array[Any]":
    typed = array(kind)
    typed.frombytes(np.ascontiguousarray(values).tobytes())
    return typed


def _by_slot(slots: NDArray[np.int32], sizes: NDArray[Any], count: int) -> list["array[int]"]:
    """The term ids of each slot, from postings laid end to end."""
    term_ids = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    order = np.argsort(slots, kind="stable")
    bounds = np.searchsorted(slots[order], np.arange(count + 1))
    ordered = term_ids[order]
    return [_typed("i", ordered[bounds[slot] : bounds[slot + 1]]) for slot in range(count)]
