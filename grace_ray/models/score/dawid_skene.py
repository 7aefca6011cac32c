"""The arithmetic of Dawid and Skene (1979): confusions by class from beliefs, and beliefs from confusions.

A confusion holds counts (truth, answer) of one agent. As chances these are drawn towards the fleet's, and the fleet's
towards agents that are mostly right. Nothing here is remembered: `confusion` is the model that is.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Copies = dict[int, dict[int, float]]  # of each agent, how far it depends on others, 0..1

FLEET_WORTH = 1.0  # answers of each class that the fleet's confusion is worth to an agent
HONESTY = 2.0  # answers of each class that the first guess (agents are mostly right) is worth to the fleet
SWEEPS = 60
_AT_REST = 1e-10  # beliefs that move less than this are at rest


class Rows(NamedTuple):
    """Remembered answers side by side; ``truth`` are the known answers (question, class)."""

    names: list[str]
    agent: Indices
    question: Indices
    answer: Indices
    truth: list[tuple[int, int]]


def swept(rows: Rows, weights: Floats, older: Floats, agents: int) -> tuple[Floats, Floats]:
    """Beliefs (questions, classes) by expectation maximization from the votes, and the counts that these teach.

    ``older`` are counts (agents with room, classes, classes) that stay; ``agents`` of their rows are in use.
    """
    belief = voted(rows, weights, older.shape[1])
    counts = older
    for _ in range(SWEEPS):
        counts = taught(rows, belief, older)
        fleet = counts[:agents].sum(axis=0)
        chance = np.log(chances(counts[:agents], fleet))[rows.agent, :, rows.answer]
        logs = np.tile(np.log(shares(fleet)), (len(belief), 1))
        np.add.at(logs, rows.question, weights[:, None] * chance)
        before, belief = belief, _told(softmax(logs), rows.truth)
        if np.abs(before - belief).max() < _AT_REST:
            break
    return belief, counts


def voted(rows: Rows, weights: Floats, classes: int) -> Floats:
    """Shares of the votes (questions, classes)."""
    belief = np.zeros((len(rows.names), classes))
    np.add.at(belief, (rows.question, rows.answer), weights)
    return _told(belief / np.maximum(belief.sum(axis=1, keepdims=True), 1e-12), rows.truth)


def taught(rows: Rows, belief: Floats, older: Floats) -> Floats:
    """The counts (agents with room, classes, classes) by beliefs, on top of the ``older``."""
    counts = older.copy()
    np.add.at(counts.transpose(0, 2, 1), (rows.agent, rows.answer), belief[rows.question])
    return counts


def weights(agent: Indices, question: Indices, answer: Indices, known: Copies) -> Floats:
    """What each answer counts: one, or its share where agents that depend on each other say the same."""
    found = np.ones(len(agent))
    if not known:
        return found
    said = {(a, q): c for a, q, c in zip(agent.tolist(), question.tolist(), answer.tolist(), strict=True)}
    for place, (a, q) in enumerate(said):
        alike = (share for other, share in known.get(a, {}).items() if said.get((other, q)) == said[a, q])
        found[place] = 1.0 / (1.0 + sum(alike))
    return found


def chances(counts: Floats, fleet: Floats) -> Floats:
    """Chances of each answer given the truth (agents, classes, classes) from counts, drawn towards the fleet's."""
    classes = len(fleet)
    guess = fleet + HONESTY * (np.eye(classes) + 0.25)
    guess /= guess.sum(axis=1, keepdims=True)
    found: Floats = counts + FLEET_WORTH * guess
    found = np.maximum(found, 1e-12)  # taking out and putting in may leave a rounding error below 0
    found /= found.sum(axis=-1, keepdims=True)
    return found


def shares(fleet: Floats) -> Floats:
    """How common each class is (classes,)."""
    total: Floats = np.maximum(fleet.sum(axis=1), 0.0) + 1.0
    total /= total.sum()
    return total


def softmax(logs: Floats) -> Floats:
    """Probabilities from their logarithms, along the last axis."""
    found: Floats = np.exp(logs - logs.max(axis=-1, keepdims=True))
    found /= found.sum(axis=-1, keepdims=True)
    return found


def padded(counts: Floats, agents: int, classes: int) -> Floats:
    """Counts with more room."""
    found = np.zeros((agents, classes, classes))
    found[: counts.shape[0], : counts.shape[1], : counts.shape[2]] = counts
    return found


def _told(belief: Floats, truth: list[tuple[int, int]]) -> Floats:
    """Beliefs with the known truths put in."""
    for question, answer in truth:
        belief[question] = 0.0
        belief[question, answer] = 1.0
    return belief
