"""Search providers: a SearXNG-compatible JSON endpoint of the user's own, or DuckDuckGo's page without scripts."""

import json
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, quote_plus, urljoin, urlsplit

from grace_ray.adapters.web.fetcher import FetchRules, GuardedFetcher
from grace_ray.core.errors import Unreachable
from grace_ray.core.ports import Fetcher, SearchProvider
from grace_ray.settings import WebSettings

DUCKDUCKGO = "https://html.duckduckgo.com/html/"
_ANSWER_MAX = 2 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class WebResult:
    """One result of a web search."""

    url: str
    title: str
    snippet: str = ""


class SearxngSearch:
    """``GET url?q=...&format=json``, answered with {"results": [{"url", "title", "content"}]}."""

    def __init__(self, url: str, fetcher: Fetcher) -> None:
        self._url = url
        self._fetcher = fetcher

    def search(self, query: str, limit: int) -> list[WebResult]:
        """Return up to ``limit`` results, best first. Raises Unreachable, RateLimited, Refused."""
        mark = "&" if "?" in self._url else "?"
        page = self._fetcher.fetch(f"{self._url}{mark}q={quote_plus(query)}&format=json")
        try:
            results = json.loads(page.body)["results"]
            found = [
                WebResult(
                    url=str(item["url"]), title=str(item.get("title") or ""), snippet=str(item.get("content") or "")
                )
                for item in results
                if item.get("url")
            ]
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise Unreachable(f"{self._url} does not answer as SearXNG does: {error}.", "search_url") from error
        return found[:limit]


def _searxng_result(item: dict[str, Any]) -> WebResult:
    return WebResult(url=str(item["url"]), title=str(item.get("title") or ""), snippet=str(item.get("content") or ""))


class DuckDuckGoSearch:
    """DuckDuckGo's HTML page. What it finds it wraps in a link of its own, which is unwrapped; adverts are left out."""

    def __init__(self, fetcher: Fetcher, url: str = DUCKDUCKGO) -> None:
        self._fetcher = fetcher
        self._url = url

    def search(self, query: str, limit: int) -> list[WebResult]:
        """Return up to ``limit`` results, best first. Raises Unreachable, RateLimited, Refused."""
        page = self._fetcher.fetch(f"{self._url}?q={quote_plus(query)}")
        parser = _Results(self._url)
        parser.feed(page.body.decode(errors="replace"))
        return parser.results[:limit]


def open_search(settings: WebSettings) -> SearchProvider:
    """Return the provider that the settings name.

    The user named the endpoint, so it may be on their own network, and is asked, not crawled: robots.txt is for robots.
    """
    if settings.search_url:
        rules = FetchRules(
            media_types=frozenset({"application/json"}),
            size_max=_ANSWER_MAX,
            timeout_s=settings.fetch_timeout_s,
            redirects_max=settings.redirects_max,
            allow_private=True,
            asks_robots=False,
        )
        return SearxngSearch(settings.search_url, GuardedFetcher(rules, settings.user_agent))
    rules = FetchRules(
        size_max=_ANSWER_MAX,
        timeout_s=settings.fetch_timeout_s,
        redirects_max=settings.redirects_max,
        asks_robots=False,
    )
    return DuckDuckGoSearch(GuardedFetcher(rules, settings.user_agent))


class _Results(HTMLParser):
    """Collects ``a.result__a`` (url and title) and ``.result__snippet``."""

    def __init__(self, base: str) -> None:
        super().__init__(convert_charrefs=True)
        self.results: list[WebResult] = []
        self._base = base
        self._reading = ""
        self._url = ""
        self._text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin to read a title or a snippet."""
        found = dict(attrs)
        classes = (found.get("class") or "").split()
        if tag == "a" and "result__a" in classes:
            self._reading, self._url, self._text = "title", _unwrapped(self._base, found.get("href") or ""), []
        elif "result__snippet" in classes:
            self._reading, self._text = "snippet", []

    def handle_data(self, data: str) -> None:
        """Read."""
        if self._reading:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        """Take what was read."""
        text = " ".join("".join(self._text).split())
        if self._reading == "title" and tag == "a":
            if self._url:
                self.results.append(WebResult(url=self._url, title=text))
            self._reading = ""
        elif self._reading == "snippet" and tag in {"a", "div", "td"}:
            if self.results and not self.results[-1].snippet:
                last = self.results.pop()
                self.results.append(WebResult(url=last.url, title=last.title, snippet=text))
            self._reading = ""


def _unwrapped(base: str, href: str) -> str:
    """Return where a result's link leads; empty for an advert or a link that leads nowhere."""
    url = urljoin(base, href)
    parts = urlsplit(url)
    if parts.path == "/l/":
        return parse_qs(parts.query).get("uddg", [""])[0]
    is_own = parts.hostname == urlsplit(base).hostname or (parts.hostname or "").endswith("duckduckgo.com")
    return "" if is_own or parts.scheme not in {"http", "https"} else url
