"""The real application over a real store and the real parts, in one process."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from grace_ray import wiring
from grace_ray.core.clock import utc_now
from grace_ray.loop import LocalGateway, Loop
from grace_ray.settings import Settings, load
from serve_apps.app import build

QUESTIONS = {
    "knowledge": frozenset({"search", "stats", "passages", "explain"}),
    "forecaster": frozenset({"predict"}),
    "playbooks": frozenset({"recommend", "statistics", "policies", "performance"}),
    "trust": frozenset({"boost", "expect", "consensus", "routing"}),
    "meta_learner": frozenset({"should_trigger"}),
}
BASE = "http://127.0.0.1:8000"


class House(NamedTuple):
    """A Grace in this process."""

    settings: Settings
    loop: Loop
    gateway: LocalGateway
    app: FastAPI
    http: TestClient


def make_house(home: Path, **settings) -> House:
    """Return a Grace with its data in ``home``."""
    chosen = load(home=home, **{"knowledge": {"dense": False}, **settings})
    wiring.prepare_home(chosen)
    followers = [
        build_part(chosen)
        for build_part, is_on in (
            (wiring.build_triage, chosen.triage.enabled),
            (wiring.build_launcher, chosen.missions.enabled),
            (wiring.build_knowledge, chosen.knowledge.enabled),
            (wiring.build_metrics, chosen.metrics.enabled),
            (wiring.build_forecaster, chosen.forecaster.enabled),
            (wiring.build_desk, chosen.playbooks.enabled),
            (wiring.build_trust, chosen.trust.enabled),
            (wiring.build_meta_learner, chosen.meta_learner.enabled),
            (wiring.build_scheduler, chosen.scheduler.enabled),
        )
        if is_on
    ]
    loop = Loop(wiring.open_journal(chosen), wiring.open_reader(chosen), followers, utc_now)
    gateway = LocalGateway(chosen, loop, QUESTIONS)
    app = build(gateway)
    return House(chosen, loop, gateway, app, TestClient(app, base_url=BASE, raise_server_exceptions=False))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = make_house(tmp_path / "home")
    yield made
    made.gateway.reader.close()


@pytest.fixture
def http(house: House) -> TestClient:
    return house.http


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Make a house with other settings."""
    made: list[House] = []

    def make(**settings) -> House:
        made.append(make_house(tmp_path / f"home{len(made)}", **settings))
        return made[-1]

    yield make
    for house in made:
        house.gateway.reader.close()


@pytest.fixture(scope="session")
def event() -> Callable[..., dict]:
    """Make a good CloudEvent, changed as asked."""
    return _event


def _event(number: int | str = 1, **changes) -> dict:
    return {
        "specversion": "1.0",
        "id": f"e{number}",
        "source": "/ci/builder",
        "type": "coding_agent.build.failed",
        "data": {"message": f"build {number} failed: no space left on device"},
        **changes,
    }
