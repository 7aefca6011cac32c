"""Parts that share a process are found by name, answer for themselves, and the settings say which may."""

import asyncio
import json

import pytest
from pydantic import ValidationError

from actors.shared import SharedActor, shared_by
from grace_ray.core.errors import Backpressure, NotFound
from grace_ray.settings import load


class Part:
    """A part of a few lines, as its actor's class would be."""

    def __init__(self, settings, name):
        self.name, self.is_started = name, False

    def ping(self):
        return self.is_started

    async def start(self):
        self.is_started = True

    async def operate(self, action):
        if action == "too much":
            raise Backpressure("There is no room.")
        return f"{self.name} did {action}"

    def trim(self):
        return 2, 1


@pytest.fixture
def shared(tmp_path):
    return SharedActor(load(home=tmp_path), "senses", {"metrics": Part, "sensors": Part})


def called(shared, *call):
    return asyncio.run(shared.call(*call))


def test_each_part_answers_under_its_own_name(shared):
    assert called(shared, "metrics", "operate", "snapshot") == "metrics did snapshot"
    assert called(shared, "sensors", "operate", "look") == "sensors did look"
    assert called(shared, "sensors", "trim") == (2, 1)


def test_what_a_part_raises_reaches_the_caller(shared):
    with pytest.raises(Backpressure, match="There is no room"):
        called(shared, "metrics", "operate", "too much")


def test_a_part_that_lives_elsewhere_is_not_found(shared):
    with pytest.raises(NotFound, match="does not host triage"):
        called(shared, "triage", "status")


def test_the_process_runs_when_every_part_does(shared):
    assert not shared.ping()
    asyncio.run(shared.start())
    assert shared.ping()


def test_the_system_lists_a_shared_process_by_its_name():
    assert shared_by("senses").__name__ == "SensesActor"


def test_settings_say_who_shares_a_process(tmp_path):
    alone = load(home=tmp_path, ray={"shared": []})
    assert {alone.actor_of(part) for part in alone.parts} == set(alone.parts)
    some = load(home=tmp_path, ray={"shared": [{"name": "light", "parts": ["metrics", "knowledge"]}]})
    assert [some.actor_of(part) for part in ("metrics", "knowledge", "sensors")] == ["light", "light", "sensors"]


@pytest.mark.parametrize(
    ("shared", "why"),
    [
        ([("light", ["journal", "metrics"])], "Input should be 'sensors'"),
        ([("light", ["playbooks"])], "Input should be 'sensors'"),
        ([("light", ["metrics"]), ("other", ["metrics", "sensors"])], "'metrics' is named twice"),
        ([("light", ["metrics"]), ("light", ["sensors"])], "'light' is named twice"),
        ([("triage", ["metrics", "sensors"])], "'triage' is the name of a part"),
    ],
)
def test_a_part_that_must_not_share_is_refused(tmp_path, monkeypatch, shared, why):
    monkeypatch.setenv("GRACE_RAY__SHARED", json.dumps([{"name": name, "parts": parts} for name, parts in shared]))
    with pytest.raises(ValidationError, match=why):
        load(home=tmp_path)
