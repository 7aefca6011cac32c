"""Search providers against servers that speak as SearXNG and DuckDuckGo do."""

import json

import pytest

from grace_ray.adapters.web.fetcher import FetchRules, GuardedFetcher
from grace_ray.adapters.web.search import DuckDuckGoSearch, SearxngSearch, open_search
from grace_ray.core.errors import Unreachable
from grace_ray.settings import WebSettings

DUCK = b"""<html><body>
<div class="result result--ad"><a class="result__a" href="//duckduckgo.com/y.js?ad_domain=shop.example">Buy</a></div>
<div class="result results_links"><h2 class="result__title">
<a rel="nofollow" class="result__a" href="//duckduckgo.com/l/?uddg=https%3A%2F%2Fexample.org%2Fetcd%3Fa%3D1&amp;rut=x">
Etcd &amp; <b>slow</b> disks</a></h2>
<a class="result__snippet" href="#">Use <b>fast</b> disks.</a></div>
<div class="result"><a class="result__a" href="https://example.net/two">Two</a>
<div class="result__snippet">Second.</div></div></body></html>"""


def plain_fetcher():
    rules = FetchRules(size_max=100_000, timeout_s=2, redirects_max=2, allow_private=True, asks_robots=False)
    return GuardedFetcher(rules, "grace-ray/test")


def test_searxng_is_asked_for_json_and_the_first_results_are_taken(site):
    results = [{"url": f"https://example.org/{n}", "title": f"T{n}", "content": "c"} for n in range(5)]
    site.pages["/search"] = (200, {"Content-Type": "application/json"}, json.dumps({"results": results}).encode())
    provider = open_search(WebSettings(search_url=f"{site.url}/search?language=en"))
    assert isinstance(provider, SearxngSearch)
    found = provider.search("etcd slow & hot", 3)
    assert [result.url for result in found] == [f"https://example.org/{n}" for n in range(3)]
    assert site.asked[-1][0] == "/search?language=en&q=etcd+slow+%26+hot&format=json"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"results": 7}', b'{"results": [7]}'])
def test_a_search_endpoint_that_answers_nonsense_is_unreachable(site, body):
    site.pages["/search"] = (200, {"Content-Type": "application/json"}, body)
    with pytest.raises(Unreachable, match="SearXNG"):
        open_search(WebSettings(search_url=f"{site.url}/search")).search("x", 3)


def test_duckduckgo_links_are_unwrapped_and_adverts_left_out(site):
    site.pages["/html/"] = (200, {}, DUCK)
    found = DuckDuckGoSearch(plain_fetcher(), f"{site.url}/html/").search("etcd slow", 5)
    assert [(r.url, r.title, r.snippet) for r in found] == [
        ("https://example.org/etcd?a=1", "Etcd & slow disks", "Use fast disks."),
        ("https://example.net/two", "Two", "Second."),
    ]
    assert site.asked[-1][0] == "/html/?q=etcd+slow"


def test_without_an_endpoint_duckduckgo_is_asked():
    assert isinstance(open_search(WebSettings()), DuckDuckGoSearch)
