"""Protocols between rooms that do not import each other; wiring puts the two sides together."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from grace_ray.core.document import Document, Hit
from grace_ray.core.mission import Question, Statement, StrategyReport


class KnowledgePort(Protocol):
    """Search and extend what Grace knows; in one process the knowledge part, on Ray its actor."""

    def search(self, query: str, k: int = 5, origins: frozenset[str] = frozenset()) -> list[Hit]:
        """Return the ``k`` best passages (empty ``origins``: from everywhere), best first, each with its provenance."""
        ...

    def add(self, documents: Sequence[Document]) -> int:
        """Index documents (incrementally: unchanged ones cost nothing); return how many were new or changed."""
        ...


class Strategy(Protocol):
    """One way for a mission to learn. ``name`` is one of core.mission.STRATEGIES."""

    name: str

    def explore(self, question: Question, budget: "Budget") -> "Exploration":
        """Look for passages that answer. Never raises for the outside world's faults: the report says them."""
        ...


class Budget(Protocol):
    """What a mission may still spend; strategies check it between steps."""

    def remaining_s(self) -> float:
        """Return the seconds left, 0 or less when the mission must end."""
        ...

    def is_cancelled(self) -> bool:
        """Return whether a person cancelled the mission."""
        ...


class Exploration(Protocol):
    """What a strategy brings back."""

    report: StrategyReport
    passages: Sequence[Hit]
    documents: Sequence[Document]


class LanguageModel(Protocol):
    """An OpenAI-compatible chat model. Raises Unreachable, RateLimited."""

    def complete(self, system: str, prompt: str, max_tokens: int = 512) -> str:
        """Return the model's answer."""
        ...


class SearchProvider(Protocol):
    """A web search. Raises Unreachable, RateLimited."""

    def search(self, query: str, limit: int) -> list["SearchResult"]:
        """Return up to ``limit`` results, best first."""
        ...


class SearchResult(Protocol):
    """One web search result."""

    url: str
    title: str
    snippet: str


class Page(Protocol):
    """A fetched web page: where it really came from, its type, and its bytes."""

    url: str
    media_type: str
    body: bytes


class Fetcher(Protocol):
    """Fetches a page within limits. Raises Refused (robots, private address, type), TooLarge, Unreachable."""

    def fetch(self, url: str) -> Page:
        """Return the page at ``url``, redirects followed and checked."""
        ...


class CodeHost(Protocol):
    """GitHub's REST API. Raises Unreachable, RateLimited."""

    def get(self, path: str, params: Mapping[str, Any]) -> Any:
        """Return the decoded JSON answer of one GET."""
        ...


class Distiller(Protocol):
    """Turns passages into statements, each citing the passage that it came from."""

    def distill(self, question: Question, passages: Sequence[Hit]) -> Sequence[Statement]:
        """Return the statements that answer, best first; ones that cite nothing are dropped."""
        ...


Sleep = Callable[[float], None]
