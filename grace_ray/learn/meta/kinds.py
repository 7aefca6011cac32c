"""What a found condition is called: its kind, its strength, its name and its sentence.

Strength goes by the difference that is safe to count on, the adjusted one less 1.96 of its standard errors: 0.30 is
very strong, 0.20 strong, 0.10 moderate, less is weak.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from grace_ray.core.canonical import canonical
from grace_ray.core.recommendation import Pattern, PatternKind, Strength
from grace_ray.models.patterns.conditions import in_words
from grace_ray.models.patterns.effect import Effect
from grace_ray.models.patterns.mining import Found
from grace_ray.models.patterns.rates import shrunk

EXPERT_RATE = 0.75
_SURE = 0.8
_STRENGTHS: tuple[tuple[float, Strength], ...] = ((0.3, "very_strong"), (0.2, "strong"), (0.1, "moderate"))


def kind_of(condition: Mapping[str, Any], found: Found) -> PatternKind:
    """Return which of the five kinds a pattern is; an expert's approval is above 75% with its whole 95% interval."""
    if found.effect.size < 0:
        return "failure_avoidance"
    if "agents_agree" in condition:
        return "consensus"
    if condition.get("confidence") == {"min": _SURE}:
        return "high_confidence"
    if "agent" in condition:
        bound = shrunk(found.rate * found.questions, found.questions, usual=found.others, worth=1.0).low
        if bound > EXPERT_RATE:
            return "expert_opinion"
    return "success_indicator"


def sign_of(pattern: Pattern) -> float:
    """Return 1 for a pattern of success, -1 for one of failure."""
    return -1.0 if pattern.pattern_type == "failure_avoidance" else 1.0


def strength_of(effect: Effect) -> Strength:
    """Return the strength of a difference."""
    safe = abs(effect.size) * max(1.0 - 1.96 / max(abs(effect.z), 1e-9), 0.0)
    return next((strength for least, strength in _STRENGTHS if safe >= least), "weak")


def pattern_of(workspace_id: str, condition: Mapping[str, Any], found: Found, now: datetime) -> Pattern:
    """Return the pattern that a found condition is, confirmed now."""
    kind = kind_of(condition, found)
    return Pattern(
        workspace_id=workspace_id,
        pattern_id=pattern_id(kind, condition),
        pattern_type=kind,
        condition=condition,
        description=described(condition, found.rate, found.others, found.rows),
        success_rate=round(found.rate, 4),
        base_rate=round(found.others, 4),
        frequency_count=found.rows,
        confidence_level=round(1.0 - found.p, 6),
        strength=strength_of(found.effect),
        is_confirmed=True,
        first_validated=now,
        last_validated=now,
    )


def described(condition: Mapping[str, Any], rate: float, others: float, rows: int) -> str:
    """Return a pattern as a sentence with its numbers."""
    elsewhere = "of its others" if "agent" in condition and len(condition) > 1 else "elsewhere"
    return f"Where {in_words(condition)}, {rate:.0%} of {rows:,} turn out well, against {others:.0%} {elsewhere}."


def pattern_id(kind: PatternKind, condition: Mapping[str, Any]) -> str:
    """Return the id of a pattern: the same in every cycle."""
    return f"p-{hashlib.sha256(canonical([kind, dict(condition)])).hexdigest()[:24]}"
