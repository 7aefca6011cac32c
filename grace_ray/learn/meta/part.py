"""The meta-learner part: counts outcomes, says when a learning cycle is due, and keeps what the cycles find.

A cycle is a task that the host runs: the part gives it out, at most one of a workspace at a time, and takes its result.
What was given out, and is held by nobody any more, was cut off: it is marked so, and begun once more. All of it stands
in records, so its state is empty.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from grace_ray.core.entry import Entry
from grace_ray.core.errors import Conflict, InvalidInput, NotFound
from grace_ray.core.follower import NOTHING, Effects
from grace_ray.core.ids import derived_id
from grace_ray.core.recommendation import (
    CYCLE_ENDED,
    JUDGED,
    LEARNING_VIEW,
    RECOMMENDATIONS_VIEW,
    VALUES,
    LearningCycle,
)
from grace_ray.core.schedule import JOB_DUE, META_LEARNING, PATTERN_REFRESH, job_ended
from grace_ray.core.store import Reader, Record
from grace_ray.learn.meta.books import VIEW, Book, JobBook, Running, book_of, cycle_record, pattern_record
from grace_ray.learn.meta.cycle import REFRESH, Result
from grace_ray.learn.meta.drift import DRIFT_ODDS, drift_odds
from grace_ray.learn.meta.said import ended
from grace_ray.settings import MetaLearnerSettings

_LOOKBACK_MAX_DAYS = 3650.0
_ATTEMPTS = 2
_KEEP = 60  # cycles of a workspace
_PAUSE_S = 300.0  # at least, from the end of one cycle to the next that begins by itself
_PAUSE_SHARE = 20.0  # times as long as the cycle took
_CUT_OFF = "It was cut off, and is begun once more."


class Due(NamedTuple):
    """A cycle to be run now: ``cycle`` as it started, over so many days."""

    cycle: LearningCycle
    lookback_days: float


class MetaLearner:
    """See the module."""

    name = "meta_learner"
    follows = frozenset({"recommendation", "decision"})

    def __init__(self, settings: MetaLearnerSettings) -> None:
        self._settings = settings
        self._books: dict[str, Book] = {}
        self._jobs: dict[str, JobBook] = {}
        self._touched: set[str] = set()

    def restore(self, state: bytes | None, reader: Reader) -> None:
        """Start from the records as they stand."""
        self._reader = reader
        for record in reader.scan(VIEW):
            found = book_of(record)
            if isinstance(found, Book):
                self._books[found.workspace_id] = found
            else:
                self._jobs[found.due_id] = found
        self._touched = set(self._books)

    def state(self) -> bytes:
        """Return nothing: records hold it all."""
        return b""

    def relearn(self, entries: Sequence[Entry]) -> None:
        """Learn nothing: records are as new as the cursor."""

    def handle(self, entries: Sequence[Entry], now: datetime) -> Effects:
        """Count outcomes, and begin what the scheduler says is due."""
        effects = NOTHING
        changed: set[str] = set()
        for entry in entries:
            if entry.type == JUDGED and entry.body:
                changed |= self._count(orjson.loads(entry.body))
            elif entry.type == JOB_DUE and entry.subject in (META_LEARNING, PATTERN_REFRESH):
                effects += self._take_job(entry.subject, entry.id, now)
        self._touched |= changed
        return effects + Effects(records=[self._books[name].to_record() for name in sorted(changed)])

    def tick(self, now: datetime) -> Effects:
        """Begin the cycles that new outcomes, or a change of success, call for."""
        effects = NOTHING
        for name in sorted(self._touched):
            book = self._books[name]
            reason = _reason(book, self._settings)
            if reason and book.running is None:
                if not _has_paused(book, now):
                    continue
                effects += self._begun(book, reason, self._settings.lookback_days, now)
            self._touched.discard(name)
        return effects

    def operate(self, action: str, args: dict[str, Any], now: datetime) -> tuple[Effects, LearningCycle]:
        """Begin a cycle: ``trigger`` {workspace_id, trigger, lookback_days?, key?}; return it as it stands, running.

        Raises Conflict while the workspace has one, NotFound for a workspace without recommendations, InvalidInput.
        """
        if action != "trigger":
            raise InvalidInput(f"The meta-learner cannot {action}.", "action")
        workspace, days = str(args["workspace_id"]), args.get("lookback_days")
        days = self._settings.lookback_days if days is None else days
        if not isinstance(days, int | float) or not 0 < days <= _LOOKBACK_MAX_DAYS:
            raise InvalidInput(f"lookback_days must be above 0 and at most {_LOOKBACK_MAX_DAYS:g}.", "lookback_days")
        book = self._books.get(workspace) or self._met(workspace)
        key = str(args.get("key") or "")
        if book.running is not None:
            cycle = book.running.cycle
            if key and book.running.key == key:
                return NOTHING, cycle  # the same request again
            raise Conflict(f"The cycle {cycle.iteration_id} of {workspace} runs already.", "workspace_id")
        effects = self._begun(book, str(args.get("trigger") or "asked for"), float(days), now, key)
        assert book.running is not None
        return effects, book.running.cycle

    def should_trigger(self, workspace_id: str) -> dict[str, Any]:
        """Return {is_due, reason, new_outcomes, drift_odds, is_running} of a workspace. Raises NotFound."""
        book = self._books.get(workspace_id) or self._met(workspace_id)
        reason = _reason(book, self._settings)
        return {
            "is_due": bool(reason) and book.running is None,
            "reason": reason,
            "new_outcomes": book.count,
            "drift_odds": drift_odds(book.base, book.count, book.total),
            "is_running": book.running is not None,
        }

    def starts(self, now: datetime, held: frozenset[str], room: int) -> tuple[Effects, list[Due]]:
        """Give out up to ``room`` cycles that wait; ``held`` are the iterations that run."""
        effects = NOTHING
        due: list[Due] = []
        for book, running in self._open():
            if len(due) >= room:
                break
            if running.attempt == 0 and running.cycle.iteration_id not in held:
                running.attempt = 1
                running.cycle = replace(running.cycle, started_at=now)
                due.append(Due(running.cycle, running.lookback_days))
                effects += Effects(records=[cycle_record(running.cycle), book.to_record()])
        return effects, due

    def lost(self, now: datetime, held: frozenset[str]) -> tuple[Effects, list[str]]:
        """Mark the cycles that were given out and that nobody holds; return the iterations marked.

        Each is begun once more, as another iteration; the second time it has failed.
        """
        effects = NOTHING
        marked: list[str] = []
        for book, running in self._open():
            cycle = running.cycle
            if running.attempt == 0 or cycle.iteration_id in held:
                continue
            marked.append(cycle.iteration_id)
            if running.attempts_before + 1 >= _ATTEMPTS:
                effects += self.failed(cycle.iteration_id, "The cycle was cut off twice.", now)
                continue
            cut = replace(cycle, status="interrupted", completed_at=now, error=_CUT_OFF)
            book.cycles += 1
            again = _new_cycle(book, cycle.trigger, now)
            book.running = replace(running, cycle=again, attempt=0, attempts_before=running.attempts_before + 1)
            records = [cycle_record(cut), cycle_record(again), book.to_record()]
            effects += Effects(facts=[ended(cut, now)], records=records)
        return effects, marked

    def finished(self, iteration_id: str, result: Result, now: datetime) -> Effects:
        """Take what a cycle has found; of one that is not under way, nothing."""
        book = self._running_as(iteration_id)
        if book is None:
            return NOTHING
        began = result.cycle.started_at
        took_s = max((now - began).total_seconds(), 0.0)
        cycle = replace(result.cycle, completed_at=now, processing_time_seconds=took_s)
        patterns = [pattern_record(pattern) for pattern in result.kept]
        patterns += [pattern_record(pattern)._replace(body=None) for pattern in result.dropped]
        book.base, book.patterns = result.base, len(result.kept)
        return self._ended(book, cycle, now) + Effects(
            records=[*patterns, *self._too_many(book.workspace_id)], facts=[ended(cycle, now)]
        )

    def failed(self, iteration_id: str, error: str, now: datetime) -> Effects:
        """Take the end of a cycle that found nothing, for a reason."""
        book = self._running_as(iteration_id)
        if book is None or book.running is None:
            return NOTHING
        took_s = max((now - book.running.cycle.started_at).total_seconds(), 0.0)
        cycle = replace(
            book.running.cycle, status="failed", error=error, completed_at=now, processing_time_seconds=took_s
        )
        return self._ended(book, cycle, now) + Effects(facts=[ended(cycle, now)])

    def _count(self, plain: dict[str, Any]) -> set[str]:
        value = VALUES.get(plain.get("outcome", ""))
        if value is None:
            return set()
        workspace = plain["workspace_id"]
        book = self._books.setdefault(workspace, Book(workspace_id=workspace))
        book.count += 1
        book.total += value
        return {workspace}

    def _met(self, workspace: str) -> Book:
        """Return the book of a workspace that nothing was judged in yet. Raises NotFound where there is none."""
        if "/" in workspace or not self._reader.cells(
            RECOMMENDATIONS_VIEW, ("key",), workspace, float("-inf"), float("inf"), 1
        ):
            raise NotFound(f"There is no workspace {workspace[:100]}.", "workspace_id")
        return self._books.setdefault(workspace, Book(workspace_id=workspace))

    def _begun(self, book: Book, trigger: str, days: float, now: datetime, key: str = "") -> Effects:
        book.cycles += 1
        cycle = _new_cycle(book, trigger, now)
        book.running = Running(cycle=cycle, lookback_days=days, key=key, counted=book.count, summed=book.total)
        return Effects(records=[cycle_record(cycle), book.to_record()])

    def _take_job(self, job: str, due_id: str, now: datetime) -> Effects:
        """Begin a cycle in each workspace that needs the job; one that runs already serves it, too."""
        if due_id in self._jobs:
            return NOTHING
        needing = [
            book
            for _, book in sorted(self._books.items())
            if (book.patterns if job == PATTERN_REFRESH else book.count or not book.base)
        ]
        if not needing:
            why = "no workspace has patterns" if job == PATTERN_REFRESH else "no workspace has new outcomes"
            return Effects(facts=[job_ended(job, due_id, self.name, now, "completed", why)])
        effects = NOTHING
        trigger = REFRESH if job == PATTERN_REFRESH else "scheduled"
        for book in needing:
            if book.running is None:
                effects += self._begun(book, trigger, self._settings.lookback_days, now)
            assert book.running is not None
            book.running.dues = [*book.running.dues, due_id]
            effects += Effects(records=[book.to_record()])
        kept = JobBook(job=job, due_id=due_id, waiting=[book.workspace_id for book in needing])
        self._jobs[due_id] = kept
        return effects + Effects(records=[kept.to_record()])

    def _ended(self, book: Book, cycle: LearningCycle, now: datetime) -> Effects:
        """Close the cycle of a workspace: outcomes that it could see are no longer new, and jobs hear of it."""
        running = book.running
        assert running is not None
        if cycle.status == "completed":
            book.count, book.total = max(book.count - running.counted, 0), max(book.total - running.summed, 0.0)
        book.running, book.ended_at, book.took_s = None, now, cycle.processing_time_seconds or 0.0
        self._touched.add(book.workspace_id)
        effects = Effects(records=[cycle_record(cycle), book.to_record()])
        for due_id in running.dues:
            if due_id in self._jobs:
                effects += self._served(self._jobs[due_id], cycle, now)
        return effects

    def _served(self, job: JobBook, cycle: LearningCycle, now: datetime) -> Effects:
        job.waiting = [name for name in job.waiting if name != cycle.workspace_id]
        if cycle.status == "completed":
            job.completed += 1
        else:
            job.failed = [*job.failed, f"{cycle.workspace_id}: {cycle.error}"]
        effects = Effects(records=[job.to_record()])
        if job.waiting:
            return effects
        del self._jobs[job.due_id]
        done = "; ".join([f"{job.completed} workspaces", *job.failed])
        status: Any = "failed" if job.failed else "completed"
        return effects + Effects(facts=[job_ended(job.job, job.due_id, self.name, now, status, done)])

    def _too_many(self, workspace: str) -> list[Record]:
        """Return the deletions of a workspace's oldest cycles."""
        page = self._reader.records(LEARNING_VIEW, workspace, _KEEP + 20)
        return [record._replace(body=None) for record in page.items[_KEEP:]]

    def _open(self) -> Iterator[tuple[Book, Running]]:
        """Yield the workspaces with a cycle under way, the longest waiting first."""
        books = [(book, book.running) for book in self._books.values() if book.running is not None]
        yield from sorted(books, key=lambda each: (each[1].cycle.started_at, each[0].workspace_id))

    def _running_as(self, iteration_id: str) -> Book | None:
        return next((book for book, running in self._open() if running.cycle.iteration_id == iteration_id), None)


def _reason(book: Book, settings: MetaLearnerSettings) -> str:
    """Return why a workspace wants a cycle; "" where it does not."""
    if book.count >= settings.trigger_outcomes:
        return "outcomes"
    return "drift" if drift_odds(book.base, book.count, book.total) >= DRIFT_ODDS else ""


def _has_paused(book: Book, now: datetime) -> bool:
    if book.ended_at is None:
        return True
    return (now - book.ended_at).total_seconds() >= max(_PAUSE_S, _PAUSE_SHARE * book.took_s)


def _new_cycle(book: Book, trigger: str, now: datetime) -> LearningCycle:
    iteration = derived_id(now, CYCLE_ENDED, book.workspace_id, str(book.cycles))
    return LearningCycle(
        workspace_id=book.workspace_id, iteration_id=iteration, trigger=trigger, status="running", started_at=now
    )
