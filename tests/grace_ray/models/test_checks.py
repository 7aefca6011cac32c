"""The laws of learners, on the learners there are, and on ones that break them."""

import dataclasses
import math
import struct

import numpy as np
import pytest

from grace_ray.core.errors import InvalidInput
from grace_ray.models.checks import LawBroken, Trial, check
from grace_ray.models.choose import Candidate, Context, Policy

ARMS = ("a", "b", "c")


def learn(policy: Policy, items):
    for number, cell, arm, features, reward in items:
        candidates = (Candidate(id=arm, features=features),)
        rng = np.random.default_rng(0)
        policy.choose("p", Context(cell=cell), candidates, rng, now_s=3600.0 * number, choice_id=str(number))
        policy.learn_one(str(number), reward, now_s=3600.0 * number)


def answers(policy: Policy, width: int):
    rows = []
    for cell in ("x", "y", "new"):
        candidates = [Candidate(id=arm, features=(0.3,) * width) for arm in (*ARMS, "unknown")]
        options = policy.recommend("p", Context(cell=cell), candidates)
        options.sort(key=lambda option: option.candidate)
        rows.extend([o.expected_reward, o.uncertainty, o.probability, o.samples] for o in options)
    return np.array(rows)


def restored(state: bytes) -> Policy:
    policy = Policy()
    policy.restore(state)
    return policy


def policy_trial(width: int) -> Trial:
    rng = np.random.default_rng(7)
    stream = [
        (n, "xy"[rng.integers(2)], ARMS[rng.integers(3)], tuple(rng.normal(size=width)), float(rng.normal()))
        for n in range(120)
    ]
    return Trial(
        name="policy",
        make=lambda site: Policy(site=site),
        learn=learn,
        answers=lambda policy: answers(policy, width),
        state=Policy.state,
        restore=restored,
        stream=stream,
        wrong=[(900, "x", "a", (0.0,) * width, math.nan), (901, "x", "a", (0.0,) * width, math.inf)],
        merge=Policy.merge,
    )


@pytest.mark.parametrize("width", [0, 2])
def test_a_policy_keeps_all_laws(width: int):
    check(policy_trial(width))


class Mean:
    """A running mean: the least learner there is."""

    def __init__(self) -> None:
        self.count, self.total = 0, 0.0

    def learn(self, items) -> None:
        for item in items:
            if not math.isfinite(item):
                raise InvalidInput("Not a finite number.", "item")
            self.count, self.total = self.count + 1, self.total + item


def mean_trial(**changes) -> Trial:
    def restore(state: bytes) -> Mean:
        mean = Mean()
        mean.count, mean.total = struct.unpack("<qd", state)
        return mean

    trial = Trial(
        name="mean",
        make=lambda site: Mean(),
        learn=Mean.learn,
        answers=lambda mean: np.array([mean.total / max(mean.count, 1)]),
        state=lambda mean: struct.pack("<qd", mean.count, mean.total),
        restore=restore,
        stream=[float(n) for n in range(50)],
        wrong=[math.nan],
    )
    return dataclasses.replace(trial, **changes)


def added(a: Mean, b: Mean) -> None:
    a.count, a.total = a.count + b.count, a.total + b.total


def forgetful(state: bytes) -> Mean:
    return Mean()


def batchwise(mean: Mean, items) -> None:
    mean.count, mean.total = mean.count + 1, mean.total + sum(items) / len(items)


def credulous(mean: Mean, items) -> None:
    for item in items:
        mean.count, mean.total = mean.count + 1, mean.total + (item if math.isfinite(item) else 0.0)


def test_a_learner_that_keeps_the_laws_passes():
    check(mean_trial())


@pytest.mark.parametrize(
    ("changes", "law"),
    [
        ({"restore": forgetful}, "restores"),
        ({"learn": batchwise}, "batches"),
        ({"learn": credulous}, "without a word"),
        ({"merge": added}, "merges exactly"),  # it counts a site that comes twice twice
    ],
)
def test_a_learner_that_breaks_a_law_is_told_which(changes, law):
    with pytest.raises(LawBroken, match=law):
        check(mean_trial(**changes))
