"""What Serve's proxy answers while it has no replica to ask: "try again soon", in our words.

A proxy that has just started knows no route yet and says 404, which a sender of events takes for an answer: it gives
up, and the events are lost. Every path belongs to our application, so what the proxy answers itself is a 503.
"""

import structlog
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_apps.problems import problem

log = structlog.get_logger("grace.http")

_MARK = "x-content-type-options"  # our application sets it on every answer; see requests.py
_RETRY = {"Retry-After": "1"}
_DETAIL = "Grace is starting, or a part of it is being made again."


def middlewares() -> list[Middleware]:
    """Return what runs in Serve's proxy; it is asked for by the name of this function."""
    return [Middleware(TryAgain)]


class TryAgain:
    """ASGI middleware: an error that our application did not answer is a 503 problem with Retry-After."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request through."""
        if scope["type"] != "http" or scope["path"].startswith("/-/"):  # Serve's own health and routes
            await self.app(scope, receive, send)
            return
        again = problem(503, _DETAIL, headers=_RETRY)
        is_replaced = has_begun = False

        async def send_ours(message: Message) -> None:
            nonlocal is_replaced, has_begun
            has_begun = True
            if message["type"] == "http.response.start" and message["status"] >= 400:
                is_replaced = _MARK not in Headers(raw=message["headers"])
                if is_replaced:
                    await again(scope, receive, send)
            if not is_replaced:
                await send(message)

        try:
            await self.app(scope, receive, send_ours)
        except Exception:  # whatever Serve's proxy failed by: the request may be repeated
            if has_begun:
                raise
            log.exception("proxy_failed", path=scope["path"])
        if not has_begun:  # it failed, or let go of the request without a word, as it does when a replica dies
            await again(scope, receive, send)
