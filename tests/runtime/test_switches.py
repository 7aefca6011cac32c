"""What settings can switch off: Grace is ready without it, and says that it is off."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.runtime.own import OwnGrace, eventually

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


@pytest.fixture(
    params=[(), ("triage", "knowledge", "sensors", "metrics")],
    ids=["only the journal", "only what acts and foresees"],
)
def off(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return request.param or tuple(SWITCHES)


@pytest.fixture
def grace(tmp_path: Path, off: tuple[str, ...]) -> Iterator[OwnGrace]:
    settings: dict[str, Any] = {SWITCHES[part]: "false" for part in off}
    has_dashboard = "triage" in off  # without it, too
    own = OwnGrace(
        tmp_path / "home", **settings, ray__dashboard=has_dashboard, web__enabled="false", github__enabled="false"
    )
    yield own
    own.end()


def test_grace_is_ready_without_what_is_switched_off(grace: OwnGrace, off: tuple[str, ...]) -> None:
    grace.up()
    with httpx.Client(base_url=grace.url, timeout=40) as http:
        ready = http.get("/readyz")
        assert ready.status_code == 200
        expected = {"journal": "ready", **{part: "disabled" if part in off else "ready" for part in SWITCHES}}
        assert {name: part["state"] for name, part in ready.json()["parts"].items()} == expected
        for part in off:
            assert not grace.find(part), f"{part} runs although it is switched off"
        assert http.post("/api/events", json=EVENT).status_code == 202
        for part, (path, body) in ASKED.items():
            answer = http.post(path, json=body)
            if part in off:
                assert (answer.status_code, "switched off" in answer.json()["detail"]) == (503, True), answer.text
            else:
                assert answer.status_code < 300, answer.text
        for path in ("/", "/api/learning-feedback/dashboard", "/api/learning-feedback/clusters", "/metrics"):
            assert http.get(path).status_code == 200, path
        if "triage" not in off:
            eventually(lambda: http.get("/api/learning-feedback/clusters").json(), 60, "the event became a cluster")
        assert http.get("/readyz").status_code == 200
    grace.stop(signal.SIGINT)  # Ctrl-C
