"""What people read: tables that fit their terminal, ages, and text that cannot play tricks on it."""

import os
import sys
from datetime import timedelta

import pytest

from grace_ray.cli.printing import age, clean, print_table
from grace_ray.core.clock import to_text, utc_now

ROWS = [(0.7, "logs:medium:t-2cb34a1af8fa", "authentication failure " * 10), (10, "système", "日本" * 50)]


@pytest.fixture
def terminal(monkeypatch):
    def of(columns):
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        monkeypatch.setattr("shutil.get_terminal_size", lambda *_: os.terminal_size((columns, 24)))

    return of


@pytest.mark.parametrize("columns", [45, 60, 80, 150])
def test_a_table_fits_its_terminal_and_cuts_no_key(terminal, capsys, columns):
    from rich.cells import cell_len

    terminal(columns)
    print_table(("urgency", "cluster", "says"), ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert max(cell_len(line.replace("\x1b[1m", "").replace("\x1b[0m", "")) for line in lines) <= columns
    assert sum("logs:medium:t-2cb34a1af8fa" in line for line in lines) == 1


def test_what_is_piped_is_not_cut(capsys):
    print_table(("urgency", "cluster", "says"), ROWS)
    header, first, second = capsys.readouterr().out.splitlines()
    assert header.split() == ["urgency", "cluster", "says"]
    assert (first.rstrip().endswith("failure"), second.count("日本")) == (True, 50)


def test_nothing_is_said_in_words(capsys):
    print_table(("a", "b"), [], nothing="No clusters.")
    assert capsys.readouterr().out == "No clusters.\n"


def test_control_characters_are_shown_and_not_obeyed():
    assert clean("a\x1b[31mb\x07\r\nc\td\x9b") == "a\\x1b[31mb\\x07 c d\\x9b"
    assert clean("日本 ünï") == "日本 ünï"


@pytest.mark.parametrize(
    ("ago_s", "said"), [(0, "now"), (5.2, "5 s ago"), (150, "2 min ago"), (7300, "2 h ago"), (10**6, "11 d ago")]
)
def test_times_are_shown_as_ages(ago_s, said):
    assert age(to_text(utc_now() - timedelta(seconds=ago_s))) == said


def test_a_time_that_is_not_is_left_out():
    assert age(None) == ""
