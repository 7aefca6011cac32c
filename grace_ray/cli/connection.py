"""The way from a command to the runtime over HTTP: where it is, what it answers, and why it does not."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from grace_ray.cli.running import RunFiles
from grace_ray.core.errors import (
    Backpressure,
    CallerError,
    Conflict,
    Forbidden,
    GraceError,
    InvalidInput,
    NotFound,
    RuntimeFault,
    TooLarge,
    Unauthorized,
    Unreachable,
)
from grace_ray.settings import load

TIMEOUT_S = 60.0
_ERRORS: Mapping[int, type[GraceError]] = {
    400: InvalidInput,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    415: InvalidInput,
    422: InvalidInput,
}


class Connection:
    """Asks the runtime at ``url``; ``token`` is sent where there is one."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=TIMEOUT_S)

    def get(self, path: str, **query: Any) -> Any:
        """Return the answer to a GET; query values of None are left out."""
        return self._ask("GET", path, params={name: value for name, value in query.items() if value is not None})

    def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Any:
        """Return the answer to a POST of JSON. Raises Backpressure with the wait that the runtime asks for."""
        return self._ask("POST", path, json=body, headers=dict(headers or {}))

    def send(self, path: str, body: bytes, media_type: str) -> Any:
        """Return the answer to a POST of bytes."""
        return self._ask("POST", path, content=body, headers={"Content-Type": media_type})

    @contextmanager
    def lines(self, path: str, headers: Mapping[str, str] | None = None) -> Iterator[Iterator[str]]:
        """Give the lines of an answer that goes on."""
        with self._reaching():
            timeout = httpx.Timeout(TIMEOUT_S, read=30.0)
            with self._http.stream("GET", path, headers=dict(headers or {}), timeout=timeout) as answer:
                if answer.is_error:
                    answer.read()
                    raise fault(answer)
                yield answer.iter_lines()

    def _ask(self, method: str, path: str, **parts: Any) -> Any:
        with self._reaching():
            answer = self._http.request(method, path, **parts)
        if answer.is_error:
            raise fault(answer)
        return answer.json() if answer.content else None

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except httpx.TransportError as error:
            raise Unreachable(
                f"No Grace answers at {self.url} ({type(error).__name__}). Start it with: grace up"
            ) from error


def connect(home: Path | None, url: str | None) -> Connection:
    """Return a connection to the Grace of this home, or to the one at ``url``; GRACE_TOKEN is its token."""
    settings = load(home=home)
    found = url or RunFiles(settings.home).read().get("url") or settings.url
    own_token = settings.tokens[0].token.get_secret_value() if settings.tokens and not url else ""
    return Connection(found, os.environ.get("GRACE_TOKEN", own_token))


def fault(answer: httpx.Response) -> GraceError:
    """Return the error that an answer tells of."""
    try:
        said = answer.json()
        detail, field = str(said.get("detail", "")), str(said.get("field", ""))
    except (ValueError, AttributeError):
        detail, field = answer.text[:200], ""
    message = detail or f"The runtime answered {answer.status_code}."
    if field and field not in message:
        message = f"{message} ({field})"
    if answer.status_code in {429, 503}:
        return Backpressure(message, field, _seconds(answer.headers.get("retry-after")))
    kind = _ERRORS.get(answer.status_code, CallerError if answer.status_code < 500 else RuntimeFault)
    return kind(message, field)


def _seconds(value: str | None) -> float:
    try:
        return max(0.1, float(value or 1))
    except ValueError:
        return 1.0
