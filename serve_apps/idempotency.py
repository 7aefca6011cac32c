"""Idempotency-Key: a POST that is sent again with its key gets the first answer, and makes nothing new.

The answer is kept for a day, on the journal's store (view "idempotency"), so it outlives a restart; for the ingest
routes in memory only, because the journal takes an event once by its own id.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import orjson
import structlog
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from grace_ray.core.canonical import canonical
from grace_ray.core.clock import to_text, utc_now
from grace_ray.core.errors import GraceError, InvalidInput
from grace_ray.core.store import Commit, Record
from serve_apps.auth import scope_for
from serve_apps.gateway import Gateway
from serve_apps.problems import of_error, problem

KEEP = timedelta(days=1)
REMEMBERED_MAX = 1000
REMEMBERED_MAX_CHARS = 16_384
_VIEW = "idempotency"
log = structlog.get_logger("grace.http")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A first answer: what was asked (its hash), and what was said."""

    asked: str
    status: int
    media_type: str
    body: str
    at: datetime

    def to_record(self, key: str) -> Record:
        """Return the answer as it is kept; rank is its age, so that the sweep finds the oldest."""
        plain = {"asked": self.asked, "status": self.status, "media_type": self.media_type, "body": self.body}
        return Record(_VIEW, key, "", self.at.timestamp(), canonical({**plain, "at": to_text(self.at)}))

    @classmethod
    def from_body(cls, body: bytes) -> "Answer":
        """Return the answer that a record holds."""
        plain = orjson.loads(body)
        return cls(**{**plain, "at": datetime.fromisoformat(plain["at"])})


@dataclass(slots=True)
class _Slot:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class Idempotency:
    """ASGI middleware for POSTs that carry an Idempotency-Key. Stands inside Bodies (it reads ``grace.body``).

    Only what succeeded is kept: a refused request made nothing, and may be sent again, corrected. The same key with
    another body is refused (422); a second request while the first still runs waits for it.
    """

    def __init__(self, app: ASGIApp, gateway: Gateway) -> None:
        self.app = app
        self.gateway = gateway
        self._memory: OrderedDict[str, Answer] = OrderedDict()
        self._slots: dict[str, _Slot] = {}
        self._swept = utc_now()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the first time, or for the first time."""
        given = Headers(scope=scope).get("idempotency-key") if scope["type"] == "http" else None
        if given is None or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        if not 1 <= len(given) <= 255 or not given.isprintable():
            error = InvalidInput("An Idempotency-Key has 1 to 255 printable characters.", "Idempotency-Key")
            await of_error(error)(scope, receive, send)
            return
        key = _digest(scope.get("grace.caller", ""), scope["path"], given)
        slot = self._slots.setdefault(key, _Slot())
        slot.waiting += 1
        try:
            async with slot.lock:
                await self._once(key, scope, receive, send)
        finally:
            slot.waiting -= 1
            if not slot.waiting:
                self._slots.pop(key, None)

    async def _once(self, key: str, scope: Scope, receive: Receive, send: Send) -> None:
        asked = _digest(scope["query_string"], scope["grace.body"])
        first = await self._recall(key)
        if first is None:
            await self._first(key, asked, scope, receive, send)
        elif first.asked != asked:
            detail = "This Idempotency-Key was used with another request."
            await problem(422, detail, "Idempotency-Key")(scope, receive, send)
        else:
            headers = {"Idempotency-Replayed": "true"}
            await Response(first.body, first.status, headers, first.media_type)(scope, receive, send)

    async def _first(self, key: str, asked: str, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Tape()
        await self.app(scope, receive, answer)
        if 200 <= answer.status < 300 and answer.is_text:
            kept = Answer(
                asked=asked, status=answer.status, media_type=answer.media_type, body=answer.text, at=utc_now()
            )
            await self._keep(key, kept, durable=scope_for("POST", scope["path"]) == "operate")
        for message in answer.messages:
            await send(message)

    async def _recall(self, key: str) -> Answer | None:
        answer = self._memory.get(key)
        if answer is None:
            record = await asyncio.to_thread(self.gateway.reader.record, _VIEW, key)
            answer = Answer.from_body(record.body) if record and record.body else None
        return answer if answer and answer.at > utc_now() - KEEP else None

    async def _keep(self, key: str, answer: Answer, *, durable: bool) -> None:
        if len(answer.body) <= REMEMBERED_MAX_CHARS:
            self._memory[key] = answer
        while len(self._memory) > REMEMBERED_MAX:
            self._memory.popitem(last=False)
        if not durable:
            return
        records = [answer.to_record(key), *await self._stale(answer.at)]
        try:
            await self.gateway.commit(Commit(follower="http", records=records))
        except GraceError as error:  # what was asked for is done: the caller is told so, and memory has the answer
            log.warning("idempotency_not_kept", error=error.message)

    async def _stale(self, now: datetime) -> Sequence[Record]:
        if now - self._swept < timedelta(hours=1):
            return ()
        self._swept = now
        oldest = (now - KEEP).timestamp()
        kept = await asyncio.to_thread(self.gateway.reader.scan, _VIEW)
        return [record._replace(body=None) for record in kept if record.rank < oldest]


class _Tape:
    """A send callable that records the answer."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._headers = Headers()

    async def __call__(self, message: Message) -> None:
        self.messages.append(message)
        if message["type"] == "http.response.start":
            self._headers = Headers(raw=message["headers"])

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"]) if self.messages else 500

    @property
    def media_type(self) -> str:
        return self._headers.get("content-type", "application/json")

    @property
    def is_text(self) -> bool:
        return "json" in self.media_type or self.media_type.startswith("text/")

    @property
    def text(self) -> str:
        return b"".join(message.get("body", b"") for message in self.messages[1:]).decode()


def _digest(*parts: str | bytes) -> str:
    hashed = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        hashed.update(len(raw).to_bytes(8))
        hashed.update(raw)
    return hashed.hexdigest()
