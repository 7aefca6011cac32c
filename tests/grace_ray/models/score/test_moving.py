"""The moving-average trust: the formulas of the interface, to the digit."""

import math

import numpy as np
import pytest

from grace_ray.core.errors import InvalidInput
from grace_ray.models.checks import Trial, check
from grace_ray.models.score.moving import Evaluated, MovingSettings, MovingTrust, strength_of


def told(*outcomes: str, agent: str = "a", **more) -> MovingTrust:
    trust = MovingTrust()
    trust.learn_many([Evaluated(key=str(n), agent=agent, outcome=o, **more) for n, o in enumerate(outcomes)])
    return trust


def test_each_dimension_moves_by_the_learning_rate_times_quality_and_impact():
    reading = told("approved", quality=80.0, scores={"timeliness": 20.0}).reading("a")
    assert reading.accuracy == pytest.approx(0.5 + 0.1 * (0.3 + 0.5))
    assert reading.timeliness == pytest.approx(0.5 + 0.1 * (0.3 - 0.3))
    assert reading.reliability == pytest.approx(0.58)
    raw = 0.40 * 0.58 + 0.25 * 0.58 + 0.15 * 0.5 + 0.20 * 0.58
    assert reading.overall == pytest.approx(raw * 1 / 11)


def test_dimensions_stay_within_zero_and_one():
    assert told(*["approved"] * 40).reading("a").accuracy == 1.0
    assert told(*["rejected"] * 40).reading("a").accuracy == 0.0


def test_the_confidence_factor_rises_towards_one_with_the_sample():
    factors = [told(*["partial"] * n).reading("a").confidence_factor for n in (0, 1, 10, 1000)]
    assert factors == sorted(factors)
    assert factors[0] == 0.0
    assert factors[2] == 0.5
    assert factors[3] > 0.98


def test_the_trend_follows_the_last_outcomes():
    assert told(*["approved"] * 30, *["rejected"] * 8).reading("a").trend == "declining"
    assert told(*["rejected"] * 30, *["approved"] * 8).reading("a").trend == "improving"
    assert told(*["approved", "rejected"] * 30).reading("a").trend == "stable"


def test_the_strength_is_a_word_for_the_score():
    assert [strength_of(s) for s in (0.0, 0.39, 0.4, 0.6, 0.8, 1.0)] == [
        "weak", "weak", "moderate", "strong", "very_strong", "very_strong",
    ]  # fmt: skip


def test_an_outcome_sent_twice_counts_once():
    trust = told("approved")
    once = trust.reading("a")
    trust.learn_many([Evaluated(key="0", agent="a", outcome="approved")])
    assert trust.reading("a") == once


def test_a_revised_outcome_is_as_if_it_had_been_so_from_the_start():
    revised = told("approved", "approved", "rejected")
    revised.learn_many([Evaluated(key="0", agent="a", outcome="rejected")])
    assert revised.reading("a") == told("rejected", "approved", "rejected").reading("a")


def test_a_withdrawn_outcome_leaves_no_trace():
    trust = told("rejected")
    trust.learn_many([Evaluated(key="0", agent="a", outcome=None), Evaluated(key="never", agent="a", outcome=None)])
    assert trust.reading("a").samples == 0
    assert trust.reading("a").accuracy == 0.5


def test_the_longest_silent_agents_are_forgotten_first():
    trust = MovingTrust(MovingSettings(max_agents=2))
    trust.learn_many([Evaluated(key=name, agent=name[0], outcome="approved") for name in ("a1", "b1", "a2", "c1")])
    assert trust.agents() == ["a", "c"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"quality": math.nan}, "quality"),
        ({"quality": 101.0}, "quality"),
        ({"scores": {"timeliness": -1.0}}, "scores.timeliness"),
        ({"outcome": "splendid"}, "outcome"),
    ],
)
def test_what_is_out_of_range_is_refused_by_name(wrong, field):
    with pytest.raises(InvalidInput) as caught:
        MovingTrust().learn_many([Evaluated(**{"key": "k", "agent": "a", "outcome": "approved"} | wrong)])
    assert caught.value.field == field


def answers(trust: MovingTrust) -> np.ndarray:
    readings = [trust.reading(agent) for agent in ("a", "b", "new")]
    return np.array([[r.accuracy, r.timeliness, r.overall, r.samples, r.trend == "stable"] for r in readings])


def restored(state: bytes) -> MovingTrust:
    trust = MovingTrust()
    trust.restore(state)
    return trust


def test_moving_averages_keep_all_laws():
    rng = np.random.default_rng(3)
    words = ("approved", "partial", "rejected")
    stream = [
        Evaluated(
            key=str(n % 300), agent="ab"[n % 2], outcome=words[rng.integers(3)], quality=float(rng.uniform(0, 100))
        )
        for n in range(400)
    ]
    check(
        Trial(
            name="moving",
            make=lambda site: MovingTrust(),
            learn=MovingTrust.learn_many,
            answers=answers,
            state=MovingTrust.state,
            restore=restored,
            stream=stream,
            wrong=[Evaluated(key="x", agent="a", outcome="approved", quality=math.inf)],
        )
    )
