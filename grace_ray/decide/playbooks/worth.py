"""What playbooks are worth, from the log: against doing nothing, and what other policies would have earned."""

from collections.abc import Sequence
from typing import Any

from grace_ray.core.playbook import DO_NOTHING, Experience
from grace_ray.models.choose import Candidate, Context, Policy
from grace_ray.models.choose.judging import LoggedChoice, Target, judge

POINT = "playbook"
_JUDGED_MAX = 1000


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


def policy_values(log: Sequence[Experience], learned: Policy) -> dict[str, Any]:
    """Return what policies would have earned a choice, on average over the newest thousand of the log.

    {choices, logged, policies: {name: {ips, snips, dr, lower, upper}}}: ``logged`` is what was earned; the policies are
    ``learned`` as it is now, ``greedy`` (always what it expects most of), ``uniform`` and ``do_nothing``; the limits
    hold the self-normalised doubly robust value 95% of the time. Source: models/choose/offpolicy.py.
    """
    newest = [_logged(one) for one in log if _propensity(one) > 0][-_JUDGED_MAX:]
    if not newest:
        return {"choices": 0, "logged": None, "policies": {}}
    targets: dict[str, Target] = {
        "learned": learned,
        "greedy": lambda context, candidates: _one_of(_best(learned, context, candidates), candidates),
        "uniform": lambda _, candidates: [1.0 / len(candidates)] * len(candidates),
        "do_nothing": lambda _, candidates: _one_of(DO_NOTHING, candidates),
    }
    judged = {}
    for name, target in targets.items():
        values = {method: judge(newest, target, method=method) for method in ("ips", "snips", "dr", "sndr")}
        surest = values.pop("sndr")
        figures = {method: round(one.value, 6) for method, one in values.items()}
        speaking = round(surest.effective_samples, 1)
        judged[name] = {**figures, "lower": surest.lower, "upper": surest.upper, "effective_samples": speaking}
    return {"choices": len(newest), "logged": _mean([one.reward for one in newest]), "policies": judged}


def _logged(experience: Experience) -> LoggedChoice:
    names = [candidate.playbook for candidate in experience.candidates]
    return LoggedChoice(
        point=POINT,
        context=Context(cell=f"{experience.service}|{experience.diagnosis}"),
        candidates=tuple(Candidate(id=name) for name in names),
        index=names.index(experience.playbook),
        propensity=_propensity(experience),
        reward=experience.reward,
        at_s=experience.at.timestamp(),
    )


def _propensity(experience: Experience) -> float:
    return next((one.probability for one in experience.candidates if one.playbook == experience.playbook), 0.0)


def _best(learned: Policy, context: Context, candidates: Sequence[Candidate]) -> str:
    return learned.recommend(POINT, context, candidates)[0].candidate


def _one_of(name: str, candidates: Sequence[Candidate]) -> list[float]:
    """Return probability 1 for one candidate; even ones where it is not among them."""
    if name not in {candidate.id for candidate in candidates}:
        return [1.0 / len(candidates)] * len(candidates)
    return [float(candidate.id == name) for candidate in candidates]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _shrunk(values: Sequence[float], towards: float) -> float:
    """Return the mean of values and one more, the guess."""
    return (sum(values) + towards) / (len(values) + 1)
