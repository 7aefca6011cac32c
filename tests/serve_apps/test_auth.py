"""Who may pass: tokens with scopes, and nothing that another site's page sends."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from grace_ray.settings import Settings
from serve_apps.auth import COOKIE, Guard

TOKENS = [
    {"name": "sensor", "token": "s-1", "scopes": ["ingest"]},
    {"name": "viewer", "token": "v-1", "scopes": ["read"]},
    {"name": "person", "token": "p-1", "scopes": ["read", "operate"]},
    {"name": "root", "token": "r-1", "scopes": ["admin"]},
]


async def _who(request: Request) -> Response:
    return PlainTextResponse(request.scope["grace.caller"])


def _ask(method, path, *, host="127.0.0.1", tokens=(), base="http://127.0.0.1:8000", **headers) -> httpx.Response:
    app = Starlette(routes=[Route("/{path:path}", _who, methods=["GET", "POST", "DELETE"])])
    app.add_middleware(Guard, settings=Settings(http_host=host, tokens=tokens))

    async def send() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base) as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(send())


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_on_loopback_without_tokens_everyone_may_do_everything():
    assert _ask("GET", "/api/clusters").status_code == 200
    assert _ask("POST", "/api/clusters/merge").status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "[::1", "10.0.0.7"]
)
def test_on_loopback_a_foreign_host_name_is_refused_because_of_dns_rebinding(host):
    answer = _ask("GET", "/api/clusters", Host=host)
    assert answer.status_code == 403
    assert answer.json()["field"] == "Host"


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "LOCALHOST"])
def test_every_name_of_this_machine_passes(host):
    assert _ask("GET", "/api/clusters", Host=host).status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "https://127.0.0.1.evil.example"]
)
def test_another_sites_page_cannot_change_anything(origin):
    answer = _ask("POST", "/api/events", Origin=origin)
    assert answer.status_code == 403
    assert answer.json()["field"] == "Origin"


def test_our_own_page_can():
    assert _ask("POST", "/api/clusters/merge", Origin="http://127.0.0.1:8000").status_code == 200


def test_a_browsers_cross_site_mark_is_believed():
    assert _ask("POST", "/api/events", **{"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_beyond_loopback_a_token_is_required_even_where_none_is_set():
    assert _ask("GET", "/api/clusters", host="0.0.0.0").status_code == 401


def test_no_token_and_a_wrong_token_are_unauthorized():
    for headers in ({}, _bearer("nope"), _bearer(""), {"Authorization": "Basic cjox"}):
        answer = _ask("GET", "/api/clusters", tokens=TOKENS, **headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("token", "method", "path", "status"),
    [
        ("s-1", "POST", "/api/events", 200),
        ("s-1", "POST", "/v1/logs", 200),
        ("s-1", "POST", "/api/integrations/alertmanager", 200),
        ("s-1", "GET", "/api/clusters", 403),
        ("s-1", "POST", "/api/missions", 403),
        ("v-1", "GET", "/metrics", 200),
        ("v-1", "GET", "/docs", 200),
        ("v-1", "POST", "/api/missions", 403),
        ("v-1", "POST", "/api/events", 403),
        ("p-1", "POST", "/api/clusters/a:b:c/resolve", 200),
        ("p-1", "DELETE", "/api/anything", 200),
        ("r-1", "POST", "/api/events", 200),
        ("r-1", "GET", "/api/journal", 200),
    ],
)
def test_a_token_opens_what_its_scopes_say(token, method, path, status):
    assert _ask(method, path, tokens=TOKENS, **_bearer(token)).status_code == status


def test_the_caller_is_known_by_the_tokens_name():
    assert _ask("GET", "/api/clusters", tokens=TOKENS, **_bearer("v-1")).text == "viewer"


def test_the_consoles_cookie_stands_for_its_token():
    answer = _ask("GET", "/api/clusters", tokens=TOKENS, Cookie=f"theme=dark; {COOKIE}=v-1")
    assert answer.text == "viewer"


@pytest.mark.parametrize("path", ["/", "/static/app.js", "/healthz", "/readyz", "/login"])
def test_the_login_and_health_can_be_reached_without_a_token(path):
    assert _ask("GET", path, tokens=TOKENS).status_code == 200


def test_a_nul_in_the_address_is_refused():
    assert _ask("GET", "/api/clusters/a%00b").status_code == 422
    assert _ask("GET", "/api/journal?q=a%00b").status_code == 422
