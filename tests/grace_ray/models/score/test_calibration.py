"""Agents' own confidence, and what it is worth."""

import math

import numpy as np
import pytest

from grace_ray.core.errors import Conflict, InvalidInput
from grace_ray.models.checks import Trial, check
from grace_ray.models.score.calibration import Calibration, CalibrationSettings, Claim


def claims(agent: str, count: int, seed: int, *, offset: float = 0.0, slope: float = 1.0) -> list[Claim]:
    """Confidence of all kinds; the true logit of success is offset + slope times what is said."""
    rng = np.random.default_rng(seed)
    said = rng.uniform(0.05, 0.95, count)
    came = rng.random(count) < 1 / (1 + np.exp(-offset - slope * np.log(said / (1 - said))))
    pairs = zip(said.tolist(), came.tolist(), strict=True)
    return [Claim(key=f"{agent}{n}", agent=agent, confidence=s, value=float(c)) for n, (s, c) in enumerate(pairs)]


def lived(*many: list[Claim], **how) -> Calibration:
    calibration = Calibration(**how)
    for one in many:
        calibration.learn_many(one)
    return calibration


def test_an_honest_agent_is_taken_at_its_word():
    calibration = lived(claims("a", 2000, 0))
    assert calibration.error("a") < 0.04
    assert calibration.calibrated("a", 0.9) == pytest.approx(0.9, abs=0.03)
    assert all(one.low <= one.came <= one.high for one in calibration.curve("a"))
    assert sum(one.low <= one.said <= one.high for one in calibration.curve("a")) >= 8


def test_one_that_is_too_sure_of_itself_is_brought_down():
    calibration = lived(claims("a", 2000, 1, offset=-1.5))
    assert calibration.error("a") > 0.15
    assert calibration.calibrated("a", 0.9) == pytest.approx(1 / (1 + math.exp(1.5 - math.log(9))), abs=0.05)


def test_one_that_always_claims_success_comes_to_its_own_rate():
    made = [Claim(key=str(n), agent="a", confidence=1.0, value=float(n % 10 < 3)) for n in range(300)]
    assert lived(claims("b", 500, 2), made).calibrated("a", 1.0) == pytest.approx(0.3, abs=0.05)


def test_a_new_agent_is_taken_as_the_fleet_is():
    calibration = lived(*(claims(f"a{n}", 400, n, offset=-1.0) for n in range(5)))
    assert calibration.calibrated("new", 0.8) == pytest.approx(calibration.calibrated("a0", 0.8), abs=0.08)
    assert calibration.calibrated("new", 0.8) < 0.7


def test_with_nothing_learned_nothing_changes():
    assert Calibration().calibrated("a", 0.7) == pytest.approx(0.7)
    assert Calibration().curve("a") == []
    assert Calibration().error() == 0.0


def test_more_said_is_never_taken_for_less_by_much_data():
    calibration = lived(claims("a", 500, 3, offset=-0.5, slope=0.6))
    chances = [calibration.calibrated("a", c / 20) for c in range(21)]
    assert chances == sorted(chances)


def test_the_interval_of_a_bin_narrows_with_claims():
    few, many = lived(claims("a", 50, 4)), lived(claims("a", 5000, 4))
    assert many.curve("a")[5].high - many.curve("a")[5].low < 0.3 * (few.curve("a")[5].high - few.curve("a")[5].low)


def test_a_repeat_counts_once_and_what_is_withdrawn_leaves_no_trace():
    made = claims("a", 60, 5)
    calibration = lived(made, made)
    assert sum(one.count for one in calibration.curve("a")) == 60
    calibration.learn_many([Claim(key=one.key, agent="a", confidence=one.confidence, value=None) for one in made])
    assert calibration.curve("a") == []


def test_a_revised_claim_is_as_if_it_had_been_so_from_the_start():
    made = claims("a", 60, 6)
    wrong = [Claim(key=one.key, agent="b", confidence=0.5, value=1.0) for one in made]
    assert lived(wrong, made).calibrated("a", 0.3) == pytest.approx(lived(made).calibrated("a", 0.3), abs=1e-9)


def test_the_longest_silent_agents_are_forgotten_first():
    calibration = lived(
        claims("a", 5, 0), claims("b", 5, 0), claims("c", 5, 0), settings=CalibrationSettings(max_agents=2)
    )
    assert calibration.agents() == ["b", "c"]


@pytest.mark.parametrize("field", ["confidence", "value"])
def test_what_is_out_of_range_is_refused_by_name(field):
    with pytest.raises(InvalidInput) as caught:
        Calibration().learn_many(
            [Claim(**{"key": "k", "agent": "a", "confidence": 0.5, "value": 1.0} | {field: math.nan})]
        )
    assert caught.value.field == field


def test_one_without_a_name_is_not_merged():
    with pytest.raises(Conflict):
        Calibration(site="hub").merge(Calibration())


def answers(calibration: Calibration) -> np.ndarray:
    chances = [calibration.calibrated(agent, c) for agent in ("a", "b", "new") for c in (0.0, 0.3, 0.9, 1.0)]
    return np.array([*chances, calibration.error("a"), calibration.error()])


def restored(state: bytes) -> Calibration:
    calibration = Calibration()
    calibration.restore(state)
    return calibration


def test_calibration_keeps_all_laws():
    stream = [*claims("a", 150, 7, offset=-1.0), *claims("b", 150, 8, slope=0.5)]
    check(
        Trial(
            name="calibration",
            make=lambda site: Calibration(site=site),
            learn=Calibration.learn_many,
            answers=answers,
            state=Calibration.state,
            restore=restored,
            stream=stream,
            wrong=[Claim(key="x", agent="a", confidence=math.nan, value=1.0)],
            merge=Calibration.merge,
        )
    )
