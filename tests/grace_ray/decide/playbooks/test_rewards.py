"""Rewards: comparable from metric to metric, and never for what got better by itself."""

import pytest

from grace_ray.core.metric import Metric
from grace_ray.decide.playbooks.rewards import badness, reward


def metric(warning, critical, direction="higher_is_worse", name="m"):
    return Metric(id=name, category="api", unit="x", direction=direction, warning=warning, critical=critical)


@pytest.mark.parametrize(
    ("of", "value", "bad"),
    [
        (metric(500, 900), 100, 0.0),
        (metric(500, 900), 500, 0.5),
        (metric(500, 900), 700, 0.75),
        (metric(500, 900), 1e300, 1.0),
        (metric(2, 10), 0, 0.0),
        (metric(2, 10), 1, 0.25),
        (metric(70, 40, "lower_is_worse"), 70, 0.5),
        (metric(70, 40, "lower_is_worse"), 100, 0.0),
        (metric(70, 40, "lower_is_worse"), 10, 1.0),
        (metric(5, 5), 5, 1.0),
        (metric(5, 5), 4, 0.0),
        (metric(0, 5), -5, 0.0),
        (metric(2, 10), float("nan"), 0.0),
    ],
)
def test_badness_is_where_a_value_stands_between_good_and_critical(of, value, bad):
    assert badness(of, value) == pytest.approx(bad)


METRICS = {name: metric(50, 100, name=name) for name in ("a", "b", "c")}


def test_what_got_better_is_rewarded_and_what_got_worse_beside_it_counts_half():
    alone = reward(METRICS, "a", {"a": 100.0}, {"a": 0.0})
    beside = reward(METRICS, "a", {"a": 100.0, "b": 0.0, "c": 0.0}, {"a": 0.0, "b": 100.0, "c": 0.0})
    helped = reward(METRICS, "a", {"a": 100.0, "b": 100.0}, {"a": 0.0, "b": 0.0})
    assert alone == helped == pytest.approx(0.98)
    assert beside == pytest.approx(0.98 - 0.25)


def test_a_run_that_failed_earns_nothing_from_what_got_better():
    assert reward(METRICS, "a", {"a": 100.0}, {"a": 0.0}, has_failed=True) == -0.25
    assert reward(METRICS, "a", {"a": 50.0}, {"a": 100.0}, has_failed=True) == pytest.approx(-0.77)


def test_where_nothing_changes_doing_nothing_is_the_better_choice():
    acted = reward(METRICS, "a", {"a": 80.0}, {"a": 80.0})
    idle = reward(METRICS, "a", {"a": 80.0}, {"a": 80.0}, acted=False)
    assert acted < idle == 0


def test_a_breach_that_was_forecast_and_did_not_come_counts_as_better():
    assert reward(METRICS, "a", {"a": 20.0}, {"a": 20.0}, expected=0.9) == pytest.approx(0.9 - 0.2 - 0.02)


def test_rewards_stay_within_their_bounds():
    assert reward(METRICS, "a", {"a": 0.0, "b": 0.0}, {"a": 1e30, "b": 1e30}, has_failed=True) == -1.0
