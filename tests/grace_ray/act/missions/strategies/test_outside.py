"""The web and github strategies over real sockets, with the real fetcher and client."""

import base64
import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote_plus

import pytest
from pydantic import SecretStr

from grace_ray.act.missions.budget import MissionBudget
from grace_ray.act.missions.strategies.github import GithubStrategy
from grace_ray.act.missions.strategies.query import public_words
from grace_ray.act.missions.strategies.web import WebStrategy
from grace_ray.adapters.github.client import GithubClient
from grace_ray.adapters.web.fetcher import FetchRules, GuardedFetcher
from grace_ray.adapters.web.search import open_search
from grace_ray.core.mission import Question
from grace_ray.settings import GithubSettings, WebSettings

NOW = datetime(2026, 5, 4, tzinfo=UTC)
QUESTION = Question(
    text="etcd slow fsync", topic="etcd slow", messages=("wal fsync took 2.1s on db-7.corp.example at 10.1.2.3",)
)
ARTICLE = """<html><head><title>Slow &amp; steady etcd</title></head><body><nav><a href="/">Home</a> menu menu</nav>
<article><h1>Slow etcd</h1><p>When etcd reports slow fsync, its write-ahead log waits for the disk. This happens on
shared or network storage, and leads to lost leaders and timeouts all over the cluster.</p>
<h2>How to fix slow fsync</h2><p>Move the etcd data directory to a dedicated SSD, because fsync latency is what counts.
Then lower the number of other writers on the disk until the latency is below ten milliseconds.</p></article>
<footer>Copyright</footer></body></html>"""


@pytest.fixture
def server():
    """``answers`` maps a path to (status, headers, bytes or plain value)."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            path = self.path.partition("?")[0]
            self.server.asked.append(unquote_plus(self.path))
            status, headers, value = self.server.answers.get(path, (404, {}, b""))
            body = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(status)
            for name, text in headers.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            self.do_GET()

        def log_message(self, *args):
            pass

    found = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.answers, found.asked = {}, []
    found.url = f"http://127.0.0.1:{found.server_address[1]}"
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield found
    found.shutdown()
    found.server_close()
    thread.join(5)


def budget():
    return MissionBudget(60.0, lambda: 0.0, lambda: False)


def web(server, max_sources=3):
    settings = WebSettings(search_url=f"{server.url}/search", allow_private=True, fetch_timeout_s=5)
    fetcher = GuardedFetcher(FetchRules.of_pages(settings), settings.user_agent)
    return WebStrategy(open_search(settings), fetcher, lambda: NOW, max_sources)


HTML = {"Content-Type": "text/html"}
JSON = {"Content-Type": "application/json"}


def results(server, *paths):
    return (200, JSON, {"results": [{"url": f"{server.url}{path}", "title": path} for path in paths]})


def test_the_web_is_searched_and_the_main_text_of_pages_read(server):
    server.answers["/search"] = results(server, "/none", "/article", "/pdf")
    server.answers["/article"] = (200, HTML, ARTICLE.encode())
    server.answers["/pdf"] = (200, {"Content-Type": "application/pdf"}, b"%PDF")
    found = web(server).explore(QUESTION, budget())
    assert found.report.status == "found"
    assert found.report.sources == (f"{server.url}/article",)
    assert "404" in found.report.detail
    assert "application/pdf" in found.report.detail
    (document,) = found.documents
    assert document.title == "Slow & steady etcd"
    assert "dedicated SSD" in document.text
    assert "menu" not in document.text
    assert (document.origin, document.at, document.learned_from) == ("web", NOW, "web search: etcd slow wal fsync took")
    assert "fsync" in found.passages[0].text
    assert 0 < found.passages[0].confidence < 1


def test_no_more_pages_are_read_than_allowed(server):
    paths = [f"/a{number}" for number in range(6)]
    server.answers["/search"] = results(server, *paths)
    server.answers |= {path: (200, HTML, ARTICLE.encode()) for path in paths}
    assert len(web(server, max_sources=2).explore(QUESTION, budget()).documents) == 2


def test_hosts_addresses_and_numbers_do_not_leave_the_house(server):
    server.answers["/search"] = results(server)
    web(server).explore(QUESTION, budget())
    asked = " ".join(server.asked)
    assert "etcd" in asked
    assert "corp" not in asked
    assert "10.1" not in asked
    secret = Question(text="login of ann@example.org failed", topic="", messages=("token=ghp_abc123 /home/ann/x",))
    words = public_words(secret)
    assert "login" in words
    assert not any("ann" in word or "ghp" in word for word in words)


def test_a_search_that_cannot_be_reached_is_said_so():
    settings = WebSettings(search_url="http://127.0.0.1:9/search", fetch_timeout_s=2)
    fetcher = GuardedFetcher(FetchRules.of_pages(settings), settings.user_agent)
    found = WebStrategy(open_search(settings), fetcher, lambda: NOW).explore(QUESTION, budget())
    assert (found.report.status, found.passages) == ("unreachable", ())


@pytest.fixture
def github(server):
    clients = []

    def start(token="", max_repos=2):
        settings = GithubSettings(api_url=server.url, token=SecretStr(token), timeout_s=5)
        clients.append(GithubClient(settings, "grace-ray/test"))
        return GithubStrategy(clients[-1], lambda: NOW, max_repos)

    yield start
    for client in clients:
        client.close()


def fill(server):
    issue = {
        "title": "etcd slow fsync", "body": "Our etcd is slow.", "html_url": "https://github.com/a/b/issues/1",
        "comments": 1, "comments_url": "https://api.github.com/repos/a/b/issues/1/comments",
    }  # fmt: skip
    readme = base64.b64encode(b"# etcd tools\n\nMeasure etcd fsync latency with this tool.").decode()
    repository = {"full_name": "a/tools", "html_url": "https://github.com/a/tools"}
    server.answers |= {
        "/search/issues": (200, JSON, {"items": [issue]}),
        "/repos/a/b/issues/1/comments": (200, JSON, [{"body": "Move the etcd WAL to a faster disk."}]),
        "/search/repositories": (200, JSON, {"items": [repository, {"full_name": "a/x", "html_url": "h"}, repository]}),
        "/repos/a/tools/readme": (200, JSON, {"content": readme}),
    }


def test_issues_with_their_answers_and_trending_repositories_are_read(server, github):
    fill(server)
    found = github().explore(QUESTION, budget())
    assert found.report.status == "found"
    assert [document.source for document in found.documents] == [
        "https://github.com/a/b/issues/1", "https://github.com/a/tools",
    ]  # fmt: skip
    assert "Move the etcd WAL to a faster disk." in found.documents[0].text
    assert "token" in found.report.detail, "discussions were not asked for, and it says why"
    assert "/search/repositories?q=etcd slow pushed:>=2026-02-03 archived:false&sort=stars&per_page=2" in server.asked


def test_with_a_token_discussions_are_read_too(server, github):
    fill(server)
    node = {
        "url": "https://github.com/a/b/discussions/2",
        "title": "etcd fsync",
        "body": "?",
        "answer": {"body": "SSD."},
    }
    server.answers["/graphql"] = (200, JSON, {"data": {"search": {"nodes": [node, {"url": None, "title": None}]}}})
    found = github("t").explore(QUESTION, budget())
    sources = [document.source for document in found.documents]
    assert "https://github.com/a/b/discussions/2" in sources
    assert "" not in sources


def test_a_rate_limit_keeps_what_was_found_until_then(server, github):
    fill(server)
    server.answers["/search/repositories"] = (403, {"Retry-After": "9"}, {})
    found = github().explore(QUESTION, budget())
    assert found.report.status == "found"
    assert "rate limit" in found.report.detail
    server.answers["/search/issues"] = (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "99999999999"}, {})
    found = github().explore(QUESTION, budget())
    assert found.report.status == "refused"
    assert "asks to wait" in found.report.detail


@pytest.mark.parametrize(
    "answer", [(200, JSON, []), (200, JSON, {"items": 3}), (500, JSON, {}), (200, JSON, b"<html>")]
)
def test_an_answer_that_is_none_is_unreachable(server, github, answer):
    server.answers["/search/issues"] = answer
    assert github().explore(QUESTION, budget()).report.status == "unreachable"
