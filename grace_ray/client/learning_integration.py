"""LearningIntegration: whom of its agents an orchestrator can believe, learned from what it tells of them.

Telling never waits for a runtime that is away, and never raises: what an agent recommends and how it turned out goes
into a bounded queue, and from there to the runtime, at once or when it is back. Asking always has an answer: where the
runtime is away, that of one who knows nothing. With ``strict=True`` both raise instead.
"""

import asyncio
import inspect
import logging
import threading
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from random import SystemRandom
from typing import Any, Concatenate, ParamSpec, TypeVar

from grace_ray.client.answers import Rejection
from grace_ray.client.async_grace import AsyncGrace
from grace_ray.client.blocking_grace import Grace
from grace_ray.client.learning_box import LearningBox, Question, refused_whole
from grace_ray.client.retry import ONCE, Quiet, Retry
from grace_ray.core.clock import utc_now
from grace_ray.core.errors import GraceError, InvalidInput, NotFound, TooLarge, Unreachable

P = ParamSpec("P")
T = TypeVar("T")
log = logging.getLogger("grace.client")
_FOR_GOOD = (InvalidInput, NotFound, TooLarge)  # the same again would be refused again


class _Integration:
    """What both have in common: the queues, and what becomes of errors."""

    def __init__(
        self,
        workspace_id: str,
        *,
        strict: bool = False,
        buffer_max: int = 10_000,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._strict = strict
        self._box = LearningBox(workspace_id, buffer_max, clock, SystemRandom())
        self._quiet = Quiet()

    @property
    def waiting(self) -> int:
        """How much waits to be sent."""
        return len(self._box)

    @property
    def dropped(self) -> int:
        """How much full queues did not take."""
        return self._box.dropped

    @property
    def refused(self) -> Sequence[Rejection]:
        """The newest of what was refused, here or by the runtime, with the field at fault and the reason."""
        return tuple(self._box.refused)

    @property
    def _is_quiet(self) -> bool:
        return not self._strict and self._quiet.holds(self._box.clock())

    @property
    def _retry(self) -> Retry | None:
        return None if self._strict else ONCE

    def _lost(self, error: GraceError) -> None:
        if self._strict:
            raise error
        log.warning("grace: what an agent recommended was not kept: %s", error)

    def _waits(self, error: GraceError) -> None:
        if self._strict:
            raise error
        self._quiet.begin(error, self._box.clock())
        log.warning("grace: %d recommendations and outcomes wait to be sent: %s", len(self._box), error)

    def _unanswered(self, question: Question[T], error: GraceError) -> T:
        if self._strict:
            raise error
        if not isinstance(error, _FOR_GOOD):
            self._quiet.begin(error, self._box.clock())
        log.info("grace: goes on without advice: %s", error)
        return question.otherwise(error)


def _named(method: Any, of: Callable[..., Any]) -> Any:
    """Return a method with the name, the words and the parameters of one of LearningBox."""
    method.__doc__, method.__name__ = of.__doc__, of.__name__
    method.__signature__ = inspect.signature(of)
    return method


def _tells(tell: Callable[Concatenate[LearningBox, P], T]) -> Callable[Concatenate[Any, P], T | None]:
    def method(self: "LearningIntegration", /, *args: P.args, **kwargs: P.kwargs) -> T | None:
        said = None
        try:
            said = tell(self._box, *args, **kwargs)
        except GraceError as error:
            self._lost(error)
        self._try_to_flush()
        return said

    return _named(method, tell)  # type: ignore[no-any-return]


def _asks(ask: Callable[Concatenate[LearningBox, P], Question[T]]) -> Callable[Concatenate[Any, P], T]:
    def method(self: "LearningIntegration", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._asked(ask(self._box, *args, **kwargs))

    return _named(method, ask)  # type: ignore[no-any-return]


class LearningIntegration(_Integration):
    """For plain code; see the module. ``buffer_max`` bounds each of three queues: beyond it is dropped, and counted.

    >>> learning = LearningIntegration(Grace(), "acme", clock=utc_now)
    >>> learning.waiting
    0
    """

    def __init__(self, grace: Grace, workspace_id: str, **options: Any) -> None:
        super().__init__(workspace_id, **options)
        self._grace = grace
        self._lock = threading.Lock()  # one flush at a time: each takes out what it has sent

    track_agent_recommendation = _tells(LearningBox.track_agent_recommendation)
    evaluate_recommendation = _tells(LearningBox.evaluate_recommendation)
    evaluate_workflow_outcome = _tells(LearningBox.evaluate_workflow_outcome)
    get_agent_decision_boost = _asks(LearningBox.get_agent_decision_boost)
    should_trigger_learning_cycle = _asks(LearningBox.should_trigger_learning_cycle)
    choose_agent = _asks(LearningBox.choose_agent)

    def flush(self) -> None:
        """Send all that waits. Raises where that fails after retries; what was not sent goes on waiting."""
        self._flush(None)

    def _asked(self, question: Question[T]) -> T:
        self._try_to_flush()  # what waits may bear on the answer
        if self._is_quiet:
            return question.otherwise(Unreachable("Grace did not answer lately."))
        try:
            return self._grace.ask(question.call, self._retry)
        except GraceError as error:
            return self._unanswered(question, error)

    def _try_to_flush(self) -> None:
        if self._is_quiet:
            return
        try:
            self._flush(self._retry)
        except GraceError as error:
            self._waits(error)

    def _flush(self, retry: Retry | None) -> None:
        with self._lock:
            while (parcel := self._box.next()) is not None:
                try:
                    said = self._grace.ask(parcel.call, retry)
                except _FOR_GOOD as error:
                    said = refused_whole(error)
                self._box.sent(parcel, said)
                for item in said.rejected[:1]:
                    self._lost(InvalidInput(item.reason, item.field))
        self._quiet.end()


def _tells_async(
    tell: Callable[Concatenate[LearningBox, P], T],
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T | None]]:
    async def method(self: "AsyncLearningIntegration", /, *args: P.args, **kwargs: P.kwargs) -> T | None:
        said = None
        try:
            said = tell(self._box, *args, **kwargs)
        except GraceError as error:
            self._lost(error)
        await self._try_to_flush()
        return said

    return _named(method, tell)  # type: ignore[no-any-return]


def _asks_async(
    ask: Callable[Concatenate[LearningBox, P], Question[T]],
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]:
    async def method(self: "AsyncLearningIntegration", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._asked(ask(self._box, *args, **kwargs))

    return _named(method, ask)  # type: ignore[no-any-return]


class AsyncLearningIntegration(_Integration):
    """For async code; see the module. ``buffer_max`` bounds each of three queues: beyond it is dropped, and counted."""

    def __init__(self, grace: AsyncGrace, workspace_id: str, **options: Any) -> None:
        super().__init__(workspace_id, **options)
        self._grace = grace
        self._lock = asyncio.Lock()  # one flush at a time: each takes out what it has sent

    track_agent_recommendation = _tells_async(LearningBox.track_agent_recommendation)
    evaluate_recommendation = _tells_async(LearningBox.evaluate_recommendation)
    evaluate_workflow_outcome = _tells_async(LearningBox.evaluate_workflow_outcome)
    get_agent_decision_boost = _asks_async(LearningBox.get_agent_decision_boost)
    should_trigger_learning_cycle = _asks_async(LearningBox.should_trigger_learning_cycle)
    choose_agent = _asks_async(LearningBox.choose_agent)

    async def flush(self) -> None:
        """Send all that waits. Raises where that fails after retries; what was not sent goes on waiting."""
        await self._flush(None)

    async def _asked(self, question: Question[T]) -> T:
        await self._try_to_flush()  # what waits may bear on the answer
        if self._is_quiet:
            return question.otherwise(Unreachable("Grace did not answer lately."))
        try:
            return await self._grace.ask(question.call, self._retry)
        except GraceError as error:
            return self._unanswered(question, error)

    async def _try_to_flush(self) -> None:
        if self._is_quiet:
            return
        try:
            await self._flush(self._retry)
        except GraceError as error:
            self._waits(error)

    async def _flush(self, retry: Retry | None) -> None:
        async with self._lock:
            while (parcel := self._box.next()) is not None:
                try:
                    said = await self._grace.ask(parcel.call, retry)
                except _FOR_GOOD as error:
                    said = refused_whole(error)
                self._box.sent(parcel, said)
                for item in said.rejected[:1]:
                    self._lost(InvalidInput(item.reason, item.field))
        self._quiet.end()
