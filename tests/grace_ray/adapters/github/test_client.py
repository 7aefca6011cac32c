"""The GitHub client against a server with ETags and rate limit headers."""

import json
from http.server import BaseHTTPRequestHandler

import pytest
from pydantic import SecretStr

from grace_ray.adapters.github.client import GithubClient
from grace_ray.core.errors import NotFound, OutsideError, RateLimited, Refused, Unreachable
from grace_ray.settings import GithubSettings
from tests.local_server import LocalServer


class Hub(LocalServer):
    """``answer(path)`` returns (status, headers, value); what was asked is in ``asked`` with its headers."""

    def __init__(self):
        self.asked = []
        self.answer = lambda path: (200, {}, {})
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                hub.asked.append((self.path, dict(self.headers), body))
                status, headers, value = hub.answer(self.path)
                if headers.get("ETag") and self.headers.get("If-None-Match") == headers["ETag"]:
                    status, value = 304, None
                payload = b"" if value is None else value if isinstance(value, bytes) else json.dumps(value).encode()
                self.send_response(status)
                for name, text in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, text)
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def do_POST(self):
                self.do_GET()

            def log_message(self, *args):
                pass

        super().__init__(Handler)


@pytest.fixture
def hub():
    server = Hub()
    yield server
    server.close()


@pytest.fixture
def open_client(hub):
    clients = []

    def start(token="", clock=lambda: 1000.0):
        clients.append(GithubClient(GithubSettings(api_url=hub.url, token=SecretStr(token)), "grace-ray/test", clock))
        return clients[-1]

    yield start
    for client in clients:
        client.close()


def test_an_answer_is_decoded_and_asked_for_with_the_token(hub, open_client):
    hub.answer = lambda path: (200, {}, {"items": [1]})
    assert open_client("secret").get("/search/issues", {"q": "etcd slow", "per_page": 3}) == {"items": [1]}
    path, headers, _ = hub.asked[0]
    assert path == "/search/issues?q=etcd+slow&per_page=3"
    assert headers["Authorization"] == "Bearer secret"
    assert headers["Accept"] == "application/vnd.github+json"


def test_an_unchanged_answer_is_not_sent_twice(hub, open_client):
    hub.answer = lambda path: (200, {"ETag": '"v1"'}, {"n": 1})
    client = open_client()
    assert client.get("/repos/a/b", {}) == client.get("/repos/a/b", {}) == {"n": 1}
    assert [headers.get("If-None-Match") for _, headers, _ in hub.asked] == [None, '"v1"']


def test_after_the_last_request_of_the_quota_github_is_not_asked_before_the_reset(hub, open_client):
    hub.answer = lambda path: (200, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1060"}, {"ok": 1})
    now = [1000.0]
    client = open_client(clock=lambda: now[0])
    assert client.get("/repos/a/b", {}) == {"ok": 1}
    with pytest.raises(RateLimited) as caught:
        client.get("/repos/a/c", {})
    assert caught.value.retry_after_s == 60
    assert len(hub.asked) == 1
    assert client.get("/search/issues", {"q": "x"}) == {"ok": 1}, "another resource has a quota of its own"
    now[0] = 1061.0
    assert client.get("/repos/a/c", {}) == {"ok": 1}


@pytest.mark.parametrize(
    ("status", "headers", "wait_s"),
    [
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1090"}, 90),
        (429, {"Retry-After": "30"}, 30),
        (403, {"Retry-After": "45"}, 45),
        (429, {}, 60),
    ],
)
def test_a_refusal_for_too_many_requests_says_how_long_to_wait(hub, open_client, status, headers, wait_s):
    hub.answer = lambda path: (status, headers, {"message": "rate limit"})
    with pytest.raises(RateLimited) as caught:
        open_client().get("/repos/a/b", {})
    assert caught.value.retry_after_s == wait_s


@pytest.mark.parametrize(
    ("status", "error"), [(401, Refused), (403, Refused), (404, NotFound), (422, Refused), (500, Unreachable)]
)
def test_other_refusals_say_whose_fault_it_is(hub, open_client, status, error):
    hub.answer = lambda path: (status, {}, {"message": "no"})
    with pytest.raises(error):
        open_client().get("/repos/a/b", {})


def test_nonsense_and_silence_are_unreachable(hub, open_client):
    hub.answer = lambda path: (200, {}, b"<html>")
    with pytest.raises(Unreachable, match="not JSON"):
        open_client().get("/repos/a/b", {})
    client = GithubClient(GithubSettings(api_url="http://127.0.0.1:9"), "grace-ray/test")
    with pytest.raises(Unreachable, match="cannot be reached"):
        client.get("/x", {})
    client.close()


def test_an_answer_without_end_is_cut_off(hub, open_client, monkeypatch):
    monkeypatch.setattr("grace_ray.adapters.github.client.ANSWER_MAX", 1000)
    hub.answer = lambda path: (200, {}, {"x": "y" * 5000})
    with pytest.raises(Refused, match="larger than 1000"):
        open_client().get("/repos/a/b", {})


def test_graphql_needs_a_token_and_tells_of_errors(hub, open_client):
    with pytest.raises(Refused, match="token"):
        open_client().graphql("query {x}", {})
    assert hub.asked == []
    hub.answer = lambda path: (200, {}, {"data": {"search": {"nodes": []}}})
    assert open_client("t").graphql("query {x}", {"q": "e"}) == {"search": {"nodes": []}}
    assert json.loads(hub.asked[0][2]) == {"query": "query {x}", "variables": {"q": "e"}}
    hub.answer = lambda path: (200, {}, {"errors": [{"message": "bad"}]})
    with pytest.raises(OutsideError, match="bad"):
        open_client("t").graphql("query {x}", {})
