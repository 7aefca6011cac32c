"""What is true, from what several agents answer: each agent's confusion by class, learned without knowing the truth.

Dawid and Skene (1979), one answer at a time: what is believed of a question, given its answers, counts towards the
confusions of those who answered (Dirichlet counts, each agent's drawn towards the fleet's), and these weigh the next
answers. So one that is right on some classes only counts there, one that always says the same counts for nothing, and
one that copies another counts with it as one (`copying`), where that can be told. The arithmetic is in `dawid_skene`;
here is what is remembered, and when.

An answer touches only its question and those who answered it. After every eighth more of answers, where somebody asks
after every 32nd, `settle` revisits what is remembered (the newest ``max_questions``) as batch Dawid-Skene does: so this
is one pass with a bounded memory, not one without. Settled beliefs are a function of the remembered answers alone, so
merging is exact: two models that merge settle to what one settles to that was told all. What is older stays in the
counts of the one that learned it, and can no longer be merged or changed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from grace_ray.core.errors import InvalidInput, NotFound, TooLarge
from grace_ray.models.codec import pack, unpack
from grace_ray.models.score.copying import copies
from grace_ray.models.score.dawid_skene import (
    Copies,
    Floats,
    Indices,
    Rows,
    chances,
    padded,
    shares,
    softmax,
    swept,
    taught,
    voted,
    weights,
)

TRUTH = ""  # the agent whose answer is the truth
MAX_CLASSES = 32
FIRST_REST = 64  # answers after which to settle; later an eighth of what is remembered
SOONER = 4  # times sooner where somebody asks

_STATE_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What ``agent`` says to ``question``; None withdraws. Of several the newest counts. Agent '' tells the truth."""

    question: str
    agent: str
    answer: str | None
    at_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Consensus:
    """The likeliest answer with its probability, those of all classes, and how many answered.

    ``independent`` is how many answers these are worth where some copy others.
    """

    answer: str
    probability: float
    probabilities: dict[str, float]
    answers: int
    independent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfusionSettings:
    """How many questions are remembered, and agents known, at most; the oldest go first."""

    max_questions: int = 5_000
    max_agents: int = 10_000


class _Said(NamedTuple):
    at_s: float
    answer: str | None


@dataclass(slots=True)
class _Question:
    """What was said, by agent, and the belief (classes,) that the counts hold; None: nothing was said."""

    said: dict[str, _Said] = field(default_factory=dict)
    belief: Floats | None = None


class ConfusionModel:
    """Consensus among agents; see the module.

    >>> model = ConfusionModel()
    >>> said = [("a", "yes"), ("b", "yes"), ("c", "no")]
    >>> model.learn_many([Answer(question="q", agent=agent, answer=answer) for agent, answer in said])
    >>> model.consensus("q").answer
    'yes'
    """

    def __init__(self, settings: ConfusionSettings | None = None) -> None:
        self.settings = settings or ConfusionSettings()
        self._questions: dict[str, _Question] = {}
        self._since_s = -math.inf
        self._classes: dict[str, int] = {}
        self._agents: dict[str, int] = {}
        self._older = np.zeros((0, 0, 0))  # (agents, truth, answer), of questions that are forgotten
        self._counts = np.zeros((0, 0, 0))  # of all
        self._copies: Copies = {}
        self._unsettled, self._rest = 0, FIRST_REST

    def learn_many(self, answers: Sequence[Answer]) -> None:
        """Learn answers in order; InvalidInput before anything is learned where one is wrong."""
        classes = {one.answer for one in answers if one.answer is not None} | set(self._classes)
        for one in answers:
            if not math.isfinite(one.at_s):
                raise InvalidInput("The time of an answer is not a finite number.", "at_s")
            if not one.question or one.answer == "":
                raise InvalidInput("An answer needs a question and something said.", "question")
        if len(classes) > MAX_CLASSES:
            raise TooLarge(f"There are up to {MAX_CLASSES} classes of answers.", "answer")
        for one in answers:
            said = _Said(one.at_s, one.answer)
            if self._is_news(one.question, one.agent, said):
                self._put(one.question, one.agent, said)
                self._forget()
                if self._unsettled >= self._rest:
                    self.settle()

    def _is_news(self, question: str, agent: str, said: _Said) -> bool:
        """Whether an answer counts: the newest does, of two at once the later in the alphabet."""
        known = self._questions.get(question)
        old = None if known is None else known.said.get(agent)
        if old is None:
            return said.answer is not None and said.at_s >= self._since_s
        return (said.at_s, said.answer or "") > (old.at_s, old.answer or "")

    def _put(self, name: str, agent: str, said: _Said) -> None:
        """Remember an answer, and believe anew what is true of its question, from what other questions taught."""
        self._grow(agent, said.answer)
        question = self._questions.setdefault(name, _Question())
        self._count(question, -1.0)
        question.said[agent] = said
        question.belief = self._posterior(question)
        self._count(question, 1.0)
        self._unsettled += 1

    def _grow(self, agent: str, answer: str | None) -> None:
        """Make room for an agent and a class."""
        if agent != TRUTH:
            self._agents.setdefault(agent, len(self._agents))
        if answer is not None and answer not in self._classes:
            self._classes[answer] = len(self._classes)
            for question in self._questions.values():
                if question.belief is not None:
                    question.belief = np.append(question.belief, 0.0)
        agents, classes = len(self._agents), len(self._classes)
        if agents > len(self._counts) or classes > self._counts.shape[1]:
            room = agents * 3 // 2 + 8
            self._counts, self._older = padded(self._counts, room, classes), padded(self._older, room, classes)

    def _places(self, question: _Question) -> tuple[Indices, Indices]:
        """The agents that answered a question, and their answers."""
        rows = [
            (self._agents[agent], self._classes[said.answer])
            for agent, said in question.said.items()
            if said.answer is not None and agent != TRUTH
        ]
        table = np.array(rows, dtype=np.intp).reshape(-1, 2)
        return table[:, 0], table[:, 1]

    def _count(self, question: _Question, sign: float) -> None:
        """Put a question's belief into the confusions of those who answered, or take it out."""
        if question.belief is not None:
            agent, answer = self._places(question)
            self._counts[agent, :, answer] += sign * question.belief

    def _posterior(self, question: _Question) -> Floats | None:
        """What is believed of a question (classes,), given the counts; None where nothing was said."""
        truth = question.said.get(TRUTH)
        if truth is not None and truth.answer is not None:
            known: Floats = np.eye(len(self._classes))[self._classes[truth.answer]]
            return known
        agent, answer = self._places(question)
        if not len(agent):
            return None
        fleet = self._counts[: len(self._agents)].sum(axis=0)
        counted = weights(agent, np.zeros_like(agent), answer, self._copies)
        chance = chances(self._counts[agent], fleet)[np.arange(len(agent)), :, answer]
        return softmax(np.log(shares(fleet)) + counted @ np.log(chance))

    def consensus(self, question: str) -> Consensus:
        """What is true of a question, as far as the answers tell; NotFound where there is none that is remembered."""
        if SOONER * self._unsettled >= self._rest:
            self.settle()
        known = self._questions.get(question)
        belief = None if known is None else self._posterior(known)
        if known is None or belief is None:
            raise NotFound(f"There is no answer to {question!r}, or it is too long ago.", "question")
        agent, answer = self._places(known)
        names = list(self._classes)
        best = int(belief.argmax())
        return Consensus(
            answer=names[best],
            probability=float(belief[best]),
            probabilities=dict(zip(names, belief.tolist(), strict=True)),
            answers=len(agent),
            independent=float(weights(agent, np.zeros_like(agent), answer, self._copies).sum()),
        )

    def agents(self) -> list[str]:
        """The agents that are known."""
        return list(self._agents)

    def reliability(self, agent: str) -> float:
        """The chance that an agent's next answer is right, 0..1; of one that is not known, that of the fleet."""
        if not self._classes:
            return 0.5
        fleet = self._counts[: len(self._agents)].sum(axis=0)
        place = self._agents.get(agent)
        own = np.zeros_like(fleet) if place is None else self._counts[place]
        return float(shares(fleet) @ np.diagonal(chances(own[None], fleet)[0]))

    def copied(self, agent: str) -> dict[str, float]:
        """The agents whose answers are too like this one's for both to be their own, with how far, 0..1."""
        names = list(self._agents)
        return {names[other]: share for other, share in self._copies.get(self._agents.get(agent, -1), {}).items()}

    def settle(self) -> None:
        """Revisit all that is remembered until beliefs rest, whatever its order was, and look for copies."""
        rows = self._rows()
        self._copies = {}
        if rows.names:
            # Copies are looked for before sweeping: after it, a ring of them looks like the truth.
            belief = voted(rows, np.ones(len(rows.agent)), len(self._classes))
            counts = taught(rows, belief, self._older)[: len(self._agents)]
            self._copies = copies(rows.agent, rows.question, rows.answer, belief, chances(counts, counts.sum(axis=0)))
            counted = weights(rows.agent, rows.question, rows.answer, self._copies)
            belief, self._counts = swept(rows, counted, self._older, len(self._agents))
            for name, one in zip(rows.names, belief, strict=True):
                self._questions[name].belief = one
        self._unsettled, self._rest = 0, max(FIRST_REST, len(rows.agent) // 8)

    def _rows(self) -> Rows:
        """What is remembered, in an order that does not depend on how it came."""
        names = sorted(name for name, one in self._questions.items() if one.belief is not None)
        rows, truth = [], []
        for place, name in enumerate(names):
            for agent, said in sorted(self._questions[name].said.items()):
                if said.answer is not None and agent == TRUTH:
                    truth.append((place, self._classes[said.answer]))
                elif said.answer is not None:
                    rows.append((self._agents[agent], place, self._classes[said.answer]))
        table = np.array(rows, dtype=np.intp).reshape(-1, 3)
        return Rows(names, table[:, 0], table[:, 1], table[:, 2], truth)

    def merge(self, other: "ConfusionModel") -> None:
        """Know the answers that another remembers, each once, the newest of each agent to each question."""
        for name, question in other.remembered().items():
            for agent, said in question.items():
                if self._is_news(name, agent, said):
                    self._put(name, agent, said)
        self._forget()

    def remembered(self) -> dict[str, dict[str, _Said]]:
        """The answers that are remembered, by question and agent."""
        return {name: question.said for name, question in self._questions.items()}

    def _forget(self) -> None:
        """Keep within the limits: the oldest questions go, then the agents of whom nothing is remembered."""
        many = len(self._agents) > self.settings.max_agents
        if not many and len(self._questions) <= self.settings.max_questions:
            return
        excess = len(self._questions) // 10 + 1  # a tenth at a time, so that it is seldom
        oldest = sorted(self._questions, key=lambda name: min(s.at_s for s in self._questions[name].said.values()))
        for name in oldest[:excess]:
            question = self._questions.pop(name)
            self._since_s = max(self._since_s, *(said.at_s for said in question.said.values()))
            if question.belief is not None:
                agent, answer = self._places(question)
                self._older[agent, :, answer] += question.belief
        if many:
            self._drop_agents()

    def _drop_agents(self) -> None:
        """Forget the agents of whom no answer is remembered."""
        left = {agent for question in self._questions.values() for agent in question.said if agent != TRUTH}
        kept = {name: place for name, place in self._agents.items() if name in left}
        places = np.array(list(kept.values()), dtype=np.intp)
        self._counts, self._older = self._counts[places], self._older[places]
        self._agents, self._copies = {name: place for place, name in enumerate(kept)}, {}

    def state(self) -> bytes:
        """Everything learned and remembered, for `restore`."""
        names: dict[str, int] = {}
        rows = [
            [name, names.setdefault(agent, len(names)), said.at_s, said.answer]
            for name, question in self._questions.items()
            for agent, said in question.said.items()
        ]
        beliefs = [one.belief for one in self._questions.values() if one.belief is not None]
        header = {
            "score": _STATE_VERSION,
            "agents": list(self._agents),
            "classes": list(self._classes),
            "since_s": None if math.isinf(self._since_s) else self._since_s,
            "names": list(names),
            "rows": rows,
            "known": [name for name, one in self._questions.items() if one.belief is not None],
            "rest": [self._unsettled, self._rest],
            "copies": [[a, b, share] for a, row in self._copies.items() for b, share in row.items()],
        }
        return pack(header, [self._older, self._counts, np.array(beliefs).reshape(len(beliefs), len(self._classes))])

    def restore(self, state: bytes) -> None:
        """Be as the model was that gave this state; only the settings stay one's own."""
        _, header, arrays = unpack(state)
        if header.get("score") != _STATE_VERSION:
            raise InvalidInput(f"The state's version is {header.get('score')!r}, not {_STATE_VERSION}.", "version")
        self._agents = {name: place for place, name in enumerate(header["agents"])}
        self._classes = {name: place for place, name in enumerate(header["classes"])}
        self._since_s = -math.inf if header["since_s"] is None else header["since_s"]
        self._questions, self._copies = {}, {}
        for name, agent, at_s, answer in header["rows"]:
            question = self._questions.setdefault(name, _Question())
            question.said[header["names"][agent]] = _Said(at_s, answer)
        self._unsettled, self._rest = header["rest"]
        self._older, self._counts, beliefs = arrays
        for name, belief in zip(header["known"], beliefs, strict=True):
            self._questions[name].belief = belief
        for a, b, share in header["copies"]:
            self._copies.setdefault(a, {})[b] = share
