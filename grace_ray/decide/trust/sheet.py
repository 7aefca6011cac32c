"""Recommendations and judgements as plain values: how an outcome is entered on a recommendation's sheet.

Plain dicts, not nouns, since thousands come a second; their fields are those of core.recommendation.
"""

from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson

from grace_ray.core.canonical import canonical
from grace_ray.core.entry import Entry
from grace_ray.core.recommendation import OUTCOMES_VIEW, RECOMMENDATIONS_VIEW, VALUES, key_of
from grace_ray.core.store import Record
from grace_ray.models.score.calibration import Claim
from grace_ray.models.score.kept import Judged
from grace_ray.models.score.moving import DIMENSIONS, Evaluated

Plain = dict[str, Any]

_ANSWER_MAX_CHARS = 100
_TAKEN_OVER = ("quality_scores", "overall_quality_score", "evaluator_feedback")


def plain_of(entry: Entry) -> Plain | None:
    """Return what a tracked or judged entry says; None where its body was pruned."""
    return orjson.loads(entry.body) if entry.body else None


def key_of_sheet(plain: Plain) -> str:
    """Return the key of the recommendation that a sheet, or a judgement, is of."""
    return key_of(plain["workspace_id"], plain["recommendation_id"])


def sheet_record(sheet: Plain, body: bytes | None = None) -> Record:
    """Return the record of a recommendation; ``body`` is its canonical JSON where that is at hand."""
    workspace = sheet["workspace_id"]
    return Record(
        RECOMMENDATIONS_VIEW,
        key_of_sheet(sheet),
        key_of(workspace, sheet["agent_id"]),
        moment(sheet["created_at"]),
        body or canonical(sheet),
    )


def judgement_record(judgement: Plain, status: str, body: bytes | None = None) -> Record:
    """Return the record of a judgement; ``status`` is known, waiting, replaced or withdrawn; ``body`` as above."""
    key = key_of(judgement["workspace_id"], judgement["outcome_id"])
    return Record(OUTCOMES_VIEW, key, status, moment(judgement["evaluated_at"]), body or canonical(judgement))


def is_older(judgement: Plain, sheet: Plain) -> bool:
    """Whether a judgement was made before the one that stands."""
    stands = sheet.get("evaluated_at")
    return stands is not None and moment(judgement["evaluated_at"]) < moment(stands)


def entered(sheet: Plain, judgement: Plain) -> Plain:
    """Return the sheet with a judgement in place of what it held; ``pending`` takes that back."""
    made = {name: value for name, value in sheet.items() if name not in _TAKEN_OVER}
    made["outcome"], made["evaluated_at"] = judgement["outcome"], judgement["evaluated_at"]
    if judgement["outcome"] != "pending":
        made |= {name: judgement[name] for name in _TAKEN_OVER if name in judgement}
    return made


def judged(sheet: Plain) -> Judged:
    """Return what there is to learn of a sheet; a value of None withdraws it."""
    return Judged(
        key=sheet["recommendation_id"],
        agent=sheet["agent_id"],
        kind=kind_of(sheet),
        task=sheet.get("correlation_id", ""),
        value=VALUES.get(sheet.get("outcome", "pending")),
        at_s=moment(sheet["evaluated_at"]),
        confidence=sheet.get("confidence_score"),
    )


def claimed(sheet: Plain) -> Claim | None:
    """Return how sure the agent was and what came of it; None where it did not say."""
    confidence = sheet.get("confidence_score")
    if confidence is None:
        return None
    value = VALUES.get(sheet.get("outcome", "pending"))
    return Claim(key=sheet["recommendation_id"], agent=sheet["agent_id"], confidence=confidence, value=value)


def answer_of(sheet: Plain) -> str | None:
    """Return what is recommended where it is a short answer: a word, number or truth value, alone or as ``answer``.

    >>> answer_of({"recommendation_content": {"answer": True}}), answer_of({"recommendation_content": "restart"})
    ('true', 'restart')
    """
    content = sheet.get("recommendation_content")
    said = content.get("answer") if isinstance(content, dict) else content
    if isinstance(said, str):
        return said if 0 < len(said) <= _ANSWER_MAX_CHARS else None
    return canonical(said).decode() if isinstance(said, bool | int | float) else None


def evaluated(sheet: Plain, consistency: float | None = None) -> Evaluated:
    """Return the same for the moving averages, with the dimensions that have a score of their own, 0-100."""
    outcome = sheet.get("outcome", "pending")
    scores = {name: value for name, value in (sheet.get("quality_scores") or {}).items() if name in DIMENSIONS}
    for name, score in (("timeliness", timeliness(sheet)), ("consistency", consistency)):
        if score is not None:
            scores.setdefault(name, score)
    return Evaluated(
        key=sheet["recommendation_id"],
        agent=sheet["agent_id"],
        outcome=outcome if outcome in VALUES else None,
        quality=sheet.get("overall_quality_score"),
        scores=scores,
    )


def timeliness(sheet: Plain) -> float | None:
    """Return 0-100 for how quickly it came against what was asked; None where nothing was asked, or measured.

    >>> timeliness({"latency_ms": 500.0, "within_ms": 1000.0}), timeliness({"latency_ms": 4000.0, "within_ms": 1000.0})
    (100.0, 25.0)
    """
    took_ms, within_ms = sheet.get("latency_ms"), sheet.get("within_ms")
    if took_ms is None or not within_ms:
        return None
    return 100.0 if took_ms <= within_ms else float(100.0 * within_ms / took_ms)


def kind_of(sheet: Plain) -> str:
    """Return the type of a recommendation."""
    return str(sheet.get("recommendation_type", "general"))


@lru_cache(maxsize=10_000)  # one judgement's time is asked for some five times
def moment(text: str) -> float:
    """Return the seconds since the epoch of RFC 3339 text."""
    return datetime.fromisoformat(text).timestamp()
