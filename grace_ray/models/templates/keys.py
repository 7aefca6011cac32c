"""Keys: from a masked line to the tuple of words and marks which says what template the line is of.

The key keeps the constant words and the punctuation, and holds one `<*>` for every *run* of variable pieces however
long it is, so `blk_1 blk_2` and `blk_1 blk_2 blk_3` have one key. A piece is variable when it was masked, or has the
shape of a name rather than of a word (two dots or more, a path, a letter followed by a digit), or stands alone in
quotes. Amounts with a unit, and dates with month names, are one variable. A value after `=` may be missing.

>>> key_of("close, <*> bytes (<*> KB) sent")
('close', ',', '<*>', 'sent')
>>> key_of("close, <*> bytes sent") == key_of("close, <*> bytes (<*> KB) sent")
True
>>> key_of("logname= uid=<*> user=root")
('logname', '=', '<*>', 'uid', '=', '<*>', 'user', '=', 'root')
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from grace_ray.models.templates.masks import WILDCARD

Key = tuple[str, ...]

OPEN = "<?>"  # a place once held by different words, now one word or variable
RUN = "<+>"  # an open place beside a variable: one or more words or variables
VARIABLES = frozenset((WILDCARD, OPEN, RUN))

MAX_PIECES = 200
DELIMITERS = frozenset("=:,;()[]{}<>\"'|`")
_LONGEST_ENTRY = 8  # pieces of one entry of a list
_LEAST_CONTEXT = 4  # words that must be left for two keys of different length to be one
_NO_VALUE = frozenset(("", ",", ";", ")", "]", "}"))
_BARE_VALUES = frozenset(("-", "?", "*"))
_LONGEST_WORD = 100
_REMEMBERED = 65_536
_BORDERS = frozenset("=()[]{}<>\"'`")  # what ends a run of variables; other punctuation links them
_PIECE = re.compile(r"(?:<\*>|[^\s=:,;()\[\]{}<>\"'|`])+|[=:,;()\[\]{}<>\"'|`]")
_LEADER = re.compile(r"([.\-_*=#~])\1{2,}")
_UNIT = (
    r"(?:[kKMGTP]?i?[bB](?:ytes?|/s|ps)?|bits?|ms|us|ns|s|msecs?|usecs?|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|days?"
    r"|milliseconds?|microseconds?|nanoseconds?|millis|MILLISECONDS|SECONDS|[kMG]?Hz|%|percent)"
)
_AMOUNT = re.compile(rf"[<>~]?<\*> ?{_UNIT}(?![\w/])(?: \(<\*> ?{_UNIT}\))?")
_SIGNED = re.compile(r"(?<=[\s=(])[<>~+-]<\*>(?!>)")
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:[a-z]{3,6})?"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
DATE = re.compile(rf"\b(?:{_DAY},? )?(?:<\*> {_MONTH}|{_MONTH} <\*>)(?: <\*>)*(?: (?:[A-Z]{{3,4}}|[AP]M))?(?: <\*>)*")
_QUOTED = re.compile(r"(?<![\":])(?<!\": )\"([^\"]{1,60})\"(?! ?:)|(?<!\w)'([^']{1,60})'(?!\w)")
_VALUE = re.compile(r"(?<==)(?:<\*>|[^\s,;()\[\]{}\"'=<>|])+(?:[{(\[]<\*>[})\]])?")
EMPTY = re.compile(r"(?<=\s)(?:\(\)|\[\]|\{\}|\"\"|'')")
_NAME = re.compile(r"(?:[\w$-]+\.){2,}[\w$-]|^[/\\~]|[/\\].*[/\\]|[A-Za-z]\d$|^\d")
_PROPERTY = re.compile(r"[A-Za-z_$][\w$.-]*[A-Za-z]")  # a dotted name before `=` is a label


def key_of(masked: str) -> Key:
    """The key of a masked line: at most MAX_PIECES pieces, the rest is cut off."""
    text = _QUOTED.sub(_quoted, masked)
    text = EMPTY.sub(lambda m: m[0][0] + WILDCARD + m[0][1], text)
    text = _VALUE.sub(lambda m: WILDCARD if WILDCARD in m[0] else m[0], text)
    text = _LEADER.sub(r" \1\1\1 ", text)
    text = DATE.sub(WILDCARD, text)
    text = _AMOUNT.sub(WILDCARD, text)
    text = _SIGNED.sub(WILDCARD, text)
    literal = _PIECE.findall(text)[:MAX_PIECES]
    pieces = list(map(_classified, literal, [*literal[1:], ""]))
    key = without_repeats(collapsed(_with_missing_values(pieces)))
    return key if any(map(is_word, key)) else collapsed(literal)


def collapsed(pieces: Iterable[str]) -> Key:
    """The pieces with each run of variables (and what links them) made one."""
    out: list[str] = []
    links = 0  # how many pieces at the end of `out` are links
    for piece in pieces:
        if piece in VARIABLES and len(out) > links and out[-1 - links] in VARIABLES:
            is_plain = piece == WILDCARD == out[-1 - links]
            del out[len(out) - links - 1 :]
            out.append(WILDCARD if is_plain else RUN)
            links = 0
            continue
        out.append(piece)
        links = links + 1 if _is_link(piece) else 0
    return tuple(out)


def without_repeats(key: Key) -> Key:
    """The key with each list of like entries (the same words around variables, one after the other) as one entry."""
    if key.count(WILDCARD) < 2:
        return key
    pieces = list(key)
    for length in range(2, _LONGEST_ENTRY + 1):
        at = 0
        while at + 2 * length <= len(pieces):
            if pieces[at] == pieces[at + length] and _is_entry(pieces, at, length):
                del pieces[at : at + length]
            else:
                at += 1
    return tuple(pieces)


def _is_entry(pieces: list[str], at: int, length: int) -> bool:
    entry = pieces[at : at + length]
    return WILDCARD in entry and entry == pieces[at + length : at + 2 * length]


def reduced(key: Key) -> Iterator[Key]:
    """The key with `host : <*>` or `name - <*>` taken as one variable, for each place where that can be."""
    for place in range(len(key) - 2):
        if key[place + 2] == WILDCARD and key[place + 1] in (":", "-") and is_word(key[place]):
            shorter = collapsed((*key[:place], *key[place + 2 :]))
            if sum(map(is_word, shorter)) >= _LEAST_CONTEXT:
                yield shorter


@lru_cache(_REMEMBERED)
def is_word(piece: str) -> bool:
    """Whether the piece is a constant word: not a variable, not punctuation."""
    return piece not in VARIABLES and piece not in DELIMITERS and any(map(str.isalpha, piece))


@lru_cache(_REMEMBERED)
def _is_link(piece: str) -> bool:
    return piece not in VARIABLES and not any(character.isalnum() or character in _BORDERS for character in piece)


@lru_cache(_REMEMBERED)
def _classified(piece: str, after: str) -> str:
    if WILDCARD in piece:
        return WILDCARD
    if len(piece) == 1:
        return WILDCARD if piece.isdigit() else piece
    if len(piece) > _LONGEST_WORD:
        return WILDCARD
    if _NAME.search(piece) and not (after == "=" and _PROPERTY.fullmatch(piece)):
        return WILDCARD
    return piece.rstrip(".!?") or piece


def _quoted(match: re.Match[str]) -> str:
    inner = match[1] or match[2]
    if " " in inner and (WILDCARD in inner or inner.count(" ") > 2):
        return match[0]
    quote = match[0][0]
    return f"{quote}{WILDCARD}{quote}"


def _with_missing_values(pieces: list[str]) -> list[str]:
    """With a variable where a value is missing after `=`, for a bare `-` there, and for a bare `/` after a word."""
    out: list[str] = []
    before = ""
    for piece, after, beyond in zip(pieces, [*pieces[1:], ""], [*pieces[2:], "", ""], strict=False):
        is_bare = (before == "=" and piece in _BARE_VALUES) or (piece == "/" and is_word(before))
        out.append(WILDCARD if is_bare else piece)
        if piece == "=" and (after in _NO_VALUE or (beyond == "=" and is_word(after))):
            out.append(WILDCARD)
        before = piece
    return out
