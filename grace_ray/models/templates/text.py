"""The text of a template: what its masked lines have in common, the rest `<*>`."""

import re

from grace_ray.models.templates.keys import DATE, EMPTY
from grace_ray.models.templates.masks import WILDCARD

_PART = re.compile(r"(?:<\*>|[^\s=:,;()\[\]{}<>\"'|`])+|\s+|.")
_RUNS = re.compile(r"<\*>(?:<\*>)+")
_VALUE = re.compile(r"(?<![:=])(=\s?|:)(?:[\w$-]+[./]){2,}[\w$./-]*[\w$](?![\w:])")
_REPEATED = re.compile(r"(\S*[^\s<>*]<\*>|<\*>[^\s<>*,]\S*)(?: \1){2,}")
_LONGEST = 400  # parts compared


def readable(masked: str) -> str:
    """The masked line as a template: dates, lists, dotted values and empty brackets are one `<*>` each.

    >>> readable("delete blk_<*> blk_<*> blk_<*> at Sat Jul <*> <*>, cmp=org.example.Main")
    'delete blk_<*> at <*>, cmp=<*>'
    """
    text = EMPTY.sub(lambda m: m[0][0] + WILDCARD + m[0][1], masked)
    text = DATE.sub(WILDCARD, text)
    text = _VALUE.sub(r"\1" + WILDCARD, text)
    return _REPEATED.sub(r"\1", text)


def generalised(text: str, other: str) -> str:
    """What two texts of one template have in common.

    >>> generalised("user bob from <*>", "user alice from <*>")
    'user <*> from <*>'
    """
    if text == other or _covers(text, other):
        return text
    ours, theirs = _PART.findall(text)[:_LONGEST], _PART.findall(other)[:_LONGEST]
    out: list[str] = []
    for part in _common(ours, theirs):
        if part != WILDCARD or not out or out[-1] != WILDCARD:
            out.append(part)
    return _RUNS.sub(WILDCARD, "".join(out))


def parameters(template: str, line: str) -> tuple[str, ...] | None:
    """What stands in the line where the template has `<*>`, in order; None if the line does not fit the template.

    >>> parameters("user <*> from <*>", "user  bob from 10.0.0.7")
    ('bob', '10.0.0.7')
    """
    pattern = "(.*?)".join(map(re.escape, template.split(WILDCARD)))
    found = re.fullmatch(pattern, " ".join(line.split()))
    return found.groups() if found else None


def _covers(text: str, other: str) -> bool:
    pattern = ".*?".join(map(re.escape, text.split(WILDCARD)))
    return re.fullmatch(pattern, other, re.DOTALL) is not None


def _common(ours: list[str], theirs: list[str]) -> list[str]:
    """A longest common subsequence of the parts, with `<*>` where they differ."""
    start = 0
    while start < min(len(ours), len(theirs)) and ours[start] == theirs[start]:
        start += 1
    end = 0
    while end < min(len(ours), len(theirs)) - start and ours[-1 - end] == theirs[-1 - end]:
        end += 1
    tail = ours[len(ours) - end :]
    middle = _aligned(ours[start : len(ours) - end], theirs[start : len(theirs) - end])
    return ours[:start] + middle + tail


def _aligned(ours: list[str], theirs: list[str]) -> list[str]:
    if not ours or not theirs:
        return [WILDCARD] if ours or theirs else []
    weights = [[0] * (len(theirs) + 1) for _ in range(len(ours) + 1)]
    for i in range(len(ours) - 1, -1, -1):
        below, row = weights[i + 1], weights[i]
        for j in range(len(theirs) - 1, -1, -1):
            best = max(below[j], row[j + 1])
            if ours[i] == theirs[j]:
                best = max(best, below[j + 1] + (3 if len(ours[i]) > 1 else 1))
            row[j] = best
    out: list[str] = []
    i = j = 0
    while i < len(ours) and j < len(theirs):
        if ours[i] == theirs[j]:
            out.append(ours[i])
            i, j = i + 1, j + 1
            continue
        out.append(WILDCARD)
        if weights[i + 1][j] >= weights[i][j + 1]:
            i += 1
        else:
            j += 1
    return [*out, WILDCARD] if i < len(ours) or j < len(theirs) else out
