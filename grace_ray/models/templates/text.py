"""The text of a template: what its masked lines have in common, the rest `<*>`."""

import re
from itertools import groupby

from grace_ray.models.templates.keys import DATE, EMPTY
from grace_ray.models.templates.masks import WILDCARD

_PART = re.compile(r"(?:(?:<\*>|[^\s=:,;()\[\]{}<>\"'|`])+|\S) *")
_RUNS = re.compile(r"<\*>(?:<\*>)+")
_VALUE = re.compile(r"(?<![:=])(=\s?|:)(?:[\w$-]+[./]){2,}[\w$./-]*[\w$](?![\w:])")
_LONGEST = 400  # parts compared


def readable(masked: str) -> str:
    """The masked line as a template: dates, lists, dotted values and empty brackets are one `<*>` each.

    >>> readable("delete blk_<*> blk_<*> blk_<*> at Sat Jul <*> <*>, cmp=org.example.Main")
    'delete blk_<*> at <*>, cmp=<*>'
    """
    text = EMPTY.sub(lambda m: m[0][0] + WILDCARD + m[0][1], masked)
    text = DATE.sub(WILDCARD, text)
    text = _VALUE.sub(r"\1" + WILDCARD, text)
    return _without_repeats(text)


def generalised(text: str, other: str) -> str:
    """What two texts of one template have in common.

    >>> generalised("user bob from <*>", "user alice from <*>")
    'user <*> from <*>'
    """
    if text == other or _covers(text, other):
        return text
    ours, theirs = _PART.findall(text)[:_LONGEST], _PART.findall(other)[:_LONGEST]
    start = 0
    while start < min(len(ours), len(theirs)) and ours[start] == theirs[start]:
        start += 1
    end = 0
    while end < min(len(ours), len(theirs)) - start and ours[-1 - end] == theirs[-1 - end]:
        end += 1
    middle = _aligned(ours[start : len(ours) - end], theirs[start : len(theirs) - end])
    found = "".join([*ours[:start], *middle, *ours[len(ours) - end :]])
    return _RUNS.sub(WILDCARD, found).strip()


def _without_repeats(text: str) -> str:
    """Three or more words alike in a row, with a wildcard and more in them, are a list: one stands for all."""
    words = text.split(" ")
    if len(set(words)) > len(words) - 2:
        return text
    out: list[str] = []
    for word, run in groupby(words):
        length = len(list(run))
        is_list = length > 2 and WILDCARD in word and word.strip(",;") != WILDCARD
        out += [word] if is_list else [word] * length
    return " ".join(out)


def parameters(template: str, line: str) -> tuple[str, ...] | None:
    """What stands in the line where the template has `<*>`, in order; None if the line does not fit the template.

    >>> parameters("user <*> from <*>", "user  bob from 10.0.0.7")
    ('bob', '10.0.0.7')
    """
    pattern = "(.*?)".join(map(re.escape, template.split(WILDCARD)))
    found = re.fullmatch(pattern, " ".join(line.split()))
    return found.groups() if found else None


def _covers(text: str, other: str) -> bool:
    """Whether the other text is this one with something in place of each `<*>`."""
    first, *middle = text.split(WILDCARD)
    last = middle.pop() if middle else ""
    if not other.startswith(first) or not other.endswith(last) or len(other) < len(first) + len(last):
        return False
    at, end = len(first), len(other) - len(last)
    for part in middle:
        at = other.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return WILDCARD in text


def _aligned(ours: list[str], theirs: list[str]) -> list[str]:
    """A longest common subsequence of the parts, with `<*>` where they differ; a part carries the space behind it."""
    bare, others = [part.rstrip() for part in ours], [part.rstrip() for part in theirs]
    weights = _weights(bare, others)
    out: list[str] = []
    i = j = 0
    is_gap = False
    while i < len(ours) or j < len(theirs):
        if i < len(ours) and j < len(theirs) and bare[i] == others[j]:
            out.append(ours[i])
            i, j, is_gap = i + 1, j + 1, False
            continue
        is_ours = j == len(theirs) or (i < len(ours) and weights[i + 1][j] >= weights[i][j + 1])
        dropped = ours[i] if is_ours else theirs[j]
        i, j = (i + 1, j) if is_ours else (i, j + 1)
        gap = WILDCARD + dropped[len(dropped.rstrip()) :]
        if is_gap:
            out[-1] = gap
        else:
            out.append(gap)
        is_gap = True
    return out


def _weights(ours: list[str], theirs: list[str]) -> list[list[int]]:
    """[i][j]: what the best alignment of ours from i and theirs from j keeps; a word weighs more than punctuation."""
    weights = [[0] * (len(theirs) + 1) for _ in range(len(ours) + 1)]
    for i in range(len(ours) - 1, -1, -1):
        below, row = weights[i + 1], weights[i]
        for j in range(len(theirs) - 1, -1, -1):
            best = max(below[j], row[j + 1])
            if ours[i] == theirs[j]:
                best = max(best, below[j + 1] + (3 if len(ours[i]) > 1 else 1))
            row[j] = best
    return weights
