"""A Grace of a test's own, started as a user starts it: its processes by name, kill -9 of any, and an end for sure."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil

from grace_ray.cli.running import RunFiles
from grace_ray.settings import RaySettings
from tests.conftest import grace_environment, run_grace

ACTORS = {
    "journal": "ray::JournalActor",
    "triage": "ray::TriageActor",
    "learning": "ray::LearningActor",
    "senses": "ray::SensesActor",
    "playbooks": "ray::PlaybooksActor",
    "mission_worker": "ray::MissionWorkerActor",
    "replica": "ray::ServeReplica",
    "proxy": "ray::ProxyActor",
    "controller": "ray::ServeController",
}
HOSTS = {part: process.name for process in RaySettings().shared for part in process.parts}
"""The process of each part that shares one."""
CLUSTER = {"raylet": "/raylet/raylet", "gcs": "/gcs/gcs_server", "node": "actors.node"}
READY_S = 180.0
STOPS_WITHIN_S = 10.0


class OwnGrace:
    """``settings`` are GRACE_ variables without their prefix; ``environment`` is what its commands run in."""

    def __init__(self, home: Path, **settings: Any) -> None:
        self.home = home
        self.environment = grace_environment(home, **settings)
        self.port = int(self.environment["GRACE_HTTP_PORT"])
        self.url = f"http://127.0.0.1:{self.port}"
        self.files = RunFiles(home)

    def grace(self, *arguments: str, timeout_s: float = 150) -> Any:
        """Run a grace command and return what it printed."""
        return run_grace(self.environment, *arguments, timeout_s=timeout_s)

    def up(self) -> None:
        """Start it, and return when it is ready."""
        started = self.grace("up", "--detach")
        assert started.returncode == 0, started.stdout + started.stderr

    def down(self) -> None:
        """Stop it, and see that nothing of it is left."""
        stopped = self.grace("down")
        assert stopped.returncode == 0, stopped.stdout + stopped.stderr
        self.assert_gone()

    def stop(self, number: signal.Signals) -> int | None:
        """Signal the one who keeps it running; see that all of it ends soon; return the exit code of a child."""
        (keeper,) = self.find("keeper")
        began = time.monotonic()
        keeper.send_signal(number)
        code = keeper.wait(60)
        took_s = time.monotonic() - began
        assert took_s < STOPS_WITHIN_S, f"it took {took_s:.1f} s to stop"
        self.assert_gone()
        assert self.grace("status").returncode == 3
        return code

    def assert_gone(self) -> None:
        """See that no process of it is left, and no port."""
        left = [(process.pid, words(process)[:80]) for process in self.processes()]
        assert not left, left
        assert not self.listening(), "the HTTP port is still taken"

    def listening(self) -> bool:
        """Whether anybody listens on its HTTP port."""
        found = psutil.net_connections("tcp")
        return any(c.laddr.port == self.port and c.status == psutil.CONN_LISTEN for c in found if c.laddr)

    def processes(self) -> list[psutil.Process]:
        """Return every living process of this home, with what descends from it."""
        found: dict[int, psutil.Process] = {}
        for process in psutil.process_iter():
            if self._is_ours(process):
                found[process.pid] = process
        for process in list(found.values()):
            try:
                found.update({child.pid: child for child in process.children(recursive=True)})
            except psutil.NoSuchProcess:
                continue
        return [process for process in found.values() if is_alive(process)]

    def find(self, name: str) -> list[psutil.Process]:
        """Return the processes of one kind: a name in ACTORS or CLUSTER, a part that shares one, or keeper."""
        if name == "keeper":
            keeper = self.files.running()
            return [keeper] if keeper else []
        sought = ACTORS.get(HOSTS.get(name, name)) or CLUSTER[name]
        own = [process for process in self.processes() if sought in words(process)]
        return [process for process in own if not (name in CLUSTER and words(process).startswith("ray::"))]

    def kill(self, name: str) -> int:
        """Kill -9 every process of one kind by its pid; return how many there were."""
        found = self.find(name)
        for process in found:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        return len(found)

    def is_ready(self) -> bool:
        """Whether /readyz says so."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=10).status_code == 200
        except httpx.HTTPError:
            return False

    def wait_ready(self, timeout_s: float = READY_S) -> float:
        """Return after how many seconds it was ready."""
        return eventually(self.is_ready, timeout_s, "Grace is ready")

    def end(self) -> None:
        """End it for sure, whatever state it is in: for fixtures."""
        self.grace("down")
        for process in self.processes():
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue

    def log(self) -> str:
        """Return the end of its log."""
        return self.files.log.read_text(errors="replace")[-6000:] if self.files.log.exists() else ""

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            environment = process.environ()
        except psutil.Error:
            return False
        ours = environment.get("GRACE_HOME") == str(self.home)
        # its commands have the home in their environment too, and so has whoever runs them
        return (ours and "pytest" not in words(process)) or str(self.files.ray_temp_dir) in words(process)


def words(process: psutil.Process) -> str:
    """Return the command line, empty for a process that is gone."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs, and is no zombie."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def eventually(look: Callable[[], Any], timeout_s: float, what: str) -> float:
    """Return after how many seconds ``look`` was true; fail after ``timeout_s``."""
    started = time.monotonic()
    while time.monotonic() - started < timeout_s:
        if look():
            return time.monotonic() - started
        time.sleep(0.1)
    raise AssertionError(f"not within {timeout_s:.0f} s: {what}")


def kill_of(home: Path, *names: str) -> None:
    """Kill -9 the processes of these names that belong to the Grace of ``home``; each must be there, once."""
    found = [each for each in psutil.process_iter() if words(each).startswith(names) and _is_of(each, home)]
    assert len(found) == len(names)
    for process in found:
        process.kill()


def _is_of(process: psutil.Process, home: Path) -> bool:
    try:
        return process.environ().get("GRACE_HOME") == str(home)
    except psutil.Error:
        return False
