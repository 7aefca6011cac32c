"""A real Grace behind a real port, in this process, and the ``grace`` command against it."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvicorn
from typer.testing import CliRunner

from grace_ray import wiring
from grace_ray.cli import main as cli
from grace_ray.core.clock import utc_now
from grace_ray.loop import LocalGateway, Loop
from grace_ray.settings import load
from serve_apps.app import build

QUESTIONS = {
    "knowledge": frozenset({"search", "stats", "passages", "explain"}),
    "forecaster": frozenset({"predict"}),
    "trust": frozenset({"boost", "expect", "consensus", "routing"}),
    "meta_learner": frozenset({"should_trigger"}),
}


class Served(NamedTuple):
    """A Grace that answers at ``url``."""

    home: Path
    url: str
    loop: Loop


class Said(NamedTuple):
    """What a command printed, and its exit code."""

    code: int
    out: str
    error: BaseException | None

    @property
    def json(self) -> Any:
        """The printed JSON."""
        return json.loads(self.out)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    settings = load(home=tmp_path / "home", http_port=port, knowledge={"dense": False})
    wiring.prepare_home(settings)
    builders = (
        wiring.build_triage,
        wiring.build_launcher,
        wiring.build_knowledge,
        wiring.build_forecaster,
        wiring.build_scheduler,
        wiring.build_trust,
        wiring.build_meta_learner,
    )
    followers = [build_part(settings) for build_part in builders]
    loop = Loop(wiring.open_journal(settings), wiring.open_reader(settings), followers, utc_now)
    server = uvicorn.Server(
        uvicorn.Config(
            build(LocalGateway(settings, loop, QUESTIONS)),
            log_level="error",
            timeout_graceful_shutdown=1,
            lifespan="off",
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield Served(settings.home, settings.url, loop)
    server.should_exit = True
    thread.join(5)
    listener.close()
    loop.reader.close()


@pytest.fixture
def grace(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """Run a command in this process, as ``main`` would."""
    for name in ("GRACE_HOME", "GRACE_URL", "GRACE_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: Any) -> Said:
        words = [str(word) for word in arguments]
        result = CliRunner().invoke(cli.build({words[0]}), words)
        return Said(result.exit_code, result.output, result.exception)

    return run


@pytest.fixture
def here(grace: Callable[..., Said], served: Served) -> Callable[..., Said]:
    """Run a command against the served Grace."""
    return lambda *arguments: grace(*arguments, "--url", served.url, "--home", served.home)
