"""Vectors of passages and of questions, from an embedder that may be absent or fail; then search is lexical."""

import threading
from collections.abc import Sequence

from grace_ray.core.errors import RuntimeFault
from grace_ray.models.retrieval.hybrid import Embedder
from grace_ray.models.retrieval.vectors import Floats

_ASKED_KEPT = 100  # vectors of questions, 1.5 kB each


class Embedding:
    """``embedder`` None is switched off; one that fails is not asked again, and ``reason`` says why."""

    def __init__(self, embedder: Embedder | None) -> None:
        self._embedder = embedder
        self._lock = threading.Lock()
        self._asked: dict[str, Floats] = {}
        self.reason = "" if embedder else "Embeddings are switched off; search is lexical."

    @property
    def is_on(self) -> bool:
        """Whether there are vectors."""
        return self._embedder is not None

    @property
    def dim(self) -> int:
        """Length of a vector; 1 where there are none."""
        return self._embedder.dim if self._embedder else 1

    def of_texts(self, texts: Sequence[str]) -> Floats | None:
        """Return the vectors (texts, dim), None where there are none."""
        if self._embedder is None:
            return None
        try:
            return self._embedder.embed(texts)
        except RuntimeFault as error:
            self._embedder, self.reason = None, error.message
            return None

    def of_question(self, text: str) -> Floats | None:
        """Return the vector of a question; a mission asks the same one of several shelves, one after the other."""
        with self._lock:
            vector = self._asked.pop(text, None)
        if vector is None:
            vectors = self.of_texts([text])
            if vectors is None:
                return None
            vector = vectors[0]
        with self._lock:
            self._asked[text] = vector
            if len(self._asked) > _ASKED_KEPT:
                del self._asked[next(iter(self._asked))]
        return vector
