"""Asks the HTTP face for a sign of life, as a user would: through the proxy, over the network."""

import http.client
import time
from typing import NamedTuple
from urllib.parse import urlsplit


class Probe(NamedTuple):
    """One question: the status of the answer, 0 where there was none, and the time it took."""

    status: int
    took_ms: float

    @property
    def is_answered(self) -> bool:
        """Whether a user would have been served."""
        return 0 < self.status < 500


def probe(url: str, timeout_s: float) -> Probe:
    """Return how GET ``url``/healthz went; never raises for the network's faults."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=timeout_s)
    began = time.perf_counter()
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        answer.read()
        status = answer.status
    except (OSError, http.client.HTTPException):
        status = 0
    finally:
        connection.close()
    return Probe(status, (time.perf_counter() - began) * 1000)
