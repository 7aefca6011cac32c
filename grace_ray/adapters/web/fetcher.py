"""The fetcher: reads one page of the public web within limits of place, size, time, type and good manners."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime

import httpcore
import httpx

from grace_ray.adapters.web.body import read_body
from grace_ray.adapters.web.guard import Deadline, GuardedBackend, Resolve, system_addresses
from grace_ray.adapters.web.robots import SIZE_MAX, Robots, RobotsRules
from grace_ray.core.errors import RateLimited, Refused, TooLarge, Unreachable
from grace_ray.settings import WebSettings

PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml", "text/plain", "text/markdown", "text/x-markdown"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}
_URL_MAX = 2048
_RETRY_AFTER_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedPage:
    """A page: where it came from in the end, its type without parameters, its encoding, its decompressed bytes."""

    url: str
    media_type: str
    body: bytes
    charset: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRules:
    """What one kind of fetch may do. Sizes in bytes, times in seconds; ``allow_private`` also allows every port."""

    media_types: frozenset[str] = PAGE_TYPES
    size_max: int
    timeout_s: float
    redirects_max: int
    allow_private: bool = False
    asks_robots: bool = True
    ports: frozenset[int] = frozenset({80, 443})

    @classmethod
    def of_pages(cls, settings: WebSettings) -> "FetchRules":
        """Return the rules for pages of the web."""
        return cls(
            size_max=settings.page_max_bytes,
            timeout_s=settings.fetch_timeout_s,
            redirects_max=settings.redirects_max,
            allow_private=settings.allow_private,
        )


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: httpx.Headers
    body: bytes


class GuardedFetcher:
    """Fetches pages by GET; see FetchRules. One connection a request, no cookies, no proxy, no credentials."""

    def __init__(
        self,
        rules: FetchRules,
        user_agent: str,
        clock: Callable[[], float] = time.monotonic,
        resolve: Resolve = system_addresses,
    ) -> None:
        self._rules = rules
        self._user_agent = user_agent
        self._resolve = resolve
        self._robots = RobotsRules(self._robots_txt, user_agent, clock)

    def fetch(self, url: str) -> FetchedPage:
        """Return the page at ``url``, redirects followed and each checked anew.

        Raises Refused (robots.txt, address, port, scheme, type), TooLarge, RateLimited, Unreachable.
        """
        deadline = Deadline(self._rules.timeout_s)
        for _ in range(self._rules.redirects_max + 1):
            parsed = self._checked(url)
            if self._rules.asks_robots:
                self._robots.check(_site(parsed), str(parsed))
            answer = self._get(parsed, deadline, self._rules.size_max, self._rules.media_types)
            if answer.status not in _REDIRECTS or "location" not in answer.headers:
                return _page(parsed, answer)
            url = _joined(parsed, answer.headers["location"])
        raise Refused(f"There were more than {self._rules.redirects_max} redirects.", "url")

    def _robots_txt(self, url: str) -> Robots:
        """Fetch a robots.txt through the same guard, without asking it about itself."""
        deadline = Deadline(self._rules.timeout_s)
        for _ in range(self._rules.redirects_max + 1):
            parsed = self._checked(url)
            answer = self._get(parsed, deadline, SIZE_MAX)
            if answer.status not in _REDIRECTS or "location" not in answer.headers:
                return Robots(answer.status, answer.body.decode(errors="replace"))
            url = _joined(parsed, answer.headers["location"])
        return Robots(404, "")

    def _checked(self, url: str) -> httpx.URL:
        """Return the URL parsed. Raises Refused for a scheme, port or form that is not read."""
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise Refused(f"This is not a URL: {error}.", "url") from error
        if len(url) > _URL_MAX or parsed.scheme not in _PORTS or not parsed.host:
            raise Refused("Only http and https URLs of at most 2048 characters are read.", "url")
        if parsed.userinfo:
            raise Refused("URLs with credentials are not read.", "url")
        port = parsed.port or _PORTS[parsed.scheme]
        if port > 65535 or (not self._rules.allow_private and port not in self._rules.ports):
            raise Refused(f"Port {port} is not read.", "url")
        return parsed.copy_with(fragment=None)

    def _get(
        self, url: httpx.URL, deadline: Deadline, size_max: int, media_types: frozenset[str] | None = None
    ) -> _Answer:
        """Send one GET. The body is read only where it is wanted: a success of a type that is read (None: any)."""
        backend = GuardedBackend(deadline, allow_private=self._rules.allow_private, resolve=self._resolve)
        headers = {
            "Host": url.netloc.decode("ascii"),
            "User-Agent": self._user_agent,
            "Accept": ", ".join(sorted(media_types)) if media_types else "*/*",
            "Accept-Encoding": "gzip",
            "Connection": "close",
        }
        try:
            with (
                httpcore.ConnectionPool(network_backend=backend, max_connections=1) as pool,
                pool.stream("GET", str(url), headers=list(headers.items())) as response,
            ):
                found = httpx.Headers(response.headers)
                if response.status != 200:
                    return _Answer(response.status, found, b"")
                _check(found, size_max, media_types)
                body = read_body(response.iter_stream(), found.get("content-encoding", ""), size_max)
                return _Answer(response.status, found, body)
        except httpcore.TimeoutException as error:
            raise Unreachable(f"{url.host} did not answer in full in time.", "url") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            raise Unreachable(f"{url.host} cannot be read: {str(error) or type(error).__name__}.", "url") from error


def retry_after_s(value: str) -> float:
    """Return the seconds that a Retry-After header asks for; 60 where it says nothing of use."""
    if value.strip().isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return _RETRY_AFTER_S


def _page(url: httpx.URL, answer: _Answer) -> FetchedPage:
    if answer.status == 429 or (answer.status == 503 and "retry-after" in answer.headers):
        wait_s = retry_after_s(answer.headers.get("retry-after", ""))
        raise RateLimited(f"{url.host} asks to come back later.", "url", wait_s)
    if answer.status != 200:
        raise Unreachable(f"{url.host} answered {answer.status}.", "url")
    media_type, charset = _content_type(answer.headers)
    return FetchedPage(url=str(url), media_type=media_type, body=answer.body, charset=charset)


def _site(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


def _joined(url: httpx.URL, location: str) -> str:
    try:
        return str(url.join(location))
    except httpx.InvalidURL as error:
        raise Refused(f"It redirects to what is no URL: {error}.", "location") from error


def _content_type(headers: httpx.Headers) -> tuple[str, str]:
    value = headers.get("content-type", "application/octet-stream")
    message = Message()
    message["content-type"] = value
    return value.partition(";")[0].strip().lower(), str(message.get_content_charset() or "")


def _check(headers: httpx.Headers, size_max: int, media_types: frozenset[str] | None) -> None:
    """Refuse by the headers alone what need not be read."""
    media_type, _ = _content_type(headers)
    if media_types is not None and media_type not in media_types:
        raise Refused(f"Content of type {media_type} is not read.", "content-type")
    length = headers.get("content-length", "")
    if length.isdigit() and int(length) > size_max:
        raise TooLarge(f"The page has {length} bytes, more than {size_max}.", "content-length")
