"""What may stand in a recommendation and in an outcome: types, ranges, sizes, and what follows where one is left out.

An outcome that is left out follows from the quality: approved from 70, partial from 40, else rejected. The overall
quality, where it is left out, is the mean of the quality scores. Every error names its field.
"""

import math
import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from grace_ray.core.errors import InvalidInput

APPROVED_FROM, PARTIAL_FROM = 70.0, 40.0
ID_MAX, TYPE_MAX, WORD_MAX, NAMES_MAX = 200, 100, 200, 50
"""Characters of an id, of a type, of a text in a context; names in a context or among quality scores."""

_WORKSPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}", re.ASCII)
_OUTCOMES = frozenset({"pending", "approved", "rejected", "partial"})


def workspace(value: Any) -> str:
    """Return the name of a workspace. Raises InvalidInput, naming ``workspace_id``."""
    if isinstance(value, str) and _WORKSPACE.fullmatch(value):
        return value
    raise InvalidInput(
        "A workspace_id is 1 to 100 letters, digits, '.', '_', ':' and '-', and begins with a letter or a digit."
        if value is not None
        else "The workspace_id is missing.",
        "workspace_id",
    )


def verdict_of(quality: float) -> str:
    """Return the outcome that an overall quality of 0-100 stands for.

    >>> verdict_of(70), verdict_of(69.9), verdict_of(39)
    ('approved', 'partial', 'rejected')
    """
    return "approved" if quality >= APPROVED_FROM else "partial" if quality >= PARTIAL_FROM else "rejected"


def described(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the optional fields of a recommendation; those that hold their default are left out."""
    return _checked(item, _OPTIONAL)


def _checked(item: Mapping[str, Any], checks: Mapping[str, Callable[[str, Any], Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, check in checks.items():
        if (value := item.get(name)) is not None and (checked := check(name, value)) not in _EMPTY:
            found[name] = checked
    return found


def said(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return outcome, qualities, rank and feedback, completed. Raises InvalidInput."""
    found = _checked(item, _JUDGEMENT)
    scores = found.get("quality_scores")
    if scores and "overall_quality_score" not in found:
        found["overall_quality_score"] = round(math.fsum(scores.values()) / len(scores), 6)
    outcome = item.get("outcome")
    if outcome is None:
        if "overall_quality_score" not in found:
            raise InvalidInput("There is neither an outcome nor a quality from which it follows.", "outcome")
        outcome = verdict_of(found["overall_quality_score"])
    elif not isinstance(outcome, str) or outcome not in _OUTCOMES:
        raise InvalidInput("An outcome is one of approved, partial, rejected, pending.", "outcome")
    return {"outcome": outcome, **found}


def refuse_others(item: Mapping[str, Any], known: AbstractSet[str]) -> None:
    """Raise InvalidInput naming the first field that is not ``known``."""
    if item.keys() <= known:
        return
    name = min(item.keys() - known)[:40].encode(errors="replace").decode()
    raise InvalidInput(f"There is no field {name!r}; there are {', '.join(sorted(known))}.", name)


def identifier(name: str, value: Any) -> str:
    """Return an id. Raises InvalidInput naming the field ``name``."""
    if type(value) is str and 0 < len(value) <= ID_MAX and value.isprintable():
        return value
    if value is None or value == "":
        raise InvalidInput(f"The {name} is missing.", name)
    raise InvalidInput(f"The {name} must be 1 to {ID_MAX} printable characters.", name)


def _word(limit: int) -> Callable[[str, Any], str]:
    def check(name: str, value: Any) -> str:
        if type(value) is str and len(value) <= limit and value.isprintable():
            return value
        raise InvalidInput(f"The {name} must be at most {limit} printable characters.", name)

    return check


def _number(low: float, high: float) -> Callable[[str, Any], float]:
    def check(name: str, value: Any) -> float:
        # NaN is between nothing.
        if type(value) in (int, float) and low <= value <= high:
            return float(value)
        raise InvalidInput(f"The {name} must be a number from {low:g} to {high:g}.", name)

    return check


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    raise InvalidInput(f"The {name} must be a text.", name)


def _content(_: str, value: Any) -> Any:
    return value


def _evidence(_: str, value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _names(name: str, value: Any) -> Mapping[str, Any]:
    """Return an object of at most NAMES_MAX names of bounded length."""
    if not isinstance(value, dict):
        raise InvalidInput(f"The {name} must be an object.", name)
    if len(value) > NAMES_MAX:
        raise InvalidInput(f"The {name} has {len(value)} names; {NAMES_MAX} are allowed.", name)
    for key in value:
        if not (0 < len(key) <= TYPE_MAX and key.isprintable()):
            raise InvalidInput(f"A name in {name} has 1 to {TYPE_MAX} printable characters.", name)
    return value


def _context(name: str, value: Any) -> dict[str, Any]:
    return {key: _scalar(f"{name}.{key}", item) for key, item in _names(name, value).items() if item is not None}


def _scalar(name: str, value: Any) -> Any:
    if isinstance(value, str):
        if len(value) > WORD_MAX or not value.isprintable():
            raise InvalidInput(f"The {name} must be at most {WORD_MAX} printable characters.", name)
        return value
    if isinstance(value, int | float) and -_HUGE < value < _HUGE:
        return value
    raise InvalidInput(f"The {name} must be a short text, a finite number or a boolean.", name)


def _qualities(name: str, value: Any) -> dict[str, float]:
    return {key: _quality(f"{name}.{key}", item) for key, item in _names(name, value).items()}


_HUGE = 1e300
_quality = _number(0, 100)
_milliseconds = _number(0, 1e12)
_EMPTY: tuple[Any, ...] = ("", [], {})
"""Defaults of the nouns, which are left out (None is before it comes to this)."""
_OPTIONAL: Mapping[str, Callable[[str, Any], Any]] = {
    "agent_name": _word(WORD_MAX),
    "correlation_id": _word(ID_MAX),
    "workflow_id": _word(ID_MAX),
    "recommendation_type": _word(TYPE_MAX),
    "recommendation_content": _content,
    "confidence_score": _number(0, 1),
    "reasoning": _text,
    "evidence": _evidence,
    "context": _context,
    "latency_ms": _milliseconds,
    "within_ms": _milliseconds,
}
_JUDGEMENT: Mapping[str, Callable[[str, Any], Any]] = {
    "quality_scores": _qualities,
    "overall_quality_score": _quality,
    "comparative_rank": _number(1, 1e6),
    "evaluator_feedback": _text,
}
TRACKED = _OPTIONAL.keys() | {"workspace_id", "recommendation_id", "agent_id", "created_at", "outcome"}
"""The fields of a recommendation that is tracked."""
JUDGED = _JUDGEMENT.keys() | {"workspace_id", "recommendation_id", "outcome_id", "outcome", "evaluated_at"}
"""The fields of an outcome."""
