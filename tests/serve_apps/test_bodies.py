"""Request bodies are whole, plain and small enough, or refused while they arrive."""

import asyncio
import gzip
import zlib

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serve_apps import bodies
from serve_apps.bodies import Bodies

LIMIT = 100_000


async def _echo(request: Request) -> Response:
    return Response(await request.body(), headers={"Encoding-Seen": request.headers.get("content-encoding", "none")})


def _send(content, **headers) -> httpx.Response:
    app = Starlette(routes=[Route("/", _echo, methods=["POST"])])
    app.add_middleware(Bodies, max_bytes=LIMIT)

    async def post() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.post("/", content=content, headers=headers)

    return asyncio.run(post())


def test_a_plain_body_passes_as_it_is():
    assert _send(b"abc").content == b"abc"


@pytest.mark.parametrize(("name", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_packed_body_is_unpacked(name, pack):
    answer = _send(pack(b"abc" * 1000), **{"Content-Encoding": name})
    assert answer.content == b"abc" * 1000
    assert answer.headers["Encoding-Seen"] == "none"


def test_a_gzip_body_of_several_members_is_read_to_its_end():
    assert _send(gzip.compress(b"ab") + gzip.compress(b"cd"), **{"Content-Encoding": "gzip"}).content == b"abcd"


def test_a_body_that_is_declared_too_long_is_refused_before_it_is_read():
    given = []

    async def chunks():
        given.append(1)
        yield b"x"

    answer = _send(chunks(), **{"Content-Length": str(LIMIT + 1)})
    assert answer.status_code == 413
    assert answer.json()["field"] == "body"
    assert not given


def test_a_body_without_a_length_is_cut_off_at_the_limit():
    given = []

    async def endless():
        while True:
            given.append(1)
            yield b"x" * 10_000

    answer = _send(endless())
    assert answer.status_code == 413
    assert len(given) < 20


def test_a_compression_bomb_does_not_unfold():
    bomb = gzip.compress(b"\0" * 50_000_000)
    assert len(bomb) < LIMIT
    assert _send(bomb, **{"Content-Encoding": "gzip"}).status_code == 413


@pytest.mark.parametrize(
    "content",
    [b"not gzip", gzip.compress(b"abc" * 100)[:-9], gzip.compress(b"a") + b"rest"],
    ids=["none", "cut", "with-a-rest"],
)
def test_a_damaged_gzip_body_is_a_bad_request(content):
    answer = _send(content, **{"Content-Encoding": "gzip"})
    assert answer.status_code == 400
    assert answer.json()["field"] == "body"


def test_an_unknown_encoding_is_named():
    answer = _send(b"abc", **{"Content-Encoding": "br"})
    assert answer.status_code == 415
    assert answer.json()["field"] == "content-encoding"


def test_a_body_that_trickles_is_given_up(monkeypatch):
    monkeypatch.setattr(bodies, "READ_TIMEOUT_S", 0.05)

    async def trickle():
        yield b"x"
        await asyncio.sleep(3600)

    assert _send(trickle()).status_code == 408
