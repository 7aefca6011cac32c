"""What was acknowledged of recommendations and outcomes is scored once, whatever is killed in between."""

from typing import Any

import pytest

from tests.conftest import Running
from tests.runtime.own import eventually, kill_of

pytestmark = pytest.mark.cluster

BASE = "/api/v1/learning"
WORKSPACE = "killed"
AGENTS = ("ada", "bob")


def sent(running: Running, path: str, items: list[dict[str, Any]]) -> bool:
    answer = running.http.post(f"{BASE}/{path}", json={"workspace_id": WORKSPACE, "items": items})
    assert answer.status_code in (202, 429, 503), answer.text
    return answer.status_code == 202


def test_recommendations_and_outcomes_survive_kill_9_of_the_journal_and_of_the_trust_actor(running: Running) -> None:
    for batch in range(6):
        names = [f"r{batch}-{number}" for number in range(20)]
        tracked = [
            {"recommendation_id": name, "agent_id": AGENTS[number % 2], "recommendation_type": "fix"}
            for number, name in enumerate(names)
        ]
        judged = [
            {"recommendation_id": name, "outcome_id": f"o-{name}", "outcome": ("approved", "rejected")[number % 2]}
            for number, name in enumerate(names)
        ]
        eventually(lambda items=tracked: sent(running, "recommendations/track", items), 60, "they are tracked")
        if batch in (1, 3):
            kill_of(running.home, "ray::JournalActor", "ray::LearningActor")
        eventually(lambda items=judged: sent(running, "outcomes/evaluate", items), 60, "they are judged")
        if batch == 4:
            kill_of(running.home, "ray::LearningActor")
        eventually(lambda items=judged: sent(running, "outcomes/evaluate", items), 60, "they are judged again")

    def scored() -> bool:
        answers = [
            running.http.get(f"{BASE}/trust-scores/{agent}", params={"workspace_id": WORKSPACE}) for agent in AGENTS
        ]
        found = [(each.json()["sample_size"], each.json()["approval_rate"]) for each in answers if each.is_success]
        return found == [(60, 1.0), (60, 0.0)]

    eventually(scored, 60, "every outcome counts once")
    ada, bob = (
        running.http.get(f"{BASE}/trust-scores/{agent}", params={"workspace_id": WORKSPACE}).json() for agent in AGENTS
    )
    assert ada["interval"][0] > bob["interval"][1]
    assert running.http.get(f"{BASE}/trust-scores/ada", params={"workspace_id": "another"}).status_code == 404
