"""Tail: whatever happens to the file or to us, every line comes once."""

from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grace_ray.core.errors import InvalidInput
from grace_ray.sense.tail import Tail


class Log:
    """A log file that numbers its lines, rotates and truncates."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "app.log"
        self.checkpoint = folder / "state" / "app.checkpoint"
        self.written: list[str] = []
        self._numbers = count()

    def write(self, lines: int = 1) -> None:
        with self.path.open("a") as file:
            for _ in range(lines):
                text = f"line {next(self._numbers)}"
                self.written.append(text)
                file.write(text + "\n")

    def rotate(self) -> None:
        """Rename as logrotate does: app.log.1 is the newest."""
        old = sorted(self.path.parent.glob("app.log.*"), key=lambda path: -int(path.suffix[1:]))
        for path in old:
            path.rename(path.with_suffix(f".{int(path.suffix[1:]) + 1}"))
        if self.path.exists():
            self.path.rename(self.path.with_name("app.log.1"))
        self.path.touch()

    def tail(self, **more: int) -> Tail:
        return Tail(self.path, self.checkpoint, "begin", **more)


def read(tail: Tail, *, commit: bool = True) -> list[str]:
    texts: list[str] = []
    while lines := tail.poll():
        texts += [line.text for line in lines]
        if commit:
            tail.commit(lines[-1].end)
    return texts


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


def test_lines_come_as_they_are_written(log):
    tail = log.tail()
    assert read(tail) == [], "there is no file yet"
    log.write(3)
    assert read(tail) == log.written
    log.write(2)
    assert read(tail) == log.written[3:]


def test_a_line_waits_for_its_end(log):
    tail = log.tail()
    log.path.write_text("whole\nhal")
    assert read(tail) == ["whole"]
    with log.path.open("a") as file:
        file.write("f\r\n")
    assert read(tail) == ["half"]


def test_it_starts_at_the_end_unless_told_otherwise(log):
    log.write(3)
    tail = Tail(log.path, log.checkpoint)
    assert read(tail) == []
    log.write()
    assert read(tail) == log.written[3:]


def test_rotation_by_rename_loses_nothing(log):
    tail = log.tail()
    log.write(2)
    assert read(tail) == log.written
    log.write(2)
    log.rotate()
    log.write(2)
    assert read(tail) == log.written[2:]


def test_an_unfinished_last_line_of_a_rotated_file_is_not_lost(log):
    tail = log.tail()
    log.path.write_text("cut off")
    assert read(tail) == []
    log.rotate()
    log.write()
    assert read(tail) == ["cut off", *log.written]


def test_truncation_starts_over_with_new_positions(log):
    tail = log.tail()
    log.path.write_text("same\n")
    first = tail.poll()[0]
    log.path.write_text("")
    assert tail.poll() == []
    log.path.write_text("same\n")
    second = tail.poll()[0]
    assert (second.text, second.start.offset) == ("same", 0)
    assert second.start != first.start


def test_a_restart_goes_on_where_it_was(log):
    log.write(3)
    assert read(log.tail()) == log.written
    log.write(2)
    assert read(log.tail()) == log.written[3:]


def test_lines_that_were_not_committed_come_again_at_the_same_place(log):
    log.write(3)
    lost = log.tail().poll()
    again = log.tail().poll()
    assert lost == again


def test_a_restart_after_several_rotations_reads_them_all(log):
    log.write(2)
    assert read(log.tail()) == log.written
    for _ in range(3):
        log.write(2)
        log.rotate()
    log.write(1)
    assert read(log.tail()) == log.written[2:]


def test_another_file_with_the_same_inode_is_read_from_its_beginning(log):
    log.write(5)
    assert read(log.tail()) == log.written
    log.path.write_text("x" * 100 + "\nnew\n")
    assert read(log.tail()) == ["x" * 100, "new"]


def test_a_very_long_line_comes_in_pieces(log):
    log.path.write_text("x" * 250 + "\nshort\n")
    assert [len(text) for text in read(log.tail(line_max=100, poll_bytes=120))] == [100, 100, 50, 5]


def test_a_damaged_checkpoint_is_said_to_be_so(log):
    log.write()
    log.checkpoint.parent.mkdir()
    log.checkpoint.write_text("{}")
    with pytest.raises(InvalidInput, match="damaged"):
        log.tail().poll()


def test_following_sleeps_only_when_nothing_came(log):
    slept: list[float] = []
    log.write(2)
    batches = log.tail().follow(slept.append, 0.25)
    assert [line.text for line in next(batches)] == log.written
    assert slept == []
    assert (next(batches), next(batches)) == ([], [])
    assert slept == [0.25]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(steps=st.lists(st.sampled_from(["write", "write", "rotate", "read", "crash", "restart"]), max_size=25))
def test_every_line_is_committed_exactly_once_whatever_happens(tmp_path_factory, steps):
    log = Log(tmp_path_factory.mktemp("tail"))
    tail, got = log.tail(), list[str]()
    log.path.touch()
    tail.poll()
    for step in steps:
        if step == "write":
            log.write(2)
        elif step == "rotate":
            log.rotate()
        elif step == "read":
            got += read(tail)
        elif step == "crash":
            tail.poll()
            tail = log.tail()
        else:
            got += read(tail)
            tail = log.tail()
    got += read(tail)
    assert sorted(got, key=log.written.index) == log.written
    tail.close()
