"""What every kind of step has: arguments that are checked, a plan in words, the step itself, and its undo."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from grace_ray.core.errors import RuntimeFault
from grace_ray.core.ports import RuntimeActions
from grace_ray.core.store import Reader
from grace_ray.settings import PlaybookSettings


class StepFailed(RuntimeFault):
    """A step did not do what it should; the message says what it found."""


class StepTimedOut(StepFailed):
    """The step's time is up, or its run is not wanted any more: nothing further may be done in its name."""


class Arguments(BaseModel):
    """Arguments of a step; unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class NothingToDo(StepFailed):
    """There is nothing that the step could act on any more: no failure, and nothing to learn from."""


A = TypeVar("A", bound=Arguments, contravariant=True)


class StepTime:
    """The time that a step has, from now on; ``stop`` ends it at once."""

    def __init__(self, limit_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit_s = limit_s
        self._clock = clock
        self._end = clock() + limit_s
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Let nothing further be done."""
        self._stopped.set()

    def left(self) -> float:
        """Return the seconds left. Raises StepTimedOut where there are none; to be asked before every effect."""
        left = self._end - self._clock()
        if left <= 0:
            raise StepTimedOut(f"The time of {round(self.limit_s, 1):g} s is up.")
        if self._stopped.is_set():
            raise StepTimedOut("The run was stopped.")
        return left

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end."""
        self._stopped.wait(min(seconds, self.left()))
        self.left()


class Http(Protocol):
    """Sends one request within limits of place, size and time. Raises Refused, Unreachable, TooLarge."""

    def send(self, method: str, url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> tuple[int, str]:
        """Return the status and the beginning of the answer's text."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What steps act on and look at; ``run_id`` names the run that acts, so that what it makes can be told apart."""

    runtime: RuntimeActions
    http: Http
    reader: Reader
    settings: PlaybookSettings
    home: Path
    clock: Callable[[], datetime]
    keep_bodies_days: float = 30.0
    run_id: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)


class StepKind(Protocol[A]):
    """One kind of step.

    ``prepare`` looks at how things stand and returns what would take the step back, which is on the journal before
    ``run`` begins; so ``undo`` must do no harm where ``run`` did nothing, or half of it, and where it is repeated.
    """

    @property
    def arguments(self) -> type[Any]:
        """The model of its arguments."""
        ...

    def plan(self, arguments: A, world: World) -> str:
        """Return what ``run`` would do, as a sentence; touches nothing."""
        ...

    def prepare(self, arguments: A, world: World) -> Mapping[str, Any] | None:
        """Return what ``undo`` will need (plain JSON), None where nothing can be taken back. Raises StepFailed."""
        ...

    def run(self, arguments: A, world: World, time: StepTime) -> str:
        """Do it, and return what was done. Raises StepFailed and other GraceErrors."""
        ...

    def undo(self, undo: Mapping[str, Any], world: World, time: StepTime) -> str:
        """Take it back, and return what was done. Raises StepFailed and other GraceErrors."""
        ...


class SelfEnding:
    """A mixin for steps that leave nothing behind once ``run`` has returned or raised: ``undo`` is for a killed one."""


class Lasting:
    """A mixin for steps that cannot be taken back."""

    def prepare(self, arguments: Any, world: World) -> Mapping[str, Any] | None:
        """Nothing takes it back."""
        return None

    def undo(self, undo: Mapping[str, Any], world: World, time: StepTime) -> str:
        """Never called."""
        raise StepFailed("This step cannot be taken back.")
