"""The client for plain code."""

import inspect
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from random import Random, SystemRandom
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self

import httpx
import orjson

from grace_ray.client import calls
from grace_ray.client.answers import Receipt, error_of
from grace_ray.client.calls import Call, T
from grace_ray.client.calls.learning_calls import EXPORT_PATH
from grace_ray.client.exchange import Exchange, Request, is_loopback
from grace_ray.client.lines import Lines
from grace_ray.client.outbox import BUFFER_BYTES, Buffer, Outbox, batches, encoded, new_event
from grace_ray.client.retry import ONCE, Quiet, Retry
from grace_ray.client.sse import SILENCE_MAX_S, Message, Parser
from grace_ray.core.clock import utc_now
from grace_ray.core.errors import Backpressure, OutsideError, StoreUnavailable
from grace_ray.core.event import Event

P = ParamSpec("P")


def _method(call: Callable[P, Call[T]]) -> Callable[Concatenate[Any, P], T]:
    """Return the method that makes a call and returns what its answer says."""

    def method(self: "Grace", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.ask(call(*args, **kwargs))

    method.__doc__ = call.__doc__
    method.__name__ = call.__name__
    myself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    shape = inspect.signature(call)
    method.__signature__ = shape.replace(parameters=[myself, *shape.parameters.values()])  # type: ignore[attr-defined]
    return method


class Grace:
    """Talks to the Grace at ``url``; every request is retried, and every POST carries an idempotency key.

    ``send`` returns when the events are durable, or raises. ``emit`` and ``enqueue`` never wait for a runtime that is
    away: events stay in a buffer of ``buffer_max`` events and ``buffer_max_bytes`` (Backpressure beyond), and go out
    with a later call, or ``flush``.
    Raises the errors of core.errors: what the runtime said, Unreachable where it said nothing.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        token: str = "",
        *,
        source: str = "grace/client",
        timeout_s: float = 10.0,
        retry: Retry | None = None,
        buffer_max: int = 10_000,
        buffer_max_bytes: int = BUFFER_BYTES,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], datetime] = utc_now,
        rng: Random | None = None,
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout_s, trust_env=not is_loopback(url))
        self._source = source
        self._sleep = sleep
        self._exchange = Exchange(retry or Retry(), clock, rng or SystemRandom())
        self._buffer = Buffer(buffer_max, buffer_max_bytes)
        self._lock = threading.Lock()  # one flush at a time: each takes the oldest events out when they are durable
        self._quiet = Quiet()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Send what is buffered, and close the connections. Raises what ``flush`` raises where that fails."""
        try:
            self.flush()
        finally:
            self._http.close()

    # Events

    def send(self, events: Sequence[Event | Mapping[str, Any]]) -> Receipt:
        """Send events (or CloudEvents JSON objects); they are durable when this returns, but for the rejected ones."""
        total = Receipt()
        for offset, body in batches(encoded(events)):
            total = total.plus(self._send(body), offset)
        return total

    def emit(
        self,
        type: str,  # noqa: A002 -- CloudEvents' own word
        data: Mapping[str, Any] | None = None,
        *,
        source: str = "",
        subject: str = "",
        severity: str = "",
        message: str = "",
        domain: str = "",
        pattern: str = "",
    ) -> None:
        """Buffer one event of now, and send it if the runtime is there."""
        names = {"subject": subject, "severity": severity, "message": message, "domain": domain, "pattern": pattern}
        now = self._exchange.clock()
        text = new_event(type, data, now, self._exchange.rng, source=source or self._source, **names)
        self._enqueue([text])

    def enqueue(self, events: Sequence[Event | Mapping[str, Any]]) -> None:
        """Buffer events, and send them if the runtime is there. Raises Backpressure where the buffer is full."""
        self._enqueue(encoded(events))

    def flush(self) -> Receipt:
        """Send all that is buffered. Raises where that fails after retries; what was not sent stays buffered."""
        return self._flush(None)

    @property
    def outbox(self) -> Outbox:
        """The sink for emitters whose events may wait in the buffer while the runtime is away."""
        return Outbox(self.enqueue)

    @property
    def buffered(self) -> int:
        """How many events wait to be sent."""
        return len(self._buffer)

    @property
    def dropped(self) -> int:
        """How many events a full buffer refused."""
        return self._buffer.dropped

    # Everything else

    clusters = _method(calls.clusters)
    cluster = _method(calls.cluster)
    acknowledge = _method(calls.acknowledge)
    silence = _method(calls.silence)
    resolve = _method(calls.resolve)
    reopen = _method(calls.reopen)
    set_severity = _method(calls.set_severity)
    clear = _method(calls.clear)
    merge = _method(calls.merge)
    split = _method(calls.split)
    undo = _method(calls.undo)
    groups = _method(calls.groups)
    group = _method(calls.group)
    missions = _method(calls.missions)
    mission = _method(calls.mission)
    create_mission = _method(calls.create_mission)
    cancel_mission = _method(calls.cancel_mission)
    playbooks = _method(calls.playbooks)
    playbook = _method(calls.playbook)
    run_playbook = _method(calls.run_playbook)
    playbook_runs = _method(calls.playbook_runs)
    playbook_run = _method(calls.playbook_run)
    approve_run = _method(calls.approve_run)
    reject_run = _method(calls.reject_run)
    cancel_run = _method(calls.cancel_run)
    recommend_playbooks = _method(calls.recommend_playbooks)
    playbook_statistics = _method(calls.playbook_statistics)
    playbook_policies = _method(calls.playbook_policies)
    playbook_performance = _method(calls.playbook_performance)
    report_experience = _method(calls.report_experience)
    schedules = _method(calls.schedules)
    schedule = _method(calls.schedule)
    run_schedule = _method(calls.run_schedule)
    search = _method(calls.search)
    add_documents = _method(calls.add_documents)
    knowledge_stats = _method(calls.knowledge_stats)
    knowledge_feedback = _method(calls.knowledge_feedback)
    send_samples = _method(calls.send_samples)
    metrics = _method(calls.metrics)
    metric = _method(calls.metric)
    metric_snapshots = _method(calls.metric_snapshots)
    metric_points = _method(calls.metric_points)
    journal = _method(calls.journal)
    entry = _method(calls.entry)
    proof = _method(calls.proof)
    public_key = _method(calls.public_key)
    checkpoint = _method(calls.checkpoint)
    consistency = _method(calls.consistency)
    explain = _method(calls.explain)
    status = _method(calls.status)
    health = _method(calls.health)
    session = _method(calls.session)
    dashboard = _method(calls.dashboard)
    registry = _method(calls.registry)
    predict = _method(calls.predict)
    forecasts = _method(calls.forecasts)
    forecast = _method(calls.forecast)
    incidents = _method(calls.incidents)
    incident = _method(calls.incident)
    forecaster_statistics = _method(calls.forecaster_statistics)
    train_forecaster = _method(calls.train_forecaster)
    trigger_training = _method(calls.trigger_training)
    trainings = _method(calls.trainings)
    training = _method(calls.training)
    roll_back_forecaster = _method(calls.roll_back_forecaster)
    ml_overview = _method(calls.ml_overview)
    learning_progress = _method(calls.learning_progress)
    ml_health = _method(calls.ml_health)
    forecast_accuracy = _method(calls.forecast_accuracy)
    training_history = _method(calls.training_history)
    agent_profile = _method(calls.agent_profile)
    agent_recommendations = _method(calls.agent_recommendations)
    consensus = _method(calls.consensus)
    workspaces = _method(calls.workspaces)
    decision_boost = _method(calls.decision_boost)
    evaluate_outcome = _method(calls.evaluate_outcome)
    evaluate_outcomes = _method(calls.evaluate_outcomes)
    evaluate_workflow = _method(calls.evaluate_workflow)
    learning_cycle = _method(calls.learning_cycle)
    learning_cycles = _method(calls.learning_cycles)
    learning_patterns = _method(calls.learning_patterns)
    learning_rules = _method(calls.learning_rules)
    learning_stats = _method(calls.learning_stats)
    recommendation = _method(calls.recommendation)
    recommendations = _method(calls.recommendations)
    route_task = _method(calls.route_task)
    routes = _method(calls.routes)
    routing = _method(calls.routing)
    should_trigger_learning_cycle = _method(calls.should_trigger_learning_cycle)
    track_recommendation = _method(calls.track_recommendation)
    track_recommendations = _method(calls.track_recommendations)
    trigger_learning_cycle = _method(calls.trigger_learning_cycle)
    trust_score = _method(calls.trust_score)
    trust_scores = _method(calls.trust_scores)

    def ask(self, call: Call[T], retry: Retry | None = None) -> T:
        """Make a call of ``calls`` and return what its answer says; ``retry`` in place of the client's own."""
        response = self._exchanged(self._exchange.of_call(call), retry)
        return self._exchange.read(call, response)

    def export_workspace(self, workspace_id: str) -> Iterator[dict[str, Any]]:
        """Yield all of a workspace as {"view", "record"}: recommendations, outcomes, trust, patterns, cycles.

        Raises Unreachable where the stream breaks.
        """
        params = {"workspace_id": workspace_id}
        try:
            with self._http.stream("GET", EXPORT_PATH, params=params) as answer:
                if answer.is_error:
                    answer.read()
                    raise error_of(answer, None)
                lines = Lines()
                for chunk in answer.iter_bytes():
                    yield from map(orjson.loads, lines.feed(chunk))
        except httpx.RequestError as error:
            raise self._exchange.unreachable(error, 1, ONCE).error from error

    def watch(self, after: int | None = None) -> Iterator[Message]:
        """Yield journal entries after the seq ``after`` (None: from now on), and each second the loop's figures.

        Raises Unreachable where the stream breaks: go on after the ``id`` of the last message that has one.
        """
        query = {} if after is None else {"after": after}
        timeout = httpx.Timeout(self._http.timeout.connect, read=SILENCE_MAX_S)
        try:
            with self._http.stream("GET", "/api/stream", params=query, timeout=timeout) as answer:
                if answer.is_error:
                    answer.read()
                    raise error_of(answer, None)
                parser, lines = Parser(), Lines()
                for chunk in answer.iter_bytes():
                    for line in lines.feed(chunk):
                        if (message := parser.feed(line.decode())) is not None:
                            yield message
        except httpx.RequestError as error:
            raise self._exchange.unreachable(error, 1, ONCE).error from error

    def _enqueue(self, texts: list[bytes]) -> None:
        try:
            self._buffer.add(texts)
        finally:
            self._try_to_flush()

    def _try_to_flush(self) -> None:
        """Send what is buffered if the runtime is there; after a failure leave it alone for a while."""
        if self._quiet.holds(self._exchange.clock()):
            return
        try:
            self._flush(ONCE)
        except (OutsideError, Backpressure, StoreUnavailable) as error:
            self._quiet.begin(error, self._exchange.clock())

    def _flush(self, retry: Retry | None) -> Receipt:
        total, sent = Receipt(), 0
        with self._lock:
            while self._buffer:
                count, body = self._buffer.first()
                total = total.plus(self._send(body, retry), sent)
                self._buffer.remove(count)
                sent += count
        self._quiet.end()
        return total

    def _send(self, body: bytes, retry: Retry | None = None) -> Receipt:
        response = self._exchanged(self._exchange.of_events(body), retry)
        return self._exchange.receipt(response)

    def _exchanged(self, request: Request, retry: Retry | None) -> httpx.Response:
        attempt = 0
        while True:
            attempt += 1
            try:
                response = self._http.request(
                    request.method,
                    request.path,
                    params=dict(request.params),
                    content=request.content,
                    headers=dict(request.headers),
                )
                again = self._exchange.failed(response, attempt, retry)
                if again is None:
                    return response
            except httpx.RequestError as error:
                again = self._exchange.unreachable(error, attempt, retry)
            if again.delay_s is None:
                raise again.error
            self._sleep(again.delay_s)
