"""A Grace with everything switched off that can be, behind Serve's HAProxy: ready, and it says what is off."""

import signal
from collections.abc import Iterator
from typing import Any

import httpx
import psutil
import pytest

from tests.conftest import SWITCHES
from tests.runtime.own import OwnGrace

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(400)]

LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")
ASKED = {
    "mission_launcher": ("/api/missions", {"description": "why?", "topic": "disks"}),
    "knowledge": (
        "/api/knowledge",
        {"documents": [{"source": "a.md", "title": "A", "text": "B", "origin": "operator"}]},
    ),
}
EVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "/tests/switches",
    "type": "service.degraded",
    "severity": "critical",
}


@pytest.fixture(scope="module")
def grace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnGrace]:
    off: dict[str, Any] = {**dict.fromkeys(SWITCHES.values(), "false"), "web__enabled": "false"}
    home = tmp_path_factory.mktemp("alone") / "home"
    own = OwnGrace(home, **off, github__enabled="false", ray__dashboard=False, ray__haproxy="true")
    own.up()
    yield own
    own.end()


@pytest.fixture
def http(grace: OwnGrace) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=grace.url, timeout=40) as client:
        yield client


def test_the_journal_alone_is_ready_and_says_what_is_switched_off(grace: OwnGrace, http: httpx.Client) -> None:
    ready = http.get("/readyz")
    assert ready.status_code == 200
    expected = {"journal": "ready", **dict.fromkeys(SWITCHES, "disabled")}
    assert {name: part["state"] for name, part in ready.json()["parts"].items()} == expected
    for part in SWITCHES:
        assert not grace.find(part), f"{part} runs although it is switched off"
    answer = http.post("/api/events", json=EVENT)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    for path, body in ASKED.values():
        answer = http.post(path, json=body)
        assert (answer.status_code, "switched off" in answer.json()["detail"]) == (503, True), answer.text
    for path in ("/", "/api/learning-feedback/dashboard", "/api/learning-feedback/clusters", "/metrics"):
        assert http.get(path).status_code == 200, path
    assert http.get("/readyz").status_code == 200


def test_haproxy_listens_on_loopback_alone(grace: OwnGrace) -> None:
    ours = {process.pid for process in grace.processes()}
    listening = [c for c in psutil.net_connections("inet") if c.pid in ours and c.status == psutil.CONN_LISTEN]
    names = {psutil.Process(connection.pid).name() for connection in listening}
    assert "haproxy" in names
    assert not [connection for connection in listening if connection.laddr.ip not in LOOPBACK]


def test_ctrl_c_ends_all_of_it(grace: OwnGrace) -> None:
    assert grace.find("keeper")
    grace.stop(signal.SIGINT)
