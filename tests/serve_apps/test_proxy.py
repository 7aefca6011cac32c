"""What the proxy says in our application's name."""

import pytest
from starlette.responses import PlainTextResponse, Response
from starlette.testclient import TestClient

from serve_apps.proxy import TryAgain, middlewares

OURS = {"X-Content-Type-Options": "nosniff"}


@pytest.mark.parametrize("status", [404, 500, 503])
def test_an_error_of_the_proxy_itself_asks_to_try_again(status):
    answer = TestClient(TryAgain(PlainTextResponse("Path '/api/events' not found.", status))).post("/api/events")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == 503


@pytest.mark.parametrize("answer", [Response(b"x", 200), Response(b"x", 404, OURS), Response(b"x", 500, OURS)])
def test_what_our_application_answers_passes_unchanged(answer):
    passed = TestClient(TryAgain(answer)).get("/api/clusters/none")
    assert (passed.status_code, passed.content) == (answer.status_code, b"x")


async def _fails(scope, receive, send):
    raise RuntimeError("The replica is gone.")


async def _says_nothing(scope, receive, send):
    return


@pytest.mark.parametrize("proxy", [_fails, _says_nothing])
def test_a_proxy_that_fails_asks_to_try_again(proxy):
    answer = TestClient(TryAgain(proxy)).post("/api/events")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


def test_the_proxys_own_health_passes_unchanged():
    assert TestClient(TryAgain(PlainTextResponse("no", 503))).get("/-/healthz").text == "no"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Ray, in its own files
def test_serve_takes_what_the_callback_returns():
    from ray.serve._private.http_util import validate_http_proxy_callback_return

    assert validate_http_proxy_callback_return(middlewares())
