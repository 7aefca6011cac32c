"""Protocols between rooms that do not import each other; wiring puts the two sides together."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from grace_ray.core.document import Document, Hit
from grace_ray.core.mission import Question, Statement, StrategyReport
from grace_ray.core.playbook import Playbook
from grace_ray.core.store import Record


class KnowledgePort(Protocol):
    """Search and extend what Grace knows; in one process the knowledge part, on Ray its actor."""

    def search(self, query: str, k: int = 5, origins: frozenset[str] = frozenset()) -> list[Hit]:
        """Return the ``k`` best passages (empty ``origins``: from everywhere), best first, each with its provenance."""
        ...

    def passages(self, source: str) -> list[Hit]:
        """Return every passage of one document in reading order; empty where the source is not known."""
        ...

    def add(self, documents: Sequence[Document]) -> int:
        """Index documents (incrementally: unchanged ones cost nothing); return how many were new or changed."""
        ...


class Strategy(Protocol):
    """One way for a mission to learn."""

    @property
    def name(self) -> str:
        """How reports and settings call the strategy, such as "runbooks"."""
        ...

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

    @property
    def report(self) -> StrategyReport:
        """What was done and how it ended."""
        ...

    @property
    def passages(self) -> Sequence[Hit]:
        """What may answer the question, best first."""
        ...

    @property
    def documents(self) -> Sequence[Document]:
        """Texts that are new to Grace and worth keeping."""
        ...


class LanguageModel(Protocol):
    """An OpenAI-compatible chat model. Raises Unreachable, RateLimited."""

    def complete(self, system: str, prompt: str, max_tokens: int = 512) -> str:
        """Return the model's answer."""
        ...


class SearchProvider(Protocol):
    """A web search. Raises Unreachable, RateLimited."""

    def search(self, query: str, limit: int) -> Sequence["SearchResult"]:
        """Return up to ``limit`` results, best first."""
        ...


class SearchResult(Protocol):
    """One web search result."""

    @property
    def url(self) -> str:
        """Where the page is."""
        ...

    @property
    def title(self) -> str:
        """Its title as the search shows it."""
        ...

    @property
    def snippet(self) -> str:
        """A few words of it; may be empty."""
        ...


class Page(Protocol):
    """A fetched web page."""

    @property
    def url(self) -> str:
        """Where it came from in the end, after redirects."""
        ...

    @property
    def media_type(self) -> str:
        """Such as text/html, without parameters."""
        ...

    @property
    def body(self) -> bytes:
        """The bytes, decompressed."""
        ...

    @property
    def charset(self) -> str:
        """The encoding that the server named, empty where it named none."""
        ...


class Fetcher(Protocol):
    """Fetches a page within limits. Raises Refused, TooLarge, RateLimited, Unreachable."""

    def fetch(self, url: str) -> Page:
        """Return the page at ``url``, redirects followed and checked."""
        ...


class CodeHost(Protocol):
    """GitHub's API. Raises Unreachable, RateLimited, and Refused where a call needs a token that there is not."""

    def get(self, path: str, params: Mapping[str, Any]) -> Any:
        """Return the decoded JSON answer of one GET on the REST API. Raises NotFound."""
        ...

    def graphql(self, query: str, variables: Mapping[str, Any]) -> Any:
        """Return ``data`` of one GraphQL query (discussions are found no other way)."""
        ...


class Distiller(Protocol):
    """Turns passages into statements, each citing the passage that it came from."""

    def distill(self, question: Question, passages: Sequence[Hit]) -> Sequence[Statement]:
        """Return the statements that answer, best first; ones that cite nothing are dropped."""
        ...

    @property
    def note(self) -> str:
        """Return what is to be said of the last distillation (such as: the model failed), empty where nothing is."""
        ...


class Playbooks(Protocol):
    """The catalog of playbooks, as the one who decides sees it."""

    def get(self, playbook_id: str) -> Playbook:
        """Return a playbook. Raises NotFound, naming the nearest ids."""
        ...

    def all(self) -> Sequence[Playbook]:
        """Return every playbook in order of id."""
        ...

    def filled(self, playbook: Playbook, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the parameters of one run, defaults included. Raises InvalidInput naming ``parameters.NAME``."""
        ...


class RuntimeActions(Protocol):
    """What playbooks do to the runtime that Grace lives on. Raises Unreachable, NotFound, RuntimeFault, in time."""

    def call(self, part: str, method: str, *args: Any, timeout_s: float) -> Any:
        """Return what a part of Grace answers."""
        ...

    def parts(self) -> Sequence[str]:
        """Return the names of the parts that are switched on."""
        ...

    def put(self, records: Sequence[Record]) -> None:
        """Make records durable (the brakes that the HTTP face reads)."""
        ...

    def actors(self) -> Sequence[str]:
        """Return the names of Grace's actors that live."""
        ...

    def restart_actor(self, name: str, timeout_s: float) -> str:
        """End an actor, whatever state it is in; return what became of it once another answers in its place."""
        ...

    def replicas(self, application: str, deployment: str) -> int:
        """Return the number of replicas that a Serve deployment is meant to have. Raises NotFound."""
        ...

    def scale(self, application: str, deployment: str, replicas: int, timeout_s: float) -> None:
        """Give a Serve deployment so many replicas, and return when they run."""
        ...

    def restart_replicas(self, application: str, deployment: str, timeout_s: float) -> int:
        """Replace the replicas of a Serve deployment one by one; return how many there were."""
        ...

    def submit_job(self, entrypoint: str, submission_id: str) -> str:
        """Start a Ray job, or find the one with this id; return its id."""
        ...

    def job(self, job_id: str) -> tuple[str, str]:
        """Return (status, end of its log) of a job: PENDING, RUNNING, STOPPED, SUCCEEDED, FAILED."""
        ...

    def stop_job(self, job_id: str) -> None:
        """Stop a job; one that has ended is left alone."""
        ...
