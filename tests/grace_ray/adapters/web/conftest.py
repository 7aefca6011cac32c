"""Real local servers: a well-behaved site with robots.txt, and a raw socket that says whatever it is told to."""

import contextlib
import socket
import threading
from http.server import BaseHTTPRequestHandler

import pytest

from tests.local_server import LocalServer


class Site(LocalServer):
    """A site on 127.0.0.1. ``pages`` maps a path to (status, headers, body); ``asked`` lists (path, Host)."""

    def __init__(self):
        self.pages = {}
        self.asked = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                path = self.path.partition("?")[0]
                site.asked.append((self.path, self.headers["Host"]))
                status, headers, body = site.pages.get(path, (404, {}, b""))
                self.send_response(status)
                for name, value in {"Content-Type": "text/html; charset=utf-8", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(body)

            def log_message(self, *args):
                pass

        super().__init__(Handler)


class RawServer:
    """Accepts connections and calls ``speak(connection, stopped)``; for bodies that lie, trickle or never end."""

    def __init__(self, speak):
        self._stopped = threading.Event()
        self._speak = speak
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while not self._stopped.is_set():
            try:
                connection, _ = self._socket.accept()
            except TimeoutError:
                continue
            with connection, contextlib.suppress(OSError):
                self._speak(connection, self._stopped)

    def close(self):
        self._stopped.set()
        self._thread.join(5)
        self._socket.close()


@pytest.fixture
def site():
    server = Site()
    yield server
    server.close()


@pytest.fixture
def raw_server():
    servers = []

    def start(speak):
        servers.append(RawServer(speak))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
