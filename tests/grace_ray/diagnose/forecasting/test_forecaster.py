"""What people want of the forecaster: forecasts of everything that has data, judged, and warnings in time."""

import json
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from grace_ray.core.errors import InvalidInput
from tests.grace_ray.diagnose.forecasting.conftest import CPU, LATENCY, START, STEP_S, House


def noisy(count: int, level: float = 200.0, spread: float = 10.0) -> Any:
    return level + spread * np.random.default_rng(3).standard_normal(count)


def kept(house: House, view: str, key: str) -> Any:
    record = house.reader.record(view, key)
    assert record is not None
    return json.loads(record.body or b"")


def test_a_metric_with_data_is_forecast_within_a_turn(house: House) -> None:
    house.write(LATENCY.id, noisy(300))
    house.turn()
    (record,) = house.reader.records("forecasts").items
    forecast = json.loads(record.body or b"")
    assert forecast["metric_id"] == LATENCY.id
    assert len(forecast["points"]) == 12
    first = forecast["points"][0]
    assert first["timestamp"] == "2026-11-20T12:00:00Z"
    assert first["lower_95"] <= first["lower_80"] <= first["value"] <= first["upper_80"] <= first["upper_95"]
    assert 150 < first["value"] < 250
    assert set(forecast["breach_probabilities"]) == {"15", "30", "60"}
    assert sum(forecast["feature_importance"].values()) == pytest.approx(1.0, abs=0.05)


def test_a_forecast_is_made_again_after_its_interval_and_not_before(house: House) -> None:
    house.write(LATENCY.id, noisy(50))
    house.turn()
    made = house.reader.record("forecasts", LATENCY.id)
    house.live(LATENCY.id, [200.0, 201.0])
    assert house.reader.record("forecasts", LATENCY.id) == made
    house.live(LATENCY.id, [199.0])
    assert house.reader.record("forecasts", LATENCY.id) != made


def test_a_metric_that_turns_bad_is_forecast_at_once(house: House) -> None:
    from grace_ray.core.fact import Fact

    house.write(LATENCY.id, noisy(50))
    house.turn()
    made = house.reader.record("forecasts", LATENCY.id)
    house.live(LATENCY.id, [700.0])
    crossed = Fact(
        id="1",
        at=house.now,
        kind="finding",
        type="metric.band_changed",
        source="grace/metrics",
        subject=LATENCY.id,
        body={"band": "warning"},
    )
    house.loop.append([crossed.to_row()])
    house.loop.settle()
    house.turn()
    assert house.reader.record("forecasts", LATENCY.id) != made


def test_forecasts_are_judged_against_what_came(house: House) -> None:
    house.write(LATENCY.id, noisy(300))
    house.live(LATENCY.id, noisy(40))
    book = kept(house, "forecast_books", LATENCY.id)["book"]
    counted = book["by_horizon"]
    assert set(counted) == {str(step) for step in range(1, 13)}
    assert counted["1"]["count"] > counted["12"]["count"] > 5
    share = counted["1"]["inside_80"] / counted["1"]["count"]
    assert 0.4 < share <= 1.0


def test_a_share_is_not_foreseen_beyond_a_hundred_percent(house: House) -> None:
    house.write(CPU.id, [97.0, 99.9])
    house.write("shop.queue", [97.0, 99.9])
    told = house.part.predict([CPU.id, "shop.queue"], 60, house.now)["predictions"]
    assert max(point.upper_95 for point in told[CPU.id].points) == 100.0
    assert max(point.upper_95 for point in told["shop.queue"].points) > 100.0


def test_a_ramp_is_warned_of_once_before_it_breaches_and_judged_breached(house: House) -> None:
    house.write(LATENCY.id, noisy(300, spread=5.0))
    house.turn()
    house.live(LATENCY.id, [200 + 12 * step for step in range(1, 30)])
    warned = house.facts("incident.warned")
    assert len(warned) == 1
    warning = warned[0].content()
    assert warning["value"] < LATENCY.warning == warning["threshold"]
    assert warning["service"] == "api"
    assert warning["minutes_to_breach"] > 0
    assert "passes its limit in about" in warning["reason"]
    (closed,) = house.facts("incident.closed")
    assert closed.content()["status"] == "breached"
    assert closed.content()["warning_id"] == warning["warning_id"]
    assert len(house.facts("forecast.breach.predicted")) == 1
    assert house.reader.count("incidents") == {"breached": 1}


def test_a_forecast_does_not_contradict_a_warning_that_the_newest_points_gave(house: House) -> None:
    house.write(LATENCY.id, noisy(300, spread=5.0))
    house.turn()
    house.measure(LATENCY.id, [210 + 18 * minute for minute in range(12)])
    (warned,) = house.facts("incident.warned")
    told = house.part.predict([LATENCY.id], 60, house.now)["predictions"][LATENCY.id]
    assert told.breach_probabilities["60"] >= warned.content()["probability"] > 0.5
    assert 0 <= told.minutes_to_breach <= warned.content()["minutes_to_breach"]
    assert "An early warning is open since" in told.note
    assert house.part.predict([CPU.id], 60, house.now)["predictions"][CPU.id].note.startswith("No data")


def test_a_warning_that_nothing_comes_of_is_a_false_alarm(house: House) -> None:
    house.write(LATENCY.id, noisy(300, spread=5.0))
    house.turn()
    house.live(LATENCY.id, [200 + 12 * step for step in range(1, 22)])
    assert len(house.facts("incident.warned")) == 1
    house.live(LATENCY.id, noisy(20, level=300.0))
    (closed,) = house.facts("incident.closed")
    assert closed.content()["status"] == "false_alarm"
    assert len(house.facts("forecast.breach.averted")) == 1


def test_a_warning_after_which_a_playbook_mattered_is_prevented(house: House) -> None:
    from grace_ray.core.fact import Fact

    house.write(LATENCY.id, noisy(300, spread=5.0))
    house.turn()
    house.live(LATENCY.id, [200 + 12 * step for step in range(1, 22)])
    rewarded = Fact(
        id="2",
        at=house.now,
        kind="outcome",
        type="playbook.rewarded",
        source="grace/playbooks",
        subject=LATENCY.id,
        body={"series": LATENCY.id, "run_id": "run-1", "playbook": "scale-http-up", "effect": 0.4, "reward": 1.0},
    )
    house.loop.append([rewarded.to_row()])
    house.loop.settle()
    house.live(LATENCY.id, noisy(20, level=200.0))
    (closed,) = house.facts("incident.closed")
    assert closed.content()["status"] == "prevented"
    assert closed.content()["playbook"] == "scale-http-up"


def test_what_was_said_survives_a_kill(house: House) -> None:
    house.write(LATENCY.id, noisy(300, spread=5.0))
    house.turn()
    house.live(LATENCY.id, [200 + 12 * step for step in range(1, 22)])
    assert len(house.facts("incident.warned")) == 1
    house.build()
    house.live(LATENCY.id, [200 + 12 * step for step in range(22, 32)])
    assert len(house.facts("incident.warned")) == 1
    (closed,) = house.facts("incident.closed")
    assert closed.content()["status"] == "breached"


@pytest.mark.parametrize(
    "values",
    [
        [5.0] * 100,
        [1.0],
        [np.nan] * 50 + [1.0, np.nan, 2.0],
        [0.0] * 60 + [1e30] * 3,
        [-1e30, 1e30] * 30,
    ],
    ids=["constant", "one point", "gaps", "a leap", "both ends"],
)
def test_odd_histories_are_forecast_without_a_nan(house: House, values: list[float]) -> None:
    house.write("odd.metric", values)
    house.turn()
    forecast = kept(house, "forecasts", "odd.metric")
    numbers = [v for point in forecast["points"] for name, v in point.items() if name != "timestamp"]
    assert np.isfinite(numbers).all()
    house.live("odd.metric", [1.0, 2.0, 1e30, -5.0])


def test_a_clock_that_jumps_back_stops_nothing(house: House) -> None:
    house.write(LATENCY.id, noisy(100))
    house.turn()
    house.now = START - timedelta(hours=5)
    house.turn()
    house.now = START + timedelta(days=3)
    house.live(LATENCY.id, [200.0, 210.0])
    assert house.reader.record("forecasts", LATENCY.id)


def test_a_prediction_reaches_as_far_as_asked_for(house: House) -> None:
    house.write(LATENCY.id, noisy(100))
    house.turn()
    said = house.part.predict([LATENCY.id], 30, house.now)
    assert len(said["predictions"][LATENCY.id].points) == 30 * 60 // STEP_S
    with pytest.raises(InvalidInput) as caught:
        house.part.predict([LATENCY.id], 0, house.now)
    assert caught.value.field == "horizon_minutes"
    with pytest.raises(InvalidInput):
        house.part.predict([LATENCY.id], 1e9, house.now)


def test_a_metric_without_data_says_so(house: House) -> None:
    said = house.part.predict([LATENCY.id], 60, house.now)["predictions"][LATENCY.id]
    assert said.points == []
    assert "No data" in said.note


def test_a_fast_ramp_is_warned_of_within_minutes(house: House) -> None:
    house.write(LATENCY.id, noisy(20, spread=2.0))
    house.turn()
    house.measure(LATENCY.id, noisy(10, spread=2.0))
    assert not house.facts("incident.warned")
    house.measure(LATENCY.id, [200 + 25 * minute for minute in range(1, 12)])
    (warned,) = house.facts("incident.warned")
    assert warned.content()["value"] < 400 < LATENCY.warning
    assert 0 < warned.content()["minutes_to_breach"] < 60
    house.measure(LATENCY.id, [500.0, 520.0, 540.0, 560.0])
    (closed,) = house.facts("incident.closed")
    assert closed.content()["status"] == "breached"


def test_noise_is_not_warned_of(house: House) -> None:
    house.write(LATENCY.id, noisy(20))
    house.turn()
    house.measure(LATENCY.id, np.random.default_rng(5).normal(200, 40, 600))
    assert not house.facts("incident.warned")
