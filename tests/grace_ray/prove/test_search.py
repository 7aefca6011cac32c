"""A search of the journal answers soon, finds everything once, and says where to go on."""

from itertools import count

import pytest

from grace_ray.core.store import ANY, EntryFilter
from grace_ray.prove.search import WINDOW_MIN, newest_first, oldest_first

LAST = 3 * WINDOW_MIN
RARE = EntryFilter(source="host/rare")


@pytest.fixture
def reader(house, rows):
    house.journal.append(rows(1, 9, source="host/rare"))
    house.journal.append(rows(10, LAST - 3))
    house.journal.append(rows(LAST - 2, LAST, source="host/rare"))
    return house.writer


def _walk(search, reader, start, limit, where, clock):
    """Return the seqs found, and of how many pages."""
    seqs, pages = [], 0
    while True:
        page = search(reader, start, limit, where, clock)
        seqs, pages, start = seqs + [e.seq for e in page.items], pages + 1, page.next
        if start is None:
            return seqs, pages


RARE_SEQS = [*range(1, 10), *range(LAST - 2, LAST + 1)]


@pytest.mark.parametrize("limit", [1, 3, 5, 1000])
@pytest.mark.parametrize("tick_s", [0.0, 1.0])
def test_every_match_is_found_once_in_either_direction_however_short_the_time(reader, limit, tick_s):
    clock = count(0, tick_s).__next__
    assert _walk(oldest_first, reader, 0, limit, RARE, clock)[0] == RARE_SEQS
    assert _walk(newest_first, reader, None, limit, RARE, clock)[0] == RARE_SEQS[::-1]


def test_a_page_ends_when_the_time_is_over_and_says_where_to_go_on(reader):
    where = EntryFilter(text="no such text")
    assert oldest_first(reader, 0, 100, where, count().__next__) == ([], WINDOW_MIN)
    assert newest_first(reader, None, 100, where, count().__next__) == ([], LAST + 1 - WINDOW_MIN)


def test_with_time_enough_one_page_looks_at_everything(reader):
    where = EntryFilter(text="no such text")
    assert oldest_first(reader, 0, 100, where, lambda: 0.0) == ([], None)
    assert newest_first(reader, None, 100, where, lambda: 0.0) == ([], None)


def test_without_a_filter_pages_are_full(reader):
    seqs, pages = _walk(oldest_first, reader, 0, 1000, ANY, count().__next__)
    assert seqs == list(range(1, LAST + 1))
    assert pages == LAST // 1000 + 1


def test_an_empty_journal_has_no_entries(house):
    assert oldest_first(house.writer, 0, 10, RARE, lambda: 0.0) == ([], None)
    assert newest_first(house.writer, None, 10, RARE, lambda: 0.0) == ([], None)
