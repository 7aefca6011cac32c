"""kill -9 in the middle of a learning cycle: it is marked as cut off, and run once more to its end."""

import random

import psutil
import pytest

from tests.conftest import Running
from tests.runtime.own import eventually, words

pytestmark = pytest.mark.cluster

API = "/api/v1/learning"
WORKSPACE = "cut-off"


def test_a_cycle_whose_process_is_killed_is_run_once_more(running: Running) -> None:
    _teach(running, 4000)
    asked = running.http.post(f"{API}/learning-cycles/trigger", json={"workspace_id": WORKSPACE})
    assert asked.status_code in (202, 409), "new outcomes may have begun one already"
    eventually(lambda: _kill_cycles(running), 60, "a cycle runs in a process of its own")
    eventually(lambda: "interrupted" in _statuses(running), 60, "it is known to be cut off")
    eventually(lambda: _statuses(running)[0] == "completed", 60, "it was run to its end")
    assert _statuses(running).count("interrupted") == 1
    found = running.http.get(f"{API}/patterns", params={"workspace_id": WORKSPACE}).json()["items"]
    assert {str(pattern["condition"]) for pattern in found} == {"{'region': 'us'}"}


def _teach(running: Running, count: int) -> None:
    rng = random.Random(1)
    for start in range(0, count, 1000):
        items, outcomes = [], []
        for number in range(start, start + 1000):
            region = rng.choice(("eu", "us", "asia"))
            is_good = rng.random() < (0.3 if region == "us" else 0.7)
            context = {"region": region}
            items.append({"recommendation_id": f"r-{number}", "agent_id": f"a-{number % 3}", "context": context})
            outcomes.append({"recommendation_id": f"r-{number}", "outcome": "approved" if is_good else "rejected"})
        for path, these in (("recommendations/track", items), ("outcomes/evaluate", outcomes)):
            body = {"workspace_id": WORKSPACE, "items": these}
            assert running.http.post(f"{API}/{path}", json=body).status_code == 202


def _statuses(running: Running) -> list[str]:
    """Of all cycles, the newest first."""
    answer = running.http.get(f"{API}/learning-cycles", params={"workspace_id": WORKSPACE}).json()
    return [cycle["status"] for cycle in answer["items"]]


def _kill_cycles(running: Running) -> bool:
    killed = False
    for process in psutil.process_iter():
        try:
            is_cycle = words(process).startswith("ray::_run_cycle")
            if is_cycle and process.environ().get("GRACE_HOME") == str(running.home):
                process.kill()
                killed = True
        except psutil.Error:
            continue
    return killed
