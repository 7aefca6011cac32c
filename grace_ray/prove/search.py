"""Searching the journal in bounded work: a page comes soon, even where one entry in a million matches."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from grace_ray.core.entry import Entry
from grace_ray.core.store import ANY, EntryFilter, Reader

BUDGET_S = 0.25
WINDOW_MIN, WINDOW_MAX = 4_096, 32_768


class Found(NamedTuple):
    """Entries that match, and ``next``: the seq after which to go on (None: there is nothing more to look at).

    A page that has a ``next`` may hold fewer entries than were asked for, or none: the time was over.
    """

    items: list[Entry]
    next: int | None


def oldest_first(
    reader: Reader, after: int, limit: int, where: EntryFilter, clock: Callable[[], float], budget_s: float = BUDGET_S
) -> Found:
    """Return up to ``limit`` entries with seq > ``after`` that match, in order; ``clock`` gives seconds."""
    if _is_indexed(where):
        return _page(reader.entries(after, limit, where), limit)
    found, head, width, ends = list[Entry](), reader.head(), WINDOW_MIN, clock() + budget_s
    while after < head and len(found) < limit and (width == WINDOW_MIN or clock() < ends):
        last = min(head, after + width)
        found += reader.entries(after, limit - len(found), replace(where, highest=last))
        after, width = last, min(2 * width, WINDOW_MAX)
    if len(found) == limit:
        return _page(found, limit)
    return Found(found, after if after < head else None)


def newest_first(
    reader: Reader,
    before: int | None,
    limit: int,
    where: EntryFilter,
    clock: Callable[[], float],
    budget_s: float = BUDGET_S,
) -> Found:
    """Return up to ``limit`` entries with seq < ``before`` (None: from the head) that match, newest first."""
    if _is_indexed(where):
        return _page(reader.latest(limit, where, before), limit)
    start = reader.head() + 1 if before is None else before
    found, width, ends = list[Entry](), WINDOW_MIN, clock() + budget_s
    while start > 1 and len(found) < limit and (width == WINDOW_MIN or clock() < ends):
        first = max(1, start - width)
        found += reader.latest(limit - len(found), replace(where, lowest=first), start)
        start, width = first, min(2 * width, WINDOW_MAX)
    if len(found) == limit:
        return _page(found, limit)
    return Found(found, start if start > 1 else None)


def _is_indexed(where: EntryFilter) -> bool:
    """Whether the store finds the entries by an index: all of them, or by kind and what every kind but events has."""
    return where == ANY or bool(where.kinds and "event" not in where.kinds and not where.text and not where.source)


def _page(items: list[Entry], limit: int) -> Found:
    return Found(items, items[-1].seq if len(items) == limit else None)
