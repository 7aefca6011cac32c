"""What trust in ability promises: predictions, intervals, corrections, merging, and agents that misbehave."""

import csv
import gzip
import math
from pathlib import Path

import numpy as np
import pytest

from grace_ray.core.errors import Conflict, InvalidInput
from grace_ray.models.checks import Trial, check
from grace_ray.models.codec import pack, unpack
from grace_ray.models.score.ability import AbilityModel, AbilitySettings
from grace_ray.models.score.belief import Ask
from grace_ray.models.score.grids import POINTS, SLOPES
from grace_ray.models.score.kept import Judged

REAL = Path(__file__).parents[4].parent / "shared" / "data" / "agents" / "agent_task_outcomes.csv.gz"


def world(agents: int, tasks: int, seed: int, spread: float = 1.5) -> list[Judged]:
    """Every agent tries every task, in random order; the first agents are the ablest."""
    rng = np.random.default_rng(seed)
    ability, difficulty = np.linspace(1.5, -1.5, agents), rng.normal(0.0, spread, tasks)
    found = []
    for place in rng.permutation(agents * tasks).tolist():
        agent, task = place % agents, place // agents
        chance = 1.0 / (1.0 + math.exp(difficulty[task] - ability[agent]))
        found.append(
            outcome(len(found), f"a{agent}", float(rng.random() < chance), kind=f"k{task % 3}", task=f"t{task}")
        )
    return found


def outcome(number: int, agent: str, value: float | None, *, kind: str = "k0", task: str = "", **more) -> Judged:
    return Judged(
        **{"key": str(number), "agent": agent, "kind": kind, "task": task, "value": value, "at_s": 60.0 * number} | more
    )


def lived(outcomes: list[Judged], **how) -> AbilityModel:
    model = AbilityModel(**how)
    model.learn_many(outcomes)
    return model


def prequential(outcomes: list[Judged]) -> tuple[np.ndarray, np.ndarray]:
    """The chance given to each outcome before it came, and what came."""
    model, chances = AbilityModel(), []
    for one in outcomes:
        chances.append(model.chances([Ask(agent=one.agent, kind=one.kind, task=one.task)])[0])
        model.learn_one(one)
    return np.array(chances), np.array([one.value for one in outcomes])


def log_loss(chance: np.ndarray, value: np.ndarray) -> float:
    return float(-(value * np.log(chance) + (1 - value) * np.log1p(-chance)).mean())


def test_the_able_are_told_from_the_others_and_nothing_is_certain():
    model = lived(world(8, 60, 0))
    means = [model.expect(f"a{n}", "k0").mean for n in range(8)]
    assert np.corrcoef(means, np.arange(8))[0, 1] < -0.9
    assert 0.0 < min(means) < max(means) < 1.0


def test_knowing_others_on_the_same_task_makes_the_guess_better():
    outcomes = world(12, 60, 1, spread=2.5)
    model = lived([one for one in outcomes if one.agent != "a5"])
    solved = {f"t{n}": np.mean([o.value for o in outcomes if o.task == f"t{n}"]) for n in range(60)}
    easy, hard = max(solved, key=solved.get), min(solved, key=solved.get)
    assert model.expect("a5", "k0", easy).mean > 0.8 > 0.2 > model.expect("a5", "k0", hard).mean


def test_chances_are_calibrated_and_beat_the_rates_of_agents():
    outcomes = world(10, 100, 2)
    chance, value = prequential(outcomes)
    rate, tried, rates = {}, {}, []
    for one in outcomes:
        rates.append((rate.get(one.agent, 0) + 1) / (tried.get(one.agent, 0) + 2))
        rate[one.agent], tried[one.agent] = rate.get(one.agent, 0) + one.value, tried.get(one.agent, 0) + 1
    assert log_loss(chance, value) < log_loss(np.array(rates), value) - 0.03
    bins = np.minimum((chance * 10).astype(int), 9)
    gaps = [abs((chance[bins == b] - value[bins == b]).sum()) for b in range(10)]
    assert sum(gaps) / len(value) < 0.05


@pytest.mark.skipif(not REAL.exists(), reason="needs ../shared/data/agents")
def test_on_real_agents_and_tasks_the_loss_is_far_below_that_of_rates():
    with gzip.open(REAL, "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    rows = [rows[place] for place in np.random.default_rng(0).permutation(len(rows))[:2500]]
    outcomes = [
        outcome(n, row["agent"], float(row["resolved"]), kind=row["repo"], task=row["instance"])
        for n, row in enumerate(rows)
    ]
    chance, value = prequential(outcomes)
    assert log_loss(chance[500:], value[500:]) < 0.50  # the agents' own rates come to 0.63


def test_the_interval_holds_the_true_share_about_as_often_as_it_says():
    held = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        chance = float(rng.uniform(0.1, 0.9))
        fleet = [outcome(n, f"b{n % 5}", float(rng.random() < 0.5)) for n in range(100)]
        model = lived([*fleet, *(outcome(100 + n, "a", float(rng.random() < chance)) for n in range(30))])
        belief = model.expect("a", "k0")
        held += belief.low <= chance <= belief.high
    assert held >= 26


def test_a_new_agent_is_like_the_fleet_and_its_interval_is_wide():
    model = lived(world(10, 60, 3))
    new, old = model.expect("new", "k0"), model.expect("a5", "k0")
    means = [model.expect(f"a{n}", "k0").mean for n in range(10)]
    assert new.mean == pytest.approx(np.mean(means), abs=0.06)
    assert new.high - new.low > 1.8 * (old.high - old.low)
    assert (new.n, new.n_kind) == (0.0, 0.0)
    assert "new" not in model.agents()


def test_one_success_neither_makes_nor_breaks_a_new_agent():
    model = lived(world(10, 60, 3))
    before = model.expect("new", "k0").mean
    model.learn_one(outcome(10_000, "new", 0.0))
    after = model.expect("new", "k0")
    assert before - 0.25 < after.mean < before
    assert after.high > 0.5


def test_an_agent_that_changed_overnight_is_caught_within_some_tens_of_outcomes():
    rng = np.random.default_rng(5)
    fleet = [outcome(n, f"b{n % 6}", float(rng.random() < 0.6)) for n in range(300)]
    model = lived([*fleet, *(outcome(300 + n, "a", float(rng.random() < 0.9)) for n in range(300))])
    assert model.expect("a", "k0").mean > 0.8
    assert model.trend("a").word == "stable"
    model.learn_many([outcome(600 + n, "a", float(rng.random() < 0.15)) for n in range(30)])
    assert model.expect("a", "k0").mean < 0.35
    assert model.trend("a").word == "declining"


def test_a_steady_agent_has_no_trend():
    moved = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        chance = float(rng.uniform(0.1, 0.9))
        model = lived([outcome(n, f"b{n % 6}", float(rng.random() < 0.6)) for n in range(100)])
        for start in range(100, 300, 50):
            model.learn_many([outcome(start + n, "a", float(rng.random() < chance)) for n in range(50)])
            moved += model.trend("a").word != "stable"
    assert moved <= 2


def test_an_agent_that_always_claims_success_gains_nothing_by_it():
    rng = np.random.default_rng(6)
    made = [outcome(n, "a", float(rng.random() < 0.4), confidence=1.0) for n in range(200)]
    made += [outcome(200 + n, "b", float(rng.random() < 0.4)) for n in range(200)]
    model = lived(made)
    boasting, silent = model.expect("a", "k0", confidence=1.0), model.expect("a", "k0")
    assert boasting.mean == pytest.approx(silent.mean, abs=0.05)
    assert boasting.mean == pytest.approx(0.4, abs=0.08)


def test_confidence_that_tells_something_counts():
    rng = np.random.default_rng(7)
    made = []
    for n in range(400):
        is_sure = bool(rng.random() < 0.5)
        value = float(rng.random() < (0.9 if is_sure else 0.3))
        made.append(outcome(n, "a", value, confidence=0.97 if is_sure else 0.5))
    model = lived(made)
    assert model.expect("a", "k0", confidence=0.97).mean > 0.8
    assert model.expect("a", "k0", confidence=0.5).mean < 0.4


def test_an_agent_may_be_good_at_one_kind_and_bad_at_another():
    rng = np.random.default_rng(8)
    made = []
    for n in range(600):
        kind, agent = f"k{rng.integers(2)}", f"a{rng.integers(4)}"
        chance = 0.85 if (agent == "a0") == (kind == "k0") else 0.4
        made.append(outcome(n, agent, float(rng.random() < chance), kind=kind))
    model = lived(made)
    assert model.expect("a0", "k0").mean > model.expect("a0", "k1").mean + 0.2


def test_partial_success_lies_between():
    means = [lived([outcome(n, "a", value) for n in range(40)]).expect("a", "k0").mean for value in (0.0, 0.5, 1.0)]
    assert means[0] < 0.2 < 0.4 < means[1] < 0.6 < 0.8 < means[2]


def test_an_outcome_sent_twice_counts_once():
    outcomes = world(5, 20, 9)
    once, twice = lived(outcomes), lived(outcomes)
    twice.learn_many(outcomes[:40])
    assert twice.expect("a0", "k0") == once.expect("a0", "k0")


def test_a_revised_outcome_is_as_if_it_had_been_so_from_the_start():
    outcomes = world(5, 20, 9)
    wrong = [outcome(int(o.key), o.agent, 1.0 - o.value, kind=o.kind, task=o.task) for o in outcomes[:20]]
    model, right = lived([*wrong, *outcomes[20:]]), lived(outcomes)
    model.learn_many(outcomes[:20])
    assert model.expect("a0", "k0").mean == pytest.approx(right.expect("a0", "k0").mean, abs=1e-9)


def test_a_withdrawn_outcome_leaves_no_trace():
    outcomes = world(5, 20, 9)
    model, without = lived(outcomes), lived(outcomes[:-30])
    model.learn_many([outcome(int(o.key), o.agent, None) for o in outcomes[-30:]])
    model.learn_one(outcome(99_999, "never seen", None))
    assert model.expect("a0", "k0").mean == pytest.approx(without.expect("a0", "k0").mean, abs=1e-9)
    assert "never seen" not in model.agents()


def test_outcomes_may_come_in_any_order():
    outcomes = world(6, 30, 10)
    model, right = lived(list(reversed(outcomes))), lived(outcomes)
    model.settle()
    assert model.expect("a3", "k1", "t4").mean == pytest.approx(right.expect("a3", "k1", "t4").mean, abs=1e-9)


def test_memory_is_bounded_and_what_is_forgotten_still_counts():
    settings = AbilitySettings(max_outcomes=100, max_agents=8, max_pairs=12, max_kinds=3, max_tasks=20)
    model = lived(world(12, 100, 11), settings=settings)
    assert len(model.records()) <= 200
    assert len(model.agents()) <= 8 + 512
    assert model.expect("a0", "k0").mean > model.expect("a11", "k0").mean
    model.settle()
    assert model.expect("a0", "k0").mean > model.expect("a11", "k0").mean
    again = AbilityModel(settings=settings)
    again.restore(model.state())
    assert again.expect("a0", "k0", "t99") == model.expect("a0", "k0", "t99")


def test_one_wrong_clock_does_not_undo_what_was_learned():
    model = lived([*world(5, 30, 12), outcome(5000, "a0", 1.0, at_s=9e10)])
    assert model.expect("a0", "k0").mean > model.expect("a4", "k0").mean + 0.3


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"value": math.nan}, "value"),
        ({"value": 1.5}, "value"),
        ({"at_s": math.inf}, "at_s"),
        ({"confidence": -0.1}, "confidence"),
        ({"agent": ""}, "agent"),
        ({"key": ""}, "key"),
    ],
)
def test_what_is_out_of_range_is_refused_by_name(wrong, field):
    with pytest.raises(InvalidInput) as caught:
        AbilityModel().learn_one(Judged(**{"key": "k", "agent": "a", "value": 1.0, "at_s": 0.0} | wrong))
    assert caught.value.field == field


def test_one_without_a_name_is_not_merged():
    with pytest.raises(Conflict):
        AbilityModel(site="hub").merge(AbilityModel())


def answers(model: AbilityModel) -> np.ndarray:
    model.settle()
    asks = [
        Ask(agent=a, kind=k, task=t) for a in ("a0", "a3", "new") for k in ("k1", "other") for t in ("", "t4", "tx")
    ]
    found = model.expect_many([*asks, Ask(agent="a0", kind="k1", confidence=0.9)])
    return np.array([[b.mean, b.low, b.high, b.n, b.n_kind, model.trend("a0").z] for b in found])


def restored(state: bytes) -> AbilityModel:
    model = AbilityModel()
    model.restore(state)
    return model


def test_trust_in_ability_keeps_all_laws():
    rng = np.random.default_rng(4)
    stream = [
        outcome(n, o.agent, o.value if n % 7 else 0.5, kind=o.kind, task=o.task if n % 5 else "", confidence=c)
        for n, (o, c) in enumerate(zip(world(6, 50, 13), rng.random(300).tolist(), strict=True))
    ]
    check(
        Trial(
            name="ability",
            make=lambda site: AbilityModel(site=site),
            learn=AbilityModel.learn_many,
            answers=answers,
            state=AbilityModel.state,
            restore=restored,
            stream=stream,
            wrong=[outcome(900, "a0", math.nan), outcome(901, "a0", 1.0, confidence=math.inf)],
            merge=AbilityModel.merge,
        )
    )


def questioned(workers: int, questions: int, seed: int) -> list[Judged]:
    """Yes or no: a third of the workers know the answer, a third always say yes, a third always no."""
    rng = np.random.default_rng(seed)
    is_yes = rng.random(questions) < 0.5
    right = [lambda q: float(rng.random() < 0.8), lambda q: float(is_yes[q]), lambda q: float(not is_yes[q])]
    places = rng.permutation(workers * questions).tolist()
    return [
        outcome(n, f"w{place % workers}", right[place % workers % 3](place // workers), task=f"q{place // workers}")
        for n, place in enumerate(places)
    ]


def test_agents_that_succeed_where_others_fail_are_told_from_those_that_follow_the_rest():
    chance, value = prequential(questioned(12, 80, 14))
    late = slice(len(value) // 2, None)
    assert log_loss(chance[late], value[late]) < 0.35  # where difficulty is the same to all: 0.69


def test_a_state_from_before_slopes_is_read_as_knowing_nothing_of_them():
    model = lived(world(5, 40, 16))
    _, header, arrays = unpack(model.state())
    plain = [array.sum(axis=-2) if array.shape[-2:] == (len(SLOPES), len(POINTS)) else array for array in arrays]
    old = restored(pack({**header, "score": 1}, plain))
    assert old.expect("a0", "k0").mean > old.expect("a4", "k0").mean + 0.3
    assert old.expect("a0", "k0").mean == pytest.approx(model.expect("a0", "k0").mean, abs=0.03)
    old.settle()
    assert old.expect("a0", "k0").mean == pytest.approx(model.expect("a0", "k0").mean, abs=1e-9)
