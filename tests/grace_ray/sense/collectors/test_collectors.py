"""Collectors: what a reading says, once, and not again until it changes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from grace_ray.sense.collectors.host import HostCollector, HostReading, read_host
from grace_ray.sense.collectors.runtime import PartReading, RuntimeCollector, RuntimeReading
from grace_ray.sense.intake import Intake
from grace_ray.settings import IntakeSettings, SensorSettings

NOW = datetime(2026, 6, 1, tzinfo=UTC)
CALM = HostReading(cpu=0.1, memory=0.2, disks={"/": 0.3}, load_per_core=0.1, files=0.0)


def host_says(readings: list[HostReading]) -> list[list[str]]:
    waiting = iter(readings)
    collector = HostCollector(SensorSettings(), "h1", lambda: next(waiting))
    said = []
    for step in range(len(readings)):
        events = collector.collect(NOW + timedelta(seconds=15 * step))
        assert events[0].type == "host.observed"
        assert len(Intake(IntakeSettings()).take_events(events, NOW + timedelta(hours=1)).rows) == len(events)
        said.append([f"{event.type} {event.subject} {event.severity}" for event in events[1:]])
    return said


def test_a_calm_host_is_observed_and_nothing_more():
    assert host_says([CALM] * 5) == [[]] * 5


def test_a_full_disk_is_said_once_when_it_lasts_and_once_when_it_is_over():
    full, nearly, over = (replace(CALM, disks={"/": share}) for share in (0.93, 0.88, 0.80))
    assert host_says([full, full, full, nearly, full, over, over, full]) == [
        [], ["service.degraded h1: disk / high"], [], [], [], ["service.recovered h1: disk / low"], [], [],
    ]  # fmt: skip


def test_a_spike_of_one_reading_is_not_degradation():
    busy = replace(CALM, cpu=1.0)
    assert host_says([busy, CALM, busy, CALM]) == [[], [], [], []]


def test_a_disk_that_is_all_but_full_is_critical():
    assert host_says([replace(CALM, disks={"/": 0.99})] * 2)[1] == ["service.degraded h1: disk / critical"]


def test_the_same_readings_at_the_same_time_give_the_same_events():
    def once() -> Any:
        return HostCollector(SensorSettings(), "h1", lambda: CALM).collect(NOW)

    assert once() == once()


def test_this_machine_can_be_read():
    reading = read_host()
    assert 0 < reading.memory < 1
    assert reading.disks
    assert all(0 <= share <= 1 for share in [reading.cpu, reading.files, reading.swap, *reading.disks.values()])


def runtime_says(readings: list[dict[str, PartReading]]) -> list[list[str]]:
    waiting = iter(readings)
    collector = RuntimeCollector(lambda: RuntimeReading(parts=next(waiting)))
    return [
        [f"{event.type} {event.subject}" for event in collector.collect(NOW + timedelta(seconds=step))[1:]]
        for step in range(len(readings))
    ]


READY = PartReading(state="ready")


def test_boot_is_complete_once_every_part_is_ready():
    parts = [{"journal": READY, "triage": PartReading(state="starting")}] + [{"journal": READY, "triage": READY}] * 2
    assert runtime_says(parts) == [[], ["kernel.boot.completed runtime"], []]


@pytest.mark.parametrize("trouble", [PartReading(state="failed", error="boom"), PartReading(state="ready", lag=6000)])
def test_a_part_in_trouble_is_said_once_and_its_recovery_too(trouble):
    assert runtime_says([{"a": READY}, {"a": trouble}, {"a": trouble}, {"a": READY}, {"a": READY}])[1:] == [
        ["service.degraded a"], [], ["service.recovered a"], [],
    ]  # fmt: skip


def test_restarts_are_events_and_those_before_our_time_are_not():
    parts = [{"a": PartReading(state="ready", restarts=count)} for count in (3, 3, 4)]
    assert runtime_says(parts) == [["kernel.boot.completed runtime"], [], ["runtime.part.restarted a"]]


def test_errors_that_nothing_handled_are_events_of_their_own():
    reading = RuntimeReading(parts={"a": READY}, errors=("boom", "boom"))
    events = RuntimeCollector(lambda: reading).collect(NOW)
    assert [event.type for event in events].count("error.unhandled") == 2
