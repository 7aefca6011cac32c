"""What surrounds the routes: health, metrics, request ids, the login, and a description that reads offline."""

import re

import pytest

TOKENS = [{"name": "ada", "token": "secret-1", "scopes": ["read", "operate"]}]


def test_it_lives_and_is_ready(http):
    assert http.get("/healthz").json() == {"status": "ok"}
    assert http.head("/healthz").status_code == 200
    ready = http.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["parts"]["triage"]["state"]


def test_it_is_not_ready_while_a_part_is_not(house, monkeypatch):
    async def status():
        return {"ready": False, "parts": {"triage": {"state": "failed", "fault": "secret detail"}}}

    monkeypatch.setattr(house.gateway, "status", status)
    answer = house.http.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "parts": {"triage": {"state": "failed"}}}


def test_metrics_count_events_requests_and_what_is_stored(http, event):
    http.post("/api/events", json=[event(1), event(1), event(2, time="never")])
    text = http.get("/metrics").text
    for line in (
        'grace_events_total{outcome="accepted",route="/api/events"} 1.0',
        'grace_events_total{outcome="duplicate",route="/api/events"} 1.0',
        'grace_events_total{outcome="rejected",route="/api/events"} 1.0',
        'grace_http_requests_total{method="POST",route="/api/events",status="202"} 1.0',
        'grace_clusters{status="open"} 1.0',
        'grace_follower_lag_entries{follower="triage"} 0.0',
        'grace_part_up{part="triage"} 1.0',
    ):
        assert line in text
    assert re.search(r"^grace_journal_head [1-9]", text, re.MULTILINE)


def test_unknown_addresses_do_not_multiply_the_metrics(http):
    for number in range(5):
        assert http.get(f"/nowhere/{number}").status_code == 404
    text = http.get("/metrics").text
    assert 'route="unmatched",status="404"} 5.0' in text
    assert "nowhere" not in text


def test_a_request_keeps_its_id_and_gets_one_where_it_has_none(http):
    assert http.get("/healthz", headers={"X-Request-ID": "mine-1"}).headers["X-Request-ID"] == "mine-1"
    made = http.get("/healthz", headers={"X-Request-ID": "no\tgood " + "x" * 300}).headers["X-Request-ID"]
    assert re.fullmatch(r"[0-9a-f-]{36}", made)


def test_a_crash_is_a_problem_without_details(house, monkeypatch):
    def crash(*_):
        raise ZeroDivisionError("a secret of the inside")

    monkeypatch.setattr(house.gateway.reader, "head", crash)
    answer = house.http.get("/api/journal/consistency?first=1&second=1")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.headers["X-Request-ID"]


def test_a_wrong_method_and_a_wrong_address_are_problems(http):
    assert http.delete("/api/clusters").json()["status"] == 405
    assert http.get("/api/nothing").json()["status"] == 404


def test_the_description_reads_offline(http):
    page = http.get("/docs")
    assert "'self'" in page.headers["Content-Security-Policy"]
    for text in (page.text, http.get("/docs/docs.js").text, http.get("/docs/docs.css").text):
        assert not re.search(r"https?://|//cdn", text)
    assert http.get("/docs/../app.py").status_code == 404


def test_every_way_in_describes_its_body(http):
    paths = http.get("/openapi.json").json()["paths"]
    for path in ("/api/events", "/api/integrations/alertmanager", "/api/integrations/github", "/v1/logs"):
        assert paths[path]["post"]["requestBody"]["content"]
    assert all(operation["summary"] for operations in paths.values() for operation in operations.values())


def test_a_person_logs_in_with_a_token_and_out_again(make):
    http = make(tokens=TOKENS).http
    assert http.get("/api/clusters").status_code == 401
    assert http.get("/api/session").json() == {"name": "", "scopes": [], "required": True}
    assert http.post("/api/session", json={"token": "wrong"}).status_code == 401
    said = http.post("/api/session", json={"token": "secret-1"})
    assert said.json()["name"] == "ada"
    cookie = said.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert http.get("/api/clusters").status_code == 200
    assert http.post("/api/events", json={}).status_code == 403
    assert http.delete("/api/session").status_code == 204
    http.cookies.clear()
    assert http.get("/api/clusters").status_code == 401


def test_what_a_person_does_is_signed_with_their_tokens_name(make, event):
    house = make(tokens=[*TOKENS, {"name": "ci", "token": "in", "scopes": ["ingest"]}])
    as_ci, as_ada = {"Authorization": "Bearer in"}, {"Authorization": "Bearer secret-1"}
    assert house.http.post("/api/events", json=event(), headers=as_ci).status_code == 202
    key = house.http.get("/api/clusters", headers=as_ada).json()["items"][0]["cluster_key"]
    cluster = house.http.post(f"/api/clusters/{key}/acknowledge", headers=as_ada).json()
    assert cluster["overrides"][0]["by"] == "ada"
    cluster = house.http.post(f"/api/clusters/{key}/silence", json={"by": "root"}, headers=as_ada).json()
    assert cluster["overrides"][0]["by"] == "root (token ada)"


@pytest.mark.parametrize("path", ["/", "/clusters", "/missions", "/knowledge", "/journal", "/login"])
def test_the_consoles_pages_open_without_a_token_and_hold_no_data(make, event, path):
    house = make(tokens=[{"name": "root", "token": "r", "scopes": ["admin"]}])
    house.http.post("/api/events", json=event(), headers={"Authorization": "Bearer r"})
    page = house.http.get(path)
    assert page.status_code == 200
    assert "no space left on device" not in page.text


def test_the_registry_lists_what_grace_knows(http):
    types = {item["type"]: item for item in http.get("/api/registry").json()}
    assert len(types) >= 30
    assert types["github.rate_limit"]["pattern"] == "blocked"
