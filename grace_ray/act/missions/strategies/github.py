"""GitHub: issues with their answers, discussions where there is a token, and trending repositories of the category."""

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from grace_ray.act.missions.strategies.exploration import Found, failed, found
from grace_ray.act.missions.strategies.query import public_words
from grace_ray.act.missions.strategies.reading import outside_document, passages_of
from grace_ray.core.document import Document, Hit
from grace_ray.core.errors import NotFound, OutsideError, Refused
from grace_ray.core.mission import Question
from grace_ray.core.ports import Budget, CodeHost

ISSUES_MAX = 3
COMMENTS_MAX = 5
CONFIDENCE_ISSUE = 0.65
CONFIDENCE_REPOSITORY = 0.5
TRENDING_DAYS = 90
_DISCUSSIONS = """
query($q: String!, $n: Int!) { search(query: $q, type: DISCUSSION, first: $n) { nodes { ... on Discussion {
  url title body answer { body } } } } }
"""


class GithubStrategy:
    """Each of the three looks at most at a few things; a rate limit ends the strategy with what it has until then."""

    name = "github"

    def __init__(self, host: CodeHost, clock: Callable[[], datetime], max_repos: int = 2) -> None:
        self._host = host
        self._clock = clock
        self._max_repos = max_repos

    def explore(self, question: Question, budget: Budget) -> Found:
        """Return passages of issues, discussions and readmes, and these as documents."""
        words = public_words(question)
        if not words:
            return found(self.name, (), "The question has no words that may leave the house.")
        documents: list[Document] = []
        notes: list[str] = []
        first_error: OutsideError | None = None
        for look in (self._issues, self._discussions, self._repositories):
            if budget.remaining_s() <= 0 or budget.is_cancelled():
                break
            try:
                documents += look(question, words, budget)
            except Refused as error:
                notes.append(str(error))
            except OutsideError as error:
                first_error = error
                notes.append(str(error))
                break
        if first_error and not documents:
            return failed(self.name, first_error)
        passages: list[Hit] = [hit for document in documents for hit in passages_of(document, question)]
        detail = f"Searched for {' '.join(words)!r}; read {len(documents)} texts."
        return found(self.name, passages, " ".join([detail, *notes]), documents)

    def _issues(self, question: Question, words: list[str], budget: Budget) -> list[Document]:
        """Read closed issues that match, with their comments: a closed one may hold the answer."""
        query = f"{' '.join(words[:5])} is:issue is:closed"
        answer = self._host.get("/search/issues", {"q": query, "per_page": ISSUES_MAX, "sort": "comments"})
        documents = []
        for issue in _items(answer)[:ISSUES_MAX]:
            if budget.remaining_s() <= 0 or budget.is_cancelled():
                break
            text = f"# {issue.get('title', '')}\n\n{issue.get('body') or ''}{self._comments(issue)}"
            documents.append(self._document(issue, str(issue.get("title", "")), text, question, CONFIDENCE_ISSUE))
        return documents

    def _comments(self, issue: Mapping[str, Any]) -> str:
        path = str(issue.get("comments_url", "")).partition("/repos/")[2]
        if not issue.get("comments") or not path:
            return ""
        try:
            comments = self._host.get(f"/repos/{path}", {"per_page": COMMENTS_MAX})
        except NotFound:
            return ""
        bodies = [str(comment.get("body") or "") for comment in comments if isinstance(comment, Mapping)]
        return "".join(f"\n\n## Answer {number}\n\n{body}" for number, body in enumerate(bodies, 1))

    def _discussions(self, question: Question, words: list[str], budget: Budget) -> list[Document]:
        data = self._host.graphql(_DISCUSSIONS, {"q": " ".join(words[:5]), "n": ISSUES_MAX})
        nodes = data.get("search", {}).get("nodes", []) if isinstance(data, Mapping) else []
        documents = []
        for node in nodes:
            if not node.get("url"):
                continue
            answer = (node.get("answer") or {}).get("body")
            text = f"# {node.get('title', '')}\n\n{node.get('body') or ''}"
            text += f"\n\n## Solution\n\n{answer}" if answer else ""
            documents.append(
                self._document({"html_url": node.get("url")}, str(node.get("title")), text, question, CONFIDENCE_ISSUE)
            )
        return documents

    def _repositories(self, question: Question, words: list[str], budget: Budget) -> list[Document]:
        """Read the readmes of the category's most starred repositories among the lately active ones."""
        since = (self._clock() - timedelta(days=TRENDING_DAYS)).date().isoformat()
        category = " ".join(words[:2])
        query = f"{category} pushed:>={since} archived:false"
        answer = self._host.get("/search/repositories", {"q": query, "sort": "stars", "per_page": self._max_repos})
        documents = []
        for repository in _items(answer)[: self._max_repos]:
            if budget.remaining_s() <= 0 or budget.is_cancelled():
                break
            text = self._readme(str(repository.get("full_name", "")))
            if text:
                title = str(repository.get("full_name", ""))
                documents.append(self._document(repository, title, text, question, CONFIDENCE_REPOSITORY))
        return documents

    def _readme(self, full_name: str) -> str:
        try:
            answer = self._host.get(f"/repos/{full_name}/readme", {})
            return base64.b64decode(answer.get("content", "")).decode(errors="replace")
        except (NotFound, binascii.Error):
            return ""

    def _document(
        self, item: Mapping[str, Any], title: str, text: str, question: Question, confidence: float
    ) -> Document:
        return outside_document(
            source=str(item.get("html_url") or item.get("url") or ""),
            title=title,
            text=text,
            origin="github",
            question=question,
            learned_from="GitHub search",
            confidence=confidence,
            at=self._clock(),
        )


def _items(answer: Any) -> list[Mapping[str, Any]]:
    """Return the items of a search answer that have an address. Raises OutsideError where it is no such answer."""
    items = answer.get("items") if isinstance(answer, Mapping) else None
    if not isinstance(items, list):
        raise OutsideError("GitHub's answer to a search has no items.")
    return [item for item in items if isinstance(item, Mapping) and item.get("html_url")]
