"""What surrounds every request: its id, its time, and headers that keep browsers from guessing."""

import re
import time
from random import SystemRandom

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from grace_ray.core.clock import utc_now
from grace_ray.core.ids import time_id
from serve_apps.meters import Meters
from serve_apps.vitals import Vitals

_GIVEN = re.compile(r"[\w.:-]{1,128}", re.ASCII)
_chance = SystemRandom()
_WITHOUT_END = "/api/stream"  # lasts as long as somebody watches: no time to answer
_PROBES = frozenset({"/healthz", "/readyz"})  # their 503 tells how things stand; it is no failed request


class Requests:
    """ASGI middleware: X-Request-ID (the caller's, or a new one), duration and status counted by route."""

    def __init__(self, app: ASGIApp, meters: Meters, vitals: Vitals) -> None:
        self.app = app
        self.meters = meters
        self.vitals = vitals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Mark and measure one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _GIVEN.fullmatch(given) else time_id(utc_now(), _chance)
        scope["grace.request_id"] = request_id
        status = 500
        started = time.perf_counter()

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("X-Frame-Options", "DENY")
                headers.setdefault("Referrer-Policy", "same-origin")
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self.app(scope, receive, send_marked)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            if route != _WITHOUT_END:
                took_s = time.perf_counter() - started
                self.meters.count_request(scope["method"], route, status, took_s)
                if route not in _PROBES:
                    self.vitals.note(status, took_s)
