"""The learning integration against a real Grace on a real port: there, away, and back again."""

import asyncio
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from grace_ray.client import AsyncGrace, AsyncLearningIntegration, Grace, LearningIntegration
from grace_ray.client.retry import ONCE
from grace_ray.core.clock import utc_now
from grace_ray.core.errors import Backpressure, InvalidInput, Unreachable
from tests.serve_apps.conftest import make_house

OTHERS_OFF = {
    part: {"enabled": False}
    for part in ("triage", "missions", "knowledge", "metrics", "forecaster", "playbooks", "scheduler")
}


class Runtime:
    """A Grace that can be stopped and started again, on the same port."""

    def __init__(self, home: Path) -> None:
        self.house = make_house(home, **OTHERS_OFF)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        config = uvicorn.Config(self.house.app, port=self.port, log_level="error", lifespan="off")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(5)


class Clock:
    """Now, moved on by hand."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    made = Runtime(tmp_path / "home")
    made.start()
    yield made
    made.stop()
    made.house.gateway.reader.close()


def integration(runtime: Runtime, clock: Clock | None = None, **options: Any) -> tuple[Grace, LearningIntegration]:
    grace = Grace(runtime.url, retry=ONCE)
    return grace, LearningIntegration(grace, "acme", clock=clock or Clock(), **options)


def test_what_is_told_is_durable_at_once_and_bears_on_what_is_asked_next(runtime):
    grace, learning = integration(runtime)
    for number in range(20):
        for agent, outcome in (("ann", "approved"), ("bob", "rejected")):
            name = learning.track_agent_recommendation(
                agent, {"plan": number}, recommendation_type="strategy", confidence_score=0.8,
                correlation_id=f"task-{number}", workflow_id="wf", context={"repo": "x"},
            )  # fmt: skip
            learning.evaluate_recommendation(name, outcome, quality_scores={"accuracy": 50})
    assert (learning.waiting, learning.refused) == (0, ())
    assert grace.recommendation("acme", name).outcome == "rejected"
    assert learning.get_agent_decision_boost("ann", "strategy")["boost"] > 0
    assert learning.get_agent_decision_boost("bob", "strategy")["boost"] < 0
    assert learning.get_agent_decision_boost("new", "strategy") == {"boost": 0.0, "samples": 0}
    chosen = [learning.choose_agent(["bob", "ann"], recommendation_type="strategy") for _ in range(9)]
    assert [choice.agent_id for choice in chosen].count("ann") >= 7
    assert chosen[0].reasons
    learning.evaluate_workflow_outcome("wf", "partial")
    assert {each.outcome for each in grace.recommendations("acme", workflow_id="wf").items} == {"partial"}
    grace.close()


def test_while_the_runtime_is_away_everything_waits_and_goes_out_once_when_it_is_back(runtime):
    clock = Clock()
    grace, learning = integration(runtime, clock)
    runtime.stop()
    names = [learning.track_agent_recommendation("ann", {"n": n}, workflow_id="wf") for n in range(3)]
    learning.evaluate_recommendation(names[0], "approved")
    learning.evaluate_workflow_outcome("wf", overall_quality_score=50)
    assert learning.waiting == 5
    assert learning.get_agent_decision_boost("ann") == {"boost": 0.0, "samples": 0}
    assert not learning.should_trigger_learning_cycle()
    chosen = learning.choose_agent({"dear": 0.5, "cheap": 0.1})
    assert (chosen.agent_id, chosen.details) == ("cheap", {})
    assert "cheapest" in chosen.reasons[0]
    with pytest.raises(Unreachable):
        learning.flush()
    assert learning.waiting == 5
    runtime.start()
    clock.ahead += timedelta(minutes=1)
    learning.track_agent_recommendation("ann")
    assert learning.waiting == 0
    assert [grace.recommendation("acme", name).outcome for name in names] == ["partial"] * 3
    grace.close()


def test_after_a_failure_the_runtime_is_left_alone_for_a_while(runtime):
    clock = Clock()
    grace, learning = integration(runtime, clock)
    runtime.stop()
    learning.track_agent_recommendation("ann")
    runtime.start()
    learning.track_agent_recommendation("ann")
    assert learning.waiting == 2, "half a second has not passed"
    clock.ahead += timedelta(seconds=1)
    learning.track_agent_recommendation("ann")
    assert learning.waiting == 0
    grace.close()


def test_what_is_refused_is_named_and_never_stops_the_orchestrator(runtime):
    grace, learning = integration(runtime)
    learning.track_agent_recommendation("ann", confidence_score=7)
    learning.evaluate_workflow_outcome("nothing", "approved")
    assert learning.track_agent_recommendation("ann", object()) is None
    fields = ["confidence_score", "workflow_id", "recommendation_content"]
    assert (learning.waiting, [item.field for item in learning.refused]) == (0, fields)
    strict = LearningIntegration(grace, "acme", strict=True)
    with pytest.raises(InvalidInput) as refusal:
        strict.track_agent_recommendation("ann", confidence_score=7)
    assert refusal.value.field == "confidence_score"
    grace.close()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("confidence_score", float("nan")),
        ("latency_ms", float("inf")),
        ("recommendation_content", {"deep": [1.0, float("nan")]}),
        ("context", {"size": float("-inf")}),
        ("evidence", [object()]),
    ],
)
def test_what_json_does_not_have_is_refused_by_the_name_of_its_field_before_it_is_sent(field, value):
    learning = LearningIntegration(Grace("http://127.0.0.1:9"), "acme")
    assert learning.track_agent_recommendation("ann", **{field: value}) is None
    assert ([item.field for item in learning.refused], learning.waiting) == ([field], 0)
    with pytest.raises(InvalidInput):
        LearningIntegration(Grace("http://127.0.0.1:9"), "acme", strict=True).evaluate_recommendation(
            "r", overall_quality_score=float("nan")
        )


def test_a_full_queue_keeps_the_oldest_and_counts_what_it_dropped(runtime):
    runtime.stop()
    grace, learning = integration(runtime, buffer_max=2)
    for number in range(5):
        learning.track_agent_recommendation("ann", number)
    assert (learning.waiting, learning.dropped) == (2, 3)
    with pytest.raises(InvalidInput):
        learning.choose_agent([])
    strict = LearningIntegration(grace, "acme", strict=True, buffer_max=1)
    with pytest.raises(Unreachable):
        strict.track_agent_recommendation("ann")
    with pytest.raises(Backpressure):
        strict.track_agent_recommendation("ann")
    runtime.start()
    grace.close()


def test_the_async_integration_does_the_same_for_many_at_once(runtime):
    async def run() -> tuple[int, str, Any]:
        async with AsyncGrace(runtime.url, retry=ONCE) as grace:
            learning = AsyncLearningIntegration(grace, "acme")
            names = await asyncio.gather(*(learning.track_agent_recommendation("ann", n) for n in range(50)))
            await asyncio.gather(*(learning.evaluate_recommendation(name, "approved") for name in names))
            await learning.flush()
            page = await grace.agent_recommendations("acme", "ann", limit=100)
            views = Counter([line["view"] async for line in grace.export_workspace("acme")])
            return len({item.recommendation_id for item in page.items}), page.items[0].outcome, dict(views)

    exported = {"agent_recommendations": 50, "recommendation_outcomes": 50, "agent_trust_scores": 1}
    assert asyncio.run(run()) == (50, "approved", exported)


def test_a_workspace_is_exported_line_by_line_whatever_its_texts_hold(runtime):
    grace, learning = integration(runtime)
    for number in range(3):
        learning.track_agent_recommendation("ann", f"one\u2028two {number}", recommendation_id=f"r-{number}")
    said = [line["record"] for line in grace.export_workspace("acme") if line["view"] == "agent_recommendations"]
    assert [each["recommendation_content"] for each in said] == [f"one\u2028two {n}" for n in range(3)]
    assert list(grace.export_workspace("other")) == []
    grace.close()
