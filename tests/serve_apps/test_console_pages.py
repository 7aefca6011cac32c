"""The console's pages and files as a browser gets them."""

import re

import pytest

from tests.serve_apps.conftest import make_house

PAGES = [
    "/",
    "/forecasts",
    "/forecasts/shop.time%7Bregion%3D%22eu%22%7D",
    "/incidents",
    "/playbooks",
    "/playbooks/runs/r1",
    "/agents",
    "/agents/strategy:web%2Fsearch?workspace=acme",
    "/clusters",
    "/clusters/a:high:b%2Fc",
    "/missions",
    "/missions/m1",
    "/knowledge",
    "/schedule",
    "/journal",
    "/journal/7",
    "/login",
]


@pytest.fixture(scope="module")
def http(tmp_path_factory):
    """One house for all: pages are the same in each."""
    house = make_house(tmp_path_factory.mktemp("home"))
    yield house.http
    house.gateway.reader.close()


def files_of(html: str) -> list[str]:
    return re.findall(r'(?:src|href)="(/console/[^"]+)"', html)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_allows_no_script_style_or_frame_but_its_own(http, path):
    answer = http.get(path)
    policy = answer.headers["content-security-policy"]
    assert answer.status_code == 200
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"<script(?![^>]*src=)|<style| style=| on[a-z]+=|https?://(?!127\.0\.0\.1)", answer.text)


@pytest.mark.parametrize("path", PAGES)
def test_what_a_page_names_is_there_with_its_type_and_kept_for_ever(http, path):
    names = files_of(http.get(path).text)
    assert names
    for name in names:
        answer = http.get(name)
        assert answer.status_code == 200, name
        assert "immutable" in answer.headers["cache-control"]
        kind = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}[name.rpartition(".")[2]]
        assert answer.headers["content-type"].startswith(kind)


def test_every_module_imports_only_files_that_are_there(http):
    seen, wanted = set(), [name for path in PAGES for name in files_of(http.get(path).text)]
    while wanted:
        name = wanted.pop()
        if name in seen or not name.endswith(".js"):
            continue
        seen.add(name)
        answer = http.get(name)
        assert answer.status_code == 200, name
        wanted += [f"{name.rpartition('/')[0]}/{other}" for other in re.findall(r'from "\./([^"]+)"', answer.text)]
    assert len(seen) > 8


def test_a_page_is_asked_for_anew_and_a_file_of_another_version_too(http):
    assert "no-cache" in http.get("/").headers["cache-control"]
    name = files_of(http.get("/").text)[0].rpartition("/")[2]
    assert http.get(f"/console/0123456789abcdef/{name}").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("name", ["../pages.py", "..%2Fpages.py", "%2e%2e/pages.py", "nothing.js"])
def test_nothing_but_the_consoles_files_can_be_had(http, name):
    version = files_of(http.get("/").text)[0].split("/")[2]
    assert http.get(f"/console/{version}/{name}").status_code == 404


def test_scripts_never_turn_text_into_markup(http):
    names = {name for path in PAGES for name in files_of(http.get(path).text) if name.endswith(".js")}
    for name in names:
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", http.get(name).text), (
            name
        )


def test_a_page_holds_no_data(http, event):
    http.post("/api/events", json=[event(1, data={"message": "a very telling message"})])
    assert all("telling" not in http.get(path).text for path in PAGES)
