"""Scraping a real endpoint over a real socket, and endpoints that misbehave."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from grace_ray import wiring
from grace_ray.sense.collectors.scrape import Scraper
from grace_ray.settings import Settings, load

NOW = datetime.now(UTC)


def scraper(home, url: str, **target) -> Scraper:
    settings: Settings = load(home=home, metrics={"scrape": [{"url": url, **target}], "scrape_max_bytes": 100_000})
    (made,) = wiring.build_scrapers(settings)
    return made


def scraped(made: Scraper) -> dict[str, float]:
    return {point.series: point.value for point in made.scrape(lambda: NOW).points}


@pytest.fixture
def endpoint() -> Iterator[str]:
    registry = CollectorRegistry()
    Counter("orders", "Orders", ["zone"], registry=registry).labels("b").inc(7)
    Gauge("load", "Load", registry=registry).set(0.5)
    server, thread = start_http_server(0, "127.0.0.1", registry=registry)
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[BaseHTTPRequestHandler], None]], str]]:
    servers: list[ThreadingHTTPServer] = []

    def serve(answer: Callable[[BaseHTTPRequestHandler], None]) -> str:
        class Handler(BaseHTTPRequestHandler):
            do_GET = answer  # noqa: N815 -- http.server's own word

            def log_message(self, *_: object) -> None:
                return

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/metrics"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_what_a_real_endpoint_exposes_becomes_points_with_labels(tmp_path, endpoint):
    made = scraper(tmp_path, f"http://{endpoint}/metrics", labels={"job": "shop"})
    assert scraped(made) == {
        f'orders_total{{instance="{endpoint}",job="shop",zone="b"}}': 7,
        f'load{{instance="{endpoint}",job="shop"}}': 0.5,
        f'up{{instance="{endpoint}",job="shop"}}': 1,
    }
    assert made.fault == ""
    taken = made.scrape(lambda: NOW)
    assert [point.is_counter for point in taken.points] == [True, False, False]


def test_an_endpoint_that_is_not_there_is_down(tmp_path):
    made = scraper(tmp_path, "http://127.0.0.1:9/metrics", labels={"instance": "x"})
    assert scraped(made) == {'up{instance="x"}': 0}
    assert "127.0.0.1:9" in made.fault


def respond(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", "text/plain; version=0.0.4")
    handler.end_headers()
    handler.wfile.write(body)


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (500, b"", "500"),
        (200, b"<html>", "exposition"),
        (200, b"# " + b"x" * 200_000, "100000"),
    ],
)
def test_an_endpoint_that_misbehaves_is_down_and_says_why(tmp_path, serve, status, body, why):
    made = scraper(tmp_path, serve(lambda handler: respond(handler, status, body)), labels={"instance": "x"})
    assert scraped(made) == {'up{instance="x"}': 0}
    assert why in made.fault


def test_an_endpoint_that_trickles_is_given_up(tmp_path, serve):
    def trickle(handler: BaseHTTPRequestHandler) -> None:
        respond(handler, 200, b"# ")
        for _ in range(40):
            try:
                handler.wfile.write(b"x")
            except OSError:
                return
            time.sleep(0.05)

    made = scraper(tmp_path, serve(trickle), timeout_s=0.3, labels={"instance": "x"})
    began = time.monotonic()
    assert scraped(made) == {'up{instance="x"}': 0}
    assert time.monotonic() - began < 1.5, "it trickles for two seconds"


def test_a_bad_value_costs_only_its_own_sample(tmp_path, serve):
    made = scraper(
        tmp_path, serve(lambda handler: respond(handler, 200, b"good 1\nbad NaN\n")), labels={"instance": "x"}
    )
    assert scraped(made) == {'good{instance="x"}': 1, 'up{instance="x"}': 1}
    assert "bad" in made.fault
