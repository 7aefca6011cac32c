"""grace up, down and status when things are not as one would wish: taken ports, newer homes, signals, kills."""

import json
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import SWITCHES, Running
from tests.runtime.own import OwnGrace, eventually

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]


@pytest.fixture
def grace(tmp_path: Path) -> Iterator[OwnGrace]:
    own = OwnGrace(tmp_path / "home")
    yield own
    own.end()


@pytest.fixture
def bare_grace(tmp_path: Path) -> Iterator[OwnGrace]:
    own = OwnGrace(tmp_path / "home", **dict.fromkeys(SWITCHES.values(), "false"), ray__dashboard=False)
    yield own
    own.end()


def test_a_second_grace_up_says_where_the_first_one_runs(running: Running) -> None:
    for arguments in (("up",), ("up", "--detach")):
        second = running.grace(*arguments)
        assert second.returncode == 1
        assert f"runs already for {running.home}: {running.url}" in second.stderr


def test_a_taken_port_is_told_before_anything_starts(grace: OwnGrace) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", grace.port))
        other.listen()
        refused = grace.grace("up")
        assert refused.returncode == 1
        assert f"Port {grace.port} of 127.0.0.1 is not free" in refused.stderr
        detached = grace.grace("up", "--detach")
        assert detached.returncode == 1
        assert f"Port {grace.port} of 127.0.0.1 is not free" in detached.stderr
    assert not grace.processes()


def test_a_home_from_a_newer_version_is_refused_and_left_as_it_is(grace: OwnGrace) -> None:
    grace.home.mkdir()
    with closing(sqlite3.connect(grace.home / "grace.db")) as newer:
        newer.execute("CREATE TABLE alembic_version (version_num TEXT)")
        newer.execute("INSERT INTO alembic_version VALUES ('9001')")
        newer.commit()
    refused = grace.grace("up")
    assert refused.returncode == 1
    said = refused.stdout + refused.stderr
    assert "9001" in said
    assert "a newer Grace wrote it" in said
    assert "Traceback" not in said
    with closing(sqlite3.connect(grace.home / "grace.db")) as newer:
        assert newer.execute("SELECT name FROM sqlite_master").fetchall() == [("alembic_version",)]
    grace.assert_gone()


def test_where_nothing_runs_down_and_status_say_so(grace: OwnGrace) -> None:
    stopped = grace.grace("down")
    assert (stopped.returncode, stopped.stdout) == (0, f"No Grace runs for {grace.home}.\n")
    status = grace.grace("status", "--json")
    assert status.returncode == 3
    assert json.loads(status.stdout)["ready"] is False


def test_what_a_killed_grace_left_behind_is_not_taken_for_a_running_one(grace: OwnGrace) -> None:
    grace.home.mkdir()
    with subprocess.Popen([sys.executable, "-c", "pass"]) as gone:
        gone.wait()
    left = {"pid": gone.pid, "created": time.time(), "url": grace.url, "ready": True, "parts": {}}
    (grace.home / "run").mkdir()
    grace.files.write(left)
    assert grace.grace("status").returncode == 3
    with socket.socket() as other:
        other.bind(("127.0.0.1", grace.port))
        other.listen()
        assert grace.grace("up", "--detach").returncode == 1, "it did not start, whatever the old state says"


@pytest.mark.parametrize("after_s", [2.0, 9.0])
def test_sigterm_while_it_boots_is_clean(grace: OwnGrace, after_s: float) -> None:
    _up_in_the_foreground(grace)
    time.sleep(after_s)
    status = grace.grace("status")
    assert status.returncode in (0, 1), "it runs, and is ready or not"
    assert grace.stop(signal.SIGTERM) == 0


def test_a_boot_that_fails_says_why(bare_grace: OwnGrace, tmp_path: Path) -> None:
    sabotage = tmp_path / "sabotage"
    sabotage.mkdir()
    (sabotage / "sitecustomize.py").write_text("import sys\nsys.modules['serve_apps.routes.otlp'] = None\n")
    bare_grace.environment["PYTHONPATH"] = str(sabotage)  # Ray's workers find it too: the application is not importable
    failed = bare_grace.grace("up")
    assert failed.returncode == 1
    assert "The HTTP face does not start: ModuleNotFoundError: import of serve_apps.routes.otlp" in failed.stdout
    assert "Traceback" not in failed.stdout + failed.stderr
    bare_grace.assert_gone()


def _up_in_the_foreground(grace: OwnGrace) -> None:
    command = [sys.executable, "-m", "grace_ray.cli.main", "up"]
    with (grace.home.parent / "screen").open("wb") as screen:
        subprocess.Popen(
            command, env=grace.environment, stdout=screen, stderr=subprocess.STDOUT, start_new_session=True
        )
    eventually(grace.files.running, 20, "the keeper runs")
