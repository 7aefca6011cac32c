"""What the agents of a workspace answer to the same questions: a model of confusions for each type of question."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from grace_ray.core.errors import NotFound, TooLarge
from grace_ray.decide.trust.sheet import Plain, answer_of, kind_of, moment
from grace_ray.models.score.confusion import TRUTH, Answer, ConfusionModel

_KINDS_MAX = 50


class Answers:
    """Models by type. A type whose answers are not of a few kinds has none: there is no confusion to learn."""

    def __init__(self) -> None:
        self._models: dict[str, ConfusionModel | None] = {}

    def learn(self, sheets: Sequence[Plain]) -> None:
        """Learn what sheets answer, and of approved ones that it is true; what is known changes nothing."""
        by_kind: dict[str, list[Answer]] = {}
        for sheet in sheets:
            by_kind.setdefault(kind_of(sheet), []).extend(_answers(sheet))
        for kind, answers in by_kind.items():
            if answers:
                self._learn(kind, answers)

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
        found: dict[str, float] = {}
        for model in self._models.values():
            for other, share in (model.copied(agent) if model else {}).items():
                found[other] = max(share, found.get(other, 0.0))
        return found

    def settle(self) -> None:
        """Revisit what is remembered, and look for copies."""
        for model in self._models.values():
            if model:
                model.settle()

    def models(self) -> Mapping[str, bytes]:
        """Return the models' states by type, empty for a type that has none."""
        return {kind: model.state() if model else b"" for kind, model in self._models.items()}

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Know what the one knew that gave these states."""
        self._models = {}
        for kind, state in states.items():
            model = self._models[kind] = ConfusionModel() if state else None
            if model:
                model.restore(state)


def _answers(sheet: Plain) -> Iterable[Answer]:
    question, answer = sheet.get("correlation_id", ""), answer_of(sheet)
    if question and answer is not None:
        yield Answer(question=question, agent=sheet["agent_id"], answer=answer, at_s=moment(sheet["created_at"]))
        if sheet.get("outcome") == "approved":
            yield Answer(question=question, agent=TRUTH, answer=answer, at_s=moment(sheet["evaluated_at"]))
