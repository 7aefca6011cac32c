"""The way from a command to the runtime: where it is, and who asks."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from grace_ray.cli.running import RunFiles
from grace_ray.client.answers import error_of
from grace_ray.client.blocking_grace import Grace
from grace_ray.client.exchange import is_loopback
from grace_ray.client.retry import Retry
from grace_ray.core.errors import Unreachable
from grace_ray.settings import load

TIMEOUT_S = 60.0
SILENCE_MAX_S = 30.0  # the stream says something each second
BRIEFLY = Retry(attempts=3, base_s=0.1)


def connect(home: Path | None, url: str | None, retry: Retry = BRIEFLY) -> Grace:
    """Return a client of the Grace of this home, or of the one at ``url``; GRACE_TOKEN is its token."""
    found, token = place(home, url)
    return Grace(found, token, source="grace/cli", timeout_s=TIMEOUT_S, retry=retry)


def place(home: Path | None, url: str | None) -> tuple[str, str]:
    """Return (URL, token): what runs for this home, else what its settings say; a token of theirs stays at home."""
    settings = load(home=home)
    token = settings.tokens[0].token.get_secret_value() if settings.tokens and url is None else ""
    running: str | None = RunFiles(settings.home).read().get("url")
    return (url or running or settings.url).rstrip("/"), os.environ.get("GRACE_TOKEN", token)


@contextmanager
def stream(url: str, token: str, headers: Mapping[str, str]) -> Iterator[Iterator[str]]:
    """Give the lines of /api/stream. Raises Unreachable, and what the runtime answers instead."""
    import httpx

    sent = {**headers, "Authorization": f"Bearer {token}"} if token else dict(headers)
    timeout = httpx.Timeout(TIMEOUT_S, read=SILENCE_MAX_S)
    try:
        with httpx.stream(
            "GET", f"{url}/api/stream", headers=sent, timeout=timeout, trust_env=not is_loopback(url)
        ) as answer:
            if answer.is_error:
                answer.read()
                raise error_of(answer, None)
            yield answer.iter_lines()
    except httpx.TransportError as error:
        raise Unreachable(f"No Grace answers at {url}: {error or type(error).__name__}.", "url") from error
