"""Headers: a raw log line's time, level and source taken apart from its message, over the formats in common use.

The head of the line is read from left to right: a time (syslog, ISO 8601, log4j, Apache, Android, epoch, ...), then
hosts, numbers, threads and labels up to a level word or a `program[pid]:`, then a thread and the name of the logger. A
line in which no time and no level is found is all message.
"""

import re
from dataclasses import dataclass

SEVERITIES = {
    "critical": ("EMERG", "EMERGENCY", "PANIC", "ALERT", "CRIT", "CRITICAL", "FATAL", "F"),
    "high": ("ERROR", "ERR", "SEVERE", "FAILURE", "E"),
    "medium": ("WARN", "WARNING", "W"),
    "low": ("NOTICE", "INFO", "INFORMATION", "CONFIG", "I"),
}
_SEVERITY_OF = {level: severity for severity, levels in SEVERITIES.items() for level in levels}

_MONTHS = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_CLOCK = r"\d{1,2}[:.]\d{2}[:.]\d{2}(?:[.,:]\d{1,9})?"
_ZONE = r"(?:[ ]?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2})(?![\w]))?"
_TIME = re.compile(
    rf"""
    \d{{4}}[-/.]\d{{2}}[-/.]\d{{2}}(?:[T ,_-]{{1,2}}{_CLOCK}{_ZONE})?         # 2015-10-18 18:01:47,978
    |(?:\w{{3}},?\ )?{_MONTHS}\ +\d{{1,2}}\ (?:\d{{4}}\ )?{_CLOCK}(?:\ \d{{4}})?      # Sun Dec 04 04:47:44 2005
    |\d{{1,2}}[/ -]{_MONTHS}[/ -]\d{{4}}[: ]{_CLOCK}{_ZONE}                   # 10/Oct/2000:13:55:36 -0700
    |\d{{2}}[/.-]\d{{2}}(?:[/.-]\d{{2,4}})?\ {_CLOCK}                         # 17/06/09 20:10:40, 03-17 16:13:38.811
    |\d{{8}}[-T ]{_CLOCK}{_ZONE}                                              # 20171223-22:15:29:606
    |\d{{6}}\ \d{{6}}(?!\d)                                                   # 081109 203615
    |1\d{{9}}(?:\d{{3}})?(?:\.\d+)?(?!\d)                                     # seconds or milliseconds since 1970
    |{_CLOCK}                                                                 # 20:10:40
    """,
    re.VERBOSE,
)
_LEVEL_WORDS = "|".join(sorted((w for ws in SEVERITIES.values() for w in ws if len(w) > 1), key=len, reverse=True))
_LEVEL = re.compile(
    rf"[\[(<]?({_LEVEL_WORDS}|DEBUG|TRACE|VERBOSE|FINE(?:ST|R)?)[\])>]?(?=[\s:,|]|$)[:,]?", re.IGNORECASE
)
_FRONT = re.compile(r"(?:<\d{1,3}>|- )?\[?")
_LABEL = re.compile(r"(?:[A-Z]{2,20}|[^\s=]{0,60}[./_-][^\s=]{0,60}) \[?(?=\d)")
_RFC5424 = re.compile(r"<\d{1,3}>1 (\S+) \S+ (\S+) \S+ \S+ (?:-|(?:\[(?:[^\]\\]|\\.)*\])+)(?: |$)")
_BASIC = re.compile(rf"({_LEVEL_WORDS}|DEBUG):([\w.]+):")
_LOGFMT = re.compile(r"(?:^|\s)(?:level|lvl|severity)=\"?(\w+)")
_LOGFMT_TIME = re.compile(r"(?:^|\s)(?:time|ts|timestamp)=\"?([^\s\"]+)")
_LOGFMT_MESSAGE = re.compile(r"(?:^|\s)(?:msg|message)=(?:\"((?:[^\"\\]|\\.)*)\"|(\S+))")
_DASHED = re.compile(r"([\w.-]+(?: \*\d+)?) - ")
_GLOG = re.compile(r"([IWEF])(\d{4} \d{2}:\d{2}:\d{2}\.\d+) +\d+ ([^\s:]+:\d+)\] ")
_LOGCAT = re.compile(r" +\d+ +\d+ ([VDIWEFA]) (.*?) *: ")
_PROGRAM = re.compile(r"((?:[\w.@/-]+ ){0,2}?)([A-Za-z_][\w.@/:-]*?(?:\([\w.: /-]*\))?)(?:\[\d+\]|\ [\d.]+)?:(?=\s|$)")
_PIPES = re.compile(r"\|([\w.-]+)\|(\d+)\|")
_THREAD = re.compile(r"\[(?:[^\[\]]|\[[^\[\]]*\]){1,200}\]:?")
_LOGGER = re.compile(
    r"([A-Za-z_][\w-]*(?:[.$/@]|::)[\w.$/*@:-]*?(?:\([\w.:]*\))?|[A-Za-z_][\w-]*(?= +- | {3,}))"
    r"(?::(?=\s)| +-(?=\s)| {3,}|(?= \[))"
)
_LOOSE = re.compile(r"[^\s|]+")
_GAP = re.compile(r"(?:\s|[|\]](?=[\s|\[])|[-:,](?=\s))*")
_LOOKED_AT = 10  # words after the time in which a level is looked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A raw line taken apart: ``timestamp`` and ``level`` as written, ``source``: program or logger.

    ``severity``: critical, high, medium or low by the level; None for debug levels and where there is no level. On its
    own it is weak evidence: many programs write FATAL where nothing is lost.
    """

    timestamp: str | None
    level: str | None
    severity: str | None
    source: str | None
    message: str


def split_header(line: str) -> Header:
    """The parts of a raw log line.

    >>> found = split_header("2015-10-18 18:01:47,978 WARN [main] org.example.Server: disk full")
    >>> found.timestamp, found.level, found.severity, found.source, found.message
    ('2015-10-18 18:01:47,978', 'WARN', 'medium', 'org.example.Server', 'disk full')
    >>> split_header("Jun 14 15:16:01 combo sshd[19939]: check pass; user unknown").message
    'check pass; user unknown'
    """
    line = line.strip()
    whole = _whole(line)
    if whole is not None:
        return whole
    timestamp, at = _timestamp(line)
    logcat = _LOGCAT.match(line, at)
    if timestamp and logcat:
        return _header(timestamp, logcat[1], logcat[2], line[logcat.end() :])
    level, after = _level(line, at, near=timestamp is None)
    if level is None:
        return _without_level(line, timestamp, at)
    source, start = _logger(line, after)
    return _header(timestamp, level, source, line[start:])


def _whole(line: str) -> Header | None:
    """Formats known by a mark of their own: glog, RFC 5424, Python's basicConfig, logfmt."""
    found = _GLOG.match(line)
    if found:
        return _header(found[2], found[1], found[3], line[found.end() :])
    found = _RFC5424.match(line)
    if found:
        return _header(found[1], None, found[2], line[found.end() :])
    found = _BASIC.match(line)
    if found:
        return _header(None, found[1], found[2], line[found.end() :])
    level, message = _LOGFMT.search(line), _LOGFMT_MESSAGE.search(line)
    if level and message:
        time = _LOGFMT_TIME.search(line)
        return _header(time[1] if time else None, level[1], None, message[1] or message[2] or "")
    return None


def severity_of(level: str | None) -> str | None:
    """critical, high, medium, low, or None.

    >>> severity_of("Warning"), severity_of("debug"), severity_of(None)
    ('medium', None, None)
    """
    return _SEVERITY_OF.get((level or "").upper())


def _header(timestamp: str | None, level: str | None, source: str | None, message: str) -> Header:
    return Header(
        timestamp=timestamp,
        level=level.upper() if level else None,
        severity=severity_of(level),
        source=source or None,
        message=message.strip(),
    )


def _timestamp(line: str) -> tuple[str | None, int]:
    """The last of the times at the head of the line (each may follow a word or two), and where it ends."""
    found, at = None, 0
    front = _FRONT.match(line)
    start = front.end() if front else 0
    if not _TIME.match(line, start):
        label = _LABEL.match(line)
        start = label.end() if label else start
    while (time := _TIME.match(line, start)) is not None:
        found, at = time[0], time.end()
        start = _skip(line, at)
        for _ in range(2):
            if _TIME.match(line, start) or found[:1].isalpha():
                break
            word = _LOOSE.match(line, start)
            if word is None or _LEVEL.match(line, start) or not re.search(r"\d", word[0]) or word[0][-1] in ":]":
                break
            start = _skip(line, word.end())
    return found, at


def _skip(line: str, at: int) -> int:
    gap = _GAP.match(line, at)
    return gap.end() if gap else at


def _level(line: str, at: int, *, near: bool) -> tuple[str | None, int]:
    """A level word soon after the time, and where it ends; with no time, only as the first word."""
    at = _skip(line, at)
    for word_number in range(1 if near else _LOOKED_AT):
        level = _LEVEL.match(line, at)
        is_first = word_number == 0 and not near
        if level and (is_first or level[0][0] in "[<(" or level[0][-1] in ":]" or level[1].isupper()):
            return level[1], level.end()
        word = _THREAD.match(line, at) or _LOOSE.match(line, at)
        if word is None or (word[0].endswith(":") and word[0][0] != "["):
            break
        at = _skip(line, word.end())
    return None, at


def _logger(line: str, at: int) -> tuple[str | None, int]:
    at = _skip(line, at)
    source = None
    for pattern in (_THREAD, _LOGGER, _THREAD):
        found = pattern.match(line, at)
        if found and found.end() < len(line):
            source = found[1] if pattern is _LOGGER else source
            at = _skip(line, found.end())
    return source, at


def _without_level(line: str, timestamp: str | None, at: int) -> Header:
    if timestamp is None:
        return _header(None, None, None, line)
    pipes = _PIPES.match(line, at)
    if pipes:
        return _header(timestamp, None, pipes[1], line[pipes.end() :])
    at = _skip(line, at)
    program = _PROGRAM.match(line, at)
    if program and timestamp[:1].isalpha() and program[1]:
        return _header(timestamp, None, program[2], line[program.end() :])
    dash = _DASHED.match(line, at)
    if dash:
        return _header(timestamp, None, dash[1], line[dash.end() :])
    if program:
        return _header(timestamp, None, program[2], line[program.end() :])
    return _header(timestamp, None, None, line[at:])
