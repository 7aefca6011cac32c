"""Log lines: levels, words of trouble, stack traces, and ids that do not change."""

from datetime import UTC, datetime
from typing import Any

import pytest

from grace_ray.core.errors import InvalidInput
from grace_ray.sense.formats import lines
from grace_ray.sense.intake import Intake
from grace_ray.settings import IntakeSettings

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LIMITS = IntakeSettings()
LOG = b"""\
2026-06-01 10:00:00,123 INFO [main] org.example.Server: started
2026-06-01 10:00:01,123 ERROR [main] org.example.Server: request failed
java.lang.IllegalStateException: no session
\tat org.example.Server.handle(Server.java:10)
\tat org.example.Server.run(Server.java:20)
Caused by: java.io.IOException: broken pipe
\t... 2 more
2026-06-01 10:00:02,123 WARN [main] org.example.Server: slow

2026-06-01 10:00:03,000 ERROR [pool] org.example.Jobs: job crashed
Traceback (most recent call last):
  File "app.py", line 1, in <module>
    run()
KeyError: 'x'
Jun 14 15:16:01 combo sshd[19939]: session opened for user root
Jun 14 15:16:02 combo sshd[19939]: authentication failure; logname= uid=0
"""


def events(body: bytes) -> list[dict[str, Any]]:
    found = lines.decode({"x-source": "log/app"}, body, LIMITS)
    assert len(Intake(LIMITS).take(found, NOW).rows) == len(found)
    return [event for event in found if isinstance(event, dict)]


def test_a_stack_trace_is_part_of_the_line_above_it():
    found = events(LOG)
    assert [event["message"] for event in found] == [
        "started", "request failed", "slow", "job crashed", "session opened for user root",
        "authentication failure; logname= uid=0",
    ]  # fmt: skip
    assert found[1]["data"]["stack"].count("\n") == 4
    assert found[3]["data"]["exception"] == "KeyError: 'x'"


def test_severity_follows_the_level_and_without_one_the_words():
    found = [(event["severity"], event.get("success", False)) for event in events(LOG)]
    assert found == [
        ("low", True), ("high", False), ("medium", False), ("high", False), ("low", True), ("medium", False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "2026-06-01 10:00:00,123 INFO [main] org.example.Memory: 3 errors detected and corrected",
        "2026-06-01 10:00:00,123 INFO [main] org.example.Client: Retrying, the policy is retry up to 10 times",
        "06-01 10:00:00.123  1702  2395 D WindowManager: key=3 down=true canceled=false: no error",
        "2026-06-01 10:00:00 DEBUG cache missing, not found, invalid",
    ],
)
def test_a_line_below_warning_is_no_trouble_for_its_everyday_words(line):
    (event,) = events(line.encode())
    assert (event["severity"], event.get("success")) == ("low", True)


def test_grave_words_are_trouble_at_any_level():
    (event,) = events(b"2026-06-01 10:00:00,123 INFO [main] org.example.Disk: no space left on device")
    assert (event["severity"], event.get("success")) == ("medium", None)


def test_a_bare_traceback_is_named_by_its_exception():
    text = b"Traceback (most recent call last):\n  File 'a'\nValueError: bad\n"
    assert [event["message"] for event in events(text)] == ["ValueError: bad"]


def test_reading_again_gives_the_same_ids_and_other_lines_other_ones():
    assert [event["id"] for event in events(LOG)] == [event["id"] for event in events(LOG)]
    twice = [event["id"] for event in events(b"same\nsame\n")]
    assert len(set(twice)) == 2


def test_bytes_that_are_no_text_are_read_all_the_same():
    assert events(b"bad \xff byte and nul \0 here\n")[0]["message"] == "bad \ufffd byte and nul  here"


def test_lines_must_say_where_they_come_from():
    with pytest.raises(InvalidInput) as raised:
        lines.decode({}, b"x", LIMITS)
    assert raised.value.field == "x-source"


def test_an_endless_stack_trace_is_cut_into_records_of_bounded_size():
    found = events(b"ERROR boom\n" + b"  at x\n" * 3000)
    assert len(found) > 1
    assert all(len(event["data"].get("stack", "")) < 40_000 for event in found)
