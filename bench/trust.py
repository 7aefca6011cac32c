"""The next outcome of an agent: Grace's trust against a moving average, Beta-Bernoulli and a one-pass Gaussian model.

Everything is prequential: each outcome is predicted before it is learned, once, in one pass over a random order; then
again with the agents' names exchanged half-way, as if all had changed overnight. *Unseen* asks of every agent before
anyone has tried the task, and counts only the 70 % of answers that seem surest by what was known then. Worlds are real
agents on real tasks, language models on instructions, workers' correctness, and simulated ones. One setting for all.
Last comes a batch model that is fitted anew as outcomes come (`trust_batch`): about what can be reached at all.

Run it with `python bench/trust.py [--seeds N] [--only NAME] [--without-batch]`.
"""

import argparse
import bisect
import csv
import gzip
import json
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # speeds are of one core

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import trust_batch  # noqa: E402
from grace_ray.models.score.ability import AbilityModel  # noqa: E402
from grace_ray.models.score.belief import Ask  # noqa: E402
from grace_ray.models.score.kept import Judged  # noqa: E402
from grace_ray.models.score.moving import Evaluated, MovingTrust  # noqa: E402

RESULTS = ROOT / "bench" / "results" / "trust.json"
Floats = NDArray[np.float64]
COVERAGE = 0.70
BATCH = "batch refit"
SHOWN = {  # with how many digits
    "log_loss": 4,
    "late_log_loss": 4,
    "brier": 4,
    "auc": 3,
    "calibration_error": 3,
    "microseconds": 0,
    "swapped_log_loss": 4,
    "swapped_calibration_error": 3,
    "accuracy_at_coverage": 3,
}


class Outcome(NamedTuple):
    """What an agent made of a task, 0..1."""

    agent: str
    kind: str
    task: str
    value: float


def rows(path: Path) -> list[dict[str, str]]:
    """A compressed CSV file."""
    with gzip.open(path, "rt", newline="") as file:
        return list(csv.DictReader(file))


def worlds(data: Path) -> dict[str, list[Outcome]]:
    """All outcomes of each world, in no order."""
    found = {}
    if data.is_dir():
        found["agents x tasks"] = [
            Outcome(row["agent"], row["repo"], row["instance"], float(row["resolved"]))
            for row in rows(data / "agent_task_outcomes.csv.gz")
        ]
        slices = {row["instr"]: row["dataset"] for row in rows(data / "instructions.csv.gz")}
        found["models x instructions"] = [
            Outcome(row["model"], slices.get(row["instr"], ""), row["instr"], float(row["pref_vs_gpt4t"]))
            for row in rows(data / "model_preferences.csv.gz")
        ]
        for name in ("dog", "duck"):
            found[f"workers, {name}"] = workers(data, name)
    found["simulated, wide"] = simulated(25, 250, 2.5, 0)
    found["simulated, narrow"] = simulated(40, 150, 0.5, 1)
    return found


def workers(data: Path, name: str) -> list[Outcome]:
    """Whether crowd workers were right."""
    truth = {row["question"]: row["truth"] for row in rows(data / f"crowd_{name}_truth.csv.gz")}
    said = [row for row in rows(data / f"crowd_{name}_answer.csv.gz") if row["question"] in truth]
    return [Outcome(r["worker"], "", r["question"], float(r["answer"] == truth[r["question"]])) for r in said]


def simulated(agents: int, tasks: int, spread: float, seed: int) -> list[Outcome]:
    """Item response theory with eight kinds of task and an affinity of each agent to each."""
    rng = np.random.default_rng(seed)
    kind, difficulty = rng.integers(8, size=tasks), rng.normal(0.0, spread, tasks)
    logit = rng.normal(0.0, 1.0, (agents, 1)) + rng.normal(0.0, 0.5, (agents, 8))[:, kind] - difficulty
    came = rng.random((agents, tasks)) < 1 / (1 + np.exp(-logit))
    return [Outcome(f"a{a}", f"k{kind[t]}", f"t{t}", float(came[a, t])) for a in range(agents) for t in range(tasks)]


class Moving:
    """The moving average of the interface; its accuracy is read as a chance."""

    def __init__(self) -> None:
        self.trust, self.count = MovingTrust(), 0

    def expect(self, one: Outcome) -> float:
        """The chance of success."""
        return self.trust.reading(one.agent).accuracy

    def learn(self, one: Outcome) -> None:
        """Take what came."""
        self.count += 1
        word = "approved" if one.value > 0.75 else "rejected" if one.value < 0.25 else "partial"
        quality = 100 * one.value
        self.trust.learn_many([Evaluated(key=str(self.count), agent=one.agent, outcome=word, quality=quality)])


class Rates:
    """Beta-Bernoulli by agent and kind, uniform to begin with."""

    def __init__(self) -> None:
        self.sums: dict[tuple[str, str], list[float]] = {}

    def expect(self, one: Outcome) -> float:
        """The chance of success."""
        good, bad = self.sums.get((one.agent, one.kind), (1.0, 1.0))
        return good / (good + bad)

    def learn(self, one: Outcome) -> None:
        """Take what came."""
        sums = self.sums.setdefault((one.agent, one.kind), [1.0, 1.0])
        sums[0] += one.value
        sums[1] += 1 - one.value


class Gaussian:
    """Ability minus difficulty with an agent-by-kind term and drift, each Gaussian, one Newton step an outcome."""

    def __init__(self) -> None:
        self.beliefs: dict[tuple[str, ...], tuple[float, float]] = {}

    def parts(self, one: Outcome) -> list[tuple[tuple[str, ...], float]]:
        """The terms of the logit, with their signs."""
        names = (
            ("agent", one.agent),
            ("pair", one.agent, one.kind),
            ("kind", one.kind),
            ("task", one.task),
            ("level",),
        )
        return [(name, -1.0 if name[0] == "task" else 1.0) for name in names]

    def known(self, name: tuple[str, ...]) -> tuple[float, float]:
        """Mean and variance of a term."""
        mean, variance = self.beliefs.get(name, (0.0, VARIANCES[name[0]]))
        return mean, variance + (DRIFT if name[0] == "agent" else 0.0)

    def expect(self, one: Outcome) -> float:
        """The chance of success."""
        known = [(*self.known(name), sign) for name, sign in self.parts(one)]
        mean, variance = sum(m * s for m, _, s in known), sum(v for _, v, _ in known)
        return 1 / (1 + math.exp(-mean / math.sqrt(1 + math.pi * variance / 8)))

    def learn(self, one: Outcome) -> None:
        """Take what came."""
        known = [(name, *self.known(name), sign) for name, sign in self.parts(one)]
        mean, variance = sum(m * s for _, m, _, s in known), sum(v for _, _, v, _ in known)
        moved = 0.0
        for _ in range(4):
            chance = 1 / (1 + math.exp(-mean - moved))
            moved += (one.value - chance - moved / variance) / (chance * (1 - chance) + 1 / variance)
        chance = 1 / (1 + math.exp(-mean - moved))
        weight = chance * (1 - chance) / (1 + variance * chance * (1 - chance))
        for name, m, v, sign in known:
            self.beliefs[name] = (m + sign * v * moved / variance, v - v * v * weight)


class Grace:
    """Grace's ability model, one question and one outcome at a time."""

    def __init__(self) -> None:
        self.model, self.count = AbilityModel(), 0

    def expect(self, one: Outcome) -> float:
        """The chance of success."""
        return float(self.model.chances([Ask(agent=one.agent, kind=one.kind, task=one.task)])[0])

    def learn(self, one: Outcome) -> None:
        """Take what came."""
        self.count += 1
        self.model.learn_one(
            Judged(
                key=str(self.count),
                agent=one.agent,
                kind=one.kind,
                task=one.task,
                value=one.value,
                at_s=60.0 * self.count,
            )
        )


VARIANCES = {"agent": 1.0, "pair": 0.16, "kind": 0.25, "task": 4.0, "level": 1.0}
DRIFT = 0.003
Learner = Callable[[], Any]
LEARNERS: dict[str, Learner] = {
    "moving average": Moving,
    "Beta-Bernoulli": Rates,
    "Gaussian, one pass": Gaussian,
    "Grace": Grace,
}


def prequential(make: Learner, outcomes: list[Outcome]) -> dict[str, float]:
    """Log loss, Brier score, AUC, calibration error, and CPU microseconds an outcome."""
    learner, chances = make(), []
    start = time.process_time()
    for one in outcomes:
        chances.append(learner.expect(one))
        learner.learn(one)
    return judged(np.array(chances), outcomes, time.process_time() - start)


def refitted(outcomes: list[Outcome]) -> dict[str, float]:
    """The same for the batch model."""
    start = time.process_time()
    agents, kinds, tasks, values = zip(*outcomes, strict=True)
    chances = trust_batch.chances(agents, kinds, tasks, values)
    return judged(chances, outcomes, time.process_time() - start)


def judged(chances: Floats, outcomes: list[Outcome], spent: float) -> dict[str, float]:
    """How good chances (outcomes,) were that took so many seconds; of the last half, too, when most is known."""
    chance, value = np.clip(chances, 1e-3, 1 - 1e-3), np.array([one.value for one in outcomes])
    loss = -(value * np.log(chance) + (1 - value) * np.log1p(-chance))
    return {
        "log_loss": float(loss.mean()),
        "late_log_loss": float(loss[len(loss) // 2 :].mean()),
        "brier": float(((chance - value) ** 2).mean()),
        "auc": auc(chance, value > 0.5),
        "calibration_error": calibration_error(chance, value),
        "microseconds": 1e6 * spent / len(outcomes),
    }


def auc(chance: Floats, came: NDArray[np.bool_]) -> float:
    """The chance that a success was ranked above a failure; ties count half."""
    _, place, count = np.unique(chance, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    good = int(came.sum())
    return float((rank[came].sum() - good * (good + 1) / 2) / max(good * (len(came) - good), 1))


def calibration_error(chance: Floats, value: Floats) -> float:
    """The expected calibration error over ten equal bins."""
    place = np.minimum((10 * chance).astype(int), 9)
    return float(sum(abs((chance - value)[place == b].sum()) for b in range(10)) / len(chance))


def swapped(outcomes: list[Outcome], rng: np.random.Generator) -> list[Outcome]:
    """The agents exchange their names half-way."""
    names = sorted({one.agent for one in outcomes})
    others = dict(zip(names, rng.permutation(names).tolist(), strict=True))
    half = len(outcomes) // 2
    return [*outcomes[:half], *(one._replace(agent=others[one.agent]) for one in outcomes[half:])]


def unseen(make: Learner, outcomes: list[Outcome], rng: np.random.Generator) -> dict[str, float]:
    """Accuracy on tasks nobody has tried: of the surest 70 % in hindsight, and of those that seemed so at the time."""
    tasks: dict[str, list[Outcome]] = {}
    for one in outcomes:
        tasks.setdefault(one.task, []).append(one)
    learner, sure, right, answered = make(), [], [], []
    past: list[float] = []
    for name in rng.permutation(sorted(tasks)).tolist():
        for one in tasks[name]:
            chance = learner.expect(one)
            sure.append(abs(chance - 0.5))
            right.append((chance > 0.5) == (one.value > 0.5))
            answered.append(not past or sure[-1] >= past[int((1 - COVERAGE) * len(past))])
        for one, seemed in zip(tasks[name], sure[-len(tasks[name]) :], strict=True):
            learner.learn(one)
            bisect.insort(past, seemed)
    best = np.argsort(-np.array(sure), kind="stable")[: int(COVERAGE * len(sure))]
    chosen = np.array(answered)
    return {
        "accuracy_at_coverage": float(np.array(right)[best].mean()),
        "accuracy_online": float(np.array(right)[chosen].mean()),
        "coverage_online": float(chosen.mean()),
    }


def batch_speed(agents: int, tasks: int, size: int) -> float:
    """Outcomes learned a CPU second, in batches."""
    rng = np.random.default_rng(0)
    picks = zip(rng.integers(agents, size=30_000), rng.integers(tasks, size=30_000), rng.random(30_000), strict=True)
    outcomes = [
        Judged(key=str(n), agent=f"a{a}", kind=f"k{t % 10}", task=f"t{t}", value=float(u < 0.5), at_s=60.0 * n)
        for n, (a, t, u) in enumerate(picks)
    ]
    model = AbilityModel()
    start = time.process_time()
    for first in range(0, len(outcomes), size):
        model.learn_many(outcomes[first : first + size])
    return len(outcomes) / (time.process_time() - start)


def compared(outcomes: list[Outcome], seeds: int, *, with_batch: bool) -> dict[str, Any]:
    """Means over random orders, for every learner, and on the same orders for the batch model."""
    report: dict[str, Any] = {}
    for name, make in LEARNERS.items():
        runs = []
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            mixed = [outcomes[place] for place in rng.permutation(len(outcomes))]
            plain, after = prequential(make, mixed), prequential(make, swapped(mixed, rng))
            changed = {f"swapped_{key}": after[key] for key in ("log_loss", "calibration_error")}
            runs.append(plain | changed | unseen(make, mixed, rng))
        report[name] = means(runs)
    if with_batch:
        orders = [np.random.default_rng(seed).permutation(len(outcomes)) for seed in range(seeds)]
        report[BATCH] = means([refitted([outcomes[place] for place in order]) for order in orders])
    return report


def means(runs: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each number."""
    return {key: float(np.mean([run[key] for run in runs])) for key in runs[0]}


def main() -> None:
    """Run all, print the tables, write the JSON."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "agents")
    options.add_argument("--seeds", type=int, default=2)
    options.add_argument("--only", default="")
    options.add_argument("--without-batch", action="store_true")
    given = options.parse_args()
    report: dict[str, Any] = {}
    for name, outcomes in worlds(given.data).items():
        if given.only in name:
            report[name] = compared(outcomes, given.seeds, with_batch=not given.without_batch)
            print_world(name, outcomes, report[name])
    fleets = {"25 agents": (25, 500), "200 agents": (200, 5_000), "2,000 agents": (2_000, 5_000)}
    report["speed"] = {name: batch_speed(*fleet, size=1_000) for name, fleet in fleets.items()}
    for name, speed in report["speed"].items():
        print(f"learned in batches of 1,000, {name}: {speed:,.0f} outcomes a CPU second")
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")
    print(f"\nWritten to {RESULTS.relative_to(ROOT)}.")


def print_world(name: str, outcomes: list[Outcome], report: dict[str, Any]) -> None:
    """One table; the ratio is of the log loss to that of the best other."""
    print(f"\n{name}: {len(outcomes):,} outcomes of {len({one.agent for one in outcomes})} agents")
    heads = ("log loss", "late", "Brier", "AUC", "cal.", "us", "swapped", "cal.", "unseen")
    print(" " * 20 + "".join(f"{head:>9}" for head in heads))
    for learner, row in report.items():
        print(f"{learner:20}" + "".join(f"{row.get(key, math.nan):9.{digits}f}" for key, digits in SHOWN.items()))
    best = min(row["log_loss"] for learner, row in report.items() if learner not in ("Grace", BATCH))
    print(f"{'Grace to the best':20}{report['Grace']['log_loss'] / best:9.3f}", flush=True)
    if BATCH in report:
        print(f"{'Grace to batch':20}{report['Grace']['log_loss'] / report[BATCH]['log_loss']:9.3f}", flush=True)


if __name__ == "__main__":
    main()
