"""What both clients know of a request: its headers and key, and whether an answer means yes, no, or again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

import httpx
import orjson

from grace_ray.client.answers import Receipt, error_of, receipt, refusal
from grace_ray.client.calls import Call, T
from grace_ray.client.outbox import BATCH_TYPE
from grace_ray.client.retry import RETRIED, Retry, retry_after_s
from grace_ray.core.errors import GraceError, InvalidInput, RuntimeFault, Unreachable
from grace_ray.core.ids import time_id


def is_loopback(url: str) -> bool:
    """Return whether a URL is of this machine: then no proxy of the environment stands between."""
    return httpx.URL(url).host in {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request, ready to be sent any number of times: a POST carries an Idempotency-Key."""

    method: str
    path: str
    params: Mapping[str, Any]
    content: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What to do about a failed attempt: wait, or raise ``error`` where ``delay_s`` is None."""

    delay_s: float | None
    error: GraceError


class Exchange:
    """Makes requests and judges answers; sends nothing itself. Time and chance are given."""

    def __init__(self, retry: Retry, clock: Callable[[], datetime], rng: Random) -> None:
        self._retry = retry
        self.clock = clock
        self.rng = rng

    def of_call(self, call: Call[T]) -> Request:
        """Return the request of a call."""
        content = b"" if call.body is None else orjson.dumps(call.body)
        return self._request(call.method, call.path, call.params, content, "application/json")

    def of_events(self, body: bytes) -> Request:
        """Return the request that sends a batch of events."""
        return self._request("POST", "/api/events", {}, body, BATCH_TYPE)

    def failed(self, response: httpx.Response, attempt: int, retry: Retry | None = None) -> Again | None:
        """Return None for an answer that is final, and no error: a success, or events refused one by one."""
        if response.is_success or refusal(response) is not None:
            return None
        asked_s = retry_after_s(response.headers, self.clock())
        error = error_of(response, asked_s)
        if response.status_code not in RETRIED:
            return Again(delay_s=None, error=error)
        return Again(delay_s=(retry or self._retry).delay_s(attempt, asked_s, self.rng), error=error)

    def unreachable(self, cause: httpx.RequestError, attempt: int, retry: Retry | None = None) -> Again:
        """Return what to do where no answer came."""
        if isinstance(cause, httpx.UnsupportedProtocol):
            return Again(delay_s=None, error=InvalidInput(f"The URL cannot be used: {cause}", "url"))
        error = Unreachable(f"Grace did not answer: {cause or type(cause).__name__}.", "url")
        return Again(delay_s=(retry or self._retry).delay_s(attempt, None, self.rng), error=error)

    def read(self, call: Call[T], response: httpx.Response) -> T:
        """Return what a successful answer says. Raises RuntimeFault where it is not what the API promises."""
        try:
            return call.read(orjson.loads(response.content))
        except (ValueError, KeyError, TypeError, InvalidInput) as error:
            raise RuntimeFault(f"The answer to {call.path} is not what was expected: {error}.") from error

    def receipt(self, response: httpx.Response) -> Receipt:
        """Return the receipt of a batch, be it taken or refused event by event."""
        try:
            return refusal(response) or receipt(orjson.loads(response.content))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RuntimeFault(f"The answer to events is not what was expected: {error}.") from error

    def _request(self, method: str, path: str, params: Mapping[str, Any], content: bytes, media_type: str) -> Request:
        headers = {"Accept": "application/json"}
        if method == "POST":
            headers |= {"Content-Type": media_type, "Idempotency-Key": time_id(self.clock(), self.rng)}
        return Request(method=method, path=path, params=params, content=content, headers=headers)
