"""What both learning integrations know: what is told of agents, where it waits, and what is asked of them."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any, Generic, TypeVar

import orjson

from grace_ray.client import calls
from grace_ray.client.answers import Receipt, Rejection, receipt
from grace_ray.client.calls import Call
from grace_ray.client.calls.call import given, post
from grace_ray.client.calls.learning_calls import PREFIX
from grace_ray.client.outbox import Buffer
from grace_ray.core.clock import to_text
from grace_ray.core.errors import GraceError, InvalidInput
from grace_ray.core.ids import time_id
from grace_ray.core.recommendation import Outcome

T = TypeVar("T")
_REFUSED_KEPT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One request: the call, and the queue whose first ``count`` entries it carries."""

    call: Call[Receipt]
    queue: Buffer
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(Generic[T]):
    """A call, and what to go by where it is not answered."""

    call: Call[T]
    otherwise: Callable[[GraceError], T]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenAgent:
    """Who was chosen for a task and why; ``details`` is all that the runtime said, {} where it was not there."""

    agent_id: str
    reasons: Sequence[str]
    details: Mapping[str, Any]


class LearningBox:
    """Of one workspace: three bounded queues, which are sent in this order: recommendations, outcomes, workflows.

    Everything has its id and time here already, so a request that is sent twice is known as one. What is told raises
    Backpressure where a queue is full, InvalidInput for what JSON does not have.
    """

    def __init__(self, workspace_id: str, most: int, clock: Callable[[], datetime], rng: Random) -> None:
        self.workspace_id = workspace_id
        self.clock = clock
        self._rng = rng
        self._tracked, self._judged, self._workflows = (Buffer(most) for _ in range(3))
        self.refused: list[Rejection] = []
        """The newest of what was refused, here or by the runtime, with the reason."""

    def __len__(self) -> int:
        return len(self._tracked) + len(self._judged) + len(self._workflows)

    @property
    def dropped(self) -> int:
        """How much did not fit, since the start."""
        return self._tracked.dropped + self._judged.dropped + self._workflows.dropped

    # Telling

    def track_agent_recommendation(
        self,
        agent_id: str,
        recommendation_content: Any = None,
        *,
        recommendation_type: str = "general",
        confidence_score: float | None = None,
        correlation_id: str | None = None,
        workflow_id: str | None = None,
        reasoning: str | None = None,
        evidence: Sequence[Any] | None = None,
        context: Mapping[str, Any] | None = None,
        agent_name: str | None = None,
        latency_ms: float | None = None,
        within_ms: float | None = None,
        recommendation_id: str | None = None,
    ) -> str:
        """Tell what an agent recommends; return its id, by which it is judged later.

        ``correlation_id`` names the question: what several agents answer to one is compared. ``context`` has the short
        words and numbers that rules may rest on.
        """
        now = self.clock()
        name = recommendation_id or time_id(now, self._rng)
        self._add(
            self._tracked,
            recommendation_id=name,
            agent_id=agent_id,
            agent_name=agent_name,
            recommendation_type=recommendation_type,
            recommendation_content=recommendation_content,
            confidence_score=confidence_score,
            correlation_id=correlation_id,
            workflow_id=workflow_id,
            reasoning=reasoning,
            evidence=evidence,
            context=context,
            latency_ms=latency_ms,
            within_ms=within_ms,
            created_at=to_text(now),
        )
        return name

    def evaluate_recommendation(
        self,
        recommendation_id: str,
        outcome: Outcome | None = None,
        *,
        quality_scores: Mapping[str, float] | None = None,
        overall_quality_score: float | None = None,
        comparative_rank: float | None = None,
        evaluator_feedback: str | None = None,
    ) -> None:
        """Tell how a recommendation turned out; without an outcome it follows from the quality."""
        self._add(
            self._judged,
            recommendation_id=recommendation_id,
            outcome=outcome,
            quality_scores=quality_scores,
            overall_quality_score=overall_quality_score,
            comparative_rank=comparative_rank,
            evaluator_feedback=evaluator_feedback,
            evaluated_at=to_text(self.clock()),
        )

    def evaluate_workflow_outcome(
        self,
        workflow_id: str,
        outcome: Outcome | None = None,
        *,
        quality_scores: Mapping[str, float] | None = None,
        overall_quality_score: float | None = None,
        evaluator_feedback: str | None = None,
    ) -> None:
        """Tell how a workflow turned out: it counts for every recommendation that was made in it."""
        self._add(
            self._workflows,
            workflow_id=workflow_id,
            outcome=outcome,
            quality_scores=quality_scores,
            overall_quality_score=overall_quality_score,
            evaluator_feedback=evaluator_feedback,
            evaluated_at=to_text(self.clock()),
        )

    # Asking

    def get_agent_decision_boost(self, agent_id: str, recommendation_type: str = "general") -> Question[dict[str, Any]]:
        """Return {boost, expected, low, high, fleet, samples}: add ``boost`` to the confidence in what it says.

        An agent that is new is neither trusted nor condemned: {"boost": 0.0, "samples": 0}.
        """
        call = calls.decision_boost(self.workspace_id, agent_id, recommendation_type=recommendation_type)
        return Question(call=call, otherwise=lambda _: {"boost": 0.0, "samples": 0})

    def should_trigger_learning_cycle(self) -> Question[bool]:
        """Return whether it is time for the workspace to learn."""
        call = calls.should_trigger_learning_cycle(self.workspace_id)
        return Question(call=_read_as(call, lambda said: bool(said["is_due"])), otherwise=lambda _: False)

    def choose_agent(
        self,
        candidates: Sequence[str] | Mapping[str, float],
        *,
        recommendation_type: str = "general",
        correlation_id: str = "",
        context: Mapping[str, Any] | None = None,
    ) -> Question[ChosenAgent]:
        """Choose who is given a task, by trust and learned rules; ``candidates`` are ids, or costs by id.

        Where the runtime is away it is the cheapest, of equals the first. Raises InvalidInput for no candidate.
        """
        costs = candidates if isinstance(candidates, Mapping) else dict.fromkeys(candidates, 0.0)
        if not costs:
            raise InvalidInput("There is no candidate to choose from.", "candidates")
        call = calls.route_task(
            self.workspace_id,
            costs,
            recommendation_type=recommendation_type,
            correlation_id=correlation_id,
            context=context,
        )
        return Question(call=_read_as(call, _chosen), otherwise=lambda error: _cheapest(costs, error))

    # Sending

    def next(self) -> Parcel | None:
        """Return what is to be sent next, None where nothing waits."""
        for queue, path in ((self._tracked, "recommendations/track"), (self._judged, "outcomes/evaluate")):
            if queue:
                count, body = queue.first()
                call = post(f"{PREFIX}/{path}", receipt, items=orjson.Fragment(body))
                return Parcel(call=call, queue=queue, count=count)
        if self._workflows:
            said = orjson.loads(self._workflows.oldest())
            call = post(f"{PREFIX}/outcomes/evaluate-workflow", receipt, **said)
            return Parcel(call=call, queue=self._workflows, count=1)
        return None

    def sent(self, parcel: Parcel, said: Receipt) -> None:
        """Take out what was sent: it is durable, or refused for good."""
        parcel.queue.remove(parcel.count)
        self._note(said)

    def _add(self, queue: Buffer, **item: Any) -> None:
        try:
            queue.add([orjson.dumps({"workspace_id": self.workspace_id, **_as_json(given(item))})])
        except InvalidInput as error:
            self._note(refused_whole(error))
            raise

    def _note(self, said: Receipt) -> None:
        """Remember what was not taken, and why."""
        self.refused = [*self.refused, *said.rejected][-_REFUSED_KEPT:]


def refused_whole(error: GraceError) -> Receipt:
    """Return the receipt of a request of which nothing was taken."""
    return Receipt(rejected=(Rejection(index=0, id="", field=error.field, reason=error.message),))


def _as_json(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields as JSON, each by itself. Raises InvalidInput naming one that holds what JSON does not have."""
    made = {}
    for name, value in item.items():
        if not _is_finite(value):
            raise InvalidInput(f"The {name} holds a number that JSON does not have (NaN or infinite).", name)
        try:
            made[name] = orjson.Fragment(orjson.dumps(value))
        except TypeError as error:
            raise InvalidInput(f"The {name} cannot be sent as JSON: {error}.", name) from error
    return made


def _is_finite(value: Any) -> bool:
    """Return whether every number in a value is one: orjson writes NaN as null, as if nothing had been said."""
    level = [value]
    while level:
        if any(isinstance(each, float) and not math.isfinite(each) for each in level):
            return False
        level = [inner for each in level if isinstance(each, dict | list | tuple) for inner in _inside(each)]
    return True


def _inside(value: Mapping[str, Any] | Sequence[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, Mapping) else value


def _read_as(call: Call[Any], read: Callable[[Any], T]) -> Call[T]:
    return Call(method=call.method, path=call.path, params=call.params, body=call.body, read=read)


def _chosen(said: Mapping[str, Any]) -> ChosenAgent:
    return ChosenAgent(agent_id=said["agent_id"], reasons=tuple(said["reasons"]), details=said)


def _cheapest(costs: Mapping[str, float], error: GraceError) -> ChosenAgent:
    agent_id = min(costs, key=lambda each: costs[each])
    return ChosenAgent(agent_id=agent_id, reasons=(f"The cheapest, for want of advice: {error.message}",), details={})
