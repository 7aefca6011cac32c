"""Verdicts that hold whenever one looks."""

import numpy as np

from grace_ray.models.choose import Candidate, Context, Policy
from grace_ray.models.choose.compare import Tally, compare_tallies


def tally(rewards: np.ndarray) -> Tally:
    before = np.concatenate([[0.0], np.cumsum(rewards)[:-1] / np.arange(1, len(rewards))])
    return Tally(count=len(rewards), total=float(rewards.sum()), spread=float(((rewards - before) ** 2).sum()))


def test_looking_after_every_reward_finds_no_winner_among_equals():
    wrong = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        a, b = rng.integers(0, 2, 400).astype(float), rng.integers(0, 2, 400).astype(float)
        looks = range(2, 400, 20)
        wrong += any(compare_tallies(("a", "b"), [(tally(a[:n]), tally(b[:n]))], bounds=(0, 1)).better for n in looks)
    assert wrong <= 0.05 * 60 + 2


def test_the_better_one_is_found_in_time_and_named():
    rng = np.random.default_rng(0)
    a, b = (rng.random(600) < 0.8).astype(float), (rng.random(600) < 0.4).astype(float)
    verdict = compare_tallies(("a", "b"), [(tally(a), tally(b))], bounds=(0, 1))
    assert verdict.better == "a"
    assert verdict.lower <= 0.4 <= verdict.upper


def test_one_tried_only_where_it_is_easy_gains_nothing_by_it():
    rng = np.random.default_rng(0)

    def tried(mean: float, count: int) -> Tally:
        return tally((rng.random(count) < mean).astype(float))

    strata = [(tried(0.9, 900), tried(0.9, 100)), (tried(0.2, 100), tried(0.2, 900))]
    assert compare_tallies(("a", "b"), strata, bounds=(0, 1)).better == ""
    pooled = [(tried(0.83, 1000), tried(0.27, 1000))]
    assert compare_tallies(("a", "b"), pooled, bounds=(0, 1)).better == "a"


def test_a_tighter_interval_comes_of_steadier_rewards():
    rng = np.random.default_rng(0)
    steady, wild = 0.5 + rng.normal(0, 0.01, 2000), rng.integers(0, 2, 2000).astype(float)
    widths = []
    for rewards in (steady, wild):
        verdict = compare_tallies(("a", "b"), [(tally(rewards), tally(rewards))], bounds=(0, 1))
        widths.append(verdict.upper - verdict.lower)
    assert widths[0] < 0.5 * widths[1]


def test_nothing_is_said_of_what_was_never_tried():
    verdict = Policy().compare("a", "b", point="p")
    assert (verdict.better, verdict.lower, verdict.upper) == ("", -2.0, 2.0)


def test_a_policy_compares_two_of_its_candidates():
    policy, rng = Policy(), np.random.default_rng(0)
    worth = {"a": 0.9, "b": 0.1}
    for number in range(1200):
        offered = [Candidate(id="ab"[number % 2])]
        choice = policy.choose("p", Context(cell="x"), offered, rng, now_s=number, choice_id=str(number))
        policy.learn_one(str(number), float(rng.random() < worth[choice.candidate]), now_s=number)
    assert policy.compare("a", "b", point="p", bounds=(0, 1)).better == "a"
    assert policy.compare("b", "a", point="p", cell="x", bounds=(0, 1)).better == "a"
    assert policy.compare("a", "b", point="p", cell="elsewhere", bounds=(0, 1)).better == ""
