"""A network backend that connects to none but checked addresses, and gives up at a deadline.

The host is resolved once, every address is checked, and the connection goes to one of those very addresses: a second
look-up that answers otherwise (DNS rebinding) never happens. TLS and the Host header keep the name.
"""

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as ResolveTimeout
from typing import Any

import httpcore

from grace_ray.adapters.web.addresses import is_public
from grace_ray.core.errors import Refused, Unreachable

Resolve = Callable[[str, int], list[str]]


def system_addresses(host: str, port: int) -> list[str]:
    """Return every address of a host, as the system resolves it. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


class Deadline:
    """A point on the monotonic clock that all of one fetch must end before."""

    def __init__(self, limit_s: float) -> None:
        self._end = time.monotonic() + limit_s

    def left(self) -> float:
        """Return the seconds left. Raises httpcore.ReadTimeout where there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("The time is up.")
        return left


class GuardedBackend(httpcore.NetworkBackend):
    """Connects for one fetch. ``allow_private`` lets every address through, for intranets and tests."""

    def __init__(self, deadline: Deadline, *, allow_private: bool = False, resolve: Resolve = system_addresses) -> None:
        self._deadline = deadline
        self._allow_private = allow_private
        self._resolve = resolve
        self._system = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first of the host's addresses that answers; one forbidden address refuses the host."""
        last: Exception | None = None
        for address in self.checked(host, port):
            try:
                stream = self._system.connect_tcp(address, port, self._deadline.left(), local_address, socket_options)
                return _DeadlineStream(stream, self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last or httpcore.ConnectError(f"{host} has no address.")

    def checked(self, host: str, port: int) -> list[str]:
        """Return the host's addresses. Raises Refused where one of them is not public, Unreachable for no answer."""
        addresses = self._looked_up(host, port)
        for address in addresses:
            if not self._allow_private and not is_public(address):
                raise Refused(f"{host} is at {address}, which is not on the public internet.", "url")
        return addresses

    def _looked_up(self, host: str, port: int) -> list[str]:
        """Resolve in a thread: the system's resolver has no time limit of its own."""
        pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="resolve")
        try:
            return pool.submit(self._resolve, host, port).result(timeout=self._deadline.left())
        except ResolveTimeout as error:
            raise Unreachable(f"The name {host} was not resolved in time.", "url") from error
        except (OSError, UnicodeError) as error:
            raise Unreachable(f"The name {host} cannot be resolved: {error}.", "url") from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


class _DeadlineStream(httpcore.NetworkStream):
    """A stream on which every step must end before the deadline, so that a trickle cannot go on for ever."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read; see httpcore."""
        return self._stream.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write; see httpcore."""
        self._stream.write(buffer, self._deadline.left())

    def close(self) -> None:
        """Close; a socket that is broken already is closed."""
        with contextlib.suppress(OSError):
            self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Begin TLS under the name of the host, not of its address."""
        stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left())
        return _DeadlineStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """Return what the stream knows; see httpcore."""
        return self._stream.get_extra_info(info)
