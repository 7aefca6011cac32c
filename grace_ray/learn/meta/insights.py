"""What a cycle has found, in plain sentences with numbers, and what the swarm should do about it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from grace_ray.core.recommendation import AgentProfile, Pattern, Rule
from grace_ray.learn.meta.reading import Samples
from grace_ray.models.patterns.conditions import in_words
from grace_ray.models.patterns.deciding import Measured

_PATTERNS = 6
_RULES = 8
_AGENTS = 3
_CLAIMS_MIN = 30
_FAR = 4.0  # standard errors between what an agent says of itself and what comes of it

ACCURACY_WANTED = 0.80
COVERAGE_WANTED = 0.70


class Found(NamedTuple):
    """What a cycle came to."""

    patterns: Sequence[Pattern]
    dropped: Sequence[Pattern]
    rules: Sequence[Rule]
    profiles: Sequence[AgentProfile]
    measured: Measured
    tried: int


def key_insights(found: Found, samples: Samples) -> list[str]:
    """Return what was found, the most telling first."""
    value = samples.outcomes.value
    if not len(value):
        return ["No recommendation was judged in this time."]
    said = [f"Of {len(value):,} judged recommendations of {_agents(samples)}, {value.mean():.0%} turned out well."]
    told = sorted(found.patterns, key=lambda each: -abs(each.success_rate - each.base_rate))
    said += [pattern.description for pattern in told[:_PATTERNS]]
    if not found.patterns:
        said.append(f"None of {found.tried:,} conditions tried makes a difference that chance would not.")
    said += [f"No longer so: {pattern.description}" for pattern in found.dropped[:_AGENTS]]
    said += _measure_said(found.measured)
    return said


def recommendations(found: Found, samples: Samples) -> list[str]:
    """Return what the swarm should do."""
    said = [rule.sentence for rule in found.rules[:_RULES]]
    said += _overconfident(samples)
    for profile in found.profiles:
        worst = next((each for each in profile.weaknesses if each["high"] < profile.success_rate), None)
        if worst is not None:
            said.append(
                f"Give {profile.agent_id} fewer tasks where {in_words(worst['condition'])}: about {worst['rate']:.0%} "
                f"of its {worst['count']:,} turn out well there, against {worst['usual']:.0%} of all."
            )
    return said[: 2 * _RULES]


def _measure_said(measured: Measured) -> list[str]:
    if measured.accuracy is None or measured.coverage is None:
        return []
    decided = f"{measured.coverage:.1%} of recommendations would have been accepted or rejected beforehand"
    wanted = f"wanted are {ACCURACY_WANTED:.0%} right of {COVERAGE_WANTED:.0%}"
    return [f"On later questions {decided}, and {measured.accuracy:.1%} of these rightly; {wanted}."]


def _overconfident(samples: Samples) -> list[str]:
    """Return the agents whose own confidence is far above what comes of it."""
    confidence = samples.numbers.get("confidence")
    if confidence is None:
        return []
    said = []
    known = np.isfinite(confidence)
    for code, agent in enumerate(samples.agents):
        own = known & (samples.outcomes.agent == code)
        count = int(own.sum())
        if count < _CLAIMS_MIN:
            continue
        excess = confidence[own] - samples.outcomes.value[own]
        error = float(excess.std()) / count**0.5
        if excess.mean() > max(_FAR * error, 0.05):
            claims, comes = float(confidence[own].mean()), float(samples.outcomes.value[own].mean())
            said.append(
                (excess.mean(), f"Discount {agent}: it says {claims:.0%} on average, and {comes:.0%} comes true.")
            )
    return [sentence for _, sentence in sorted(said, reverse=True)[:_AGENTS]]


def _agents(samples: Samples) -> str:
    count = len(np.unique(samples.outcomes.agent))
    return f"{count:,} agents" if count != 1 else "one agent"
