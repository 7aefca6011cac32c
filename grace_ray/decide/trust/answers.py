"""What the agents of a workspace answer to the same questions: a model of confusions for each type of question.

To learn an answer takes longer than all else that follows from an outcome, and few ask for a consensus. So answers
wait until there is time, or somebody asks.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from grace_ray.core.errors import NotFound, TooLarge
from grace_ray.decide.trust.sheet import Plain, answer_of, kind_of, moment
from grace_ray.models.score.confusion import TRUTH, Answer, ConfusionModel

_KINDS_MAX = 50
_WAITING_MAX = 20_000
_SLAB = 1000  # answers that are learned at once where too many wait


class Said(NamedTuple):
    """An answer that waits, of a type of question; see models.score.confusion.Answer."""

    kind: str
    question: str
    agent: str
    answer: str | None
    at_s: float


class Answers:
    """Models by type. A type whose answers are not of a few kinds has none: there is no confusion to learn."""

    def __init__(self) -> None:
        self._models: dict[str, ConfusionModel | None] = {}
        self._waiting: deque[Said] = deque()

    def hear(self, sheets: Iterable[Plain]) -> None:
        """Take what sheets answer, and of approved ones that it is true; what is known changes nothing."""
        for sheet in sheets:
            self._add(_said(sheet))
            self._add(_truth(sheet))

    def hear_outcomes(self, steps: Iterable[tuple[Plain, Plain]]) -> None:
        """Take what outcomes tell of the truth: (the sheet as it was, the sheet as it is now) of each."""
        for before, after in steps:
            is_taken_back = before.get("outcome") == "approved" != after.get("outcome")
            self._add(_truth(before, after["evaluated_at"]) if is_taken_back else _truth(after))

    def catch_up(self, most: int) -> int:
        """Learn up to ``most`` of the answers that wait, in the order in which they came; return how many."""
        by_kind: dict[str, list[Answer]] = {}
        said = list(islice(self._waiting, most))
        for kind, question, agent, answer, at_s in said:
            one = Answer(question=question, agent=agent, answer=answer, at_s=at_s)
            by_kind.setdefault(kind, []).append(one)
            self._waiting.popleft()
        for kind, answers in by_kind.items():
            self._learn(kind, answers)
        return len(said)

    def _add(self, said: Said | None) -> None:
        if said is not None and self._models.get(said.kind, said) is not None:
            self._waiting.append(said)
            if len(self._waiting) > _WAITING_MAX:
                self.catch_up(_SLAB)

    def _learn(self, kind: str, answers: Sequence[Answer]) -> None:
        if kind not in self._models and len(self._models) < _KINDS_MAX:
            self._models[kind] = ConfusionModel()
        model = self._models.get(kind)
        if model is None:
            return
        try:
            model.learn_many(answers)
        except TooLarge:
            self._models[kind] = None

    def consensus(self, kind: str, question: str) -> dict[str, Any] | None:
        """Return the likeliest answer with its probability; None where the type has no model, or no such question."""
        self.catch_up(len(self._waiting))
        model = self._models.get(kind)
        try:
            found = model.consensus(question) if model else None
        except NotFound:
            return None
        if found is None:
            return None
        shares = {answer: share for answer, share in found.probabilities.items() if share >= 0.001}
        return {
            "answer": found.answer,
            "probability": found.probability,
            "probabilities": shares,
            "answers": found.answers,
            "independent": found.independent,
        }

    def copied(self, agent: str) -> dict[str, float]:
        """Return the agents whose answers are too like this one's for both to be their own, with how far, 0-1."""
        self.catch_up(len(self._waiting))
        found: dict[str, float] = {}
        for model in self._models.values():
            for other, share in (model.copied(agent) if model else {}).items():
                found[other] = max(share, found.get(other, 0.0))
        return found

    def settle(self) -> None:
        """Learn what waits, revisit what is remembered, and look for copies."""
        self.catch_up(len(self._waiting))
        for model in self._models.values():
            if model:
                model.settle()

    def models(self) -> Mapping[str, bytes]:
        """Return the models' states by type, empty for a type that has none."""
        return {kind: model.state() if model else b"" for kind, model in self._models.items()}

    def waiting(self) -> list[Said]:
        """Return the answers that wait, which belong to the state, too."""
        return list(self._waiting)

    def restore(self, states: Mapping[str, bytes], waiting: Iterable[Sequence[Any]] = ()) -> None:
        """Know what the one knew that gave these states."""
        self._models, self._waiting = {}, deque(Said(*each) for each in waiting)
        for kind, state in states.items():
            model = self._models[kind] = ConfusionModel() if state else None
            if model:
                model.restore(state)


def _said(sheet: Plain) -> Said | None:
    question, answer = sheet.get("correlation_id", ""), answer_of(sheet)
    if not question or answer is None:
        return None
    return Said(kind_of(sheet), question, sheet["agent_id"], answer, moment(sheet["created_at"]))


def _truth(sheet: Plain, taken_back_at: str = "") -> Said | None:
    """Return that what was approved is true, or is that no longer; None where there is nothing to say."""
    question, answer = sheet.get("correlation_id", ""), answer_of(sheet)
    if not question or answer is None or sheet.get("outcome") != "approved":
        return None
    if taken_back_at:
        return Said(kind_of(sheet), question, TRUTH, None, moment(taken_back_at))
    return Said(kind_of(sheet), question, TRUTH, answer, moment(sheet["evaluated_at"]))
