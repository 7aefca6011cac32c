"""The six emitters: every type of the spec, async and plain."""

import asyncio
import inspect
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random

import pytest

from grace_ray.core.errors import InvalidInput
from grace_ray.core.event import Event
from grace_ray.core.event_types import REGISTRY
from grace_ray.sense import signals
from grace_ray.sense.emitters import EMITTERS, AgentEvents, HTMEvents, RemoteAccessEvents
from grace_ray.sense.intake import Intake
from grace_ray.settings import IntakeSettings

NOW = datetime(2026, 6, 1, tzinfo=UTC)


class Plain:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def send(self, events: Sequence[Event]) -> None:
        self.events += events


class Waiting(Plain):
    """A sink to be awaited."""

    async def send(self, events: Sequence[Event]) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        self.events += events


VALUES = {"str": "x", "int": 1, "float": 0.5}


@pytest.mark.parametrize("emitter", EMITTERS, ids=lambda emitter: emitter.__name__)
def test_an_emitter_has_a_typed_async_method_for_each_of_its_types(emitter):
    sink = Waiting()
    made = emitter(sink, clock=lambda: NOW, rng=Random(1))
    methods = [getattr(made, name) for name in dir(made) if name.startswith("emit_") and name != "emit_async"]
    for method in methods:
        assert inspect.iscoroutinefunction(method)
        needed = {
            name: VALUES[parameter.annotation.__name__]
            for name, parameter in inspect.signature(method).parameters.items()
            if parameter.default is parameter.empty
        }
        assert all(p.kind is p.KEYWORD_ONLY for p in inspect.signature(method).parameters.values())
        asyncio.run(method(**needed))
    registered = {name for name, kind in REGISTRY.items() if kind.emitter == emitter.__name__}
    assert {event.type for event in sink.events} == registered
    assert len(Intake(IntakeSettings()).take_events(sink.events, NOW).rows) == len(methods)


@pytest.mark.parametrize("sink", [Plain(), Waiting()])
def test_a_low_rate_limit_is_high_and_blocked(sink):
    emitter = RemoteAccessEvents(sink, clock=lambda: NOW)
    event = asyncio.run(emitter.emit_github_rate_limit(remaining=5, reset_time=NOW))
    assert sink.events == [event]
    assert (event.domain, event.severity, event.pattern) == ("remote_access", "high", "blocked")
    assert event.data == {"remaining": 5, "reset_time": "2026-06-01T00:00:00Z"}


def test_an_anomaly_is_as_grave_as_its_score():
    sink = Plain()
    emitter = HTMEvents(sink)
    for score in (0.1, 0.6, 0.9, 0.99):
        asyncio.run(emitter.emit_anomaly_detected(detector_id="d", metric_name="cpu", anomaly_score=score, value=1.0))
    assert [event.severity for event in sink.events] == ["low", "medium", "high", "critical"]


def test_plain_callers_emit_without_an_event_loop():
    sink = Plain()
    AgentEvents(sink, "bots").emit(signals.agent_task_completed(agent_id="a", task="t"))
    assert sink.events[0].success
    assert sink.events[0].source == "bots"
    with pytest.raises(InvalidInput):
        AgentEvents(Waiting()).emit(signals.agent_task_completed(agent_id="a", task="t"))
