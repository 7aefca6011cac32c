"""Ports that are free, for what starts beside another Grace on one machine: here, in tests and in benchmarks."""

import contextlib
import socket

from grace_ray.core.errors import RuntimeFault

_TRIED = 100


def free_port_from(first: int) -> int:
    """Return the first port from here that nobody listens on at loopback. Raises RuntimeFault after a hundred."""
    for port in range(first, min(first + _TRIED, 65536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise RuntimeFault(f"No port from {first} to {first + _TRIED - 1} is free.")


def free_port() -> int:
    """Return a port that nobody listens on at loopback now, whichever the system picks."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
