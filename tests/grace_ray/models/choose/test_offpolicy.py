"""Off-policy estimates, against loops that say the published formulas as they stand."""

import math

import numpy as np
import pytest

from grace_ray.core.errors import InvalidInput
from grace_ray.models.choose import Candidate, Context, Policy
from grace_ray.models.choose.judging import LoggedChoice, judge
from grace_ray.models.choose.offpolicy import ESTIMATORS, Log, estimate, student_quantile


def made_log(seed: int = 0, count: int = 200) -> tuple[Log, np.ndarray, np.ndarray]:
    """A log with its table of the target's probabilities and the model's expectations (n, 4)."""
    rng = np.random.default_rng(seed)
    target, expected = rng.dirichlet(np.ones(4), count), rng.normal(size=(count, 4))
    logged = rng.dirichlet(np.ones(4), count)
    chosen = np.array([rng.choice(4, p=p) for p in logged])
    rows = np.arange(count)
    log = Log.of(
        rng.normal(size=count),
        target[rows, chosen],
        logged[rows, chosen],
        expected[rows, chosen],
        (target * expected).sum(axis=1),
    )
    return log, target, expected


def by_the_book(name: str, log: Log, target: np.ndarray, expected: np.ndarray) -> float:
    """Each formula in a loop, as the papers have it."""
    count = len(log.reward)
    weighted = total = direct = corrected = normalised = 0.0
    for i in range(count):
        weight = log.target[i] / log.logged[i]
        baseline = sum(target[i, a] * expected[i, a] for a in range(4))
        weighted += weight * log.reward[i]
        total += weight
        direct += baseline
        corrected += baseline + weight * (log.reward[i] - log.predicted[i])
        normalised += weight * (log.reward[i] - log.predicted[i])
    values = {
        "ips": weighted / count,
        "snips": weighted / total,
        "dm": direct / count,
        "dr": corrected / count,
        "sndr": direct / count + normalised / total,
    }
    return values[name]


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("seed", range(5))
def test_an_estimate_is_what_the_paper_says(name: str, seed: int):
    log, target, expected = made_log(seed)
    assert ESTIMATORS[name](log) == pytest.approx(by_the_book(name, log, target, expected), abs=1e-12)


def test_judging_the_logging_policy_itself_gives_the_mean_reward():
    rng = np.random.default_rng(0)
    reward, logged = rng.normal(size=100), rng.uniform(0.1, 1.0, 100)
    log = Log.of(reward, logged, logged)
    for name in ("ips", "snips"):
        assert ESTIMATORS[name](log) == pytest.approx(reward.mean(), abs=1e-12)


def test_a_log_that_never_does_what_the_target_would_tells_nothing():
    log = Log.of(np.ones(50), np.zeros(50), np.full(50, 0.5))
    found = estimate(log, "snips")
    assert (found.lower, found.upper) == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("field", "value"),
    [("reward", math.nan), ("logged", 0.0), ("logged", math.inf), ("target", -0.1), ("target", 1.5)],
)
def test_a_log_with_what_cannot_be_is_refused_by_name(field: str, value: float):
    arrays = {name: np.full(5, 0.5) for name in ("reward", "target", "logged")}
    arrays[field][2] = value
    with pytest.raises(InvalidInput) as refused:
        Log.of(**arrays)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("level", "freedom", "expected"), [(0.95, 1, 12.7062), (0.95, 2, 4.30265), (0.95, 5, 2.57058), (0.95, 30, 2.04227),
                                       (0.9, 10, 1.81246), (0.99, 4.5, 4.27282), (0.95, 1e6, 1.95997)]
)  # fmt: skip
def test_students_quantiles_are_those_of_the_tables(level: float, freedom: float, expected: float):
    assert student_quantile(level, freedom) == pytest.approx(expected, rel=3e-3)


ARMS = tuple(Candidate(id=name) for name in "abc")
WORTH = {"x": (0.1, 0.5, 0.3), "y": (0.8, 0.2, 0.3)}


def logged_choices(seed: int, count: int, noise: float = 0.1) -> list[LoggedChoice]:
    """A log of a policy that draws at random, a twice as often as each other, in two cells."""
    rng, log = np.random.default_rng(seed), []
    for _ in range(count):
        cell, index = "xy"[rng.integers(2)], int(rng.choice(3, p=(0.5, 0.25, 0.25)))
        reward = WORTH[cell][index] + rng.normal(0.0, noise)
        chance = (0.5, 0.25, 0.25)[index]
        context = Context(cell=cell)
        log.append(
            LoggedChoice(point="p", context=context, candidates=ARMS, index=index, propensity=chance, reward=reward)
        )
    return log


def best_of_both(context: Context, candidates) -> tuple[float, float, float]:
    return (0.0, 1.0, 0.0) if context.cell == "x" else (1.0, 0.0, 0.0)


def test_intervals_hold_as_often_as_they_say_and_a_reward_model_makes_them_narrow():
    truth, runs = (0.5 + 0.8) / 2, 60
    found = {name: [judge(logged_choices(s, 150), best_of_both, method=name) for s in range(runs)]
             for name in ("snips", "sndr", "dr")}  # fmt: skip
    for name in found:
        assert sum(e.lower <= truth <= e.upper for e in found[name]) >= 0.9 * runs, name
    width = {name: np.mean([e.upper - e.lower for e in found[name]]) for name in found}
    assert width["sndr"] < 0.8 * width["snips"]


def test_a_policy_judges_another_from_its_own_log():
    policy, rng = Policy(), np.random.default_rng(1)
    for number in range(120):
        choice = policy.choose("p", Context(cell="x"), ARMS, rng, now_s=number, choice_id=str(number))
        policy.learn_one(str(number), WORTH["x"][choice.index] + rng.normal(0.0, 0.05), now_s=number)
    log = policy.log("p")
    assert len(log) == 120
    own = policy.judge(log)
    assert own.lower <= 0.5 <= own.upper
    assert policy.judge(log, lambda context, candidates: (1.0, 0.0, 0.0)).value < own.value


def test_probabilities_that_do_not_add_up_are_refused():
    with pytest.raises(InvalidInput, match="add up"):
        judge(logged_choices(0, 10), lambda context, candidates: (0.5, 0.1, 0.1))
