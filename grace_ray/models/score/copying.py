"""Who copies whom: pairs of agents that agree more often than their own habits explain.

Two agents that answer on their own agree, given the true answer z, with chance sum_c p_a(c|z) p_b(c|z). What they agree
beyond that on the questions that both answered, in standard deviations, is compared with the other pairs (questions
that mislead everybody make all agree a little too much). The idea is that of Dong, Berti-Equille and Srivastava,
"Integrating conflicting data: the role of source dependence" (2009). Copies can be told where others answer too: if
most answers to most questions are copies, what they say looks like the truth.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

LEAST_COMMON = 12
MOST_AGENTS = 300
SURE = 4.0  # standard deviations, and times the usual spread of pairs


def copies(
    agent: Indices, question: Indices, answer: Indices, truth: Floats, habits: Floats
) -> dict[int, dict[int, float]]:
    """Of each agent that depends on others: how far on each, 0 to 1 (a copy); symmetric.

    The three first are answers side by side; ``truth`` (questions, classes) is what is believed of each question,
    ``habits`` (agents, classes, classes) are chances of an answer given the truth. The 300 most active are compared.
    """
    agents, classes = len(habits), truth.shape[1]
    active = np.argsort(-np.bincount(agent, minlength=agents), kind="stable")[:MOST_AGENTS]
    place = np.full(agents, -1)
    place[active] = np.arange(len(active))
    chosen = place[agent] >= 0
    said = np.zeros((classes, len(active), len(truth)))
    said[answer[chosen], place[agent[chosen]], question[chosen]] = 1.0
    did = said.sum(axis=0)
    common = did @ did.T
    agreed = np.sum([one @ one.T for one in said], axis=0)
    alike = (habits[active, z] @ habits[active, z].T for z in range(classes))
    expected = np.sum([one * ((did * truth[:, z]) @ did.T) for z, one in enumerate(alike)], axis=0)
    known = common >= LEAST_COMMON
    np.fill_diagonal(known, val=False)
    if not known.any():
        return {}
    share = expected / np.maximum(common, 1.0)
    score = (agreed - expected) / np.sqrt(common * share * (1.0 - share) + 1.0)
    usual = float(np.median(score[known]))
    spread = max(1.0, 1.4826 * float(np.median(np.abs(score[known] - usual))))
    is_copy = known & (score - max(usual, 0.0) > SURE * spread)
    excess = np.clip((agreed / np.maximum(common, 1.0) - share) / np.maximum(1.0 - share, 1e-9), 0.0, 1.0)
    found: dict[int, dict[int, float]] = {}
    for a, b in zip(*(side.tolist() for side in np.nonzero(is_copy)), strict=True):
        found.setdefault(int(active[a]), {})[int(active[b])] = float(excess[a, b])
    return found
