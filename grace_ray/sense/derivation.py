"""What an event leaves out: its severity from the payload's own numbers and words, its message from its fields."""

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from grace_ray.core.event_types import EventType

MESSAGE_MAX = 4096
"""Characters of a message that are kept."""

_MESSAGE_FIELDS = ("message", "msg", "error", "description", "summary", "reason", "detail", "title", "text", "value")
_LINE_FIELDS_MAX = 16
_LINE_VALUE_MAX = 120

_WORDS = {
    "critical": "critical emergency emerg panic fatal alert crit page sev0 sev1 p0 p1",
    "high": "high error err severe major failure sev2 p2",
    "medium": "medium warning warn moderate minor sev3 p3",
    "low": "low notice info informational information debug trace none sev4 p4 p5",
}
_SEVERITY_OF = {word: severity for severity, words in _WORDS.items() for word in words.split()}


class _Rule(NamedTuple):
    """A payload's number and what it means: ``steps`` go down, the first one that the number reaches gives it."""

    name: str
    steps: tuple[tuple[float, str], ...]
    otherwise: str
    sign: float = 1.0


_SHARE = ((0.95, "critical"), (0.8, "high"), (0.5, "medium"))
_ANY_TYPE = (
    _Rule("anomaly_score", _SHARE, "low"),
    _Rule("error_rate", ((0.5, "critical"), (0.2, "high"), (0.05, "medium")), "low"),
)
_BY_TYPE = {
    # Fewer is worse, so both the number and the steps are negative; 0 or less is critical, 1 to 9 high.
    "github.rate_limit": (_Rule("remaining", ((0.0, "critical"), (-9.999999, "high")), "medium", sign=-1.0),),
    "rag.confidence.low": (_Rule("confidence", ((-0.1, "high"), (-0.4, "medium")), "low", sign=-1.0),),
    "forecast.breach.predicted": (_Rule("probability", ((0.95, "critical"), (0.8, "high")), "medium"),),
    "htm.anomaly.detected": _ANY_TYPE[:1],
}


# What a log line says when something is wrong: the grave words count at any level, the others only where there is none.
_GRAVE = re.compile(
    r"\b(?:panic|fatal|segfault|segmentation fault|core dumped|out of memory|oom[- ]kill|corrupt(?:ed|ion)?|data loss"
    r"|no space left|emergency)\b",
    re.IGNORECASE,
)
_TROUBLE = re.compile(
    r"\b(?:errors?|err|fail(?:s|ed|ure|ures|ing)?|exceptions?|denied|refused|rejected|time[d-]?[ -]?out|timeout"
    r"|unreachable|unavailable|unable|cannot|can't|could not|couldn't|invalid|illegal|abort(?:ed|ing)?|crash(?:ed)?"
    r"|died|lost|dropped|disconnect(?:ed)?|unknown|missing|not found|too many|exceed(?:s|ed)?|full|critical|severe"
    r"|break-in|attack|expired|bad|broken|unexpected|warning|degraded|overload(?:ed)?|stuck|retry(?:ing)?|down)\b"
    r"|[a-z](?:Exception|Error)\b",
    re.IGNORECASE,
)


class LogLevel(NamedTuple):
    """What a log line amounts to: its severity, and whether it is the baseline of normal work."""

    severity: str
    success: bool


def log_level(level_severity: str, text: str) -> LogLevel:
    """Return what a log line amounts to, by the severity of its level (empty: it states none) and its words.

    Who states a level is believed: WARN and above stand for themselves, and what is below is normal work unless its
    words are grave, for "0 errors", "retry policy" and "failed: no" are everyday words there. Without a level the words
    decide.

    >>> log_level("high", "disk full").severity, log_level("low", "3 errors detected and corrected").success
    ('high', True)
    >>> log_level("", "connection refused")
    LogLevel(severity='medium', success=False)
    """
    if level_severity in ("critical", "high", "medium"):
        return LogLevel(level_severity, False)
    if _GRAVE.search(text):
        return LogLevel("medium" if level_severity else "high", False)
    if not level_severity and _TROUBLE.search(text):
        return LogLevel("medium", False)
    return LogLevel("low", True)


def severity_of_word(word: str) -> str:
    """Return the severity that a level or severity word of common tools means, empty where it is none.

    >>> severity_of_word("Warning"), severity_of_word("page"), severity_of_word("blue")
    ('medium', 'critical', '')
    """
    return _SEVERITY_OF.get(word.strip().lower(), "")


def severity(kind: EventType, data: Mapping[str, Any]) -> str:
    """Return the severity of an event that does not state it: by its numbers, its words, or its type's default."""
    if kind.success:
        return kind.severity
    for rule in _BY_TYPE.get(kind.type, _ANY_TYPE):
        number = data.get(rule.name)
        if number is None:
            continue
        if isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number):
            return next((word for step, word in rule.steps if number * rule.sign >= step), rule.otherwise)
    word = data.get("severity") or data.get("level")
    return (isinstance(word, str) and severity_of_word(word)) or kind.severity


def message(type_name: str, data: Mapping[str, Any]) -> str:
    """Return the line that a person would read first: what the payload says, else the type and its plain fields.

    >>> message("disk.full", {"host": "a1", "free": 0, "at": {"mount": "/"}})
    'disk.full: free=0 host=a1'
    """
    for name in _MESSAGE_FIELDS:
        text = data.get(name)
        if text is None:
            continue
        if isinstance(text, dict):
            text = text.get("message")
        if isinstance(text, str) and text and not text.isspace():
            return text[:MESSAGE_MAX].strip()
    plain = sorted((name, value) for name, value in data.items() if isinstance(value, str | int | float))
    fields = " ".join(f"{name}={str(value)[:_LINE_VALUE_MAX]}" for name, value in plain[:_LINE_FIELDS_MAX])
    return f"{type_name}: {fields}"[:MESSAGE_MAX] if fields else type_name
