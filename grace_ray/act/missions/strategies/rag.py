"""RAG: the passages that answer best in all that Grace knows already, whatever they came from."""

from grace_ray.act.missions.strategies.exploration import Found, failed, found, nearest, relevant
from grace_ray.act.missions.strategies.query import home_query
from grace_ray.core.errors import GraceError
from grace_ray.core.mission import Question
from grace_ray.core.ports import Budget, KnowledgePort


class RagStrategy:
    """Asks for the ``top_k`` best passages."""

    name = "rag"

    def __init__(self, knowledge: KnowledgePort, top_k: int = 5) -> None:
        self._knowledge = knowledge
        self._top_k = top_k

    def explore(self, question: Question, budget: Budget) -> Found:
        """Return what is known."""
        try:
            searched = self._knowledge.search(home_query(question), self._top_k)
        except GraceError as error:
            return failed(self.name, error)
        hits = relevant(searched)
        detail = (
            f"{len(hits)} passages of what is known." if hits else f"Nothing known is about this. {nearest(searched)}"
        )
        return found(self.name, hits, detail.strip())
