"""A small page on Grace's own port while its parts start, so that a browser has something to look at after a second."""

import html
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_PAGE = """<!doctype html><meta charset=utf-8><meta http-equiv=refresh content=1><title>Grace is starting</title>
<meta name=viewport content="width=device-width"><style>:root{{color-scheme:light dark}}
body{{font:16px/1.6 system-ui;max-width:40rem;margin:12vh auto;padding:0 1rem}}pre{{font-size:14px}}</style>
<h1>Grace is starting</h1><pre>{lines}</pre>"""


class BootPage:
    """Serves the boot sequence at every path with status 503 (200 for ``/``) until it is closed.

    It binds with SO_REUSEPORT, as Serve's proxy does, so that the two can change places without a gap; therefore
    ``check_port`` first makes sure that nobody else has the port.
    """

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._server: ThreadingHTTPServer | None = None
        self.lines: list[str] = []

    def open(self) -> None:
        """Start serving in a thread of its own; a page that is open already goes on serving."""
        if self._server is not None:
            return
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page.answer(self)

            do_POST = do_GET  # noqa: N815 - the base class names it so

            def log_message(self, *_: object) -> None:
                return

        class Server(ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in page._address[0] else socket.AF_INET
            daemon_threads = True

            def server_bind(self) -> None:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                super().server_bind()

        self._server = Server(self._address, Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()

    def close(self) -> None:
        """Stop serving; harmless when it does not serve."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer one request with the boot sequence."""
        is_page = request.path == "/" and request.command == "GET"
        if is_page:
            media_type, body = "text/html", _PAGE.format(lines=html.escape("\n".join(self.lines)))
        else:
            problem = {"type": "about:blank", "title": "Grace is starting", "status": 503, "parts": self.lines}
            media_type, body = "application/problem+json", json.dumps(problem)
        request.send_response(200 if is_page else 503)
        request.send_header("Content-Type", f"{media_type}; charset=utf-8")
        request.send_header("Retry-After", "1")
        request.send_header("Cache-Control", "no-store")
        request.send_header("Connection", "close")
        request.end_headers()
        request.wfile.write(body.encode())


def check_port(host: str, port: int) -> None:
    """Raise OSError where another program listens on the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
