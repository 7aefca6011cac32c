"""What four agents recommended and how it turned out, told over HTTP: a good one, a middling one, a boaster, a new one.

The boaster is nearly sure each time and mostly wrong. The new one's name and words are hostile. Between the rounds the
scores are recalculated, so that there is a history.
"""

from collections.abc import Mapping, Sequence

import httpx
import numpy as np

API = "/api/v1/learning"
WORKSPACE = "acme"
TYPES = ("strategy", "code_review")
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
RATES = {"ann": (0.9, 0.85), "ben": (0.8, 0.45), "boaster": (0.3, 0.35)}
_NAMES = {"ann": "Ann the planner"}
_ROUNDS, _EACH = 3, 40


def recommend_and_judge(http: httpx.Client) -> None:
    """Tell all of it."""
    chance = np.random.default_rng(5)
    for turn in range(_ROUNDS):
        tracked, judged = [], []
        for agent, rates in RATES.items():
            for number in range(turn * _EACH, (turn + 1) * _EACH):
                rate = rates[number % 2]
                said = 0.95 if agent == "boaster" else rate + 0.1 * (number % 3 - 1)
                tracked.append(_recommendation(agent, number, min(said, 1.0)))
                outcome = "approved" if chance.random() < rate else "rejected"
                judged.append({"recommendation_id": f"{agent}-{number}", "outcome": outcome})
        _send(http, "recommendations/track", tracked)
        _send(http, "outcomes/evaluate", judged)
        assert http.post("/api/schedules/trust_recalculation/run", json={"by": "ada"}).is_success
    hostile = {"agent_name": HOSTILE, "reasoning": HOSTILE, "recommendation_content": {"plan": [HOSTILE]}}
    _send(http, "recommendations/track", [{**_recommendation("ops/new one", 0, 0.5), **hostile}])


def _recommendation(agent: str, number: int, confidence: float) -> dict[str, object]:
    return {
        "recommendation_id": f"{agent}-{number}",
        "agent_id": agent,
        "agent_name": _NAMES.get(agent, ""),
        "recommendation_type": TYPES[number % 2],
        "confidence_score": round(confidence, 2),
        "correlation_id": f"task-{number}",
        "reasoning": f"Task {number} is like one before.",
    }


def _send(http: httpx.Client, path: str, items: Sequence[Mapping[str, object]]) -> None:
    answer = http.post(f"{API}/{path}", json={"workspace_id": WORKSPACE, "items": items})
    assert answer.status_code == 202, answer.text
