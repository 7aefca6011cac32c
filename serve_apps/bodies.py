"""Request bodies: read within a limit while they arrive, and unpacked within the same limit.

Every route sees a body that is whole, plain and small enough, so none has to guard against floods, trickles or
compression bombs by itself.
"""

import asyncio
import zlib

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from grace_ray.core.errors import InvalidInput, TooLarge
from grace_ray.sense.formats.payload import unsnapped
from serve_apps.problems import of_error, problem

READ_TIMEOUT_S = 60.0
INLINE_MAX_BYTES = 64 * 1024  # beyond it, unpacking would hold up the event loop
_SNAPPY = "snappy"
_WINDOW = {"gzip": 31, "x-gzip": 31, "deflate": 47}


class Bodies:
    """ASGI middleware that hands on each request's body as one message, unpacked, at most ``max_bytes`` long.

    Answers 413 as soon as the limit is passed, 415 for an unknown Content-Encoding, 400 for a damaged one and 408 for
    a body that does not arrive within a minute.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, then let the request pass."""
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD", "OPTIONS"}:
            await self.app(scope, receive, send)
            return
        try:
            body = await self._read(Headers(scope=scope), receive)
        except TimeoutError:
            await problem(408, "The body did not arrive in time.", "body")(scope, receive, send)
            return
        except (TooLarge, InvalidInput) as error:
            answer = of_error(error)
            if isinstance(error, TooLarge):  # the rest is not read: the connection cannot be used again
                answer.headers["Connection"] = "close"
            await answer(scope, receive, send)
            return
        if body is None:
            return
        scope["grace.body"] = body
        scope["headers"] = [
            pair for pair in scope["headers"] if pair[0] not in {b"content-encoding", b"content-length"}
        ] + [(b"content-length", b"%d" % len(body))]
        await self.app(scope, _Replay(body, receive), send)

    async def _read(self, headers: Headers, receive: Receive) -> bytes | None:
        declared = headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > self.max_bytes:
            raise self._too_large()
        async with asyncio.timeout(READ_TIMEOUT_S):
            raw = await self._gather(receive)
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if raw is None or encoding in {"", "identity"}:
            return raw
        if encoding not in _WINDOW and encoding != _SNAPPY:
            detail = f"The content encoding {encoding[:40]!r} is not taken; send gzip, deflate or snappy."
            raise InvalidInput(detail, "content-encoding")
        if len(raw) > INLINE_MAX_BYTES:
            return await asyncio.to_thread(self._unpack, raw, encoding)
        return self._unpack(raw, encoding)

    async def _gather(self, receive: Receive) -> bytes | None:
        chunks: list[bytes] = []
        size = 0
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if size > self.max_bytes:
                raise self._too_large()
            chunks.append(chunk)
            more = message.get("more_body", False)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _unpack(self, raw: bytes, encoding: str) -> bytes:
        if encoding == _SNAPPY:
            return unsnapped(raw, self.max_bytes)
        body = b""
        while raw:  # gzip allows several members in a row
            unpacker = zlib.decompressobj(_WINDOW[encoding])
            try:
                body += unpacker.decompress(raw, self.max_bytes + 1 - len(body))
            except zlib.error as error:
                raise InvalidInput(f"The body is not {encoding}: {error}.", "body") from error
            if len(body) > self.max_bytes:
                raise self._too_large()
            if not unpacker.eof:
                raise InvalidInput(f"The {encoding} body is cut short.", "body")
            raw = unpacker.unused_data
        return body

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The body is larger than {self.max_bytes} bytes (intake.body_max_bytes).", "body")


class _Replay:
    """A receive callable that gives the body once, and then whatever the connection says."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}
