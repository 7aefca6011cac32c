"""Runbooks: the user's own instructions, searched first and read whole: the answer is seldom where the words are."""

from collections.abc import Sequence
from dataclasses import replace

from grace_ray.act.missions.strategies.exploration import Found, failed, found, nearest, relevant
from grace_ray.act.missions.strategies.query import home_query
from grace_ray.core.document import Hit
from grace_ray.core.errors import GraceError
from grace_ray.core.mission import Question
from grace_ray.core.ports import Budget, KnowledgePort

RUNBOOKS = frozenset({"runbook"})
SEARCHED = 3
READ_WHOLE = 2
PASSAGES_MAX = 30


class RunbookStrategy:
    """Finds the SEARCHED best runbooks; the first READ_WHOLE of them are read from end to end."""

    name = "runbooks"

    def __init__(self, knowledge: KnowledgePort) -> None:
        self._knowledge = knowledge

    def explore(self, question: Question, budget: Budget) -> Found:
        """Return the passages of the runbooks that match."""
        try:
            searched = self._knowledge.search(home_query(question), SEARCHED, RUNBOOKS)
            hits = relevant(searched)
            passages = [passage for place, hit in enumerate(hits) for passage in self._read(hit, place, budget)]
        except GraceError as error:
            return failed(self.name, error)
        return found(self.name, passages, _told(searched, hits))

    def _read(self, hit: Hit, place: int, budget: Budget) -> list[Hit]:
        if place >= READ_WHOLE or budget.remaining_s() <= 0 or budget.is_cancelled():
            return [hit]
        whole = self._knowledge.passages(hit.source)[:PASSAGES_MAX]
        others = [
            replace(passage, score=hit.score, relevance=hit.relevance, reasons=hit.reasons)
            for passage in whole
            if passage.passage_id != hit.passage_id
        ]
        return [hit, *others]


def _told(searched: Sequence[Hit], hits: Sequence[Hit]) -> str:
    if hits:
        return f"Best runbooks: {', '.join(hit.title for hit in hits)}."
    if searched:
        return f"No runbook is about this. {nearest(searched)}"
    return "No runbook matches; name folders with knowledge.runbooks."
