"""A drift is told soon, and seldom where there is none."""

import math

import numpy as np
import pytest

from grace_ray.core.errors import InvalidInput
from grace_ray.models.checks import Trial, check
from grace_ray.models.score.drift import DriftDetector, DriftSettings, Surprise


def surprises(rng: np.random.Generator, count: int, shift: float, name: str = "a") -> list[Surprise]:
    """Outcomes of tasks of all difficulties, the odds shifted from what was expected."""
    expected = rng.uniform(0.1, 0.9, count)
    chance = 1 / (1 + np.exp(-np.log(expected / (1 - expected)) - shift))
    came = rng.random(count) < chance
    return [Surprise(name=name, expected=float(e), value=float(c)) for e, c in zip(expected, came, strict=True)]


def test_a_fall_is_caught_within_some_tens_of_outcomes():
    caught = []
    for seed in range(40):
        detector, rng = DriftDetector(), np.random.default_rng(seed)
        detector.learn_many(surprises(rng, 200, 0.0))
        for count, one in enumerate(surprises(rng, 200, -2.0), 1):
            if any(drift.direction == -1 for drift in detector.learn_many([one])):
                caught.append(count)
                break
    assert len(caught) == 40
    assert np.median(caught) < 30


def test_false_alarms_are_as_rare_as_was_asked_for():
    rng = np.random.default_rng(1)
    alarms = DriftDetector().learn_many(surprises(rng, 40_000, 0.0))
    assert len(alarms) <= 2 * 40_000 / DriftSettings().mean_between


def test_hard_tasks_in_a_row_are_no_drift():
    hard = [Surprise(name="a", expected=0.03, value=0.0)] * 60
    assert not DriftDetector().learn_many(hard)


def test_evidence_points_to_where_it_goes():
    detector = DriftDetector()
    assert detector.evidence("a") == 0.0
    detector.learn_many([Surprise(name="a", expected=0.8, value=0.0)] * 2)
    assert -1.0 < detector.evidence("a") < -0.15


def test_the_longest_silent_are_forgotten_first():
    detector = DriftDetector(DriftSettings(max_names=1))
    detector.learn_many([Surprise(name=name, expected=0.9, value=0.0) for name in "ab"])
    assert detector.evidence("a") == 0.0 > detector.evidence("b")


@pytest.mark.parametrize("field", ["expected", "value"])
def test_what_is_out_of_range_is_refused_by_name(field):
    with pytest.raises(InvalidInput) as caught:
        DriftDetector().learn_many([Surprise(**{"name": "a", "expected": 0.5, "value": 1.0} | {field: math.nan})])
    assert caught.value.field == field


def restored(state: bytes) -> DriftDetector:
    detector = DriftDetector()
    detector.restore(state)
    return detector


def test_drift_detection_keeps_all_laws():
    rng = np.random.default_rng(2)
    check(
        Trial(
            name="drift",
            make=lambda site: DriftDetector(),
            learn=lambda detector, items: detector.learn_many(items),
            answers=lambda detector: np.array([detector.evidence("a"), detector.evidence("b")]),
            state=DriftDetector.state,
            restore=restored,
            stream=[*surprises(rng, 200, 0.3), *surprises(rng, 200, -0.3, "b")],
            wrong=[Surprise(name="a", expected=math.nan, value=1.0), Surprise(name="a", expected=0.5, value=math.inf)],
        )
    )
