"""A SearXNG endpoint on loopback that takes its time, and knows who is asking it at once."""

import contextlib
import json
import random
import select
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class SlowSearch(ThreadingHTTPServer):
    """``most_at_once`` is how many missions it ever saw at once; ``twice_at_once`` questions asked by two of them."""

    daemon_threads = True

    def __init__(self, seed: int, slowest_s: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/search"
        self.most_at_once = 0
        self.asked = 0
        self.twice_at_once: list[str] = []
        self._asking: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._rng = random.Random(seed)
        self._slowest_s = slowest_s
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def attend(self, connection: Any, question: str) -> bool:
        """Take a while over a question; return whether who asked is still there (a process killed is not)."""
        with self._lock:
            self._asking[question] += 1
            self.asked += 1
            self.most_at_once = max(self.most_at_once, self._asking.total())
            if self._asking[question] > 1:
                self.twice_at_once.append(question)
            deadline = time.monotonic() + self._rng.uniform(0.1, self._slowest_s)
        try:
            while time.monotonic() < deadline:
                if select.select([connection], [], [], 0.02)[0]:
                    return False
            return True
        finally:
            with self._lock:
                self._asking[question] -= 1


class _Handler(BaseHTTPRequestHandler):
    server: SlowSearch

    def do_GET(self) -> None:
        question = parse_qs(urlsplit(self.path).query).get("q", [""])[0]
        if not self.server.attend(self.connection, question):
            self.close_connection = True
            return
        body = json.dumps({"query": question, "results": []}).encode()
        with contextlib.suppress(ConnectionError):  # killed at this very moment
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return
