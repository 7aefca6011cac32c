"""Log lines as events of type log.line; the lines of a stack trace are joined to the line that they belong to."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from grace_ray.core.errors import InvalidInput
from grace_ray.models.templates.header import split_header
from grace_ray.sense.derivation import log_level
from grace_ray.sense.formats.payload import check_count, inflated
from grace_ray.sense.raw import Decoded, RawEvent
from grace_ray.sense.tail import Line, Position
from grace_ray.settings import IntakeSettings

_LINES_MAX, _CHARACTERS_MAX = 500, 32_000
_INDENTED = re.compile(r"[ \t]+\S")
_CONTINUES = re.compile(
    r"Caused by: |Suppressed: |Traceback \(most recent call last\):|\.\.\. \d+ more|During handling of the above"
    r"|The above exception was the direct|goroutine \d+ \[|\tat |stack backtrace:"
)
_EXCEPTION = re.compile(
    r"(?:[A-Za-z_][\w$]*\.)*[A-Za-z_][\w$]*(?:Error|Exception|Throwable|Exit|Interrupt|Warning)\b(?::|$)"
)


class Record(NamedTuple):
    """One entry of a log: its first line, the lines that belong to it, and where it begins and ends."""

    text: str
    rest: tuple[str, ...]
    start: Position
    end: Position


class Joiner:
    """Joins the lines of stack traces to the line that they belong to; the last record waits for more of them.

    >>> at = Position(1, 0, 0)
    >>> lines = [Line(text, at, at) for text in ("ERROR boom", "  File a.py", "KeyError: 'x'", "INFO next")]
    >>> joiner = Joiner()
    >>> [(record.text, len(record.rest)) for record in [*joiner.feed(lines), *joiner.flush()]]
    [('ERROR boom', 2), ('INFO next', 0)]
    """

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._size = 0

    def feed(self, lines: Iterable[Line]) -> list[Record]:
        """Return the records that are complete, now that ``lines`` came."""
        records: list[Record] = []
        for line in lines:
            if not line.text.strip():
                continue
            if self._lines and not self._belongs(line.text):
                records += self.flush()
            self._lines.append(line)
            self._size += len(line.text)
        return records

    def flush(self) -> list[Record]:
        """Return the record that waits, if any: for when no more lines come."""
        if not self._lines:
            return []
        first, *rest = self._lines
        record = Record(first.text, tuple(line.text for line in rest), first.start, self._lines[-1].end)
        self._lines, self._size = [], 0
        return [record]

    def _belongs(self, text: str) -> bool:
        if len(self._lines) >= _LINES_MAX or self._size > _CHARACTERS_MAX:
            return False
        if _CONTINUES.match(text):
            return True
        if _INDENTED.match(text):
            return split_header(text).timestamp is None
        # The last line of a Python traceback, or the first of a Java one, stands at the margin.
        last = self._lines[-1].text
        return _EXCEPTION.match(text) is not None and (len(self._lines) > 1 or split_header(last).level is not None)


def event(record: Record, source: str) -> RawEvent:
    """Return the event of a record read from ``source``, such as ``log/var/log/syslog``.

    The id is made of the source, the place in the file and the text: reading the same file again adds nothing. The
    time that the line itself states often lacks its year or zone, so it is kept in ``data.logged_at``, as written.
    """
    header = split_header(record.text)
    stack = [line for line in record.rest if line.strip()]
    exception = next((line.strip() for line in reversed(stack) if _EXCEPTION.match(line.strip())), "")
    is_bare_trace = header.level is None and header.message.startswith("Traceback")
    message = exception if is_bare_trace and exception else header.message or record.text.strip()
    stated = header.severity or ("low" if header.level else "")  # a debug level has no severity of its own
    level = log_level(stated, message if not stack else f"{message} {exception}")
    key = "\x1f".join((source, *map(str, record.start), record.text, *record.rest))
    found: RawEvent = {
        "specversion": "1.0",
        "id": hashlib.sha256(key.encode(errors="replace")).hexdigest()[:32],
        "source": source,
        "type": "log.line",
        "severity": level.severity,
        "message": message,
        "data": {"line": record.text} | ({"stack": "\n".join(stack)} if stack else {}),
    }
    named = {"level": header.level, "logger": header.source, "logged_at": header.timestamp, "exception": exception}
    found["data"] |= {name: value for name, value in named.items() if value}
    if level.success:
        found["success"] = True
    if header.source:
        found["subject"] = header.source[:200]
    return found


def decode(headers: Mapping[str, str], body: bytes, limits: IntakeSettings) -> Decoded:
    """Return the events of a piece of log text; the header ``x-source`` must name where it comes from."""
    source = headers.get("x-source", "")
    if not source:
        raise InvalidInput("The header X-Source must name where the lines come from.", "x-source")
    texts = inflated(headers, body, limits).decode(errors="replace").replace("\0", "").splitlines()
    check_count(len(texts), limits)
    lines = [Line(text, Position(0, 0, number), Position(0, 0, number + 1)) for number, text in enumerate(texts)]
    joiner = Joiner()
    return [event(record, source) for record in [*joiner.feed(lines), *joiner.flush()]]
