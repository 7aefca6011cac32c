"""The web: search, fetch a few pages within limits, and take the passages that answer."""

from collections.abc import Callable
from datetime import datetime

from grace_ray.act.missions.strategies.exploration import Found, failed, found
from grace_ray.act.missions.strategies.maintext import main_text, title_of
from grace_ray.act.missions.strategies.query import public_words
from grace_ray.act.missions.strategies.reading import outside_document, passages_of
from grace_ray.core.document import Document, Hit
from grace_ray.core.errors import GraceError, OutsideError
from grace_ray.core.mission import Question
from grace_ray.core.ports import Budget, Fetcher, SearchProvider, SearchResult

CONFIDENCE = 0.6
_RESULTS_PER_SOURCE = 3
_TEXT_MIN = 200


class WebStrategy:
    """Reads at most ``max_sources`` pages; pages that refuse or fail are named in the report and the next is tried."""

    name = "web"

    def __init__(
        self, search: SearchProvider, fetcher: Fetcher, clock: Callable[[], datetime], max_sources: int = 3
    ) -> None:
        self._search = search
        self._fetcher = fetcher
        self._clock = clock
        self._max_sources = max_sources

    def explore(self, question: Question, budget: Budget) -> Found:
        """Return passages of the pages read, and the pages as documents."""
        query = " ".join(public_words(question))
        if not query:
            return found(self.name, (), "The question has no words that may leave the house.")
        try:
            results = self._search.search(query, self._max_sources * _RESULTS_PER_SOURCE)
        except OutsideError as error:
            return failed(self.name, error)
        documents: list[Document] = []
        passages: list[Hit] = []
        skipped: list[str] = []
        for result in results:
            if len(documents) >= self._max_sources or budget.remaining_s() <= 0 or budget.is_cancelled():
                break
            try:
                document = self._read(result, question, query)
            except GraceError as error:
                skipped.append(f"{result.url}: {error}")
                continue
            documents.append(document)
            passages += passages_of(document, question)
        detail = f"Searched for {query!r}; read {len(documents)} of {len(results)} results."
        return found(self.name, passages, " ".join([detail, *skipped[:5]]), documents)

    def _read(self, result: SearchResult, question: Question, query: str) -> Document:
        page = self._fetcher.fetch(result.url)
        text = main_text(page)
        if len(text) < _TEXT_MIN:
            raise OutsideError("It has no main text.")
        return outside_document(
            source=page.url,
            title=title_of(page) or result.title,
            text=text,
            origin="web",
            question=question,
            learned_from=f"web search: {query}",
            confidence=CONFIDENCE,
            at=self._clock(),
        )
