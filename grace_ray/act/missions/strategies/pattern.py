"""Pattern analysis: the cluster's own past. What preceded it, who resolved it and how, which mission helped."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from grace_ray.act.missions.ledger import VIEW, from_record
from grace_ray.act.missions.strategies.exploration import Found, failed, found
from grace_ray.act.missions.strategies.precursors import precursors
from grace_ray.core.clock import from_us, to_text
from grace_ray.core.document import Hit
from grace_ray.core.entry import Entry
from grace_ray.core.errors import GraceError
from grace_ray.core.mission import Mission, Question
from grace_ray.core.ports import Budget
from grace_ray.core.store import EntryFilter, Reader

HISTORY_MAX = 50
ONSETS_MAX = 8
HELPED_MAX = 2
_FINDINGS = frozenset({"finding"})
_ONSETS = ("cluster.created", "cluster.reopened")


class PatternStrategy:
    """Reads the journal and the records; every sentence cites the journal entry that it rests on."""

    name = "pattern"

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def explore(self, question: Question, budget: Budget) -> Found:
        """Return what the cluster's history says; nothing without a cluster."""
        key = str(question.cluster.get("cluster_key") or "")
        if not key:
            return found(self.name, (), "The mission is about no cluster.")
        try:
            hits = self._history(key, question, budget)
            detail = f"{len(hits)} observations in the history of {key}.{self._shape(key, question)}"
        except GraceError as error:
            return failed(self.name, error)
        return found(self.name, hits, detail)

    def _history(self, key: str, question: Question, budget: Budget) -> list[Hit]:
        findings = self._reader.latest(HISTORY_MAX, EntryFilter(kinds=_FINDINGS, subject=key))
        onsets = [entry for entry in findings if entry.type in _ONSETS][:ONSETS_MAX]
        hits = [*self._helped_before(key, question), *self._resolutions(key, findings, question)]
        if budget.remaining_s() > 0 and not budget.is_cancelled():
            for precursor in precursors(self._reader, onsets):
                sure = 0.5 + 0.4 * precursor.count / (precursor.count + 2)
                hits.append(_hit(key, "Cause", precursor.sentence(), precursor.seq, sure, question))
        return hits

    def _helped_before(self, key: str, question: Question) -> list[Hit]:
        """Return the statements of earlier missions of this cluster after which the trouble stayed away."""
        ended = EntryFilter(kinds=frozenset({"mission"}), type="mission.completed", trace=key)
        missions: list[Mission] = []
        for entry in self._reader.latest(HISTORY_MAX, ended):
            record = self._reader.record(VIEW, entry.subject)
            if record and (mission := from_record(record)).helped:
                missions.append(mission)
        return [
            Hit(
                passage_id=statement.id,
                text=statement.text,
                title=statement.title or f"History of {key}",
                heading="Mitigation",
                source=statement.source,
                origin=self.name,
                topic=statement.topic,
                score=1.0,
                confidence=statement.confidence,
                learned_from=f"mission {mission.mission_id}",
                at=statement.at,
                mission_id=mission.mission_id,
                reasons=("A mission with this knowledge helped before.",),
            )
            for mission in missions[:HELPED_MAX]
            for statement in mission.knowledge_acquired[:HELPED_MAX]
        ]

    def _resolutions(self, key: str, findings: Sequence[Entry], question: Question) -> list[Hit]:
        """Return how the cluster was resolved before, with what people noted."""
        resolve = EntryFilter(kinds=frozenset({"decision"}), type="operator.resolve", subject=key)
        words = [(entry, entry.content()) for entry in self._reader.latest(HISTORY_MAX, resolve)]
        hits = [
            _hit(key, "Mitigation", _resolved_by_hand(entry, body), entry.seq, 0.85, question)
            for entry, body in words
            if body.get("note")
        ]
        recovered = [e for e in findings if e.type == "cluster.resolved" and _by(e).startswith("recovery")]
        if recovered:
            told = (
                f"It recovered by itself {len(recovered)} times, last at {_time(recovered[0])} ({_by(recovered[0])})."
            )
            hits.append(_hit(key, "Mitigation", told, recovered[0].seq, 0.7, question))
        return hits[:4]

    def _shape(self, key: str, question: Question) -> str:
        """Return where the events come from: worth a line in the report, no knowledge that would resolve anything."""
        record = self._reader.record("clusters", key)
        cluster: Mapping[str, Any] = json.loads(record.body) if record and record.body else question.cluster
        sources: Mapping[str, int] = cluster.get("sources") or {}
        if not sources:
            return ""
        name, count = max(sources.items(), key=lambda item: (item[1], item[0]))
        return f" {count} of {sum(sources.values())} events come from {name}."


def _hit(key: str, heading: str, text: str, seq: int, confidence: float, question: Question) -> Hit:
    return Hit(
        passage_id=f"journal:{seq}:{heading}",
        text=text,
        title=f"History of {key}",
        heading=heading,
        source=f"journal:{seq}",
        origin="pattern",
        topic=question.topic,
        score=0.5,
        confidence=confidence,
        learned_from="pattern analysis",
    )


def _resolved_by_hand(entry: Entry, body: Mapping[str, Any]) -> str:
    note = " ".join(str(body["note"]).split())[:300]
    return f"{body.get('by', 'A person')} resolved it at {_time(entry)}, noting: {note}"


def _by(entry: Entry) -> str:
    return str(entry.content().get("by") or "")


def _time(entry: Entry) -> str:
    return to_text(from_us(entry.at_us))
