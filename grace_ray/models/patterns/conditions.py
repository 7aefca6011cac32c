"""Conditions in words: {feature: what it must be}, a value, {"min": ...} or {"max": ...} (below it)."""

from collections.abc import Mapping
from typing import Any

_COUNTED = {"agents_agree": "agents agree", "evidence": "pieces of evidence are given"}


def in_words(condition: Mapping[str, Any]) -> str:
    """Return a condition as words in a sentence.

    >>> in_words({"type": "strategy", "confidence": {"min": 0.8}, "agents_agree": {"min": 2}})
    'type is strategy, confidence is 0.8 or more and at least 2 agents agree'
    """
    said = [_said(name, wanted) for name, wanted in condition.items()]
    return " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)


def _said(name: str, wanted: Any) -> str:
    if not isinstance(wanted, Mapping):
        return f"{name} is {str(wanted).lower() if isinstance(wanted, bool) else wanted}"
    if "min" in wanted and name in _COUNTED:
        return f"at least {wanted['min']} {_COUNTED[name]}"
    return f"{name} is {wanted['min']:g} or more" if "min" in wanted else f"{name} is below {wanted['max']:g}"
