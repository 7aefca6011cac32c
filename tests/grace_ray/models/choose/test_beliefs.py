"""What is believed follows from sums, whichever way it is computed."""

import numpy as np

from grace_ray.models.choose.beliefs import Beliefs
from grace_ray.models.choose.hierarchy import Hierarchy
from grace_ray.models.choose.regression import Regression
from grace_ray.models.choose.statistics import PointStatistics


def made(rng: np.random.Generator, count: int, width: int) -> tuple[PointStatistics, Beliefs]:
    statistics = PointStatistics()
    statistics.widen(width)
    beliefs = Beliefs(statistics, np.inf)
    for _ in range(count):
        arm, cell = statistics.arm("abcde"[rng.integers(5)]), statistics.cell("xyz"[rng.integers(3)])
        row = np.concatenate([[1.0], rng.normal(size=width - 1)]) if width else None
        reward = float(0.2 * arm - 0.1 * cell + rng.normal(0.0, 0.3))
        statistics.take(arm, cell, reward, row, 1.0)
        beliefs.expect(cell, slice(0, 5), None if row is None else np.tile(row, (5, 1)))
        beliefs.learned(cell, arm, reward, row)
    return statistics, beliefs


def test_what_is_kept_up_reward_by_reward_stays_near_the_full_solution():
    for width in (0, 3):
        _, beliefs = made(np.random.default_rng(0), 300, width)
        rows = np.ones((5, width)) if width else None
        kept = np.array([beliefs.expect(cell, slice(0, 5), rows) for cell in range(3)])
        beliefs.settle()
        full = np.array([beliefs.expect(cell, slice(0, 5), rows) for cell in range(3)])
        np.testing.assert_allclose(kept, full, atol=0.04)  # deviations are 0.06


def test_a_line_without_features_is_the_hierarchy():
    statistics, _ = made(np.random.default_rng(1), 200, 1)
    plain, lines = Hierarchy(statistics), Regression(statistics)
    for cell in range(3):
        a, b = plain.expect(cell, slice(0, 5)), lines.expect(cell, slice(0, 5), np.ones((5, 1)))
        np.testing.assert_allclose(a, b, atol=0.01)


def test_a_hard_cell_is_not_held_against_those_who_were_tried_in_it():
    rng, statistics = np.random.default_rng(2), PointStatistics()
    for _ in range(300):
        arm = int(rng.integers(2))
        cell = int(rng.random() < (0.9 if arm == 0 else 0.1))  # "brave" mostly works where it is hard
        reward = (0.6 if arm == 0 else 0.5) - 0.4 * cell + rng.normal(0.0, 0.1)
        statistics.take(statistics.arm(("brave", "shy")[arm]), statistics.cell(("easy", "hard")[cell]), reward, None, 1)
    solved = Hierarchy(statistics)
    elsewhere = len(statistics.cells)
    order = slice(0, 2)
    mean, _ = solved.expect(elsewhere, order)
    assert mean[statistics.arms["brave"]] > mean[statistics.arms["shy"]]


def test_what_was_never_tried_is_less_certain_than_what_was():
    _, beliefs = made(np.random.default_rng(3), 100, 0)
    _, deviation = beliefs.expect(0, np.array([0, 5]), None)
    assert deviation[1] > 2 * deviation[0]


def test_time_fades_certainty_but_not_the_mean():
    statistics = PointStatistics()
    for _ in range(50):
        statistics.take(statistics.arm("a"), statistics.cell("x"), 0.8, None, 1.0)
    (now, sure), (then, unsure) = (Hierarchy(statistics, fading).expect(0, slice(0, 1)) for fading in (1.0, 0.05))
    assert unsure[0] > 1.5 * sure[0]
    assert abs(then[0] - now[0]) < 0.1
