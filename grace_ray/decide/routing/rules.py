"""The learned rules: where they stand, which of them speak of a task, and of whom."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from grace_ray.core.recommendation import LEARNING_VIEW
from grace_ray.core.store import Reader

_CYCLES_LOOKED_AT = 20
_OF_THE_TASK = "type"
_CONTEXT = "context."


def known_of(kind: str, context: Mapping[str, Any]) -> dict[str, Any]:
    """Return what conditions may ask of a task: its type, and its context by key (``context.KEY`` too)."""
    return {**context, **{_CONTEXT + key: value for key, value in context.items()}, _OF_THE_TASK: kind}


def last_cycle(reader: Reader, workspace_id: str) -> dict[str, Any] | None:
    """Return the newest learning cycle that came to its end, with its rules; None before the first."""
    for record in reader.records(LEARNING_VIEW, workspace_id, _CYCLES_LOOKED_AT).items:
        cycle: dict[str, Any] = orjson.loads(record.body or b"{}")
        if cycle["status"] == "completed":
            return cycle
    return None


def fits(condition: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether all of a condition holds; what is not known does not hold.

    >>> fits({"type": "fix", "size": {"max": 10}}, known_of("fix", {"size": 4}))
    True
    >>> fits({"type": "fix", "agents_agree": {"min": 2}}, known_of("fix", {}))
    False
    """
    return all(name in known and _holds(wanted, known[name]) for name, wanted in condition.items())


def _holds(wanted: Any, value: Any) -> bool:
    if not isinstance(wanted, Mapping):
        return bool(wanted == value) and isinstance(wanted, bool) == isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return bool(value >= wanted.get("min", value)) and not ("max" in wanted and value >= wanted["max"])


def speaking(rules: Sequence[Mapping[str, Any]], known: Mapping[str, Any], agent: str) -> list[Mapping[str, Any]]:
    """Return the rules on preferring or avoiding this agent that hold for such a task."""
    return [
        rule
        for rule in rules
        if rule["action"] in ("prefer", "avoid")
        and agent in rule["agents"]
        and fits({name: value for name, value in rule["condition"].items() if name != "agent"}, known)
    ]
