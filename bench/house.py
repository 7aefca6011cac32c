"""A Grace of a benchmark's own (another home, free ports), what its processes cost, and the results folder."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from actors.free_ports import free_port

RESULTS = Path(__file__).parent / "results"
_ROLES = {
    "ray::JournalActor": "journal",
    "ray::TriageActor": "triage",
    "ray::LearningActor": "learning",
    "ray::MissionWorker": "workers",
    "ray::SensesActor": "senses",
    "ray::PlaybooksActor": "playbooks",
    "ray::ServeReplica": "replica",
    "ray::Proxy": "proxy",
    "ray::HAProxy": "proxy",
    "haproxy": "proxy",
    "ray::ServeController": "controller",
}
_FOLLOWERS_LAG_S = 120.0
_MISSIONS_S = 300.0


class House(NamedTuple):
    """A Grace that runs: its home, where it listens, the process to stop it by, and its environment."""

    home: Path
    port: int
    pid: int
    environment: dict[str, str]

    @property
    def url(self) -> str:
        """Where its HTTP face is."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> Any:
        """Return the JSON that it answers."""
        with urllib.request.urlopen(self.url + path, timeout=60) as reply:
            return json.load(reply)

    def post(self, path: str, body: Any) -> Any:
        """Return the JSON that it answers."""
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)

    def stop(self) -> None:
        """Stop it, before the end of the ``with`` does, to look at what it left in its home."""
        _grace(self.environment, "down")

    def wait_until_triaged(self) -> None:
        """Return when triage has taken every event that was acknowledged."""
        end = time.monotonic() + _FOLLOWERS_LAG_S
        while time.monotonic() < end:
            journal = self.get("/api/status")["parts"]["journal"]
            if not journal.get("buffered", 1):
                return
            time.sleep(0.02)
        raise TimeoutError(f"triage did not catch up within {_FOLLOWERS_LAG_S} s")

    def wait_until_at_rest(self) -> None:
        """Return when triage has taken every event and every mission has ended."""
        self.wait_until_triaged()
        end = time.monotonic() + _MISSIONS_S
        while time.monotonic() < end:
            state = self.get("/api/learning-feedback/dashboard")["current_state"]
            if not state["active_missions"] and not state["pending_missions"]:
                return
            time.sleep(0.5)
        raise TimeoutError(f"missions did not end within {_MISSIONS_S} s")

    def cpu(self) -> dict[str, float]:
        """Return CPU seconds used so far, by role (journal, triage, replica, proxy, ..., rest)."""
        spent: dict[str, float] = {}
        for process in tree(self.pid):
            role = _role(process)
            spent[role] = spent.get(role, 0.0) + cpu_s([process])
        return spent

    def pss_mb(self, role: str) -> float:
        """Return the proportional set size of the processes of a role."""
        found = [process for process in tree(self.pid) if _role(process) == role]
        return round(sum(process.memory_full_info().pss for process in found) / 2**20, 1)


@contextmanager
def grace(**settings: Any) -> Iterator[House]:
    """Start a Grace as a user would and stop it afterwards; settings are named as in the environment.

    ``grace(missions__enabled=False)`` sets GRACE_MISSIONS__ENABLED.
    """
    with tempfile.TemporaryDirectory(prefix="grace-bench-") as folder:
        home = Path(folder)
        environment = grace_environment(home, **settings)
        try:
            started = _grace(environment, "up", "--detach")
            if started.returncode:
                raise SystemExit(f"Grace did not start:\n{started.stdout}{started.stderr}")
            state = json.loads((home / "run" / "state.json").read_text())
            yield House(home, int(environment["GRACE_HTTP_PORT"]), state["pid"], environment)
        finally:
            _grace(environment, "down")


def grace_environment(home: Path, **settings: Any) -> dict[str, str]:
    """Return an environment for a Grace in ``home``: free ports, and no settings from outside."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GRACE_", "RAY_"))}
    own: dict[str, Any] = {"home": home, "http_port": free_port(), "ray__dashboard_port": free_port(), **settings}
    return {**clean, **{f"GRACE_{name.upper()}": str(value) for name, value in own.items()}}


def wait_for(url: str, is_good: set[int], deadline_s: float = 120.0) -> float:
    """Return the time at which ``url`` first answered with one of these statuses."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=5) as reply:
                status = reply.status
        except urllib.error.HTTPError as error:
            status = error.code
        except OSError:
            status = 0
        if status in is_good:
            return time.monotonic()
        time.sleep(0.05)
    raise TimeoutError(f"{url} did not answer within {deadline_s} s")


def tree(pid: int) -> list[psutil.Process]:
    """Return a process and all its descendants."""
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def cpu_s(processes: list[psutil.Process]) -> float:
    """Return CPU seconds used so far by processes that still live."""
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that a ``share`` (0 to 1) of the values does not exceed; nan of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def print_rows(rows: Sequence[dict[str, Any]]) -> None:
    """Print rows of the same keys as a table."""
    cells = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    for line in cells:
        first, *others = zip(line, widths, strict=True)
        print(first[0].ljust(first[1]), *(text.rjust(width) for text, width in others), sep="  ")


def write_json(name: str, report: Any) -> None:
    """Write ``bench/results/<name>.json``."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(report, indent=1) + "\n")
    print(f"\nWritten to bench/results/{name}.json.")


def _grace(environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "grace_ray.cli.main", *arguments],
        capture_output=True,
        text=True,
        timeout=180,
        env=environment,
        check=False,
    )


def _role(process: psutil.Process) -> str:
    try:
        title = " ".join(process.cmdline()) or process.name()
    except psutil.NoSuchProcess:
        return "rest"
    title = re.sub(r"^\S*/(?=haproxy)", "", title)
    return next((role for start, role in _ROLES.items() if title.startswith(start)), "rest")


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) < 10 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
