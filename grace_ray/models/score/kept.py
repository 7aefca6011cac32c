"""The outcomes that are remembered: so that they may come late, twice, be revised or withdrawn, and be merged."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from grace_ray.core.errors import InvalidInput
from grace_ray.models.score.fold import Event

MAX_TIME_S = 1e11  # some 3,000 years: one wrong clock must not outlast all others


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What came of one piece of an agent's work.

    ``key`` names the outcome: the same key again replaces what it said before. ``kind`` is the type of task, ``task``
    the task itself where several agents may try the same ('' where that is not known). ``value`` 0..1 (partial 0.5);
    None withdraws. ``confidence`` 0..1 is what the agent said beforehand, None where it said nothing.
    """

    key: str
    agent: str
    kind: str = ""
    task: str = ""
    value: float | None
    at_s: float
    confidence: float | None = None


class Record(NamedTuple):
    """An outcome as it is kept; ``revision`` counts how often it was changed."""

    at_s: float
    agent: str
    kind: str
    task: str
    value: float | None
    confidence: float | None
    revision: int


class Kept:
    """Outcomes by (site, key). Those before ``since_s`` are gone for good."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], Record] = {}
        self.since_s = -math.inf
        self.latest_s = -math.inf

    def __len__(self) -> int:
        return len(self.records)

    def put(self, site: str, one: Judged) -> list[Event]:
        """Remember an outcome; return what there is to learn: nothing where it is known, or too late."""
        place = (site, one.key)
        old = self.records.get(place)
        if old is None:
            if one.value is None or one.at_s < self.since_s:
                return []
            self._add(place, Record(one.at_s, one.agent, one.kind, one.task, one.value, one.confidence, 0))
            return [Event(one.agent, one.kind, one.task, one.value, None, one.at_s, one.confidence)]
        record = Record(old.at_s, one.agent, one.kind, one.task, one.value, one.confidence, old.revision + 1)
        if one.value is None:
            record = old._replace(value=None, revision=old.revision + 1)
        if record[:-1] == old[:-1]:
            return []
        self._add(place, record)
        if record[1:4] == old[1:4]:
            return [_event(record, old.value)]
        gone = [] if old.value is None else [_event(old._replace(value=None), old.value)]
        return gone if record.value is None else [*gone, _event(record, None)]

    def take(self, place: tuple[str, str], record: Record) -> bool:
        """Remember what another remembers, where it is newer; tell whether it was."""
        old = self.records.get(place)
        if record.at_s < self.since_s or (old is not None and old.revision >= record.revision):
            return False
        self._add(place, record)
        return True

    def _add(self, place: tuple[str, str], record: Record) -> None:
        self.records[place] = record
        if record.at_s > self.latest_s:
            self.latest_s = record.at_s

    def events(self) -> list[Event]:
        """All of them in the one order that does not depend on how they came: by time, site and key."""
        return [_event(record, None) for _, record in self._ordered() if record.value is not None]

    def drop_oldest(self, count: int) -> list[Event]:
        """Forget the oldest; return them in order."""
        oldest = self._ordered()[:count]
        for place, record in oldest:
            del self.records[place]
            self.since_s = max(self.since_s, record.at_s)
        return [_event(record, None) for _, record in oldest if record.value is not None]

    def _ordered(self) -> list[tuple[tuple[str, str], Record]]:
        return sorted(self.records.items(), key=lambda item: (item[1].at_s, item[0]))

    def state(self) -> dict[str, Any]:
        """All that is kept, in JSON's types; texts that come again and again are told once."""
        names: dict[str, int] = {}
        rows = []
        for (site, key), record in self.records.items():
            texts = [names.setdefault(text, len(names)) for text in (site, record.agent, record.kind, record.task)]
            rows.append([key, *texts, record.at_s, record.value, record.confidence, record.revision])
        since, latest = (None if math.isinf(at_s) else at_s for at_s in (self.since_s, self.latest_s))
        return {"names": list(names), "rows": rows, "since_s": since, "latest_s": latest}

    @classmethod
    def read(cls, state: dict[str, Any]) -> "Kept":
        """What `state` gave."""
        made = cls()
        names = state["names"]
        for key, site, agent, kind, task, at_s, value, confidence, revision in state["rows"]:
            record = Record(at_s, names[agent], names[kind], names[task], value, confidence, revision)
            made.records[names[site], key] = record
        made.since_s, made.latest_s = (
            -math.inf if state[name] is None else state[name] for name in ("since_s", "latest_s")
        )
        return made


def checked(outcomes: Sequence[Judged]) -> list[Judged]:
    """The outcomes; InvalidInput naming the field where one is out of range."""
    found = []
    for one in outcomes:
        if one.value is not None and not 0 <= one.value <= 1:
            raise InvalidInput(f"The value of an outcome is in 0..1, not {one.value}.", "value")
        if one.confidence is not None and not 0 <= one.confidence <= 1:
            raise InvalidInput(f"A confidence is in 0..1, not {one.confidence}.", "confidence")
        if not abs(one.at_s) <= MAX_TIME_S:
            raise InvalidInput("The time of an outcome is not a finite number of seconds within reason.", "at_s")
        if not one.agent or not one.key:
            raise InvalidInput("An outcome needs a key and an agent.", "agent" if one.key else "key")
        found.append(one)
    return found


def _event(record: Record, old: float | None) -> Event:
    return Event(record.agent, record.kind, record.task, record.value, old, record.at_s, record.confidence)
