"""Grace's metrics of itself and its host, as samples: what config/metrics_catalog.yaml describes is read here."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import orjson
import psutil

from grace_ray.core.sample import Sample
from grace_ray.core.store import Reader
from grace_ray.sense.collectors.host import disk_shares
from grace_ray.sense.collectors.probe import Face, Probe

_MIB = 2**20
_RECENT = timedelta(hours=1)
_PAGE = 500
_ENDED = ("completed", "failed", "timed_out")
_OPEN_CLUSTERS = ("open", "acknowledged")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeFigures:
    """One look at the runtime's parts: by part how long it has not answered or not moved on (s), and its memory (MiB).

    ``lag`` is of the part that is furthest behind, in journal entries; ``backlog`` counts events that triage has not
    taken; ``search_ms`` is None where the knowledge is switched off, ``face`` where the HTTP face was not asked.
    """

    silence_s: Mapping[str, float] = field(default_factory=dict)
    resident_mib: Mapping[str, float] = field(default_factory=dict)
    not_ready: int = 0
    lag: int = 0
    backlog: int = 0
    search_ms: float | None = None
    face: Probe | None = None


class Silence:
    """Says how long each part has given no sign of life: no answer, or behind the journal without moving on."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[float, int, int]] = {}

    def of(self, part: str, cursor: int | None, head: int, now_s: float) -> float:
        """Return the seconds since the last sign of life, by a clock (``now_s``) that never goes back.

        ``cursor`` is how far the part has read the journal, whose last entry is ``head``; None where it gave no answer.

        >>> silence = Silence()
        >>> [silence.of("triage", 5, head, now_s) for head, now_s in ((5, 0.0), (9, 10.0), (9, 40.0))]
        [0.0, 0.0, 30.0]
        """
        alive_s, cursor_before, head_before = self._seen.get(part, (now_s, -1, 0))
        if cursor is not None and (cursor != cursor_before or cursor >= head_before):
            alive_s = now_s
        self._seen[part] = (alive_s, cursor_before if cursor is None else cursor, head)
        return now_s - alive_s


class MetricsCollector:
    """Reads host and store, and makes samples of that and of what is known of the parts.

    A metric is read every ``interval_s`` seconds, or as often as ``intervals_s`` says for its id where that is less.
    ``cpu_times`` returns (busy, total) seconds of all cores so far.
    """

    def __init__(
        self,
        reader: Reader,
        interval_s: float,
        intervals_s: Mapping[str, float],
        cpu_times: Callable[[], tuple[float, float]] | None = None,
    ) -> None:
        self._reader = reader
        self._interval_s = interval_s
        self._intervals_s = intervals_s
        self._cpu_times = cpu_times or read_cpu_times
        self._cpu_before = self._cpu_times()
        self._events_before: tuple[int, datetime] | None = None
        self._read_at: dict[str, datetime] = {}
        self._face = Face(reader, interval_s)

    @property
    def interval_s(self) -> float:
        """How often ``collect`` is to be called: the shortest of the intervals."""
        return min([self._interval_s, *self._intervals_s.values()])

    def collect(self, runtime: RuntimeFigures, now: datetime) -> list[Sample]:
        """Return the samples of those metrics that are due. Raises StoreUnavailable."""
        face = self._face.values(runtime.face, now) if runtime.face else {}
        found = [*self._host(), *self._store(now), *_of_parts(runtime), *((name, face[name], {}) for name in face)]
        return [
            Sample(metric=metric, value=float(value), at=now, labels=labels)
            for metric, value, labels in found
            if self._is_due(metric, now)
        ]

    def _is_due(self, metric: str, now: datetime) -> bool:
        read_at = self._read_at.get(metric)
        every_s = min(self._interval_s, self._intervals_s.get(metric, self._interval_s))
        # As much early as late: the caller's clock is not exact, and a reading must not slip to the next round.
        if read_at is not None and read_at != now and (now - read_at).total_seconds() < every_s - self.interval_s / 2:
            return False
        self._read_at[metric] = now
        return True

    def _host(self) -> Iterator["_Found"]:
        busy, total = self._cpu_times()
        busy_before, total_before = self._cpu_before
        if total > total_before:
            self._cpu_before = busy, total
            yield "infra.cpu_utilization", _percent(busy - busy_before, total - total_before), {}
        yield "infra.memory_utilization", psutil.virtual_memory().percent, {}
        yield "infra.disk_utilization", 100 * max(disk_shares().values(), default=0.0), {}

    def _store(self, now: datetime) -> Iterator["_Found"]:
        reader = self._reader
        missions = reader.count("missions")
        yield "executor.queue_depth", missions.get("pending", 0), {}
        yield "executor.longest_wait", self._longest_wait_s(now) if missions.get("pending") else 0.0, {}
        ended = [self._ended(status, now) for status in _ENDED]
        completed, count = len(ended[0]), sum(map(len, ended))
        yield "autonomy.plan_success_rate", _percent(completed, count) if count else 100.0, {}
        yield "learning.mission_duration", sum(map(sum, ended)) / count if count else 0.0, {}
        yield "infra.store_size", reader.size_bytes() / _MIB, {}
        clusters = reader.count("clusters")
        yield "trigger.active_clusters", sum(clusters.get(status, 0) for status in _OPEN_CLUSTERS), {}
        yield from self._event_rate(now)

    def _event_rate(self, now: datetime) -> Iterator["_Found"]:
        head, before = self._reader.head(), self._events_before
        self._events_before = head, now
        if before is None or now <= before[1]:
            return
        events = self._reader.count_entries("event", before[0], head)
        yield "trigger.event_rate", events / (now - before[1]).total_seconds(), {}

    def _longest_wait_s(self, now: datetime) -> float:
        after, oldest_s = None, now.timestamp()
        while True:
            page = self._reader.records("missions", "pending", _PAGE, after)
            oldest_s = min([oldest_s, *(record.rank for record in page.items)])  # by rank: when they were made
            if (after := page.next) is None:
                return now.timestamp() - oldest_s

    def _ended(self, status: str, now: datetime) -> list[float]:
        """Return the durations (s) of the newest missions that came to this end within the last hour."""
        durations: list[float] = []
        for record in self._reader.records("missions", status, _PAGE).items:
            mission = orjson.loads(record.body or b"{}")
            if not mission.get("ended_at"):
                continue
            ended = datetime.fromisoformat(mission["ended_at"])
            if now - ended <= _RECENT:
                began = datetime.fromisoformat(mission.get("started_at") or mission["created_at"])
                durations.append(max((ended - began).total_seconds(), 0.0))
        return durations


_Found = tuple[str, float, Mapping[str, str]]


def read_cpu_times() -> tuple[float, float]:
    """Return the (busy, total) CPU seconds of this host so far."""
    times = psutil.cpu_times()
    total = times.user + times.system + times.idle + sum(getattr(times, name, 0.0) for name in _OTHER_TIMES)
    return total - times.idle - getattr(times, "iowait", 0.0), total


_OTHER_TIMES = ("nice", "iowait", "irq", "softirq", "steal")  # guest time is part of user time already


def read_resident_mib() -> float:
    """Return the resident memory of this process in MiB."""
    return float(psutil.Process().memory_info().rss / _MIB)


def _of_parts(runtime: RuntimeFigures) -> Iterator[_Found]:
    yield "executor.journal_lag", runtime.lag, {}
    yield "executor.parts_not_ready", runtime.not_ready, {}
    yield "trigger.backlog", runtime.backlog, {}
    for part, silent_s in runtime.silence_s.items():
        yield "executor.part_silence", silent_s, {"part": part}
    for part, resident_mib in runtime.resident_mib.items():
        yield "infra.process_memory", resident_mib, {"part": part}
    if runtime.search_ms is not None:
        yield "learning.search_latency", runtime.search_ms, {}


def _percent(part: float, whole: float) -> float:
    return min(max(100.0 * part / whole, 0.0), 100.0)
