"""The whole loop on a real Ray, over HTTP, as a user meets it."""

import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Running

pytestmark = pytest.mark.cluster

RUNBOOK = """# Rate limits of the code host

## Meaning
The code host refuses requests because the token has used up its quota.

## Mitigation
Wait until the reset time that the answer names, and spread the polling of repositories over a longer interval.
Use conditional requests with an ETag: an answer of 304 does not count against the rate limit.
"""


def event(kind: str, **fields: Any) -> dict[str, Any]:
    """A CloudEvent with an id of its own."""
    return {"specversion": "1.0", "id": str(uuid.uuid4()), "source": "/tests/stories", "type": kind, **fields}


def eventually(look: Callable[[], Any], timeout_s: float = 30.0) -> Any:
    """Return the first truthy answer of ``look``."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"it did not come to pass within {timeout_s:.0f} s")


def test_repeated_rate_limits_launch_a_mission_that_finds_the_runbook(running: Running) -> None:
    http = running.http
    document = {"source": "runbooks/rate-limits.md", "title": "Rate limits", "text": RUNBOOK, "origin": "runbook"}
    assert http.post("/api/knowledge", json={"documents": [document]}).status_code == 202
    for _ in range(3):
        limited = event("github.rate_limit", data={"remaining": 5, "reset_time": "2026-11-21T12:00:00Z"})
        answer = http.post("/api/events", json=limited, headers={"Content-Type": "application/cloudevents+json"})
        assert answer.status_code == 202, answer.text

    def launched() -> Any:
        clusters = http.get("/api/learning-feedback/clusters").json()
        return next(
            (c for c in clusters if c["cluster_key"] == "remote_access:high:blocked" and c["learning_mission_id"]), None
        )

    cluster = eventually(launched)
    assert cluster["event_count"] == 3
    assert cluster["urgency_score"] == pytest.approx(0.75, abs=0.02)
    mission_id = cluster["learning_mission_id"]

    def ended() -> Any:
        answer = http.get(f"/api/missions/{mission_id}")
        if answer.status_code == 404:  # the cluster names its mission before the launcher has taken it up
            return None
        return answer.json() if answer.json()["status"] not in ("pending", "running") else None

    mission = eventually(ended)
    assert mission["status"] == "completed", mission
    assert mission["description"] == "Learn to resolve blocked in remote_access domain"
    assert any("runbooks/rate-limits.md" in statement["source"] for statement in mission["knowledge_acquired"])
    why = http.get(f"/api/explain/{mission_id}").json()
    assert any("remote_access:high:blocked" in sentence for sentence in why["answer"])


def test_an_event_sent_twice_is_counted_once(running: Running) -> None:
    twice = event("service.degraded", data={"message": "checkout is slow"})
    headers = {"Content-Type": "application/cloudevents+json"}
    first = running.http.post("/api/events", json=twice, headers=headers).json()
    second = running.http.post("/api/events", json=twice, headers=headers).json()
    assert (first["accepted"], first["duplicates"]) == (1, 0)
    assert (second["accepted"], second["duplicates"]) == (0, 1)


def test_grace_senses_its_own_host_and_runtime(running: Running) -> None:
    def observed() -> Any:
        items = running.http.get("/api/journal", params={"source": "grace/sensors", "kind": "event"}).json()["items"]
        return {item["type"] for item in items} >= {"host.observed", "runtime.observed"}

    assert eventually(observed, 60.0)


def test_the_journal_verifies_offline_while_grace_runs(running: Running) -> None:
    verified = running.grace("journal", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "entries" in verified.stdout


def test_a_second_grace_up_says_that_it_runs(running: Running) -> None:
    second = running.grace("up")
    assert second.returncode == 1
    assert "runs already" in second.stderr


def test_status_names_every_part_and_exits_zero(running: Running) -> None:
    def ready() -> Any:
        answer = running.grace("status", "--json")
        return answer.stdout if answer.returncode == 0 else None

    import json

    status = json.loads(eventually(ready))
    assert status["ready"] is True
    assert set(status["parts"]) >= {"journal", "triage", "mission_launcher", "knowledge", "sensors"}
