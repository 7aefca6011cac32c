"""What people and programs ask of the desk, checked; what is wrong is refused naming the field."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from grace_ray.core.errors import InvalidInput
from grace_ray.core.ids import derived_id
from grace_ray.core.playbook import Candidate, Experience

_NAME_MAX = 200
_CANDIDATES_MAX = 200


def name_in(args: Mapping[str, Any], field: str, default: str | None = None, longest: int = _NAME_MAX) -> str:
    """Return a text of 1 to ``longest`` characters; ``default`` where it is not given. Raises InvalidInput."""
    value = args.get(field)
    if value is None or value == "":
        if default is None:
            raise InvalidInput(f"{field} is missing.", field)
        return default
    if not isinstance(value, str) or len(value) > longest or "\0" in value:
        raise InvalidInput(f"{field} is a text of at most {longest} characters.", field)
    return value


def number_in(args: Mapping[str, Any], field: str, low: float, high: float, default: float | None = None) -> float:
    """Return a finite number within bounds. Raises InvalidInput."""
    value = args.get(field, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InvalidInput(f"{field} is a number from {low:g} to {high:g}.", field)
    return float(value)


def experience_in(args: Mapping[str, Any], now: datetime) -> Experience:
    """Return the experience that another system reports. Raises InvalidInput naming the field."""
    service, diagnosis = name_in(args, "service"), name_in(args, "diagnosis")
    playbook, reward = name_in(args, "playbook"), number_in(args, "reward", -1.0, 1.0)
    candidates = _candidates(args.get("candidates") or [{"playbook": playbook, "probability": 1.0}])
    if playbook not in {candidate.playbook for candidate in candidates}:
        raise InvalidInput("The playbook that was executed stands among the candidates.", "candidates")
    given = name_in(args, "experience_id", "")
    by = name_in(args, "by", "")
    key = given or derived_id(now, "experience", service, diagnosis, playbook, by, str(reward))
    return Experience(
        experience_id=key,
        at=now,
        service=service,
        diagnosis=diagnosis,
        context=_numbers(args.get("context") or {}, "context"),
        candidates=candidates,
        playbook=playbook,
        kpi_deltas=_numbers(args.get("kpi_deltas") or {}, "kpi_deltas"),
        trust_delta=number_in(args, "trust_delta", -1.0, 1.0, 0.0),
        reward=reward,
    )


def _candidates(plain: Any) -> tuple[Candidate, ...]:
    if not isinstance(plain, list | tuple) or not 1 <= len(plain) <= _CANDIDATES_MAX:
        raise InvalidInput(f"There are 1 to {_CANDIDATES_MAX} candidates.", "candidates")
    found = []
    for place, one in enumerate(plain):
        if not isinstance(one, Mapping):
            raise InvalidInput("A candidate has a playbook and a probability.", f"candidates[{place}]")
        try:
            probability = number_in(one, "probability", 0.0, 1.0)
            name = name_in(one, "playbook")
        except InvalidInput as error:
            raise InvalidInput(error.message, f"candidates[{place}].{error.field}") from error
        found.append(Candidate(playbook=name, probability=probability, expected_reward=0.0, uncertainty=0.0))
    if len({candidate.playbook for candidate in found}) < len(found):
        raise InvalidInput("Two candidates are the same playbook.", "candidates")
    if abs(sum(candidate.probability for candidate in found) - 1.0) > 1e-3:
        raise InvalidInput("The probabilities of the candidates add up to 1.", "candidates")
    return tuple(found)


def _numbers(plain: Any, field: str) -> dict[str, float]:
    if not isinstance(plain, Mapping) or len(plain) > _CANDIDATES_MAX:
        raise InvalidInput(f"{field} is an object of numbers.", field)
    for name, value in plain.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise InvalidInput(f"{field} holds finite numbers.", f"{field}.{name}")
    return {str(name): float(value) for name, value in plain.items()}
