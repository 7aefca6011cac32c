"""A small GitHub client: REST and GraphQL, answers kept by ETag (they cost no quota), and rate limits obeyed."""

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import httpx

from grace_ray.core.errors import NotFound, OutsideError, RateLimited, Refused, Unreachable
from grace_ray.settings import GithubSettings

CACHED_MAX = 256
ANSWER_MAX = 8 * 2**20
_SECONDARY_WAIT_S = 60.0


class _Answered(NamedTuple):
    status: int
    headers: httpx.Headers
    body: bytes


class GithubClient:
    """One connection pool; safe to use from one thread at a time. ``clock`` gives seconds since the epoch.

    GitHub counts requests by resource (core, search, graphql). When one is used up, the client does not ask again
    before the reset that GitHub named, and raises RateLimited at once.
    """

    def __init__(self, settings: GithubSettings, user_agent: str, clock: Callable[[], float] = time.time) -> None:
        headers = {
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": user_agent,
        }
        self._has_token = bool(settings.token.get_secret_value())
        if self._has_token:
            headers["Authorization"] = f"Bearer {settings.token.get_secret_value()}"
        self._client = httpx.Client(base_url=settings.api_url, headers=headers, timeout=settings.timeout_s)
        self._clock = clock
        self._blocked_until: dict[str, float] = {}
        self._kept: OrderedDict[str, tuple[str, Any]] = OrderedDict()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, path: str, params: Mapping[str, Any]) -> Any:
        """Return the decoded JSON of one GET. Raises NotFound, RateLimited, Refused, Unreachable."""
        resource = "search" if path.startswith("/search/") else "core"
        request = self._client.build_request("GET", path, params=dict(params))
        key = str(request.url)
        kept = self._kept.get(key)
        if kept:
            request.headers["If-None-Match"] = kept[0]
        answered = self._send(request, resource)
        if answered.status == 304 and kept:
            self._kept.move_to_end(key)
            return kept[1]
        answer = _decoded(answered)
        if etag := answered.headers.get("etag"):
            self._kept[key] = (etag, answer)
            while len(self._kept) > CACHED_MAX:
                self._kept.popitem(last=False)
        return answer

    def graphql(self, query: str, variables: Mapping[str, Any]) -> Any:
        """Return ``data`` of one GraphQL query. Raises Refused without a token, RateLimited, Unreachable."""
        if not self._has_token:
            raise Refused("GitHub shows discussions only to those with a token (github.token).", "github.token")
        body = {"query": query, "variables": dict(variables)}
        answer = _decoded(self._send(self._client.build_request("POST", "/graphql", json=body), "graphql"))
        if not isinstance(answer, Mapping) or answer.get("errors"):
            errors = answer.get("errors") if isinstance(answer, Mapping) else answer
            raise OutsideError(f"GitHub did not take the GraphQL query: {str(errors)[:200]}.")
        return answer.get("data")

    def _send(self, request: httpx.Request, resource: str) -> _Answered:
        wait_s = self._blocked_until.get(resource, 0.0) - self._clock()
        if wait_s > 0:
            raise RateLimited(f"GitHub's rate limit for {resource} is used up.", "github", wait_s)
        try:
            response = self._client.send(request, stream=True)
            try:
                answered = _Answered(response.status_code, response.headers, _read_within(response, ANSWER_MAX))
            finally:
                response.close()
        except httpx.TimeoutException as error:
            raise Unreachable("GitHub did not answer in time.", "github") from error
        except httpx.HTTPError as error:
            raise Unreachable(f"GitHub cannot be reached: {str(error) or type(error).__name__}.", "github") from error
        self._note_limits(answered, resource)
        return self._checked(answered, resource)

    def _note_limits(self, answered: _Answered, resource: str) -> None:
        """Remember when GitHub will answer again, before it has to refuse."""
        headers = answered.headers
        resource = headers.get("x-ratelimit-resource", resource)
        if headers.get("x-ratelimit-remaining") == "0":
            reset = headers.get("x-ratelimit-reset", "")
            self._blocked_until[resource] = float(reset) if reset.isdigit() else self._clock() + _SECONDARY_WAIT_S

    def _checked(self, answered: _Answered, resource: str) -> _Answered:
        status, headers = answered.status, answered.headers
        is_limited = status == 429 or (
            status == 403 and (headers.get("x-ratelimit-remaining") == "0" or "retry-after" in headers)
        )
        if is_limited:
            after = headers.get("retry-after", "")
            if after.isdigit():
                self._blocked_until[resource] = self._clock() + float(after)
            wait_s = max(1.0, self._blocked_until.get(resource, self._clock() + _SECONDARY_WAIT_S) - self._clock())
            raise RateLimited(f"GitHub's rate limit for {resource} is used up.", "github", wait_s)
        if status == 404:
            raise NotFound("GitHub has nothing there, or does not show it to us.", "path")
        if status in (401, 403):
            raise Refused(f"GitHub does not let us read this (status {status}).", "github.token")
        if status == 422:
            raise Refused("GitHub does not understand the query.", "q")
        if status not in (200, 304):
            raise Unreachable(f"GitHub answered {status}.", "github")
        return answered


def _read_within(response: httpx.Response, limit: int) -> bytes:
    """Return the body, read as it comes. Raises Refused where it is longer than ``limit`` bytes."""
    body = bytearray()
    for chunk in response.iter_bytes(65536):
        body += chunk
        if len(body) > limit:
            raise Refused(f"GitHub's answer is larger than {limit} bytes.", "github")
    return bytes(body)


def _decoded(answered: _Answered) -> Any:
    try:
        return json.loads(answered.body)
    except ValueError as error:
        raise Unreachable(f"GitHub's answer is not JSON: {error}.", "github") from error
