"""The six emitters: how agents and services tell Grace what happened, one async method an event type.

>>> import asyncio
>>> class Printer:
...     def send(self, events):
...         print([(event.type, event.severity, event.pattern) for event in events])
>>> event = asyncio.run(RemoteAccessEvents(Printer()).emit_github_rate_limit(remaining=5))
[('github.rate_limit', 'high', 'blocked')]
>>> event = RemoteAccessEvents(Printer()).emit(signals.remote_blocked(target="api", reason="HTTP 403"))
[('remote_access.blocked', 'high', 'blocked')]
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime
from random import Random, SystemRandom
from typing import Any, Concatenate, ParamSpec, Protocol

from grace_ray.core.clock import utc_now
from grace_ray.core.errors import InvalidInput
from grace_ray.core.event import Event
from grace_ray.core.event_types import lookup
from grace_ray.core.ids import time_id
from grace_ray.sense import derivation, signals
from grace_ray.sense.signals import Signal

P = ParamSpec("P")


class Sink(Protocol):
    """Where events go: the client, or a journal in the same process. ``send`` may be a plain or an async method."""

    def send(self, events: Sequence[Event]) -> Any | Awaitable[Any]:
        """Take the events; raises an error of core.errors where it cannot."""
        ...


class Emitter:
    """Stamps signals with id, time and ``source``, and sends them to ``sink``."""

    source = "grace/emitter"

    def __init__(
        self, sink: Sink, source: str = "", *, clock: Callable[[], datetime] = utc_now, rng: Random | None = None
    ) -> None:
        self._sink = sink
        self._source = source or self.source
        self._clock = clock
        self._rng = rng or SystemRandom()

    def emit(self, signal: Signal) -> Event:
        """Send a signal and return its event; for callers that are not async. The sink's ``send`` must be plain."""
        if inspect.iscoroutinefunction(self._sink.send):
            raise InvalidInput("The sink is async: await emit_async, or one of the emit_ methods.", "sink")
        event = self._stamped(signal)
        self._sink.send([event])
        return event

    async def emit_async(self, signal: Signal) -> Event:
        """Send a signal and return its event; a plain sink runs in a thread, so that the event loop goes on."""
        event = self._stamped(signal)
        if inspect.iscoroutinefunction(self._sink.send):
            await self._sink.send([event])
        else:
            await asyncio.to_thread(self._sink.send, [event])
        return event

    def _stamped(self, signal: Signal) -> Event:
        kind, at = lookup(signal.type), self._clock()
        return Event.of_type(
            signal.type,
            id=time_id(at, self._rng),
            source=self._source,
            at=at,
            severity=derivation.severity(kind, signal.data),
            message=signal.message or derivation.message(signal.type, signal.data),
            subject=signal.subject,
            data=signal.data,
        )


def _emits(signal: Callable[P, Signal]) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, Event]]:
    """Return the async method that emits what ``signal`` makes of its arguments, with its arguments and its words."""

    async def method(self: Emitter, /, *args: P.args, **kwargs: P.kwargs) -> Event:
        return await self.emit_async(signal(*args, **kwargs))

    shape = inspect.signature(signal)
    myself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    method.__doc__ = (signal.__doc__ or "").replace("Return", "Emit", 1)
    method.__signature__ = shape.replace(  # type: ignore[attr-defined]
        parameters=[myself, *shape.parameters.values()], return_annotation=Event
    )
    return method


class GuardianEvents(Emitter):
    """Missions of the guardian, its errors and warnings."""

    source = "grace/guardian"

    emit_mission_created = _emits(signals.mission_created)
    emit_mission_resolved = _emits(signals.mission_resolved)
    emit_mission_failed = _emits(signals.mission_failed)
    emit_error = _emits(signals.guardian_error)
    emit_warning = _emits(signals.guardian_warning)


class HTMEvents(Emitter):
    """Anomalies of metrics and sequences."""

    source = "grace/htm"

    emit_anomaly_detected = _emits(signals.anomaly_detected)
    emit_pattern_unusual = _emits(signals.pattern_unusual)
    emit_degradation = _emits(signals.degradation)


class RAGEvents(Emitter):
    """The health of retrieval."""

    source = "grace/rag"

    emit_health_degraded = _emits(signals.rag_health_degraded)
    emit_retrieval_failed = _emits(signals.rag_retrieval_failed)
    emit_confidence_low = _emits(signals.rag_confidence_low)


class RemoteAccessEvents(Emitter):
    """What remote systems refuse."""

    source = "grace/remote_access"

    emit_action_failed = _emits(signals.remote_action_failed)
    emit_blocked = _emits(signals.remote_blocked)
    emit_firefox_browse_failed = _emits(signals.firefox_browse_failed)
    emit_github_rate_limit = _emits(signals.github_rate_limit)


class AgentEvents(Emitter):
    """Tasks, builds and repairs of agents."""

    source = "grace/agents"

    emit_task_failed = _emits(signals.agent_task_failed)
    emit_task_completed = _emits(signals.agent_task_completed)
    emit_build_failed = _emits(signals.coding_agent_build_failed)
    emit_remediation_failed = _emits(signals.remediation_failed)
    emit_remediation_succeeded = _emits(signals.remediation_succeeded)


class SystemEvents(Emitter):
    """The runtime, its services, and errors that nothing handled."""

    source = "grace/system"

    emit_boot_failed = _emits(signals.kernel_boot_failed)
    emit_boot_completed = _emits(signals.kernel_boot_completed)
    emit_service_degraded = _emits(signals.service_degraded)
    emit_service_recovered = _emits(signals.service_recovered)
    emit_error_unhandled = _emits(signals.error_unhandled)


EMITTERS = (GuardianEvents, HTMEvents, RAGEvents, RemoteAccessEvents, AgentEvents, SystemEvents)
