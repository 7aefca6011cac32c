"""The runner: steps that hang, fail and half-succeed end in time, and what they did is taken back."""

import re
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime

import psutil
import pytest

from grace_ray.act.playbooks.catalog import Catalog, parse_playbook
from grace_ray.act.playbooks.kinds import KINDS
from grace_ray.act.playbooks.runner import Runner
from grace_ray.act.playbooks.step import Arguments, StepFailed, World
from grace_ray.core.playbook import Playbook, Run, Step
from grace_ray.settings import PlaybookSettings
from tests.grace_ray.decide.playbooks.house import MemoryRuntime, NoHttp

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


class Course:
    """Records a run in memory as the desk would."""

    def __init__(self, run):
        self.run = run
        self.said = []

    def begins(self, index, undo):
        self.said.append(("begins", index, undo))
        return True

    def ended(self, index, result):
        self.said.append(("ended", index, result.status))
        self.run = replace(self.run, steps=(*self.run.steps, result))
        return result.status == "done"

    def undone(self, index, detail, is_done):
        self.said.append(("undone", index, is_done))

    def finished(self):
        self.said.append(("finished",))


class Anything(Arguments):
    """None."""


class Trying:
    """A kind of step that does what a test wants."""

    arguments = Anything

    def __init__(self, run=lambda time: "done", undo=lambda: "undone", prepare=lambda: {"mark": 1}):
        self._run, self._undo, self._prepare = run, undo, prepare

    def plan(self, arguments, world):
        return "Try."

    def prepare(self, arguments, world):
        return self._prepare()

    def run(self, arguments, world, time):
        return self._run(time)

    def undo(self, undo, world, time):
        return self._undo()


@pytest.fixture
def world(tmp_path):
    runtime = MemoryRuntime()
    return World(
        runtime=runtime, http=NoHttp(), reader=None, settings=PlaybookSettings(), home=tmp_path, clock=lambda: NOW
    )


def playbook_of(*kinds, timeout_s=5.0, whole_s=20.0):
    steps = "".join(f"  - {{kind: {kind}, timeout_s: {timeout_s}}}\n" for kind in kinds)
    return parse_playbook(f"id: aa\ndescription: a\nrisk: safe\ntimeout_s: {whole_s}\nsteps:\n{steps}", "a.yaml")


def carried_out(world, playbook, stop=None):
    run = Run(
        run_id="r1", playbook="aa", subject="s", service="", diagnosis="", status="running", created_at=NOW,
        parameters=playbook.parameters,
    )  # fmt: skip
    course, runner = Course(run), Runner(world)
    runner.run(run, playbook, course, stop or threading.Event())
    if any(step.status != "done" for step in course.run.steps):
        runner.undo(course.run, course)
    return course


@pytest.fixture
def kinds(monkeypatch):
    """Add kinds of steps for a test."""

    def add(**made):
        monkeypatch.setattr("grace_ray.act.playbooks.kinds.KINDS", {**KINDS, **made})
        for module in ("catalog", "runner"):
            monkeypatch.setattr(f"grace_ray.act.playbooks.{module}.KINDS", {**KINDS, **made})

    return add


def test_each_step_is_told_before_and_after_it_acts(world, kinds):
    order = []
    kinds(
        one=Trying(run=lambda time: order.append("one") or "ok"),
        two=Trying(run=lambda time: order.append("two") or "ok"),
    )
    course = carried_out(world, playbook_of("one", "two"))
    assert course.said == [
        ("begins", 0, {"mark": 1}),
        ("ended", 0, "done"),
        ("begins", 1, {"mark": 1}),
        ("ended", 1, "done"),
    ]
    assert order == ["one", "two"]


def test_when_a_later_step_fails_the_earlier_ones_are_taken_back_last_first(world, kinds):
    back = []

    def fail(time):
        raise StepFailed("No.")

    kinds(
        one=Trying(undo=lambda: back.append(1) or "b"),
        two=Trying(undo=lambda: back.append(2) or "b"),
        bad=Trying(run=fail, undo=lambda: back.append(3) or "b"),
    )
    course = carried_out(world, playbook_of("one", "two", "bad", "one"))
    assert course.said[-6:] == [
        ("begins", 2, {"mark": 1}), ("ended", 2, "failed"),
        ("undone", 2, True), ("undone", 1, True), ("undone", 0, True), ("finished",),
    ]  # fmt: skip
    assert back == [3, 2, 1], "the one that half-succeeded, then the others; the last never ran"


def test_an_undo_that_fails_is_told_and_the_others_are_still_taken_back(world, kinds):
    back = []

    def fail():
        raise StepFailed("It is stuck.")

    kinds(
        one=Trying(undo=lambda: back.append(1) or "b"),
        stuck=Trying(undo=fail),
        bad=Trying(run=lambda time: 1 / 0, prepare=lambda: None),
    )
    course = carried_out(world, playbook_of("one", "stuck", "bad"))
    assert course.said[-3:] == [("undone", 1, False), ("undone", 0, True), ("finished",)]
    assert course.run.steps[2].detail == "ZeroDivisionError: division by zero"
    assert back == [1]


def test_a_step_that_hangs_ends_at_its_time_and_may_do_nothing_afterwards(world, kinds, monkeypatch):
    monkeypatch.setattr("grace_ray.act.playbooks.runner._OVERSTAY_S", 0.2)
    after, goes_on = [], threading.Event()

    def hang(limit):
        goes_on.wait(5)
        limit.left()  # every effect asks first
        after.append("an effect")

    kinds(hangs=Trying(run=hang))
    began = time.monotonic()
    course = carried_out(world, playbook_of("hangs", timeout_s=0.2))
    assert time.monotonic() - began < 2
    assert course.run.steps[0].status == "timed_out"
    goes_on.set()
    time.sleep(0.05)
    assert not after


def test_a_run_has_a_time_limit_of_its_own(world, kinds):
    kinds(slow=Trying(run=lambda time: time.pause(0.3) or "ok"))
    course = carried_out(world, playbook_of("slow", "slow", "slow", "slow", whole_s=0.5))
    assert [step.status for step in course.run.steps][-1] == "timed_out"
    assert len(course.run.steps) < 4


def test_a_run_that_is_called_off_stops_within_its_step(world, kinds):
    stop = threading.Event()
    kinds(slow=Trying(run=lambda time: stop.set() or time.pause(10) or "ok"))
    began = time.monotonic()
    course = carried_out(world, playbook_of("slow", timeout_s=20), stop)
    assert time.monotonic() - began < 3
    assert course.run.steps[0].detail == "The run was stopped."


def test_what_may_not_begin_is_not_done(world, kinds):
    done = []
    kinds(one=Trying(run=lambda time: done.append(1) or "ok"))
    playbook = playbook_of("one")
    run = Run(run_id="r", playbook="aa", subject="", service="", diagnosis="", status="running", created_at=NOW)
    course = Course(run)
    course.begins = lambda index, undo: False
    Runner(world).run(run, playbook, course, threading.Event())
    assert not done
    assert not course.said


def test_every_shipped_playbook_can_be_tried_dry_and_touches_nothing(world, tmp_path):
    catalog = Catalog.of_folders([])
    world = replace(world, reader=Empty())
    for playbook in catalog.all():
        given = {"url": "https://example.org/hook"} if playbook.id == "call-webhook" else {}
        run = Run(
            run_id="r", playbook=playbook.id, subject="", service="", diagnosis="", status="running", created_at=NOW,
            is_dry=True, parameters=catalog.filled(playbook, given),
        )  # fmt: skip
        for result in Runner(world).dry(run, playbook):
            assert result.status == "skipped", (playbook.id, result)
            assert result.detail.endswith((".", "h", "verify")), result.detail
    asked = {what[1] for what in world.runtime.done if len(what) > 1}
    assert asked <= {"status", "max_running"}, "only questions were asked"
    assert not list(tmp_path.iterdir())


class Empty:
    """A store that holds nothing."""

    def count(self, view):
        return {}

    def records(self, view, status=None, limit=100, after=None):
        from grace_ray.core.store import RecordPage

        return RecordPage([], None)

    def latest(self, limit, where=None, before=None):
        return []

    def record(self, view, key):
        return None

    def head(self):
        return 0

    def cursors(self):
        return {}


def commanded(world, command, timeout_s=5.0, allowed=(sys.executable,)):
    step = Step(kind="run_command", arguments={"command": command}, timeout_s=timeout_s)
    playbook = Playbook(id="aa", description="a", risk="safe", steps=(step,))
    return carried_out(replace(world, settings=PlaybookSettings(commands=allowed)), playbook).run.steps[0]


def test_a_command_runs_without_a_shell_and_its_output_is_kept(world):
    result = commanded(world, [sys.executable, "-c", "import sys; print(sys.argv[1:])", "$HOME; ls"])
    assert (result.status, result.detail) == ("done", "['$HOME; ls']")


def test_a_command_that_is_not_allowed_is_refused(world):
    assert commanded(world, ["rm", "-rf", "x"]).status == "failed"
    result = commanded(world, [sys.executable, "-V"], allowed=(f"{sys.executable} -c",))
    assert "playbooks.commands" in result.detail


def test_a_command_gets_none_of_our_secrets(world, monkeypatch):
    monkeypatch.setenv("GRACE_GITHUB__TOKEN", "secret")
    result = commanded(world, [sys.executable, "-c", "import os; print(sorted(os.environ))"])
    assert "GRACE" not in result.detail
    assert "PATH" in result.detail


def test_a_command_that_fails_fails_the_step(world):
    result = commanded(world, [sys.executable, "-c", "import sys; print(1); sys.exit(3)"])
    assert (result.status, "ended with 3: 1" in result.detail) == ("failed", True)


def test_a_command_that_has_ended_is_not_said_to_be_taken_back(world):
    steps = tuple(
        Step(kind="run_command", arguments={"command": [sys.executable, "-c", f"import sys; sys.exit({code})"]})
        for code in (0, 3)
    )
    playbook = Playbook(id="aa", description="a", risk="safe", steps=steps)
    course = carried_out(replace(world, settings=PlaybookSettings(commands=(sys.executable,))), playbook)
    assert [step.status for step in course.run.steps] == ["done", "failed"]
    assert not [said for said in course.said if said[0] == "undone"]
    assert course.said[-1] == ("finished",)


def test_a_command_that_hangs_is_killed_with_its_children(world, tmp_path):
    mark = tmp_path / "pid"
    script = (
        "import subprocess, sys, time; "
        f"child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
        f"open('{mark}', 'w').write(str(child.pid)); time.sleep(60)"
    )
    began = time.monotonic()
    result = commanded(world, [sys.executable, "-c", script], timeout_s=1.5)
    assert time.monotonic() - began < 5
    assert result.status == "timed_out"
    assert re.fullmatch(r"The time of 1(\.\d)? s is up\.", result.detail)
    assert is_gone(int(mark.read_text())), "the command's child lives on"


def is_gone(pid):
    """Whether a process ends within three seconds."""
    ends_at = time.monotonic() + 3
    while time.monotonic() < ends_at:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False
