"""The metrics part: snapshots of every point whenever it comes, bands and anomalies said once, and exactly once."""

import json
import math
import random
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from grace_ray.adapters.store import sqlite
from grace_ray.core.clock import from_us, to_us
from grace_ray.core.metric import Metric
from grace_ray.core.sample import HOURLY_S, Point
from grace_ray.core.store import Commit
from grace_ray.diagnose.metrics.part import MetricsPart
from grace_ray.loop import Loop
from grace_ray.prove.journal import Journal
from grace_ray.settings import MetricsSettings

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATENCY = Metric(
    id="api.latency", category="api", unit="ms", direction="higher_is_worse", warning=100, critical=200, service="api"
)
SUCCESS = Metric(id="plan.success", category="autonomy", unit="%", direction="lower_is_worse", warning=70, critical=40)


class House:
    """The part over a real store, with a clock that only moves when told to."""

    def __init__(self, path, **settings) -> None:
        self.now = NOW
        self.writer = sqlite.writer(path)
        self.journal = Journal(self.writer, clock=lambda: self.now)
        self.journal.recover()
        self.settings = MetricsSettings(**settings)
        self.restart()

    def restart(self) -> None:
        part = MetricsPart(self.settings, {metric.id: metric for metric in (LATENCY, SUCCESS)})
        self.loop = Loop(self.journal, self.writer, [part], lambda: self.now)

    def put(self, *points: tuple[float, float], series: str = "api.latency", is_counter: bool = False) -> None:
        """Keep points given as (seconds after NOW, value)."""
        made = [Point(series, to_us(NOW) + int(at_s * 1e6), value, is_counter) for at_s, value in points]
        self.journal.commit(Commit(follower="sensors", points=made))

    def live(self, *points: tuple[float, float], series: str = "api.latency", is_counter: bool = False) -> None:
        """Keep each point when its time has come, and let the part take it."""
        for at_s, value in points:
            self.now = NOW + timedelta(seconds=at_s)
            self.put((at_s, value), series=series, is_counter=is_counter)
            self.loop.tick()

    def tick(self, at_s: float) -> None:
        self.now = NOW + timedelta(seconds=at_s)
        self.loop.tick()

    def snapshots(self, series: str = "api.latency", step_s: int = 300) -> dict[float, SimpleNamespace]:
        found = self.writer.snapshots(series, step_s, 0, 2**62)
        return {(each.start_us - to_us(NOW)) / 1e6: each for each in found}

    def said(self) -> list[tuple[str, str]]:
        return [(entry.type, json.loads(entry.body)["message"]) for entry in self.events()]

    def events(self):
        return [entry for entry in self.writer.entries(0, 10_000) if entry.kind == "event"]

    def bands(self) -> list[tuple[str, str]]:
        findings = [entry.content() for entry in self.writer.entries(0, 10_000) if entry.type == "metric.band_changed"]
        return [(body["was"], body["band"]) for body in findings]


@pytest.fixture
def make(tmp_path):
    houses: list[House] = []

    def make(**settings) -> House:
        houses.append(House(tmp_path / f"{len(houses)}.db", **settings))
        return houses[-1]

    yield make
    for house in houses:
        house.writer.close()


@pytest.fixture
def house(make):
    return make()


class TestSnapshots:
    """Five minutes summed up, and an hour."""

    def test_a_bucket_is_seen_while_it_is_open_and_says_what_its_points_say(self, house):
        house.live((0, 10.0))
        assert house.snapshots()[0].count == 1
        values = [10.0, *(float(v) for v in random.Random(1).sample(range(5, 400), 60))]
        house.live(*((4 * n, value) for n, value in enumerate(values) if n))
        found = house.snapshots()[0]
        assert (found.count, found.min, found.max) == (61, min(values), max(values))
        assert found.mean == pytest.approx(np.mean(values))
        for name, share in (("p50", 50), ("p95", 95), ("p99", 99)):
            assert getattr(found, name) == pytest.approx(np.percentile(values, share))
        assert found.band == LATENCY.band(found.mean)

    def test_a_late_point_and_points_out_of_order_change_the_snapshot_that_they_belong_to(self, house):
        house.live((0, 1.0), (300, 2.0), (600, 3.0))
        house.put((250, 9.0), (20, 5.0), (310, 4.0))
        house.tick(601)
        assert {at: (each.count, each.mean) for at, each in house.snapshots().items()} == {
            0: (3, 5.0),
            300: (2, 3.0),
            600: (1, 3.0),
        }

    def test_any_order_and_any_batches_give_the_same_snapshots(self, make):
        rng = random.Random(7)
        points = [(rng.uniform(-7200, 0), rng.gauss(50, 20)) for _ in range(150)]
        counted = [(at_s, max(at_s + 7200, 0) * 3) for at_s, _ in points]
        found = []
        for seed in range(3):
            order, house = list(range(150)), make()
            random.Random(seed).shuffle(order)
            while order:
                batch = [order.pop() for _ in range(min(len(order), 1 + seed * 50))]
                house.put(*(points[n] for n in batch))
                house.put(*(counted[n] for n in batch), series="grown", is_counter=True)
                house.loop.tick()
            for step in range(3):
                house.tick(3700 + step)
            found.append([house.snapshots(name, step_s) for name in ("api.latency", "grown") for step_s in (300, 3600)])
        assert found[0] == found[1] == found[2]
        assert all(len(each) > 1 for each in found[0])
        assert all(each.mean == pytest.approx(3, rel=0.05) for each in found[0][2].values())

    def test_hours_are_summed_up_of_the_points_once_they_are_over_and_again_for_a_late_one(self, house):
        house.live(*((60.0 * n, float(n)) for n in range(60)))
        assert house.snapshots(step_s=HOURLY_S) == {}
        house.tick(3661)
        hour = house.snapshots(step_s=HOURLY_S)[0]
        assert (hour.count, hour.mean, hour.p50) == (60, 29.5, 29.5)
        house.put((1800.5, 1000.0))
        house.tick(3700)
        house.tick(3701)
        assert house.snapshots(step_s=HOURLY_S)[0].max == 1000

    def test_an_hour_that_ended_while_the_part_was_away_is_summed_up_all_the_same(self, house):
        house.live(*((60.0 * n, float(n)) for n in range(30)))
        house.restart()
        house.tick(9000)
        assert house.snapshots(step_s=HOURLY_S)[0].count == 30

    def test_a_snapshot_that_rests_on_more_points_outlives_the_pruning_of_its_points(self, house):
        house.live((0, 1.0), (60, 2.0), (120, 3.0))
        later = 49 * 3600
        house.now = NOW + timedelta(seconds=later)
        house.journal.prune_series(lambda transaction: transaction.prune_points(to_us(house.now) - 1, 2**62, 100))
        house.put((200, 99.0))
        house.tick(later)
        assert house.snapshots()[0].count == 3
        house.put(*((400 + n, 5.0) for n in range(3)))
        house.tick(later + 1)
        assert house.snapshots()[300].count == 3, "a history that comes in late makes snapshots of its own"

    def test_a_metric_without_thresholds_has_snapshots_without_a_band(self, house):
        house.live((0, 5.0), (10, 1e30), (20, -1e30), series='queue{zone="b"}')
        found = house.snapshots('queue{zone="b"}')[0]
        assert (found.count, found.band) == (3, "")
        assert all(math.isfinite(value) for value in (found.mean, found.p50, found.p95, found.p99))


class TestCounters:
    """What only grows is summed up by its rate."""

    def test_the_rate_is_per_second_and_a_reset_starts_from_zero(self, house):
        house.live((0, 100.0), (60, 220.0), (120, 340.0), (180, 60.0), (240, 60.0), series="n", is_counter=True)
        found = house.snapshots("n")[0]
        assert (found.count, found.max, found.min) == (4, 2.0, 0.0)
        assert found.mean == pytest.approx((2 + 2 + 1 + 0) / 4)

    def test_a_bucket_knows_the_last_value_of_the_one_before(self, house):
        house.live((290, 100.0), (310, 140.0), series="n", is_counter=True)
        assert set(house.snapshots("n")) == {300}
        house.restart()
        house.live((320, 150.0), (330, 150.0), series="n", is_counter=True)
        assert (house.snapshots("n")[300].count, house.snapshots("n")[300].max) == (3, 2.0)

    def test_a_late_point_changes_the_bucket_after_it_too(self, house):
        house.live((200, 0.0), (310, 110.0), series="n", is_counter=True)
        house.put((290, 100.0), series="n", is_counter=True)
        house.tick(320)
        found = house.snapshots("n")
        assert found[0].mean == pytest.approx(100 / 90)
        assert found[300].mean == pytest.approx(10 / 20)


class TestBands:
    """A threshold that is crossed is said at once, and once."""

    def test_crossing_and_coming_back_are_said_once_each(self, house):
        house.live(*((60.0 * n, v) for n, v in enumerate([50, 60, 150, 160, 170, 300, 320, 310, 150, 90, 50, 50])))
        assert house.bands() == [
            ("good", "warning"),
            ("warning", "critical"),
            ("critical", "warning"),
            ("warning", "good"),
        ]
        assert [(kind, text.split(",")[0]) for kind, text in house.said()] == [
            ("metrics.threshold.crossed", "api.latency is at 150 ms"),
            ("metrics.threshold.crossed", "api.latency is at 300 ms"),
            ("metrics.threshold.cleared", "api.latency is at 50 ms again"),
        ]

    def test_lower_is_worse_goes_the_other_way(self, house):
        house.live(*((60.0 * n, v) for n, v in enumerate([100, 90, 50, 30, 20, 80, 90])), series="plan.success")
        assert house.bands() == [
            ("good", "warning"),
            ("warning", "critical"),
            ("critical", "warning"),
            ("warning", "good"),
        ]

    def test_one_value_alone_is_no_crossing_and_around_a_threshold_nothing_flaps(self, house):
        house.live((0, 150.0))
        assert house.bands() == []
        house.live(*((60.0 * n, 100 + (-1) ** n * 1.0) for n in range(1, 40)))
        assert house.bands() == [("good", "warning")]

    def test_what_is_said_names_metric_service_value_and_threshold(self, house):
        house.live((0, 50.0), (60, 500.0), series='api.latency{zone="b"}')
        (finding,) = [entry for entry in house.writer.entries(0, 10) if entry.kind == "finding"]
        assert finding.subject == 'api.latency{zone="b"}'
        assert finding.content() == {
            "metric_id": "api.latency",
            "series": 'api.latency{zone="b"}',
            "labels": {"zone": "b"},
            "service": "api",
            "band": "critical",
            "was": "good",
            "value": 500.0,
            "threshold": 200.0,
            "unit": "ms",
            "direction": "higher_is_worse",
            "at": to_us(NOW) + 60_000_000,
        }
        (event,) = house.events()
        assert event.cause == finding.id
        assert event.content()["severity"] == "high"
        assert event.content()["pattern"] == "threshold api.latency"

    def test_a_history_that_comes_in_late_is_no_alarm_but_what_it_has_come_to_is(self, house):
        house.put(*((-86400 + 60 * n, 500.0) for n in range(1000)))
        house.tick(0)
        assert house.bands() == []
        house.live((60, 500.0), (120, 500.0))
        assert house.bands() == [("good", "critical")]

    def test_points_ahead_of_our_clock_are_kept_and_are_no_news(self, house):
        house.live((0, 50.0))
        house.put((3000, 900.0), (3001, 900.0))
        house.tick(60)
        assert house.bands() == []
        assert house.snapshots()[3000].count == 2
        house.live((120, 50.0), (180, 300.0))
        assert house.bands() == [("good", "warning")], "what comes after is heard all the same"

    def test_a_clock_that_was_put_back_does_not_deafen(self, house):
        house.live((36_000, 50.0), (36_060, 50.0))
        house.live((0, 50.0), (60, 300.0), (120, 300.0))
        assert house.bands() == [("good", "warning"), ("warning", "critical")]


class TestAnomalies:
    """What a series never did is said when it begins."""

    def feed(self, house, last: float, upto: int = 300) -> None:
        house.put(*((60.0 * n, 10 + math.sin(n)) for n in range(upto)), series="load")
        house.tick(60.0 * upto)
        house.live((60.0 * upto, last), (60.0 * upto + 60, last), series="load")

    def test_it_is_said_once_with_score_value_and_what_was_expected(self, house):
        self.feed(house, 500.0)
        (event,) = house.events()
        assert event.type == "htm.anomaly.detected"
        data = event.content()["data"]
        assert data["series"] == "load"
        assert data["value"] == 500
        assert 0 < data["score"] <= 1
        assert 0 < data["likelihood"] <= 1
        assert abs(data["expected"] - 10) < 10

    def test_what_is_usual_is_not_said_nor_what_is_long_past(self, house):
        self.feed(house, 10.5)
        house.put(*((50_000 + 60.0 * n, 10 + math.sin(n)) for n in range(200)), (62_500, 900.0), series="load")
        house.tick(100_000)
        assert house.events() == []

    def test_it_can_be_switched_off_and_has_a_limit_that_the_catalog_does_not_count_to(self, make):
        off, full = make(anomalies=False), make(anomaly_series_max=0)
        for house in (off, full):
            self.feed(house, 500.0)
            assert house.events() == []
        full.put(*((60.0 * n, 10.0 + n % 3) for n in range(300)))
        full.tick(18_000)
        full.live((18_060, 80.0))
        assert [kind for kind, _ in full.said()] == ["htm.anomaly.detected"]

    def test_how_rare_a_thing_must_be_to_be_said_is_a_setting(self, make):
        noise = np.random.default_rng(17).normal(size=3 * 1440).tolist()
        said = {}
        for bar in (MetricsSettings().anomaly_score_min, 1.0):
            house = make(anomaly_score_min=bar)
            for start in range(0, len(noise), 15):
                house.put(*((60.0 * n, value) for n, value in enumerate(noise[start : start + 15], start)), series="n")
                house.tick(60.0 * (start + 15))
            said[bar] = [event.content()["data"]["score"] for event in house.events()]
        assert 0 < len(said[1.0]) < len(said[0.6])
        assert said[1.0] == [score for score in said[0.6] if score == 1]


class TestExactlyOnce:
    """Kill it at any point: nothing is lost, nothing is said twice."""

    def test_restarts_at_any_moment_change_nothing_of_what_is_said_and_kept(self, make):
        rng = random.Random(3)
        values = [50 + 10 * math.sin(n / 9) + (160 if 20 < n < 30 else 0) + rng.gauss(0, 2) for n in range(330)]
        values[320] = 5000.0
        steady, shaken = make(), make()
        for n, value in enumerate(values):
            for house in (steady, shaken):
                house.live((60.0 * n, value))
                house.live((60.0 * n + 1, 100.0 * n), series="n", is_counter=True)
            if rng.random() < 0.1:
                shaken.restart()
        told = [[(e.id, e.type, e.body) for e in house.writer.entries(0, 1000)] for house in (steady, shaken)]
        assert told[0] == told[1]
        assert {kind for _, kind, _ in told[0]} >= {"htm.anomaly.detected", "metrics.threshold.crossed"}
        assert steady.snapshots() == shaken.snapshots()
        assert steady.snapshots("n") == shaken.snapshots("n")

    def test_what_was_not_committed_is_done_again_with_the_same_ids(self, house):
        house.live((0, 50.0), (60, 60.0))
        house.put((120, 500.0))
        lost = house.loop.parts["metrics"].tick(from_us(to_us(NOW) + 120_000_000))
        house.restart()
        house.tick(120)
        assert [fact.id for fact in lost.facts] == [entry.id for entry in house.writer.entries(0, 10)]

    def test_a_detector_of_another_version_learns_anew(self, house):
        house.live(*((60.0 * n, 5.0) for n in range(20)))
        (record,) = house.writer.scan("anomaly_detectors")
        house.journal.commit(
            Commit(follower="x", records=[record._replace(body=record.body.split(b"\n")[0] + b"\n{}")])
        )
        house.restart()
        house.live((1300, 5.0))
        assert house.snapshots()[1200].count == 1
