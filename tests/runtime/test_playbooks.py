"""Playbooks on a real Grace: they act, a fault is noticed and mended, and kill -9 at any moment repeats nothing.

Slow: one Grace of its own, with a service beside it that breaks (bench/shop.py).
"""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from bench.shop import Shop, Watcher, prepare
from tests.runtime.own import OwnGrace, eventually

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(500)]

NEVER = (1e6, 2e6)
QUIET = {
    "infra.cpu_utilization": NEVER,
    "infra.memory_utilization": NEVER,
    "infra.disk_utilization": NEVER,
    "infra.process_memory": NEVER,
    "executor.part_silence": NEVER,
    "executor.parts_not_ready": NEVER,
    "learning.search_latency": NEVER,
    "api.latency_p95": NEVER,
    "api.error_rate": NEVER,
    "autonomy.plan_success_rate": (-1.0, -2.0),
}
SLOW_WORK = """
id: slow-work
description: Lets fewer missions run, then works for long.
risk: safe
per_hour: 100
timeout_s: 120
steps:
  - kind: set_concurrency
    arguments: {by: -1, least: 0}
  - kind: run_command
    arguments: {command: [sleep, "60"]}
    timeout_s: 90
"""
RISKY = """
id: risky-work
description: Waits for a yes.
risk: needs-approval
per_hour: 100
steps:
  - kind: set_concurrency
    arguments: {by: -1, least: 0}
"""


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    server = Shop()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def grace(tmp_path_factory: pytest.TempPathFactory, shop: Shop) -> Iterator[OwnGrace]:
    folder = tmp_path_factory.mktemp("loop")
    settings = prepare(folder / "own", shop, QUIET)
    for text in (SLOW_WORK, RISKY):
        (folder / "own" / "playbooks" / f"{yaml.safe_load(text)['id']}.yaml").write_text(text)
    own = OwnGrace(
        folder / "home", playbooks__automatic="true", **settings, playbooks__commands=json.dumps(["sleep", "df"])
    )
    try:
        own.up()
        yield own
    finally:
        own.end()


@pytest.fixture
def http(grace: OwnGrace) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=grace.url, timeout=40, trust_env=False) as client:
        yield client


def run(http: httpx.Client, playbook: str, **body: Any) -> dict[str, Any]:
    answer = http.post(f"/api/playbooks/{playbook}/run", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def state(http: httpx.Client, run_id: str) -> dict[str, Any]:
    try:
        return http.get(f"/api/playbook-runs/{run_id}").json()
    except httpx.TransportError:
        return {"status": "unknown", "steps": []}


def ended(http: httpx.Client, run_id: str, timeout_s: float = 60) -> dict[str, Any]:
    open_ = {"pending", "running", "awaiting_approval", "unknown"}
    eventually(lambda: state(http, run_id)["status"] not in open_, timeout_s, "the run has ended")
    return state(http, run_id)


def dry_number(http: httpx.Client) -> str:
    """What a dry run says of how many missions may run."""
    return str(run(http, "lower-mission-concurrency", dry_run=True, subject="look")["steps"][0]["detail"])


def test_a_dry_run_is_answered_at_once_and_the_real_one_acts(http: httpx.Client) -> None:
    dry = run(http, "scale-http-up", dry_run=True)
    assert (dry["status"], dry["steps"][0]["detail"]) == ("completed", "Scale api of grace from 1 to 2 replicas.")
    up = ended(http, run(http, "scale-http-up", subject="http")["run_id"])
    assert (up["status"], up["steps"][0]["detail"]) == ("completed", "api has 2 replicas, and had 1.")
    down = ended(http, run(http, "scale-http-down", subject="http")["run_id"])
    assert down["steps"][0]["detail"] == "api has 1 replicas, and had 2."


def test_a_stopped_part_is_restarted(http: httpx.Client, grace: OwnGrace) -> None:
    (before,) = grace.find("knowledge")
    before.send_signal(signal.SIGSTOP)
    done = ended(http, run(http, "restart-stuck-part", subject="stuck", parameters={"part": "knowledge"})["run_id"])
    assert done["status"] == "completed", done
    assert [process.pid for process in grace.find("knowledge")] != [before.pid]


def test_killed_during_a_step_the_run_is_interrupted_taken_back_and_never_repeated(
    http: httpx.Client, grace: OwnGrace
) -> None:
    assert "of 3." in dry_number(http)
    started = run(http, "slow-work", subject="slow", by="ada")
    eventually(lambda: len(state(http, started["run_id"])["steps"]) == 2, 30, "the second step has begun")
    assert "of 2." in dry_number(http)
    assert grace.kill("playbooks") == 1
    done = ended(http, started["run_id"])
    assert done["status"] == "interrupted"
    assert [step["status"] for step in done["steps"]] == ["undone", "undone"]
    assert "processes of the command were ended" in done["steps"][1]["detail"]
    assert "of 3." in dry_number(http), "what the first step did is taken back"
    found = http.get("/api/journal", params={"type": "playbook.step.started", "limit": 1000}).json()["items"]
    assert [e["body"]["index"] for e in found if e["subject"] == started["run_id"]] == [0, 1]
    assert not [process for process in grace.processes() if process.name() == "sleep"]


def test_what_waits_for_a_yes_never_runs_without_it_whatever_is_killed(http: httpx.Client, grace: OwnGrace) -> None:
    waiting = run(http, "risky-work", subject="risky", by="ada")
    assert waiting["status"] == "awaiting_approval"
    for victim in ("playbooks", "journal"):
        grace.kill(victim)
        grace.wait_ready()
    assert state(http, waiting["run_id"])["status"] == "awaiting_approval"
    assert "of 3." in dry_number(http)
    assert http.post(f"/api/playbook-runs/{waiting['run_id']}/approve", json={"by": "bob"}).status_code == 200
    done = ended(http, waiting["run_id"])
    assert (done["status"], done["approved_by"]) == ("completed", "bob")
    assert "of 2." in dry_number(http)
    folder = grace.home / "grace_training" / "governance"
    eventually(lambda: list(folder.glob("*/*_approved_*.json")), 10, "the approval is filed")


def test_a_slow_service_is_noticed_mended_rewarded_and_what_helped_is_chosen_more_surely(
    http: httpx.Client, grace: OwnGrace, shop: Shop
) -> None:
    watcher = Watcher(shop, grace.url)
    try:
        before = chance_of(http, "unclog-shop")
        for round_ in range(2):
            time.sleep(4)  # some quiet, so that the trouble is news
            shop.break_("slow")
            eventually(lambda: "slow" not in shop.faults, 120, "a playbook mended it")
            eventually(lambda n=round_: len(rewards(http, "unclog-shop")) > n, 60, "its reward was measured")
    finally:
        watcher.stop()
    assert min(rewards(http, "unclog-shop")) > 0.4
    assert chance_of(http, "unclog-shop") > max(before, 0.5)
    eventually(lambda: files(grace), 10, "the experience is filed")
    kept = json.loads(files(grace)[0].read_text())
    assert sum(candidate["probability"] for candidate in kept["candidates"]) == pytest.approx(1)


def chance_of(http: httpx.Client, playbook: str) -> float:
    ranked = http.get("/api/ml/causal-rl/recommend?service=shop&diagnosis=shop.latency").json()
    return float(next(one["probability"] for one in ranked if one["playbook"] == playbook))


def rewards(http: httpx.Client, playbook: str) -> list[float]:
    found = http.get("/api/journal", params={"type": "playbook.rewarded", "limit": 1000}).json()["items"]
    return [entry["body"]["reward"] for entry in found if entry["body"]["playbook"] == playbook]


def files(grace: OwnGrace) -> list[Path]:
    return sorted((grace.home / "grace_training" / "errors_fixed").glob("*/*_incident_*.json"))
