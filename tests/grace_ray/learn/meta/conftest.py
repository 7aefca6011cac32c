"""Recommendations of made workspaces as the store gives them in columns, and a store that holds them in memory."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from grace_ray.core.clock import to_text, to_us
from grace_ray.core.entry import Entry
from grace_ray.core.fact import Fact
from grace_ray.core.jsonable import from_plain
from grace_ray.core.recommendation import JUDGED, LEARNING_VIEW, PATTERNS_VIEW, LearningCycle, Pattern
from grace_ray.core.schedule import JOB_DUE
from grace_ray.core.store import Record, RecordPage
from grace_ray.learn.meta.cycle import result_from_bytes, result_to_bytes
from grace_ray.learn.meta.part import Due, MetaLearner
from grace_ray.learn.meta.reading import COLUMNS
from grace_ray.learn.meta.work import learn
from grace_ray.settings import MetaLearnerSettings

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


class Records:
    """The part of a Reader that the meta-learner reads, over dicts; recommendations stand in rows of columns."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], Record] = {}
        self.rows: list[dict[str, Any]] = []

    def take(self, records: Any) -> None:
        for record in records:
            if record.body is None:
                self.held.pop((record.view, record.key), None)
            else:
                self.held[record.view, record.key] = record

    def scan(self, view: str) -> list[Record]:
        return [record for record in self.held.values() if record.view == view]

    def records(self, view: str, status: str | None = None, limit: int = 100, after: str | None = None) -> RecordPage:
        found = [record for record in self.scan(view) if status in (None, record.status)]
        found.sort(key=lambda record: (-record.rank, record.key))
        return RecordPage(found[:limit], None)

    def cells(self, view, columns, workspace_id, above, upto, limit=1_000_000):
        rows = [row for row in self.rows if row["workspace_id"] == workspace_id and above < row["rank"] <= upto]
        rows.sort(key=lambda row: (-row["rank"], row["key"]))
        return [tuple(row[name] for name in columns) for row in rows[:limit]]


class House:
    """Hosts a meta-learner: commits what it returns, runs its cycles when told to, restarts it."""

    def __init__(self, **settings: Any) -> None:
        self.records = Records()
        self.settings = MetaLearnerSettings(**settings)
        self.facts: list[Fact] = []
        self.now = START + timedelta(days=2)
        self.held: set[str] = set()
        self._seq = 0
        self.restart()

    def restart(self) -> None:
        self.part = MetaLearner(self.settings)
        self.part.restore(None, self.records)
        self.held = set()

    def live(self, history: History) -> None:
        """Take a history as if it had come in: records, and an outcome for each."""
        self.records.rows += history.rows
        self.judge(*((row["workspace_id"], row["outcome"]) for row in history.rows))

    def judge(self, *outcomes: tuple[str, str]) -> None:
        self.tell(
            *(
                self.fact("recommendation", JUDGED, {"workspace_id": workspace, "outcome": outcome})
                for workspace, outcome in outcomes
            )
        )

    def fact(self, kind: str, fact_type: str, body: Any, subject: str = "") -> Fact:
        self._seq += 1
        return Fact(
            id=f"f-{self._seq}", at=self.now, kind=kind, type=fact_type, source="test", subject=subject, body=body
        )

    def tell(self, *facts: Fact) -> None:
        entries = [
            Entry(number, *fact.to_row()[:8], to_us(self.now), b"", fact.to_row().body)
            for number, fact in enumerate(facts)
        ]
        self._take(self.part.handle(entries, self.now))

    def due(self, job: str) -> str:
        fact = self.fact("decision", JOB_DUE, {"reason": "scheduled"}, job)
        self.tell(fact)
        return fact.id

    def tick(self, seconds: float = 1.0) -> None:
        self.now += timedelta(seconds=seconds)
        self._take(self.part.tick(self.now))

    def ask(self, action: str, **args: Any) -> Any:
        effects, answer = self.part.operate(action, args, self.now)
        self._take(effects)
        return answer

    def start(self, room: int = 2) -> list[Due]:
        effects, due = self.part.starts(self.now, frozenset(self.held), room)
        self._take(effects)
        self.held |= {each.cycle.iteration_id for each in due}
        return due

    def look_for_lost(self) -> list[str]:
        effects, marked = self.part.lost(self.now, frozenset(self.held))
        self._take(effects)
        return marked

    def finish(self, due: Due) -> None:
        self.now += timedelta(seconds=3)
        result = learn(due, self.records, self.settings, self.now)
        self._take(self.part.finished(due.cycle.iteration_id, result_from_bytes(result_to_bytes(result)), self.now))
        self.held.discard(due.cycle.iteration_id)

    def fail(self, due: Due, error: str) -> None:
        self._take(self.part.failed(due.cycle.iteration_id, error, self.now))
        self.held.discard(due.cycle.iteration_id)

    def nouns(self, view: str, noun: Any) -> list[Any]:
        return [from_plain(noun, json.loads(record.body)) for record in self.records.records(view, limit=1000).items]

    def cycles(self) -> list[LearningCycle]:
        return sorted(self.nouns(LEARNING_VIEW, LearningCycle), key=lambda cycle: cycle.started_at)

    def patterns(self) -> list[Pattern]:
        return self.nouns(PATTERNS_VIEW, Pattern)

    def of_type(self, fact_type: str) -> list[Fact]:
        return [fact for fact in self.facts if fact.type == fact_type]

    def _take(self, effects: Any) -> None:
        self.records.take(effects.records)
        self.facts += effects.facts


@pytest.fixture
def house():
    return House()


@pytest.fixture
def make_house():
    return House
