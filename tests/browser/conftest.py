"""A real browser before a real server: the application over the real parts in one process, driven by Chromium."""

import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

from actors.free_ports import free_port
from grace_ray import wiring
from grace_ray.act.missions.budget import MissionBudget
from grace_ray.core.clock import utc_now
from grace_ray.core.jsonable import to_plain
from grace_ray.learn.meta.cycle import result_from_bytes
from grace_ray.loop import LocalGateway, Loop
from grace_ray.settings import AuthToken, Settings, load
from serve_apps.app import build
from tests.browser.foreseen import Clock, learn_elsewhere, live_through
from tests.browser.judged import recommend_and_judge
from tests.grace_ray.decide.playbooks.house import LoopRecord, MemoryRuntime
from tests.serve_apps.conftest import QUESTIONS

HOSTILE = (
    '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script> no space left on device'
)
RUNBOOK = """# Disk full

## Meaning

The disk has no space left on device, so writes fail.

## Mitigation

Delete old journal files with journalctl --vacuum-size=500M to free space on the device.
Check with df that the disk has space left before the service is restarted.
"""
TOKEN = "a-token-for-the-console-tests"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Site(NamedTuple):
    """A running server: where it is, a client for it, and its journal."""

    url: str
    http: httpx.Client
    loop: Loop
    journal: Any

    def send(self, kind: str, message: str, **fields: Any) -> None:
        """Send one event."""
        event = {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": "/tests/browser",
            "type": kind,
            "data": {"message": message},
            **fields,
        }
        answer = self.http.post("/api/events", json=event, headers={"Content-Type": "application/cloudevents+json"})
        assert answer.status_code == 202, answer.text


class _Knowledge:
    """The knowledge part as a mission sees it (core.ports.KnowledgePort)."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self.search = loop.parts["knowledge"].search
        self.passages = loop.parts["knowledge"].passages

    def add(self, documents: Any) -> int:
        return self._loop.change("knowledge", "operate", "add", {"documents": to_plain(documents)})["added"]


class _Change:
    """A loop as a run's record wants it."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def do(self, method: str, *args: Any) -> Any:
        return self._loop.change("playbooks", method, *args)


class _Gateway(LocalGateway):
    """Answers a dry run when it is done, as the actor does."""

    async def call(self, part: str, method: str, *args: Any) -> Any:
        made = await super().call(part, method, *args)
        return self._loop.parts[part].run_of(made.run_id) if getattr(made, "is_dry", False) else made


def _carry_out(settings: Settings, clock: Clock) -> Callable[[Loop, datetime], bool]:
    """Return what carries out the missions, the runs and the learning cycles that wait, one after the other."""
    playbooks, runner = wiring.load_playbooks(settings), wiring.build_playbook_runner(settings, MemoryRuntime(), clock)

    def run_playbooks(loop: Loop, now: datetime) -> bool:
        desk = loop.parts["playbooks"]
        effects, runs = desk.starts(now, 10)
        loop.commit(desk, effects)
        for run in runs:
            record = LoopRecord(_Change(loop), run.run_id)
            if run.is_dry:
                loop.change("playbooks", "planned", run.run_id, runner.dry(run, playbooks.get(run.playbook)))
            else:
                runner.run(run, playbooks.get(run.playbook), record, threading.Event())
        return bool(runs)

    def carry_out(loop: Loop, now: datetime) -> bool:
        return run_missions(loop, now) or run_playbooks(loop, now) or run_cycles(loop, now)

    def run_cycles(loop: Loop, now: datetime) -> bool:
        learner = loop.parts["meta_learner"]
        effects, cycles = learner.starts(now, frozenset(), 1)
        loop.commit(learner, effects)
        for due in cycles:
            found = result_from_bytes(wiring.run_learning_cycle(settings, due, clock()))
            loop.commit(learner, learner.finished(due.cycle.iteration_id, found, clock()))
        return bool(cycles)

    def run_missions(loop: Loop, now: datetime) -> bool:
        launcher = loop.parts["mission_launcher"]
        effects, starts = launcher.starts(now, ["here"])
        loop.commit(launcher, effects)
        for start in starts:
            budget = MissionBudget(settings.missions.timeout_s, time.monotonic, lambda: False)
            runner = wiring.build_runner(settings, _Knowledge(loop), utc_now)
            findings = runner.run(start.mission, start.strategies, budget)
            loop.commit(launcher, launcher.finished(start.mission.mission_id, start.attempt, findings, utc_now()))
        return bool(starts)

    return carry_out


def _serve(home: Path, *, steps: int = 0, **settings: Any) -> Iterator[Site]:
    """Serve a Grace; with ``steps`` one whose metrics have a past, of which the forecaster saw the last steps pass."""
    port = free_port()
    off = {"web": {"enabled": False}, "github": {"enabled": False}, "knowledge": {"dense": False}}
    chosen = load(home=home, http_port=port, **off, **settings)
    wiring.prepare_home(chosen)
    builders = (
        wiring.build_triage,
        wiring.build_launcher,
        wiring.build_knowledge,
        wiring.build_forecaster,
        wiring.build_desk,
        wiring.build_trust,
        wiring.build_meta_learner,
        wiring.build_scheduler,
    )
    parts = [build_part(chosen) for build_part in builders]
    journal, clock = wiring.open_journal(chosen), Clock()
    loop = Loop(journal, wiring.open_reader(chosen), parts, clock, _carry_out(chosen, clock))
    if steps:
        learn_elsewhere(loop)
        live_through(loop, clock, steps)
    app = build(_Gateway(chosen, loop, QUESTIONS))
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_level="warning", lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, headers=headers) as http:
            _wait_for(http)
            yield Site(f"http://127.0.0.1:{port}", http, loop, journal)
    finally:
        server.should_exit = True
        thread.join(10)
        loop.reader.close()


def _wait_for(http: httpx.Client) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            if http.get("/healthz").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the server did not start")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A Grace that has seen some trouble: a full disk with a runbook for it, a blocked host, and hostile text."""
    for site in _serve(tmp_path_factory.mktemp("home")):
        document = {"source": "runbooks/disk-full.md", "title": "Disk full", "text": RUNBOOK, "origin": "runbook"}
        assert site.http.post("/api/knowledge", json={"documents": [document]}).status_code == 202
        for number in range(5):
            site.send("service.degraded", f"disk {number} is full: no space left on device", severity="high")
        for number in range(2):
            site.send("remote_access.blocked", f"host 10.0.0.{number} is blocked by the firewall", severity="medium")
        site.send("custom.thing", HOSTILE, severity="low", subject=HOSTILE)
        site.journal.checkpoint(utc_now())
        yield site


@pytest.fixture(scope="module")
def foreseeing_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A Grace that has watched metrics for some hours."""
    yield from _serve(tmp_path_factory.mktemp("home"), steps=48)


@pytest.fixture(scope="module")
def judged_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A Grace that was told what four agents recommended, and how it turned out."""
    for site in _serve(tmp_path_factory.mktemp("home")):
        site.loop.tick()
        recommend_and_judge(site.http)
        site.loop.tick()
        site.loop.settle()
        yield site


@pytest.fixture(scope="module")
def console_url(site: Site) -> str:
    """Where the console is."""
    return site.url


@pytest.fixture
def quiet_site(tmp_path: Path) -> Iterator[Site]:
    """A Grace to which nothing has happened."""
    yield from _serve(tmp_path)


@pytest.fixture
def guarded_site(tmp_path: Path) -> Iterator[Site]:
    """A Grace that asks for a token."""
    tokens = (
        AuthToken(name="ann", token=TOKEN, scopes=("admin",)),
        AuthToken(name="guest", token="a-token-for-looking", scopes=("read",)),
    )
    yield from _serve(tmp_path, tokens=tokens)


@pytest.fixture(scope="module")  # while Playwright is open this thread has a running event loop: other tests need none
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open a page in a fresh profile; a script error or a refused resource fails the test."""
    errors: list[str] = []
    contexts = []

    def open_page(url: str, *, is_clean: bool = True, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        if is_clean:
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not errors
