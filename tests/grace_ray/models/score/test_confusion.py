"""Consensus without knowing the truth."""

import csv
import gzip
import math
from pathlib import Path

import numpy as np
import pytest

from grace_ray.core.errors import InvalidInput, NotFound, TooLarge
from grace_ray.models.checks import Trial, check
from grace_ray.models.score.confusion import Answer, ConfusionModel, ConfusionSettings

REAL = Path(__file__).parents[4].parent / "shared" / "data" / "agents"


def crowd(seed: int, *, questions: int = 200, agents: int = 20, each: int = 6) -> tuple[list[Answer], dict[str, str]]:
    """Three classes; every agent is good at one or two of them; answers in random order."""
    rng = np.random.default_rng(seed)
    habits = []
    for _ in range(agents):
        right = rng.uniform(0.35, 0.95, 3)
        habits.append(
            np.array([right[z] * np.eye(3)[z] + (1 - right[z]) * rng.dirichlet(np.ones(3)) for z in range(3)])
        )
    truth = rng.integers(3, size=questions)
    pairs = [(q, a) for q in range(questions) for a in rng.choice(agents, each, replace=False).tolist()]
    said = []
    for n, place in enumerate(rng.permutation(len(pairs)).tolist()):
        q, a = pairs[place]
        said.append(answer(f"q{q}", f"a{a}", "xyz"[rng.choice(3, p=habits[a][truth[q]])], at_s=float(n)))
    return said, {f"q{q}": "xyz"[z] for q, z in enumerate(truth.tolist())}


def answer(question: str, agent: str, said: str | None, **more) -> Answer:
    return Answer(**{"question": question, "agent": agent, "answer": said} | more)


def lived(said: list[Answer], **how) -> ConfusionModel:
    model = ConfusionModel(**how)
    model.learn_many(said)
    return model


def share_right(model: ConfusionModel, truth: dict[str, str]) -> float:
    return float(np.mean([model.consensus(q).answer == z for q, z in truth.items() if q in model.remembered()]))


def majority(said: list[Answer], truth: dict[str, str]) -> float:
    votes: dict[str, dict[str, int]] = {}
    for one in said:
        votes.setdefault(one.question, {})[one.answer] = votes.setdefault(one.question, {}).get(one.answer, 0) + 1
    return float(np.mean([max(votes[q], key=votes[q].get) == z for q, z in truth.items() if q in votes]))


def test_who_asks_is_told_what_settling_would_tell():
    said = crowd(5)[0][:1100]  # 1,037 of these are settled as they come
    asked, settled = lived(said), lived(said)
    settled.settle()
    found = [[model.consensus(one.question).probabilities["x"] for one in said] for model in (asked, settled)]
    assert found[0] == pytest.approx(found[1], abs=1e-9)


def test_weighing_by_confusion_beats_the_majority():
    gains = []
    for seed in range(3):
        said, truth = crowd(seed)
        gains.append(share_right(lived(said), truth) - majority(said, truth))
    assert np.mean(gains) > 0.01
    assert min(gains) >= 0.0


@pytest.mark.skipif(not REAL.exists(), reason="needs ../shared/data/agents")
def test_a_real_crowd_is_understood_better_than_by_its_majority():
    def rows(name: str) -> list[dict[str, str]]:
        with gzip.open(REAL / f"crowd_duck_{name}.csv.gz", "rt", newline="") as file:
            return list(csv.DictReader(file))

    said = [answer(r["question"], r["worker"], r["answer"], at_s=float(n)) for n, r in enumerate(rows("answer"))]
    truth = {row["question"]: row["truth"] for row in rows("truth")}
    assert share_right(lived(said), truth) > majority(said, truth) + 0.10


def test_probabilities_add_up_and_are_surer_with_more_answers():
    said, truth = crowd(3)
    model = lived(said)
    few, many = model.consensus("q0"), lived([*said, *(answer("q0", f"a{n}", truth["q0"]) for n in range(20))])
    assert sum(few.probabilities.values()) == pytest.approx(1.0)
    assert many.consensus("q0").probabilities[truth["q0"]] > 0.99


def test_one_that_always_says_the_same_counts_for_nothing():
    said, truth = crowd(4)
    loud = [answer(q, "loud", "x", at_s=9e3) for q in truth]
    assert share_right(lived([*said, *loud]), truth) >= share_right(lived(said), truth) - 0.02
    assert lived([*said, *loud]).reliability("loud") < 0.45


def test_copies_are_found_and_count_together_as_one():
    said, truth = crowd(5, each=8)
    weak = {one.question: one.answer for one in said if one.agent == "a0"}
    rng = np.random.default_rng(0)
    weak |= {q: "xyz"[rng.integers(3)] if rng.random() < 0.5 else z for q, z in truth.items() if q not in weak}
    ring = [answer(q, f"copy{n}", z, at_s=9e3) for q, z in weak.items() for n in range(4)]
    model = lived([*said, *ring])
    model.settle()
    assert set(model.copied("copy0")) >= {"copy1", "copy2", "copy3"}
    assert not model.copied("a7")
    found = model.consensus("q1")
    assert found.answers >= 12
    assert found.independent < found.answers - 2.5
    assert share_right(model, truth) >= share_right(lived(said), truth) - 0.02


def test_agents_that_are_merely_good_are_not_taken_for_copies():
    rng = np.random.default_rng(8)
    said = []
    for q in range(150):
        z = int(rng.integers(3))
        says = ["xyz"[z if rng.random() < 0.93 else int(rng.integers(3))] for _ in range(8)]
        said += [answer(f"q{q}", f"a{a}", one, at_s=float(q)) for a, one in enumerate(says)]
    model = lived(said)
    model.settle()
    assert not any(model.copied(f"a{a}") for a in range(8))


def test_known_truths_teach_who_is_reliable():
    said = [answer(f"q{n}", agent, z) for n in range(30) for agent, z in (("good", "x"), ("bad", "y"))]
    said += [answer(f"q{n}", "", "x") for n in range(20)]
    model = lived(said)
    assert model.reliability("good") > 0.7 > model.reliability("bad")
    assert model.consensus("q25").answer == "x"
    assert model.consensus("q3").probability == 1.0


def test_the_newest_answer_of_an_agent_counts_whatever_comes_first():
    early, late = answer("q", "a", "x", at_s=1.0), answer("q", "a", "y", at_s=2.0)
    for order in ((early, late), (late, early), (early, late, early, late)):
        assert lived(list(order)).consensus("q").answer == "y"


def test_a_withdrawn_answer_leaves_no_trace():
    model = lived([answer("q", "a", "x"), answer("p", "a", "x"), answer("q", "a", None, at_s=1.0)])
    with pytest.raises(NotFound):
        model.consensus("q")
    assert model.consensus("p").answers == 1


def test_memory_is_bounded_and_what_is_forgotten_still_counts():
    said, truth = crowd(6, questions=400, agents=20)
    said.sort(key=lambda one: int(one.question[1:]))
    said = [answer(one.question, one.agent, one.answer, at_s=float(n)) for n, one in enumerate(said)]
    model = lived(said, settings=ConfusionSettings(max_questions=50))
    assert len(model.remembered()) <= 50
    whole = lived(said)
    gaps = [model.reliability(f"a{n}") - whole.reliability(f"a{n}") for n in range(20)]
    assert np.abs(gaps).max() < 0.1
    assert share_right(model, truth) > 0.75


def test_agents_of_whom_nothing_is_remembered_are_forgotten():
    said = [answer(f"q{n}", f"a{n + k}", "x", at_s=float(n)) for n in range(200) for k in range(3)]
    model = lived(said, settings=ConfusionSettings(max_agents=20))
    assert len(model.agents()) <= 21
    assert model.consensus("q199").answer == "x"


@pytest.mark.parametrize(
    ("wrong", "field"), [({"at_s": math.nan}, "at_s"), ({"answer": ""}, "question"), ({"question": ""}, "question")]
)
def test_what_is_no_answer_is_refused_by_name(wrong, field):
    with pytest.raises(InvalidInput) as caught:
        ConfusionModel().learn_many([Answer(**{"question": "q", "agent": "a", "answer": "x"} | wrong)])
    assert caught.value.field == field


def test_there_may_not_be_too_many_classes():
    with pytest.raises(TooLarge):
        lived([answer("q", f"a{n}", str(n)) for n in range(100)])


def answers(model: ConfusionModel) -> np.ndarray:
    model.settle()
    found = [model.consensus(f"q{n}") for n in range(10)]
    table = [[one.probabilities[z] for z in "xyz"] + [one.answers, one.independent] for one in found]
    return np.array([*table, [model.reliability(a) for a in ("a0", "a1", "a2", "a3", "new")]])


def restored(state: bytes) -> ConfusionModel:
    model = ConfusionModel()
    model.restore(state)
    return model


def test_consensus_keeps_all_laws():
    said, _ = crowd(7, questions=60, agents=12)
    said += [answer(one.question, "copy", one.answer, at_s=one.at_s) for one in said if one.agent in ("a0", "a1")]
    check(
        Trial(
            name="consensus",
            make=lambda site: ConfusionModel(),
            learn=ConfusionModel.learn_many,
            answers=answers,
            state=ConfusionModel.state,
            restore=restored,
            stream=said,
            wrong=[answer("q0", "a0", "x", at_s=math.nan)],
            merge=ConfusionModel.merge,
        )
    )
