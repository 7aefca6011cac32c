"""A store that cannot be written: refused clearly, nothing acknowledged is lost, and over by itself when it can."""

import resource
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.conftest import Running
from tests.runtime.accounts import assert_events_stand_once, open_store
from tests.runtime.own import ACTORS, OwnGrace, eventually, words
from tests.small_disk import small_disk

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(400)]

BATCH = {"Content-Type": "application/cloudevents-batch+json"}
LIMITED = "/tests/limited-disk"
FULL = "/tests/full-disk"
NO_LIMIT = resource.RLIM_INFINITY


@pytest.fixture
def grace(tmp_path: Path) -> Iterator[OwnGrace]:
    off = {"web__enabled": "false", "github__enabled": "false", "ray__dashboard": "false"}
    with small_disk(tmp_path / "disk", mib=48) as folder:
        own = OwnGrace(folder / "home", **off, sensors__interval_s=2)
        yield own
        own.end()


def test_a_journal_that_may_write_no_file_refuses_and_goes_on_when_it_may(running: Running) -> None:
    journal = _journal_of(running)
    kept = _send_until_refused(running.http, LIMITED, lambda: _limit(journal, 1))
    try:
        status = running.http.get("/api/status").json()
        assert status["parts"]["journal"]["state"] == "degraded"
        assert "cannot be used now" in status["parts"]["journal"]["fault"]
        assert running.http.get("/readyz").status_code == 503
        assert running.http.get("/api/journal").status_code == 200, "what is there can be read"
    finally:
        _limit(journal, NO_LIMIT)
    kept += _send_until_taken(running.http, LIMITED)
    eventually(lambda: running.http.get("/readyz").status_code == 200, 90, "Grace is ready again")
    assert journal.is_running(), "it came back without having been restarted"
    assert_events_stand_once(open_store(running.home), {LIMITED: kept})
    assert running.grace("journal", "verify").returncode == 0


def test_a_full_disk_is_refused_and_nothing_is_lost_when_there_is_room_again(grace: OwnGrace) -> None:
    grace.up()
    ballast = grace.home / "ballast"
    with httpx.Client(base_url=grace.url, timeout=40) as http:
        kept = _send_until_refused(http, FULL, lambda: _fill(ballast))
        assert grace.grace("status").returncode == 1
        assert grace.find("keeper"), "a full disk does not end Grace"
        grace.kill("triage")  # what restarts now finds the disk full too
        ballast.unlink()
        kept += _send_until_taken(http, FULL)
    eventually(lambda: grace.grace("status").returncode == 0, 120, "Grace says that it is ready")
    grace.down()
    store = open_store(grace.home)
    assert_events_stand_once(store, {FULL: kept})
    store.close()  # SQLite's readers keep a file open for writing, too
    verified = grace.grace("journal", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    _assert_a_read_only_home_is_refused(grace)


def _assert_a_read_only_home_is_refused(grace: OwnGrace) -> None:
    disk = str(grace.home.parent)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    try:
        for arguments in (("up",), ("up", "--detach")):
            refused = grace.grace(*arguments)
            assert refused.returncode == 1
            assert "Read-only file system" in refused.stderr
            assert "Traceback" not in refused.stderr
        assert grace.grace("status").returncode == 3
    finally:
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)


def _send(http: httpx.Client, source: str) -> tuple[httpx.Response, list[str]]:
    ids = [str(uuid.uuid4()) for _ in range(5)]
    events = [
        {"specversion": "1.0", "id": i, "source": source, "type": "service.degraded", "data": {"m": "x" * 2000}}
        for i in ids
    ]
    return http.post("/api/events", json=events, headers=BATCH), ids


def _send_until_refused(http: httpx.Client, source: str, break_it: Any) -> list[str]:
    """Return the ids acknowledged; the refusal must be a 503 problem that says when to come again."""
    answer, kept = _send(http, source)
    assert answer.status_code == 202, answer.text
    break_it()
    for _ in range(2000):
        answer, ids = _send(http, source)
        if answer.status_code != 202:
            break
        kept += ids
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "store cannot be used now" in answer.json()["detail"]
    return kept


def _send_until_taken(http: httpx.Client, source: str) -> list[str]:
    kept: list[str] = []

    def is_taken() -> bool:
        answer, ids = _send(http, source)
        if answer.status_code == 202:
            kept.extend(ids)
        return answer.status_code == 202

    eventually(is_taken, 60, "events are taken again")
    return kept


def _journal_of(running: Running) -> psutil.Process:
    found = [
        process
        for process in psutil.process_iter()
        if words(process).startswith(ACTORS["journal"]) and process.environ().get("GRACE_HOME") == str(running.home)
    ]
    assert len(found) == 1
    return found[0]


def _limit(journal: psutil.Process, size: int) -> None:
    resource.prlimit(journal.pid, resource.RLIMIT_FSIZE, (size, NO_LIMIT))


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(64 * 1024))
        except OSError:
            return
