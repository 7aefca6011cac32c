"""The time that stands at the front of a log line, for a replay at the speed of the recording."""

import re
from datetime import UTC, datetime

FRONT = 120  # characters: the time of a line stands at its front, times in the message are none
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
    front = line[:FRONT]
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
