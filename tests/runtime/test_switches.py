"""What settings can switch off: Grace is ready without it, and says that it is off."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.runtime.own import OwnGrace

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(400)]

SWITCHES = {
    "triage": "triage__enabled",
    "mission_launcher": "missions__enabled",
    "knowledge": "knowledge__enabled",
    "sensors": "sensors__enabled",
    "metrics": "metrics__enabled",
    "playbooks": "playbooks__enabled",
    "forecaster": "forecaster__enabled",
}
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


@pytest.fixture
def grace(tmp_path: Path) -> Iterator[OwnGrace]:
    settings: dict[str, Any] = dict.fromkeys(SWITCHES.values(), "false")
    own = OwnGrace(tmp_path / "home", **settings, ray__dashboard=False, web__enabled="false", github__enabled="false")
    yield own
    own.end()


def test_the_journal_alone_is_ready_and_says_what_is_switched_off(grace: OwnGrace) -> None:
    grace.up()
    with httpx.Client(base_url=grace.url, timeout=40) as http:
        ready = http.get("/readyz")
        assert ready.status_code == 200
        expected = {"journal": "ready", **dict.fromkeys(SWITCHES, "disabled")}
        assert {name: part["state"] for name, part in ready.json()["parts"].items()} == expected
        for part in SWITCHES:
            assert not grace.find(part), f"{part} runs although it is switched off"
        assert http.post("/api/events", json=EVENT).status_code == 202
        for path, body in ASKED.values():
            answer = http.post(path, json=body)
            assert (answer.status_code, "switched off" in answer.json()["detail"]) == (503, True), answer.text
        for path in ("/", "/api/learning-feedback/dashboard", "/api/learning-feedback/clusters", "/metrics"):
            assert http.get(path).status_code == 200, path
        assert http.get("/readyz").status_code == 200
    grace.stop(signal.SIGINT)  # Ctrl-C
