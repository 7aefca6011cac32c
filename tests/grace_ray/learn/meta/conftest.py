"""Recommendations of made workspaces as the store gives them in columns, and a store that holds them in memory."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from grace_ray.core.clock import to_text
from grace_ray.learn.meta.reading import COLUMNS

START = datetime(2026, 3, 1, tzinfo=UTC)
_TYPES = ("strategy", "content", "review")
_REGIONS = ("eu", "us", "asia")


class History:
    """Makes recommendations of a workspace in order of time; ``plants`` are (condition, added chance)."""

    def __init__(self, seed: int = 0, *, workspace: str = "acme", agents: int = 5) -> None:
        self._rng = np.random.default_rng(seed)
        self._workspace = workspace
        self._agents = agents
        self.rows: list[dict[str, Any]] = []
        self.at = START

    def live(self, questions: int, *plants: Any, answers: int = 2, base: float = 0.5) -> "History":
        for _ in range(questions):
            self._ask(plants, answers, base)
        return self

    def cells(self) -> list[tuple[Any, ...]]:
        return [tuple(row[name] for name in COLUMNS) for row in reversed(self.rows)]

    def _ask(self, plants: Any, answers: int, base: float) -> None:
        rng = self._rng
        self.at += timedelta(minutes=1)
        kind, region = str(rng.choice(_TYPES)), str(rng.choice(_REGIONS))
        agents = rng.choice(self._agents, size=answers, replace=False)
        said = [{"answer": int(rng.integers(2))} for _ in agents]
        for agent, content in zip(agents, said, strict=True):
            evidence = int(rng.integers(0, 4))
            features = {
                "agent": f"agent-{agent}",
                "type": kind,
                "region": region,
                "urgent": bool(rng.random() < 0.3),
                "confidence": round(float(rng.random()), 3),
                "evidence": evidence,
                "agents_agree": sum(content == other for other in said),
            }
            chance = base + sum(added for condition, added in plants if _fits(condition, features))
            self._add(features, content, "approved" if rng.random() < chance else "rejected")

    def _add(self, features: Mapping[str, Any], content: Any, outcome: str) -> None:
        number = len(self.rows)
        at = self.at + timedelta(milliseconds=number % 1000)
        self.rows.append(
            {
                "key": f"{self._workspace}/r-{number}",
                "workspace_id": self._workspace,
                "rank": at.timestamp(),
                "agent_id": features["agent"],
                "agent_name": features["agent"].title(),
                "recommendation_type": features["type"],
                "correlation_id": f"q-{self.at.timestamp():.0f}",
                "workflow_id": "",
                "recommendation_content": json.dumps(content),
                "confidence_score": features["confidence"],
                "evidence": json.dumps(["seen"] * features["evidence"]),
                "context": json.dumps({"region": features["region"], "urgent": features["urgent"]}),
                "latency_ms": 100.0,
                "within_ms": None,
                "outcome": outcome,
                "evaluated_at": to_text(at + timedelta(seconds=30)),
            }
        )


def _fits(condition: Mapping[str, Any], features: Mapping[str, Any]) -> bool:
    return all(
        features[name] >= wanted["min"] if isinstance(wanted, dict) else features[name] == wanted
        for name, wanted in condition.items()
    )


@pytest.fixture
def make_history():
    return History
