"""Raw lines of common formats come apart into time, level, source and message."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace_ray.models.templates.header import severity_of, split_header

LOGS = Path(__file__).resolve().parents[5] / "shared" / "data" / "logs"


@pytest.mark.parametrize(
    ("line", "timestamp", "level", "source", "message"),
    [
        (
            "Jun 14 15:16:01 combo sshd(pam_unix)[19939]: check pass",
            "Jun 14 15:16:01",
            None,
            "sshd(pam_unix)",
            "check pass",
        ),
        (
            "<34>1 2003-10-11T22:14:15.003Z host su - ID47 - 'su root' failed",
            "2003-10-11T22:14:15.003Z",
            None,
            "su",
            "'su root' failed",
        ),
        (
            "17/06/09 20:10:40 INFO executor.Backend: Registered",
            "17/06/09 20:10:40",
            "INFO",
            "executor.Backend",
            "Registered",
        ),
        ("[Sun Dec 04 04:47:44 2005] [error] mod_x failed", "Sun Dec 04 04:47:44 2005", "ERROR", None, "mod_x failed"),
        (
            "2015-07-29 17:41:41,536 - INFO  [main:Peer@101] - Reading it",
            "2015-07-29 17:41:41,536",
            "INFO",
            None,
            "Reading it",
        ),
        (
            "2020-01-01 00:00:00,000 - app.mod - ERROR - it broke: badly",
            "2020-01-01 00:00:00,000",
            "ERROR",
            None,
            "it broke: badly",
        ),
        ("03-17 16:13:38.811  1702  2395 W Manager: locked", "03-17 16:13:38.811", "W", "Manager", "locked"),
        ("I0102 15:04:05.678901 1234 main.go:12] started", "0102 15:04:05.678901", "I", "main.go:12", "started"),
        ("20171223-22:15:29:606|Step_LSC|30002312|moved 3579", "20171223-22:15:29:606", None, "Step_LSC", "moved 3579"),
        (
            "- 1131566461 2005.11.09 dn228 Nov 9 12:01:01 dn228/dn228 crond[2915]: session closed",
            "Nov 9 12:01:01",
            None,
            "crond",
            "session closed",
        ),
        ('time="2024-01-01T00:00:00Z" level=error msg="boom"', "2024-01-01T00:00:00Z", "ERROR", None, "boom"),
        ("INFO:root:hello there", None, "INFO", "root", "hello there"),
        ("ERROR: cannot open x", None, "ERROR", None, "cannot open x"),
        ("hello error world", None, None, None, "hello error world"),
        ("", None, None, None, ""),
    ],
)
def test_a_common_format_comes_apart(
    line: str, timestamp: str | None, level: str | None, source: str | None, message: str
) -> None:
    found = split_header(line)
    assert (found.timestamp, found.level, found.message) == (timestamp, level, message)
    assert source is None or found.source == source


def test_levels_become_severities() -> None:
    assert [severity_of(level) for level in ("fatal", "ERROR", "Warning", "info", "DEBUG", None)] == [
        "critical",
        "high",
        "medium",
        "low",
        None,
        None,
    ]


@given(st.text(max_size=300))
def test_any_text_has_a_message_that_is_part_of_it(line: str) -> None:
    assert split_header(line).message in line


@pytest.mark.skipif(not LOGS.exists(), reason="../shared/data/logs is not here")
def test_nearly_every_message_of_the_given_logs_is_found_exactly() -> None:
    right = total = 0
    for path in sorted(LOGS.glob("*/*_2k.log")):
        with path.with_name(path.name + "_structured.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        lines = path.read_text().split("\n")
        for line, row in zip(lines, rows, strict=False):
            total += 1
            right += split_header(line).message.split() == row["Content"].split()
    assert right / total > 0.99
