"""Playbooks as a user meets them: on the command line and over HTTP, on a real Ray."""

import json
import time
from typing import Any

import pytest

from tests.conftest import Running

pytestmark = pytest.mark.cluster


def told(running: Running, *arguments: str) -> Any:
    """What a command of ``grace playbooks`` prints as JSON."""
    done = running.grace("playbooks", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def ended(running: Running, run_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        run = running.http.get(f"/api/playbook-runs/{run_id}").json()
        if run["status"] not in {"pending", "running", "awaiting_approval"}:
            return dict(run)
        time.sleep(0.2)
    raise AssertionError("the run did not end within 60 s")


def test_a_user_tries_a_playbook_dry_runs_it_and_sees_what_was_done(running: Running) -> None:
    assert len(told(running, "list")["items"]) == 20
    dry = told(running, "run", "vacuum-store", "--dry-run")
    assert (dry["status"], dry["steps"][0]["status"]) == ("completed", "skipped")
    run = told(running, "run", "vacuum-store", "--subject", "the store", "--by", "ada")
    done = ended(running, run["run_id"])
    assert (done["status"], done["by"]) == ("completed", "ada")
    assert done["steps"][0]["detail"].startswith("The store has ")
    shown = running.grace("playbooks", "show", run["run_id"])
    assert "vacuum_store" in shown.stdout
    assert "completed" in shown.stdout


def test_a_risky_playbook_waits_for_a_word_on_the_command_line(running: Running) -> None:
    run = told(running, "run", "prune-old-bodies", "-p", "keep_days=30", "--subject", "bodies")
    assert run["status"] == "awaiting_approval"
    assert run["run_id"] in {one["run_id"] for one in told(running, "runs", "--status", "awaiting_approval")["items"]}
    assert told(running, "approve", run["run_id"], "--by", "bob")["approved_by"] == "bob"
    assert ended(running, run["run_id"])["status"] == "completed"
    again = running.grace("playbooks", "approve", run["run_id"])
    assert (again.returncode, "completed" in again.stderr) == (1, True)


def test_a_paused_source_is_told_to_wait_and_loses_nothing(running: Running) -> None:
    source = f"/tests/paused/{time.time_ns()}"
    event = {"specversion": "1.0", "id": "1", "source": source, "type": "service.note", "severity": "low"}
    run = told(running, "run", "pause-noisy-source", "-p", f"source={source}", "-p", "for_s=4", "--subject", source)
    assert ended(running, run["run_id"])["status"] == "completed"
    deadline = time.monotonic() + 10
    answer = running.http.post("/api/events", json=event)
    while answer.status_code == 202 and time.monotonic() < deadline:  # it is read about once a second
        time.sleep(0.2)
        answer = running.http.post("/api/events", json=event | {"id": str(time.time_ns())})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) <= 4
    time.sleep(4)
    assert running.http.post("/api/events", json=event | {"id": "last"}).status_code == 202


def test_unknown_playbooks_and_parameters_are_named(running: Running) -> None:
    wrong = running.grace("playbooks", "run", "vacuum-stoer")
    assert (wrong.returncode, "vacuum-store" in wrong.stderr) == (1, True)
    wrong = running.grace("playbooks", "run", "scale-http-up", "-p", "by=many")
    assert (wrong.returncode, "parameters.by" in wrong.stderr) == (1, True)
    ranked = told(running, "recommend", "host", "infra.memory_utilization")
    assert {"trim-caches", "restart-stuck-part", "do_nothing"} <= {one["playbook"] for one in ranked}
    assert sum(one["probability"] for one in ranked) == pytest.approx(1.0)
