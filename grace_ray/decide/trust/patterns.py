"""How well a recommendation fits what the meta-learner has confirmed: the consistency of its agent."""

from collections.abc import Mapping, Sequence
from typing import Any

from grace_ray.decide.routing.rules import fits, known_of
from grace_ray.decide.trust.sheet import Plain, kind_of

_BAD = "failure_avoidance"


def consistency(sheet: Plain, patterns: Sequence[Mapping[str, Any]]) -> float | None:
    """Return 0-100: the share of good patterns among the confirmed ones that it fits; None where it fits none.

    >>> good = {"pattern_type": "success_indicator", "condition": {"type": "fix"}}
    >>> consistency({"agent_id": "a", "recommendation_type": "fix"}, [good])
    100.0
    """
    if not patterns:
        return None
    known = known_of(kind_of(sheet), sheet.get("context") or {}) | {
        "agent": sheet["agent_id"],
        "evidence": len(sheet.get("evidence") or ()),
        "workflow": sheet.get("workflow_id", ""),
    }
    if sheet.get("confidence_score") is not None:
        known["confidence"] = sheet["confidence_score"]
    fitting = [pattern["pattern_type"] != _BAD for pattern in patterns if fits(pattern["condition"], known)]
    return 100.0 * sum(fitting) / len(fitting) if fitting else None
