"""A line of a log file as an event: its level gives the severity, and what merely informs is baseline."""

import hashlib
import re
from datetime import UTC, datetime
from typing import Any

from grace_ray.core.clock import to_text
from grace_ray.sense.derivation import log_level, severity_of_word

LEVEL_WITHIN = 120  # characters: a level stands at the front of a line, words in the message are none
_LEVEL = re.compile(
    r"(?<![\w/.-])(?:level[=:]\s*\"?)?"
    r"(TRACE|DEBUG|INFO|INFORMATION|NOTICE|WARN|WARNING|ERR|ERROR|SEVERE|CRIT|CRITICAL|ALERT|EMERG|FATAL|PANIC"
    r"|Trace|Debug|Info|Information|Warning|Error|Critical|Fatal)"
    r"(?![\w/-])"
)
_LOWER_LEVEL = re.compile(r"\blevel[=:]\s*\"?([a-z]+)|\[(trace|debug|info|notice|warn|error|crit|alert|emerg)\]")
_LETTER = re.compile(r"^(?:\d\d-\d\d )?[\d:.]+\s+\d+\s+\d+\s+([VDIWEF])\s")
_NUL = str.maketrans({"\0": "\ufffd"})
_LETTERS = {"V": "trace", "D": "debug", "I": "info", "W": "warning", "E": "error", "F": "fatal"}


# How common logs write the time; "" is ISO 8601. A year that is not written is 2000, as only distances count.
_TIMES = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"), ""),
    (re.compile(r"\d{4}-\d\d-\d\d-\d\d\.\d\d\.\d\d"), "%Y-%m-%d-%H.%M.%S"),
    (re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d"), "%Y/%m/%d %H:%M:%S"),
    (re.compile(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d"), "%d/%b/%Y:%H:%M:%S"),
    (re.compile(r"[A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d"), "%b %d %H:%M:%S"),
    (re.compile(r"\d\d-\d\d \d\d:\d\d:\d\d"), "%m-%d %H:%M:%S"),
    (re.compile(r"\d\d\.\d\d \d\d:\d\d:\d\d"), "%m.%d %H:%M:%S"),
    (re.compile(r"\b\d{6} \d{6}\b"), "%y%m%d %H%M%S"),
)


def time_of(line: str) -> datetime | None:
    """Return the time that stands at the front of a log line (UTC where no zone is given), None for none.

    >>> time_of("081109 203615 148 INFO dfs.DataNode: PacketResponder 1").isoformat()
    '2008-11-09T20:36:15+00:00'
    """
    front = line[:LEVEL_WITHIN]
    for pattern, form in _TIMES:
        if found := pattern.search(front):
            return _parsed(found[0], form)
    return None


def _parsed(text: str, form: str) -> datetime | None:
    try:
        if form:
            year = "" if "%y" in form.lower() else "2000 "
            return datetime.strptime(f"{year}{text} +0000", f"{'%Y ' if year else ''}{form} %z")
        at = datetime.fromisoformat(text.replace(",", "."))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def level_of(line: str) -> str:
    """Return the level word that a log line carries, "" where it carries none.

    >>> level_of("2015-10-18 18:01:47,978 INFO [main] Executing"), level_of("sshd[1]: Failed password")
    ('INFO', '')
    """
    front = line[:LEVEL_WITHIN]
    if found := _LETTER.match(front):
        return _LETTERS[found[1]]
    if found := _LEVEL.search(front):
        return found[1]
    if found := _LOWER_LEVEL.search(front):
        return found[1] or found[2]
    return ""


def to_event(line: str, source: str, event_id: str) -> dict[str, Any]:
    """Return the CloudEvents object of a line; a line that says nothing of trouble is a baseline event."""
    word = level_of(line)
    level = log_level(severity_of_word(word), line)
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": "log.line",
        "severity": level.severity,
        "message": line.translate(_NUL),
    }
    if at := time_of(line):
        event["time"] = to_text(at)
    if level.success:
        event["success"] = True
    if word:
        event["data"] = {"level": word}
    return event


def line_id(source: str, place: str, line: str) -> str:
    """Return an id that the same line at the same place of the same source always gets."""
    return hashlib.sha256(f"{source}\x1f{place}\x1f{line}".encode("utf-8", "replace")).hexdigest()[:32]
