"""Fetches what a Prometheus endpoint exposes, within limits of size and time."""

import time

import httpx

from grace_ray.core.errors import TooLarge, Unreachable


def fetch_exposition(url: str, accept: str, timeout_s: float, size_max: int) -> tuple[str, bytes]:
    """Return the content type and the body, unpacked. Raises Unreachable, TooLarge.

    The time limit is of the whole answer: an endpoint that trickles is one that does not answer.
    """
    deadline = time.monotonic() + timeout_s
    parts: list[bytes] = []
    size = 0
    try:
        with (
            httpx.Client(timeout=timeout_s, follow_redirects=True, max_redirects=3, trust_env=False) as client,
            client.stream("GET", url, headers={"Accept": accept, "User-Agent": "grace-ray"}) as answer,
        ):
            if answer.status_code != 200:
                raise Unreachable(f"{url} answered {answer.status_code}.", "url")
            for part in answer.iter_bytes():
                parts.append(part)
                size += len(part)
                if size > size_max:
                    raise TooLarge(f"{url} exposes more than {size_max} bytes (metrics.scrape_max_bytes).", "url")
                if time.monotonic() > deadline:
                    raise Unreachable(f"{url} did not answer within {timeout_s:g} s.", "url")
            return answer.headers.get("content-type", ""), b"".join(parts)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unreachable(f"{url} cannot be read: {str(error) or type(error).__name__}.", "url") from error
