"""A mission worker: carries out one mission at a time in a thread, and keeps the result until the launcher has it."""

import os
import threading
import time
from collections.abc import Sequence
from typing import Any

import ray

from actors.handles import part_of
from grace_ray import wiring
from grace_ray.act.missions.budget import MissionBudget
from grace_ray.core.clock import utc_now
from grace_ray.core.document import Document, Hit
from grace_ray.core.jsonable import from_plain, to_plain
from grace_ray.core.mission import Mission
from grace_ray.settings import Settings

_LAUNCHER_SILENT_S = 60.0
_NICENESS = 10  # of a mission's thread alone: what comes in is taken before what came in is pondered


class KnowledgeClient:
    """The knowledge actor as a strategy sees it (core.ports.KnowledgePort)."""

    def __init__(self, settings: Settings) -> None:
        self._part = part_of(settings, "knowledge")

    def search(self, query: str, k: int = 5, origins: frozenset[str] = frozenset()) -> list[Hit]:
        """Return the best passages."""
        hits: list[Hit] = self._part.call_blocking("search", query, k, origins)
        return hits

    def passages(self, source: str) -> list[Hit]:
        """Return every passage of one source, in order."""
        hits: list[Hit] = self._part.call_blocking("passages", source)
        return hits

    def add(self, documents: Sequence[Document]) -> int:
        """Index documents; return how many were new or changed."""
        plain = {"documents": to_plain(documents)}
        return int(self._part.call_blocking("operate", "add", plain)["added"])


class MissionWorkerActor:
    """Runs missions that the launcher starts; the launcher asks for news, nobody is called back.

    A worker that has not been asked for a minute takes it that its launcher has lost it, and stops its mission: a
    lease ends on both sides.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._mission_id = ""
        self._attempt = 0
        self._cancelled = threading.Event()
        self._news = threading.Condition()
        self._reports: list[Any] = []
        self._result: dict[str, Any] | None = None
        self._asked_at = time.monotonic()

    @ray.method(concurrency_group="health")
    def ping(self) -> bool:
        """Answer, so that the launcher knows that this process lives."""
        return True

    def start(self, mission: dict[str, Any], attempt: int, strategies: list[str]) -> bool:
        """Begin a mission; True where it runs now (also where this very attempt ran already), False where busy."""
        with self._news:
            if (self._mission_id, self._attempt) == (mission["mission_id"], attempt):
                return True
            if self._mission_id and self._result is None:
                return False
            self._mission_id, self._attempt = mission["mission_id"], attempt
            self._cancelled, self._reports, self._result = threading.Event(), [], None
            self._asked_at = time.monotonic()
        run = threading.Thread(target=self._carry_out, args=(from_plain(Mission, mission), strategies), daemon=True)
        run.start()
        return True

    @ray.method(concurrency_group="news")
    def news(self, mission_id: str, attempt: int, known: int, wait_s: float) -> dict[str, Any]:
        """Return {state, reports, result?} of an attempt; waits up to ``wait_s`` for more than ``known`` reports.

        ``state`` is running, done or unknown (this worker does not have that attempt).
        """
        with self._news:
            self._asked_at = time.monotonic()
            if (self._mission_id, self._attempt) != (mission_id, attempt):
                return {"state": "unknown", "reports": []}
            self._news.wait_for(lambda: self._result is not None or len(self._reports) > known, wait_s)
            reports = to_plain(self._reports[known:])
            if self._result is None:
                return {"state": "running", "reports": reports}
            return {"state": "done", "reports": reports, **self._result}

    @ray.method(concurrency_group="health")
    def cancel(self, mission_id: str) -> None:
        """Stop a mission as soon as it looks."""
        if self._mission_id == mission_id:
            self._cancelled.set()

    def _carry_out(self, mission: Mission, strategies: list[str]) -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        budget = MissionBudget(self._settings.missions.timeout_s, time.monotonic, self._must_stop)
        try:
            runner = wiring.build_runner(self._settings, KnowledgeClient(self._settings), utc_now)
            findings = runner.run(mission, strategies, budget, self._note)
            result: dict[str, Any] = {"findings": to_plain(findings)}
        except Exception as error:  # noqa: BLE001 - a failed task becomes an outcome, whatever failed
            result = {"error": f"{type(error).__name__}: {error}"}
        with self._news:
            if self._is_forsaken():  # what came of it is not the mission's end: it has to run again
                self._mission_id = ""
            self._result = result
            self._news.notify_all()

    def _must_stop(self) -> bool:
        return self._cancelled.is_set() or self._is_forsaken()

    def _is_forsaken(self) -> bool:
        return time.monotonic() - self._asked_at > _LAUNCHER_SILENT_S

    def _note(self, report: Any) -> None:
        with self._news:
            self._reports.append(report)
            self._news.notify_all()
