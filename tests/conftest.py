"""What all tests share: where the real data is, and one running Grace for those that need Ray."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil
import pytest
import structlog

from actors.free_ports import free_port

_FOR_TESTS = ("GRACE_CHAOS_", "GRACE_WRITE_DOCS")
for _name in [name for name in os.environ if name.startswith("GRACE_") and not name.startswith(_FOR_TESTS)]:
    del os.environ[_name]  # the settings of whoever runs the tests are not the tests' own

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the workers share the cores; torch and numpy are not loaded yet

# structlog's own default draws every frame of a traceback with all its variables, which takes seconds.
structlog.configure([structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)])

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
SWITCHES = {
    "triage": "triage__enabled",
    "mission_launcher": "missions__enabled",
    "knowledge": "knowledge__enabled",
    "sensors": "sensors__enabled",
    "metrics": "metrics__enabled",
    "playbooks": "playbooks__enabled",
    "forecaster": "forecaster__enabled",
    "scheduler": "scheduler__enabled",
    "trust": "trust__enabled",
    "meta_learner": "meta_learner__enabled",
}
"""The setting that switches a part off, as grace_environment takes it."""


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data beside the checkout; tests that need it are skipped where it is missing."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip(f"the real data is not beside this checkout ({folder.name} of ../shared)")
    return folder


class Running(NamedTuple):
    """A Grace that runs: its home, its URL, an HTTP client, and the environment its commands need."""

    home: Path
    url: str
    http: httpx.Client
    environment: dict[str, str]

    def grace(self, *arguments: str, timeout_s: float = 90) -> "subprocess.CompletedProcess[str]":
        """Run a grace command against it."""
        return run_grace(self.environment, *arguments, timeout_s=timeout_s)


def run_grace(
    environment: dict[str, str], *arguments: str, timeout_s: float = 90
) -> "subprocess.CompletedProcess[str]":
    """Run ``grace arguments`` and return what it printed."""
    return subprocess.run(
        [sys.executable, "-m", "grace_ray.cli.main", *arguments],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        env=environment,
        check=False,
    )


def grace_environment(home: Path, **settings: Any) -> dict[str, str]:
    """Return an environment for a Grace of its own: another home, other ports, no settings from outside."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GRACE_", "RAY_"))}
    port = str(free_port())
    own = {
        "GRACE_HOME": str(home),
        "GRACE_HTTP_PORT": port,
        "GRACE_RAY__DASHBOARD_PORT": str(free_port()),
        "GRACE_PLAYBOOKS__AUTOMATIC": "false",  # what a busy machine makes of the metrics must not act on other tests
    }
    return {**clean, **own, **{f"GRACE_{name.upper()}": str(value) for name, value in settings.items()}}


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One Grace for the whole session, started and stopped as a user would."""
    home = tmp_path_factory.mktemp("home")
    environment = grace_environment(
        home,
        sensors__interval_s=2,
        missions__lease_s=3,
        ray__dashboard_metrics="true",
        web__enabled="false",
        github__enabled="false",
    )
    before = {process.pid for process in psutil.process_iter()}
    started = run_grace(environment, "up", "--detach", timeout_s=150)
    assert started.returncode == 0, started.stderr
    url = f"http://127.0.0.1:{environment['GRACE_HTTP_PORT']}"
    with httpx.Client(base_url=url, timeout=30) as http:
        yield Running(home, url, http, environment)
    stopped = run_grace(environment, "down")
    assert stopped.returncode == 0, stopped.stderr
    left = [p for p in psutil.process_iter(["name", "cmdline"]) if p.pid not in before and _is_of(p, home)]
    assert not left, left


def _is_of(process: psutil.Process, home: Path) -> bool:
    try:
        return str(home) in " ".join(process.cmdline()) or process.environ().get("GRACE_HOME") == str(home)
    except psutil.Error:
        return False
