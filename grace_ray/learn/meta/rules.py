"""Decision rules: what follows from each pattern for who is asked, and what is accepted."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from grace_ray.core.recommendation import Pattern, Rule
from grace_ray.learn.meta.reading import Samples
from grace_ray.models.patterns.conditions import in_words
from grace_ray.models.patterns.rates import Rate, shrunk

_BEST = 3  # agents that a rule names at most
_WORTH = 10.0  # outcomes that the usual rate is worth
_Z = 3.0  # of the interval of an agent that is named: many are looked at
_OF_ANSWERS = frozenset(
    {"confidence", "agents_agree", "latency_share"}
)  # known once there is an answer: no use in routing

Action = Literal["prefer", "avoid", "accept", "review"]
_ACTIONS: Mapping[tuple[bool, bool], Action] = {  # by whether it names agents, and whether it is good
    (True, True): "prefer",
    (True, False): "avoid",
    (False, True): "accept",
    (False, False): "review",
}
_WORDS = {"prefer": "route to ", "avoid": "route to others than ", "accept": "accept", "review": "have it reviewed"}


class Learned(NamedTuple):
    """A pattern, and by how much it changed outcomes on later data (None: not seen there)."""

    pattern: Pattern
    later: float | None


def rules_of(learned: Iterable[Learned], samples: Samples) -> list[Rule]:
    """Return a rule for each pattern from which one follows, those that change most first."""
    rules = [_rule(each, samples) for each in learned]
    return sorted(filter(None, rules), key=lambda rule: (-(rule.effectiveness or 0.0), rule.rule_id))


def count_updated(rules: Sequence[Rule], before: Sequence[Rule]) -> int:
    """Return how many rules are new, are gone, or say something else than before."""
    old = {rule.rule_id: (rule.action, tuple(rule.agents)) for rule in before}
    new = {rule.rule_id: (rule.action, tuple(rule.agents)) for rule in rules}
    return sum(old.get(name) != new.get(name) for name in old.keys() | new.keys())


def _rule(learned: Learned, samples: Samples) -> Rule | None:
    pattern = learned.pattern
    condition = {name: value for name, value in pattern.condition.items() if name != "agent"}
    is_good = pattern.pattern_type != "failure_avoidance"
    agents: list[str] = []
    if "agent" in pattern.condition:
        agents = [str(pattern.condition["agent"])]
        if condition and not _differs(samples, agents[0], condition, is_good=is_good):
            return None  # the agent does better there than elsewhere, and no better than others do there
    elif is_good and not _OF_ANSWERS & condition.keys():
        agents = [samples.agents[code] for code, _ in best_agents(samples, pattern.condition)]
    action: Action = _ACTIONS[bool(agents), is_good]
    worth = learned.later if learned.later is not None else pattern.success_rate - pattern.base_rate
    return Rule(
        rule_id=f"r-{hashlib.sha256(pattern.pattern_id.encode()).hexdigest()[:24]}",
        pattern_id=pattern.pattern_id,
        condition=condition,
        action=action,
        agents=agents,
        sentence=_sentence(pattern, condition, action, agents),
        effectiveness=round(worth if is_good else -worth, 4),
    )


def _differs(samples: Samples, agent: str, condition: Mapping[str, Any], *, is_good: bool) -> bool:
    """Return whether an agent surely does better (or worse) than the others where a condition holds."""
    outcomes = samples.outcomes
    known = outcomes.found(dict(condition))
    if known is None or agent not in samples.agents:
        return False
    fits, own = outcomes.mask(known), outcomes.agent == samples.agents.index(agent)
    if not (fits & ~own).any():
        return False
    usual = float(outcomes.value[fits & ~own].mean())
    rate = shrunk(float(outcomes.value[fits & own].sum()), float((fits & own).sum()), usual, _WORTH)
    return rate.low > usual if is_good else rate.high < usual


def best_agents(samples: Samples, condition: Mapping[str, Any]) -> list[tuple[int, Rate]]:
    """Return the agents that do better than others where a condition holds, by a wide bound, the best first."""
    outcomes = samples.outcomes
    known = outcomes.found(dict(condition))
    if known is None:
        return []
    fits = outcomes.mask(known)
    count = np.bincount(outcomes.agent[fits], minlength=len(samples.agents))
    total = np.bincount(outcomes.agent[fits], outcomes.value[fits], minlength=len(samples.agents))
    usual = float(total.sum() / max(count.sum(), 1))
    rates = [
        (code, shrunk(float(total[code]), float(count[code]), usual, _WORTH, _Z)) for code in np.flatnonzero(count)
    ]
    better = [(int(code), rate) for code, rate in rates if rate.low > usual]
    return sorted(better, key=lambda each: -each[1].low)[:_BEST]


def _sentence(pattern: Pattern, condition: Mapping[str, Any], action: str, agents: Sequence[str]) -> str:
    """Return what to do, and the numbers that it rests on."""
    where = f"Where {in_words(condition)}, " if condition else "In general, "
    todo = _WORDS[action] + _listed(agents)
    others = "of its others" if "agent" in pattern.condition and condition else "elsewhere"
    rates = f"{pattern.success_rate:.0%} of {pattern.frequency_count:,} turned out well"
    return f"{where}{todo}: {rates}, {others} {pattern.base_rate:.0%}."


def _listed(agents: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(agents[:-1]), *agents[-1:]]))
