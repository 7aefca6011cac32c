"""The runner: carries out the steps of one run, each within its time, and takes back what went wrong.

Everything is recorded through a Recorder before and after each effect; what it has not been allowed to begin is not
done. A step runs in a thread of its own: one that overstays its time by ``_OVERSTAY_S`` is left behind, and may do
nothing further, for every effect asks its StepTime first.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from grace_ray.act.playbooks.catalog import arguments_of
from grace_ray.act.playbooks.kinds import KINDS
from grace_ray.act.playbooks.step import NothingToDo, SelfEnding, StepTime, StepTimedOut, World
from grace_ray.core.errors import GraceError
from grace_ray.core.playbook import Playbook, Run, Step, StepResult

_OVERSTAY_S = 3.0
_UNDO_S = 60.0
_DETAIL_MAX = 4000


class Recorder(Protocol):
    """Where a run's course is made durable; each call returns once it is. False: go no further."""

    def begins(self, index: int, undo: Mapping[str, Any] | None) -> bool:
        """Record that a step is about to begin, and what would take it back."""
        ...

    def ended(self, index: int, result: StepResult) -> bool:
        """Record how a step went; False where the run goes no further."""
        ...

    def undone(self, index: int, detail: str, is_done: bool) -> None:
        """Record that a step was taken back, or could not be."""
        ...

    def finished(self) -> None:
        """Record that the run is over."""
        ...


class Runner:
    """``clock`` gives monotonic seconds."""

    def __init__(self, world: World, clock: Callable[[], float] = time.monotonic) -> None:
        self._world = world
        self._clock = clock

    def run(self, run: Run, playbook: Playbook, recorder: Recorder, stop: threading.Event) -> None:
        """Carry out every step; where one fails, take back those that were done. ``stop`` ends it early."""
        world = replace(self._world, run_id=run.run_id)
        ends_at = self._clock() + playbook.timeout_s
        for index, step in enumerate(playbook.steps):
            limit_s = min(step.timeout_s, ends_at - self._clock())
            result = self._step(run, step, world, limit_s, stop, partial(recorder.begins, index))
            if result is None:  # it may not begin: the run is somebody else's, or was cancelled
                break
            if not recorder.ended(index, result):
                break
        else:
            return

    def dry(self, run: Run, playbook: Playbook) -> list[StepResult]:
        """Return what each step would do."""
        world = replace(self._world, run_id=run.run_id)
        return [self._planned(run, step, world) for step in playbook.steps]

    def undo(self, run: Run, recorder: Recorder) -> None:
        """Take back the steps that have something to take back, last first; one that fails does not stop the others."""
        world = replace(self._world, run_id=run.run_id)
        for index in range(len(run.steps) - 1, -1, -1):
            result = run.steps[index]
            if not result.undo or result.status == "undone":
                continue
            undo = partial(KINDS[result.kind].undo, result.undo, world)
            undone = self._timed(result.kind, _UNDO_S, threading.Event(), undo)
            recorder.undone(index, undone.detail, undone.status == "done")
        recorder.finished()

    def _step(
        self,
        run: Run,
        step: Step,
        world: World,
        limit_s: float,
        stop: threading.Event,
        begins: Callable[[Mapping[str, Any] | None], bool],
    ) -> StepResult | None:
        """Prepare a step, record that it begins, and do it; None where it may not begin."""
        kind = KINDS[step.kind]
        noted: dict[str, Any] = {}

        def prepare(time: StepTime) -> str:
            noted["arguments"] = arguments_of(step, run.parameters)
            noted["undo"] = kind.prepare(noted["arguments"], world) if step.undo else None
            return ""

        prepared = self._timed(step.kind, limit_s, stop, prepare)
        undo = noted.get("undo")
        if not begins(undo):
            return None
        if prepared.status != "done":
            return prepared
        done = self._timed(
            step.kind, limit_s - prepared.duration_s, stop, lambda time: kind.run(noted["arguments"], world, time)
        )
        left = {} if isinstance(kind, SelfEnding) else undo  # nothing: no longer what it was to begin with
        return replace(done, undo=left, duration_s=round(done.duration_s + prepared.duration_s, 3))

    def _planned(self, run: Run, step: Step, world: World) -> StepResult:
        kind = KINDS[step.kind]
        planned = self._timed(
            step.kind,
            step.timeout_s,
            threading.Event(),
            lambda _: kind.plan(arguments_of(step, run.parameters), world),
        )
        return replace(planned, status="skipped" if planned.status == "done" else planned.status)

    def _timed(self, kind: str, limit_s: float, stop: threading.Event, work: Callable[[StepTime], str]) -> StepResult:
        """Do ``work`` in a thread, and return how it went once it ends, or has overstayed its time."""
        began, limit = self._clock(), StepTime(max(limit_s, 0.0), self._clock)
        outcome: list[StepResult] = []

        def do() -> None:
            outcome.append(_outcome(kind, work, limit))

        thread = threading.Thread(target=do, name=f"step-{kind}", daemon=True)
        thread.start()
        ends_at = began + limit_s + _OVERSTAY_S
        while thread.is_alive() and self._clock() < ends_at:
            if stop.is_set():
                limit.stop()
                ends_at = min(ends_at, self._clock() + _OVERSTAY_S)
            thread.join(min(0.05, max(ends_at - self._clock(), 0.0)))
        limit.stop()
        took_s = round(self._clock() - began, 3)
        if not outcome:
            detail = f"It did not end within {round(limit_s, 1):g} s, nor when it was told to."
            return StepResult(kind=kind, status="timed_out", detail=detail, duration_s=took_s)
        return replace(outcome[0], duration_s=took_s)


def _outcome(kind: str, work: Callable[[StepTime], str], limit: StepTime) -> StepResult:
    try:
        return StepResult(kind=kind, status="done", detail=work(limit)[:_DETAIL_MAX])
    except NothingToDo as error:
        return StepResult(kind=kind, status="skipped", detail=str(error)[:_DETAIL_MAX])
    except StepTimedOut as error:
        return StepResult(kind=kind, status="timed_out", detail=str(error)[:_DETAIL_MAX])
    except GraceError as error:
        status = "failed" if _has_time(limit) else "timed_out"
        return StepResult(kind=kind, status=status, detail=str(error)[:_DETAIL_MAX])
    except Exception as error:  # noqa: BLE001 - a failed step becomes an outcome, whatever failed
        return StepResult(kind=kind, status="failed", detail=f"{type(error).__name__}: {error}"[:_DETAIL_MAX])


def _has_time(limit: StepTime) -> bool:
    try:
        limit.left()
    except StepTimedOut:
        return False
    return True
