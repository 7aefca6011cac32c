"""The boot sequence names what a person asks for: limits, intervals, subscriptions, emitters, sources."""

import socket

import pytest

from actors import boot
from grace_ray.core.event_types import REGISTRY
from grace_ray.settings import load


@pytest.fixture
def settings(tmp_path):
    def make(**overrides):
        return load(home=tmp_path, **overrides)

    return make


def test_parts_say_their_limits_and_intervals(settings):
    chosen = settings(missions={"max_running": 2}, triage={"sweep_interval_s": 7})
    assert "at most 2 missions at once, 30 min each" in boot.detail_of("mission_launcher", chosen)
    assert "jobs, by the clock of UTC" in boot.detail_of("scheduler", chosen)
    assert f"sweeps every 7 s, {len(REGISTRY)} subscriptions" in boot.detail_of("triage", chosen)
    assert boot.detail_of("http", chosen) == ""


def test_all_six_emitters_are_counted():
    assert boot.emitters().detail.startswith("6 emitters of ")


def test_a_part_that_is_switched_off_says_by_what(settings):
    assert boot.switched_off(settings()) == []
    (line,) = boot.switched_off(settings(sensors={"enabled": False}))
    assert (line.part, line.state, "sensors.enabled" in line.detail) == ("sensors", "off", True)


def test_sources_say_whether_they_can_be_reached(settings, tmp_path):
    with socket.socket() as silent, socket.create_server(("127.0.0.1", 0)) as there:
        silent.bind(("127.0.0.1", 0))
        away, here = (f"http://127.0.0.1:{s.getsockname()[1]}" for s in (silent, there))
        lines = boot.sources(
            settings(
                web={"search_url": here},
                github={"api_url": away},
                knowledge={"runbooks": [str(tmp_path)]},
                llm={"base_url": here, "model": "small"},
            )
        )
    assert {line.part: line.state for line in lines} == {
        "source runbooks": "ready",
        "source web": "ready",
        "source github": "unreachable",
        "language model": "ready",
    }


def test_what_is_not_named_or_is_off_is_said(settings, tmp_path):
    lines = boot.sources(
        settings(
            web={"enabled": False},
            github={"enabled": False},
            knowledge={"runbooks": [str(tmp_path / "none")]},
        )
    )
    assert [line.state for line in lines] == ["missing", "off", "off", "none"]
