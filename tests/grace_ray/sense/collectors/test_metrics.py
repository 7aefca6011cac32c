"""Grace's metrics of itself: every one of the shipped catalog, from a store as it stands and parts as they answer."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from grace_ray.adapters.store import sqlite
from grace_ray.core.clock import to_text, to_us
from grace_ray.core.fact import Row
from grace_ray.core.metric import CRITICAL_METRICS
from grace_ray.core.sample import Point
from grace_ray.core.store import Commit, Record
from grace_ray.prove.journal import Journal
from grace_ray.sense.collectors.metrics import MetricsCollector, RuntimeFigures, Silence
from grace_ray.sense.collectors.probe import Probe, probe

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
CALM = RuntimeFigures(silence_s={"triage": 0.0}, resident_mib={"triage": 80.0}, search_ms=3.0)
SHIPPED = Path(__file__).parents[4] / "config" / "metrics_catalog.yaml"


@pytest.fixture
def house(tmp_path):
    writer = sqlite.writer(tmp_path / "grace.db")
    journal = Journal(writer)
    journal.recover()
    yield journal, writer
    writer.close()


def mission(number: int, status: str, minutes_ago: float, took_s: float = 60) -> Record:
    created = NOW - timedelta(minutes=minutes_ago)
    times = {"created_at": to_text(created), "started_at": to_text(created)}
    if status in ("completed", "failed", "timed_out"):
        times["ended_at"] = to_text(created + timedelta(seconds=took_s))
    body = json.dumps(times).encode()
    return Record("missions", f"m{number}", status, created.timestamp(), body)


def collector(writer, **intervals: float) -> MetricsCollector:
    clock = iter((step * 6.0, step * 10.0) for step in range(100))
    return MetricsCollector(writer, 60.0, intervals, lambda: next(clock))


def values(samples) -> dict[str, float]:
    return {sample.to_point().series: sample.value for sample in samples}


def test_every_metric_of_the_shipped_catalog_is_measured(house):
    _, writer = house
    measuring = collector(writer)
    measuring.collect(CALM, NOW)
    measured = {sample.metric for sample in measuring.collect(CALM, NOW + timedelta(minutes=1))}
    said_by_the_http_face = {"api.latency_p95", "api.error_rate"}
    shipped = {metric["id"] for metric in yaml.safe_load(SHIPPED.read_text())["metrics"]}
    assert measured | said_by_the_http_face == shipped


def test_a_fresh_store_gives_the_critical_ones_at_the_first_reading(house):
    first = values(collector(house[1]).collect(CALM, NOW))
    assert set(CRITICAL_METRICS) - set(first) == {"api.latency_p95", "api.error_rate"}
    assert first["executor.queue_depth"] == first["executor.longest_wait"] == 0
    assert first["autonomy.plan_success_rate"] == 100
    assert first["infra.cpu_utilization"] == 60
    assert 0 < first["infra.memory_utilization"] < 100
    assert 0 < first["infra.disk_utilization"] <= 100


def readings(measuring: MetricsCollector, probed: Probe, minutes: float) -> dict[str, float]:
    told = values(measuring.collect(replace(CALM, face=probed), NOW + timedelta(minutes=minutes)))
    return {name: told[name] for name in ("api.latency_p95", "api.error_rate") if name in told}


def test_an_http_face_that_nobody_asks_is_measured_by_the_probe_at_every_reading(house):
    journal, writer = house
    measuring = collector(writer)
    for minute in range(4):
        assert readings(measuring, Probe(200, 4.0), minute) == {"api.latency_p95": 4.0, "api.error_rate": 0.0}
        at_us = to_us(NOW + timedelta(minutes=minute))
        journal.commit(Commit(follower="sensors", points=[Point("api.latency_p95", at_us, 4.0)]))


def test_what_the_http_face_says_of_itself_is_not_mixed_with_the_probe(house):
    journal, writer = house
    measuring = collector(writer)
    readings(measuring, Probe(200, 4.0), 0)
    for minute in range(1, 5):
        at_us = to_us(NOW + timedelta(minutes=minute, seconds=-50))
        journal.commit(Commit(follower="http", points=[Point("api.latency_p95", at_us, 900.0)]))
        assert readings(measuring, Probe(200, 4.0), minute) == {}
    assert readings(measuring, Probe(200, 4.0), 6) == {"api.latency_p95": 4.0, "api.error_rate": 0.0}, "quiet again"


def test_an_http_face_that_does_not_answer_is_an_error_once_it_has_answered(house):
    measuring = collector(house[1])
    assert readings(measuring, Probe(0, 10_000.0), 0) == {}, "it still starts"
    readings(measuring, Probe(200, 4.0), 1)
    assert readings(measuring, Probe(0, 10_000.0), 2) == {"api.latency_p95": 10_000.0, "api.error_rate": 100.0}


def test_missions_waiting_and_ended_are_counted(house):
    journal, writer = house
    journal.commit(
        Commit(
            follower="mission_launcher",
            records=[
                *(mission(number, "pending", number) for number in range(1, 701)),
                mission(1001, "completed", 30, took_s=100),
                mission(1002, "completed", 20, took_s=200),
                mission(1003, "timed_out", 50, took_s=600),
                mission(1004, "failed", 10, took_s=0),
                mission(1005, "failed", 500),
                mission(1006, "running", 5),
                mission(1007, "cancelled", 5),
            ],
        )
    )
    found = values(collector(writer).collect(CALM, NOW))
    assert found["executor.queue_depth"] == 700
    assert found["executor.longest_wait"] == pytest.approx(700 * 60)
    assert found["autonomy.plan_success_rate"] == 50, "of those that ended within the hour; a cancelled one is no plan"
    assert found["learning.mission_duration"] == 225


def test_the_rate_of_events_is_of_the_time_between_two_readings(house):
    journal, writer = house
    measuring = collector(writer)
    assert "trigger.event_rate" not in values(measuring.collect(CALM, NOW))
    journal.append([Row(f"e{n}", 0, "event", "disk.full", "a", "", "", "", b"{}") for n in range(120)])
    journal.append([Row("d", 0, "decision", "x", "a", "", "", "", b"{}")])
    assert values(measuring.collect(CALM, NOW + timedelta(seconds=60)))["trigger.event_rate"] == 2
    back = values(measuring.collect(CALM, NOW - timedelta(hours=1)))
    assert "trigger.event_rate" not in back, "the clock went back"


def test_a_metric_is_read_as_often_as_its_catalog_entry_says_but_never_less_than_the_setting(house):
    intervals = {"infra.cpu_utilization": 15.0, "infra.disk_utilization": 600.0}
    clock = iter((step * 6.0, step * 10.0) for step in range(100))
    measuring = MetricsCollector(house[1], 60.0, intervals, lambda: next(clock))
    assert measuring.interval_s == 15
    read: dict[str, int] = {}
    for step in range(8):
        for name in values(measuring.collect(CALM, NOW + timedelta(seconds=15 * step))):
            read[name] = read.get(name, 0) + 1
    assert read["infra.memory_utilization"] == read["infra.disk_utilization"] == 2
    assert read["infra.cpu_utilization"] == 8


def test_each_part_has_a_series_of_its_own(house):
    runtime = RuntimeFigures(silence_s={"triage": 0.0, "knowledge": 42.0}, resident_mib={"journal": 90.5}, lag=7)
    found = values(collector(house[1]).collect(runtime, NOW))
    assert found['executor.part_silence{part="knowledge"}'] == 42
    assert found['infra.process_memory{part="journal"}'] == 90.5
    assert found["executor.journal_lag"] == 7
    assert "learning.search_latency" not in found


def test_a_part_is_silent_that_does_not_answer_or_is_behind_without_moving():
    silence = Silence()
    answers = [(0, 5, 5), (10, None, 9), (20, None, 9), (30, 7, 9), (40, 7, 12), (50, 7, 12), (60, 12, 12)]
    assert [silence.of("triage", cursor, head, float(t)) for t, cursor, head in answers] == [0, 10, 20, 0, 10, 20, 0]


def test_a_probe_of_nothing_says_so():
    probed = probe("http://127.0.0.1:9", 1.0)
    assert not probed.is_answered
    assert probed.status == 0
