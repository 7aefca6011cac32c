"""grace forecast and grace incidents against a real Grace that has watched metrics."""

import pytest

from grace_ray.core.clock import utc_now
from grace_ray.core.forecast import Trained
from tests.browser.foreseen import LATENCY, OUTSIDE, Clock, live_through


@pytest.fixture
def foreseen(served, here):
    """The command, before a Grace with a day of metrics behind it."""
    live_through(served.loop, Clock(), steps=1)
    return here


def put_aside(served):
    """End the training that the schedule has asked for."""
    part = served.loop.parts["forecaster"]
    if (run := part.open_training()) is not None:
        served.loop.commit(part, part.training_ended(run.run_id, None, utc_now(), error="put aside"))
    return part


def test_metrics_are_shown_as_they_are_and_will_be_the_most_troubled_first(foreseen):
    said = foreseen("forecast")
    lines = said.out.splitlines()
    assert said.code == 0
    assert lines[0].split()[:4] == ["metric", "now", "band", "in"]
    assert lines[1].startswith(LATENCY)
    assert " ms" in lines[1]
    assert "▇│" in lines[1] or "█│" in lines[1]
    assert OUTSIDE in said.out
    assert lines[-1].startswith("No data yet: ")
    assert "api.error_rate" not in lines[-1]


def test_the_worst_are_shown_where_there_are_too_many(foreseen):
    said = foreseen("forecast", "--limit", 1)
    rows = said.out.splitlines()
    assert said.code == 0
    assert "│" in rows[1]
    assert "series more: name them" in rows[2]


def test_some_metrics_and_another_horizon_can_be_asked_for(foreseen):
    said = foreseen("forecast", "--minutes", 30, OUTSIDE)
    assert "in 30 min" in said.out
    assert OUTSIDE in said.out
    assert LATENCY not in said.out
    made = foreseen("forecast", OUTSIDE, "--minutes", 30, "--json").json["predictions"]
    assert len(made[OUTSIDE]["points"]) == 6


def test_an_unknown_metric_is_refused_with_the_nearest_names(foreseen):
    said = foreseen("forecast", "api.latency_p59")
    assert said.code == 1
    assert LATENCY in str(said.error)


def test_accuracy_is_said_only_of_what_was_judged(foreseen):
    assert "No forecast has been judged yet" in foreseen("forecast", "accuracy").out
    assert foreseen("forecast", "accuracy", "--json").json["overall"]["count"] == 0


def test_a_training_is_followed_to_its_end(foreseen, served, monkeypatch):
    part = put_aside(served)
    asked = foreseen("forecast", "train", "--by", "ada")
    run = part.open_training()
    assert asked.out.startswith(f"{run.run_id} is pending")
    assert foreseen("forecast", "train").code == 1  # one at a time

    def train(_: float) -> None:
        """While the command waits, the training ends."""
        trained = Trained(version="v1", scores={"backtest_ratio": 0.9}, series=7, observations=2016)
        served.loop.commit(part, part.training_ended(run.run_id, trained, utc_now()))

    monkeypatch.setattr("grace_ray.cli.forecast.sleep", train)
    followed = foreseen("forecast", "train", "--follow")
    assert followed.code == 0
    assert f"{run.run_id} completed: version v1 from 2016 values of 7 series." in followed.out


def test_warnings_are_listed_and_shown(foreseen):
    (warning,) = foreseen("incidents", "list", "--status", "open", "--json").json["items"]
    listed = foreseen("incidents")
    assert LATENCY in listed.out
    assert "against 500" in listed.out
    shown = foreseen("incidents", "show", warning["warning_id"])
    assert "threshold            500.00" in shown.out
    assert "No warnings." in foreseen("incidents", "list", "--status", "prevented").out
    assert foreseen("incidents", "show", "nothing").code == 1
