"""A new version speaks only where it has proved better, and goes where it has not."""

from datetime import UTC, datetime
from typing import Any

import pytest

from grace_ray.core.errors import Conflict
from grace_ray.core.forecast import Trained
from grace_ray.diagnose.forecasting.champion import Throne
from tests.grace_ray.diagnose.forecasting.conftest import House
from tests.grace_ray.diagnose.forecasting.models import Periodic, Wild

NOW = datetime(2026, 11, 21, tzinfo=UTC)
PERIOD = 24


def season(start: int, count: int) -> list[float]:
    """A saw that repeats every two hours, which quick models do not know."""
    return [100.0 + 7.0 * ((step * 11) % PERIOD) for step in range(start, start + count)]


def promoted() -> Throne:
    throne = Throne()
    throne.propose("v1", {"backtest_ratio": 0.9}, NOW)
    throne.take([{"": 1.0, "v1": 0.8}] * 10)
    change = throne.judge(10, NOW)
    assert change is not None
    assert change.stage == "promoted"
    return throne


def test_a_version_that_loses_its_backtest_is_rejected_at_once() -> None:
    throne = Throne()
    assert throne.propose("v1", {"backtest_ratio": 1.0}, NOW).stage == "rejected"
    assert throne.shadow is None


def test_nothing_is_decided_before_there_are_enough_outcomes() -> None:
    throne = Throne()
    throne.propose("v1", {"backtest_ratio": 0.9}, NOW)
    throne.take([{"": 1.0, "v1": 0.1}] * 9)
    assert throne.judge(10, NOW) is None
    assert (throne.version, throne.shadow) == ("", "v1")


def test_outcomes_that_only_one_of_them_spoke_of_decide_nothing() -> None:
    throne = Throne()
    throne.propose("v1", {"backtest_ratio": 0.9}, NOW)
    throne.take([{"": 1.0}, {"v1": 0.1}] * 50)
    assert throne.judge(10, NOW) is None


def test_a_version_that_is_worse_in_the_shadow_never_speaks() -> None:
    throne = Throne()
    throne.propose("v1", {"backtest_ratio": 0.5}, NOW)
    throne.take([{"": 1.0, "v1": 1.1}] * 10)
    change = throne.judge(10, NOW)
    assert change is not None
    assert (change.stage, throne.version, throne.shadow) == ("rejected", "", None)


def test_after_a_promotion_the_predecessor_is_put_back_where_it_proves_better() -> None:
    throne = promoted()
    assert (throne.version, throne.shadow) == ("v1", "")
    throne.take([{"v1": 1.0, "": 0.8}] * 10)
    change = throne.judge(10, NOW)
    assert change is not None
    assert (change.stage, throne.version, throne.shadow) == ("rolled_back", "", None)


def test_a_promotion_that_holds_is_let_be() -> None:
    throne = promoted()
    throne.take([{"v1": 1.0, "": 1.02}] * 10)
    assert throne.judge(10, NOW) is None
    assert (throne.version, throne.shadow) == ("v1", None)


def test_a_person_may_put_the_predecessor_back() -> None:
    throne = promoted()
    change = throne.roll_back(NOW, "ada rolled it back")
    assert change is not None
    assert (change.stage, throne.version) == ("rolled_back", "")
    assert throne.roll_back(NOW, "again") is None


def test_a_change_that_has_ended_goes_nowhere() -> None:
    rejected = Throne().propose("v1", {"backtest_ratio": 2.0}, NOW)
    with pytest.raises(Conflict):
        rejected.moved("promoted", NOW, "no")


def test_it_all_survives_a_restart() -> None:
    throne = promoted()
    throne.take([{"v1": 1.0, "": 0.7}] * 3)
    assert Throne.from_plain(throne.plain()).plain() == throne.plain()


def propose(house: House, version: str, model: Any) -> None:
    house.trained[version] = model
    if house.part.open_training() is None:  # the schedule may have asked already
        house.loop.change("forecaster", "operate", "train", {"by": "ada"})
    run = house.part.open_training()
    assert run is not None
    trained = Trained(version=version, scores={"backtest_ratio": 0.8}, series=1, observations=300)
    house.loop.commit(house.part, house.part.training_ended(run.run_id, trained, house.now))


@pytest.fixture
def seasonal(tmp_path: Any) -> Any:
    house = House(tmp_path / "grace.db", shadow_outcomes=60, interval_s=300, train_interval_s=1e9)
    house.write("shop.orders", season(0, 300))
    house.turn()
    yield house
    house.close()


def test_a_better_version_is_promoted_by_what_really_came(seasonal: House) -> None:
    propose(seasonal, "v1", Periodic(PERIOD))
    seasonal.live("shop.orders", season(300, 24))
    (fact,) = seasonal.facts("change.promoted")
    assert fact.content()["scores"]["shadow_ratio"] < 1
    assert seasonal.part.champion() == "v1"


def test_a_worse_version_is_rejected_by_what_really_came(seasonal: House) -> None:
    propose(seasonal, "v1", Wild())
    seasonal.live("shop.orders", season(300, 24))
    assert seasonal.facts("change.rejected")
    assert seasonal.part.champion() == ""


def test_a_version_whose_file_is_gone_leaves_the_shipped_one_speaking(seasonal: House) -> None:
    propose(seasonal, "v1", Periodic(PERIOD))
    seasonal.live("shop.orders", season(300, 24))
    seasonal.trained.clear()
    seasonal.build()
    seasonal.live("shop.orders", season(324, 2))
    said = seasonal.part.predict(["shop.orders"], 60, seasonal.now)["predictions"]["shop.orders"]
    assert said.trained_version == ""
    assert len(said.points) == 12
