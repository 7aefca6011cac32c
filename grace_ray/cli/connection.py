"""The way from a command to the runtime: where it is, whether it answers, and who asks."""

import os
import time
from pathlib import Path

import typer

from grace_ray.cli.running import RunFiles
from grace_ray.client.blocking_grace import Grace
from grace_ray.client.exchange import is_loopback
from grace_ray.client.retry import Retry
from grace_ray.core.errors import InvalidInput, Unreachable
from grace_ray.settings import load

TIMEOUT_S = 60.0
ANSWER_MAX_S = 5.0  # within which a Grace says that it is there
START_MAX_S = 30.0
BRIEFLY = Retry(attempts=3, base_s=0.1)


def connect(home: Path | None, url: str | None) -> Grace:
    """Return a client of the Grace of this home, or of the one at ``url``; GRACE_TOKEN is its token.

    Raises Unreachable within seconds where none answers; one that is starting is waited for.
    """
    found, token = place(home, url)
    reach(found)
    return Grace(found, token, source="grace/cli", timeout_s=TIMEOUT_S, retry=BRIEFLY)


def reach(url: str) -> None:
    """Return once the Grace at ``url`` answers. Raises Unreachable where there is none, InvalidInput for no URL."""
    deadline, has_been_told = time.monotonic() + START_MAX_S, False
    while _is_starting(url):
        if time.monotonic() >= deadline:
            raise Unreachable(f"Grace at {url} is still starting after {START_MAX_S:.0f} s.", "url")
        if not has_been_told:
            typer.echo(f"Grace at {url} is starting ...", err=True)
            has_been_told = True
        time.sleep(0.5)


def _is_starting(url: str) -> bool:
    """Return whether Grace is there, but not yet with all of its parts."""
    import httpx

    try:
        answer = httpx.get(f"{url}/healthz", timeout=ANSWER_MAX_S, trust_env=not is_loopback(url))
        said = answer.json()
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise InvalidInput(f"{url!r} is not a URL such as http://127.0.0.1:8000.", "url") from error
    except httpx.TimeoutException as error:
        raise Unreachable(f"No Grace answers at {url} within {ANSWER_MAX_S:.0f} s.", "url") from error
    except httpx.TransportError as error:
        raise Unreachable(f"No Grace answers at {url}: {error or type(error).__name__}.", "url") from error
    except ValueError as error:
        raise Unreachable(f"What answers at {url} is not Grace.", "url") from error
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        return True
    if not (isinstance(said, dict) and said.get("status") == "ok"):
        raise Unreachable(f"What answers at {url} is not Grace: it says {answer.status_code} to /healthz.", "url")
    return False


def place(home: Path | None, url: str | None) -> tuple[str, str]:
    """Return (URL, token): what runs for this home, else what its settings say; a token of theirs stays at home."""
    settings = load(home=home)
    token = settings.tokens[0].token.get_secret_value() if settings.tokens and url is None else ""
    running: str | None = RunFiles(settings.home).read().get("url")
    return (url or running or settings.url).rstrip("/"), os.environ.get("GRACE_TOKEN", token)
