"""The forecaster does what the scheduler says is due and tells of the end; without one it keeps the time itself."""

import json
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from grace_ray.core.fact import Fact
from grace_ray.core.forecast import Trained
from grace_ray.core.schedule import JOB_DUE, JOB_ENDED
from tests.grace_ray.diagnose.forecasting.conftest import LATENCY, STEP_S, House

HOUR = timedelta(hours=1)
DAY = 288


@pytest.fixture
def scheduled(tmp_path: Any) -> Any:
    house = House(tmp_path / "grace.db", is_scheduled=True)
    yield house
    house.close()


def values(count: int) -> Any:
    return 200 + 10 * np.random.default_rng(3).standard_normal(count)


def due(house: House, job: str, number: int, by: str = "") -> None:
    body = {"reason": "asked for", "by": by} if by else {"reason": "scheduled"}
    fact = Fact(
        id=f"due{number}", at=house.now, kind="decision", type=JOB_DUE, source="grace/scheduler", subject=job, body=body
    )
    house.loop.append([fact.to_row()])
    house.loop.settle()


def ends(house: House) -> list[tuple[str, str, str, str]]:
    told = [(fact, fact.content()) for fact in house.facts(JOB_ENDED)]
    return [(fact.subject, fact.cause, body["status"], body["detail"]) for fact, body in told]


def made_at(house: House, series: str = LATENCY.id) -> str:
    record = house.reader.record("forecasts", series)
    assert record is not None
    return str(json.loads(record.body or b"")["generated_at"])


def trained(house: House, version: str = "v1") -> None:
    run = house.part.open_training()
    assert run is not None
    made = Trained(version=version, scores={"backtest_ratio": 0.8}, series=1, observations=300)
    house.loop.commit(house.part, house.part.training_ended(run.run_id, made, house.now))


def test_all_is_forecast_when_the_scheduler_says_so_with_the_step_that_has_just_ended(scheduled: House) -> None:
    for series in (LATENCY.id, "shop.orders"):
        scheduled.write(series, values(50))
    scheduled.turn()
    first = made_at(scheduled)
    for step in range(3):
        scheduled.now += timedelta(seconds=STEP_S)
        for series in (LATENCY.id, "shop.orders"):
            scheduled.write(series, [200.0])
        if step < 2:
            scheduled.turn()
    assert made_at(scheduled) == first
    due(scheduled, "forecasts", 1)
    scheduled.loop.tick()
    assert made_at(scheduled) == first  # the last points of the step are still on their way
    scheduled.turn()
    assert made_at(scheduled) == made_at(scheduled, "shop.orders") > first
    assert ends(scheduled) == [("forecasts", "due1", "completed", "2 series forecast")]


def test_a_round_that_somebody_asks_for_comes_between_two_steps(scheduled: House) -> None:
    scheduled.write(LATENCY.id, values(50))
    scheduled.turn()
    first = made_at(scheduled)
    scheduled.now += timedelta(seconds=100)
    due(scheduled, "forecasts", 1, by="ada")
    scheduled.turn()
    assert made_at(scheduled) > first
    assert len(ends(scheduled)) == 1


def test_a_round_survives_a_restart_and_ends_with_the_series_that_were_left(scheduled: House) -> None:
    for number in range(20):  # more than one turn takes
        scheduled.write(f"shop.{number}", values(30))
    for _ in range(2):
        scheduled.turn()
    scheduled.now += timedelta(seconds=100)
    due(scheduled, "forecasts", 1)
    scheduled.turn()
    assert not ends(scheduled)
    scheduled.build()
    scheduled.turn()
    assert ends(scheduled) == [("forecasts", "due1", "completed", "4 series forecast")]


def test_a_round_with_nothing_to_forecast_ends_all_the_same(scheduled: House) -> None:
    due(scheduled, "forecasts", 1)
    scheduled.turn()
    assert ends(scheduled) == [("forecasts", "due1", "completed", "0 series forecast")]


def test_without_a_word_for_two_intervals_forecasts_are_made_anyway(scheduled: House) -> None:
    scheduled.write(LATENCY.id, values(50))
    scheduled.turn()
    first = made_at(scheduled)
    scheduled.live(LATENCY.id, [200.0] * 5)
    assert made_at(scheduled) == first
    scheduled.live(LATENCY.id, [200.0])
    assert made_at(scheduled) > first


def test_the_first_training_waits_for_data_alone_and_later_ones_for_the_scheduler(scheduled: House) -> None:
    scheduled.write(LATENCY.id, values(DAY))
    scheduled.turn()
    trained(scheduled)
    scheduled.now += 7 * HOUR
    scheduled.turn()
    assert scheduled.part.open_training() is None
    due(scheduled, "forecaster_training", 1)
    assert scheduled.part.open_training().by == "schedule"
    assert not ends(scheduled)
    trained(scheduled, "v2")
    assert ends(scheduled) == [("forecaster_training", "due1", "completed", "version v2 is on trial")]


def test_a_training_without_data_ends_at_once_and_says_why(scheduled: House) -> None:
    due(scheduled, "forecaster_training", 1)
    (end,) = ends(scheduled)
    assert end[2] == "completed"
    assert "288 snapshots" in end[3]
    assert scheduled.part.open_training() is None


def test_a_training_that_is_under_way_serves_the_scheduler_too_even_over_a_restart(scheduled: House) -> None:
    scheduled.loop.change("forecaster", "operate", "train", {"by": "ada"})
    due(scheduled, "forecaster_training", 1)
    assert len(scheduled.facts("training.requested")) == 1
    scheduled.build()
    run = scheduled.part.open_training()
    failed = scheduled.part.training_ended(run.run_id, None, scheduled.now, error="out of memory")
    scheduled.loop.commit(scheduled.part, failed)
    assert ends(scheduled) == [("forecaster_training", "due1", "failed", "out of memory")]


def test_other_jobs_are_not_the_forecasters(scheduled: House) -> None:
    due(scheduled, "trust_recalculation", 1)
    scheduled.turn()
    assert not ends(scheduled)


def test_without_a_scheduler_it_trains_by_its_own_clock(house: House) -> None:
    house.write(LATENCY.id, values(DAY))
    house.turn()
    trained(house)
    house.now += 7 * HOUR
    house.turn()
    assert house.part.open_training() is not None
