"""The sender: one HTTP request to an address that may be called, within limits of time and size."""

from collections.abc import Mapping

import httpcore
import httpx

from grace_ray.adapters.web.guard import Deadline, GuardedBackend, Resolve, system_addresses
from grace_ray.core.errors import Refused, Unreachable

_ANSWER_MAX = 64 * 1024
_URL_MAX = 2048
_OURS = frozenset({"host", "user-agent", "connection", "content-length", "transfer-encoding"})


class GuardedSender:
    """Sends requests; ``allow_private`` lets them go to addresses that are not on the public internet.

    No redirect is followed, no cookie kept, no proxy used. Of the answer the first 64 KiB are read.
    """

    def __init__(self, user_agent: str, *, allow_private: bool = False, resolve: Resolve = system_addresses) -> None:
        self._user_agent = user_agent
        self._allow_private = allow_private
        self._resolve = resolve

    def send(self, method: str, url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> tuple[int, str]:
        """Return the status and the beginning of the answer's text. Raises Refused, Unreachable."""
        parsed = _checked(url)
        deadline = Deadline(timeout_s)
        backend = GuardedBackend(deadline, allow_private=self._allow_private, resolve=self._resolve)
        own = {
            "Host": parsed.netloc.decode("ascii"),
            "User-Agent": self._user_agent,
            "Accept-Encoding": "identity",
            "Connection": "close",
            "Content-Length": str(len(body)),
        }
        given = {name: value for name, value in headers.items() if name.lower() not in _OURS}
        try:
            with (
                httpcore.ConnectionPool(network_backend=backend, max_connections=1) as pool,
                pool.stream(method, str(parsed), headers=list({**given, **own}.items()), content=body) as response,
            ):
                return response.status, _text(response)
        except httpcore.TimeoutException as error:
            raise Unreachable(f"{parsed.host} did not answer in full within {timeout_s:.1f} s.", "url") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            raise Unreachable(f"{parsed.host} cannot be called: {error or type(error).__name__}.", "url") from error


def _checked(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise Refused(f"This is not a URL: {error}.", "url") from error
    if len(url) > _URL_MAX or parsed.scheme not in {"http", "https"} or not parsed.host:
        raise Refused("Only http and https URLs of at most 2048 characters are called.", "url")
    if parsed.userinfo:
        raise Refused("URLs with credentials are not called.", "url")
    return parsed.copy_with(fragment=None)


def _text(response: httpcore.Response) -> str:
    body = b""
    for chunk in response.iter_stream():
        body += chunk
        if len(body) >= _ANSWER_MAX:
            break
    return body[:_ANSWER_MAX].decode(errors="replace")
