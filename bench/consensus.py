"""Consensus without knowing the truth: Grace's, in one pass, against the majority, one trust number, and batch methods.

Peers: the majority; a vote weighted by one trust number for each worker (agreement with the majority, in logits); batch
Dawid-Skene (1979; 50 rounds of expectation maximization from the majority); and crowd-kit's Dawid-Skene where an
environment with it can be made. Crowds are real ones and simulated ones: of mixed ability, of few answers, with many
spammers, and with a ring of copies. Answers come in a random order; Grace is asked as it stands after the last one.

Run it with `python bench/consensus.py [--seeds N] [--without-peer]`.
"""

import argparse
import csv
import gzip
import json
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from grace_ray.models.score.confusion import Answer, ConfusionModel  # noqa: E402

PEER_HOME = ROOT / "bench" / ".peers" / "crowds"
RESULTS = ROOT / "bench" / "results" / "consensus.json"
PEER = """
import json, sys
import pandas as pd
from crowdkit.aggregation import DawidSkene
rows = pd.DataFrame(json.load(sys.stdin), columns=["task", "worker", "label"])
print(json.dumps({str(k): int(v) for k, v in DawidSkene(n_iter=50).fit_predict(rows).items()}))
"""
Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


class Crowd(NamedTuple):
    """Answers side by side, and the truth of each question (-1: not known)."""

    question: Indices
    worker: Indices
    answer: Indices
    truth: Indices
    classes: int


def real(data: Path, name: str) -> Crowd:
    """A crowd of the data set."""

    def rows(kind: str) -> list[dict[str, str]]:
        with gzip.open(data / f"crowd_{name}_{kind}.csv.gz", "rt", newline="") as file:
            return list(csv.DictReader(file))

    said, truth = rows("answer"), {row["question"]: row["truth"] for row in rows("truth")}
    classes = sorted({row["answer"] for row in said} | set(truth.values()))
    questions, question = np.unique([row["question"] for row in said], return_inverse=True)
    worker = np.unique([row["worker"] for row in said], return_inverse=True)[1]
    answer = np.array([classes.index(row["answer"]) for row in said])
    known = np.array([classes.index(truth[q]) if q in truth else -1 for q in questions.tolist()])
    return Crowd(question, worker, answer, known, len(classes))


def simulated(seed: int, *, questions: int, workers: int, each: int, classes: int, spam: float, ring: int = 0) -> Crowd:
    """Workers with confusions of their own; spammers answer without looking; the ring says what its first one says."""
    rng = np.random.default_rng(seed)
    truth, habits = rng.integers(classes, size=questions), []
    for _ in range(workers):
        right = rng.beta(4, 2.5, classes)[:, None]
        wrong = rng.dirichlet(0.5 * np.ones(classes), classes)
        blind = np.tile(rng.dirichlet(np.ones(classes)), (classes, 1))
        habits.append(blind if rng.random() < spam else right * np.eye(classes) + (1 - right) * wrong)
    rows = []
    for q in range(questions):
        chosen = rng.choice(workers, each, replace=False).tolist()
        rows += [(q, w, int(rng.choice(classes, p=habits[w][truth[q]]))) for w in chosen]
        if ring:
            said = int(rng.choice(classes, p=0.5 * np.eye(classes)[truth[q]] + 0.5 / classes))
            rows += [(q, workers + copy, said) for copy in range(ring)]
    table = np.array(rows)
    return Crowd(table[:, 0], table[:, 1], table[:, 2], truth, classes)


def crowds(data: Path, seeds: int) -> dict[str, list[Crowd]]:
    """All crowds by name."""
    found = {name: [real(data, name)] for name in ("dog", "duck")} if data.is_dir() else {}
    shapes: dict[str, dict[str, Any]] = {
        "mixed": {"questions": 300, "workers": 30, "each": 8, "classes": 3, "spam": 0.2},
        "few answers": {"questions": 200, "workers": 60, "each": 5, "classes": 4, "spam": 0.2},
        "many spammers": {"questions": 200, "workers": 40, "each": 7, "classes": 2, "spam": 0.4},
        "ring of copies": {"questions": 300, "workers": 30, "each": 8, "classes": 3, "spam": 0.1, "ring": 4},
    }
    return found | {name: [simulated(seed, **shape) for seed in range(seeds)] for name, shape in shapes.items()}


def votes(crowd: Crowd, weight: Floats) -> Floats:
    """Shares of a weighted vote (questions, classes)."""
    found = np.zeros((len(crowd.truth), crowd.classes))
    np.add.at(found, (crowd.question, crowd.answer), weight)
    found /= np.maximum(found.sum(axis=1, keepdims=True), 1e-12)
    return found


def majority(crowd: Crowd) -> Floats:
    """The majority."""
    return votes(crowd, np.ones(len(crowd.answer)))


def one_number(crowd: Crowd) -> Floats:
    """A vote weighted by how far each worker agrees with the majority, in logits."""
    agrees = majority(crowd)[crowd.question, crowd.answer]
    count = np.bincount(crowd.worker)
    trust = (np.bincount(crowd.worker, agrees) + 1) / (count + 2)
    return votes(crowd, np.maximum(np.log(trust / (1 - trust)), 0.0)[crowd.worker] + 1e-6)


def dawid_skene(crowd: Crowd) -> Floats:
    """Batch Dawid-Skene (questions, classes)."""
    belief = majority(crowd)
    for _ in range(50):
        counts = np.full((int(crowd.worker.max()) + 1, crowd.classes, crowd.classes), 1e-10)
        np.add.at(counts.transpose(0, 2, 1), (crowd.worker, crowd.answer), belief[crowd.question])
        chance = counts / counts.sum(axis=2, keepdims=True)
        logs = np.tile(np.log(belief.mean(axis=0) + 1e-10), (len(belief), 1))
        np.add.at(logs, crowd.question, np.log(chance)[crowd.worker, :, crowd.answer])
        belief = np.exp(logs - logs.max(axis=1, keepdims=True))
        belief /= belief.sum(axis=1, keepdims=True)
    return belief


def grace(crowd: Crowd, seed: int, *, is_settled: bool) -> Floats:
    """Grace after the last answer, as it stands or settled."""
    order = np.random.default_rng(seed).permutation(len(crowd.answer)).tolist()
    model = ConfusionModel()
    model.learn_many([
        Answer(question=str(crowd.question[n]), agent=f"w{crowd.worker[n]}", answer=str(crowd.answer[n]), at_s=float(t))
        for t, n in enumerate(order)
    ])  # fmt: skip
    if is_settled:
        model.settle()
    found = np.zeros((len(crowd.truth), crowd.classes))
    for question in range(len(crowd.truth)):
        for name, chance in model.consensus(str(question)).probabilities.items():
            found[question, int(name)] = chance
    return found


def crowd_kit(crowd: Crowd) -> Floats:
    """The answers of crowd-kit's Dawid-Skene, in an environment of its own."""
    rows = np.stack([crowd.question, crowd.worker, crowd.answer], axis=1).tolist()
    python = str(PEER_HOME / "bin" / "python")
    done = subprocess.run([python, "-c", PEER], input=json.dumps(rows), capture_output=True, text=True, check=True)
    found = np.zeros((len(crowd.truth), crowd.classes))
    for question, answer in json.loads(done.stdout).items():
        found[int(question), answer] = 1.0
    return found


def has_peer() -> bool:
    """Make the peer's environment on first use; tell whether there is one."""
    if not (PEER_HOME / "ready").exists():
        print("Making an environment for crowd-kit ...", flush=True)
        venv.create(PEER_HOME, with_pip=True)
        command = [str(PEER_HOME / "bin" / "python"), "-m", "pip", "install", "--quiet", "crowd-kit"]
        if subprocess.run(command, check=False).returncode:
            print("crowd-kit cannot be installed here.")
            return False
        (PEER_HOME / "ready").touch()
    return True


def accuracy(belief: Floats, crowd: Crowd) -> float:
    """The share of questions whose likeliest class is the truth; ties are broken at random, always the same way."""
    known = crowd.truth >= 0
    guess = (belief + 1e-9 * np.random.default_rng(0).random(belief.shape)).argmax(axis=1)
    return float((guess == crowd.truth)[known].mean())


def main() -> None:
    """Run all, print the table, write the JSON."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "agents")
    options.add_argument("--seeds", type=int, default=8)
    options.add_argument("--without-peer", action="store_true")
    given = options.parse_args()
    methods: dict[str, Callable[[Crowd], Floats]] = {
        "majority": majority,
        "one number": one_number,
        "batch DS": dawid_skene,
        "Grace, one pass": lambda crowd: grace(crowd, 0, is_settled=False),
        "Grace, settled": lambda crowd: grace(crowd, 0, is_settled=True),
    }
    if not given.without_peer and has_peer():
        methods["crowd-kit DS"] = crowd_kit
    report: dict[str, Any] = {}
    all_crowds = crowds(given.data, given.seeds)
    print(f"{'':18}" + "".join(f"{name:>16}" for name in all_crowds) + f"{'us an answer':>14}")
    for method, run in methods.items():
        start = time.process_time()
        found = {name: np.mean([accuracy(run(one), one) for one in some]) for name, some in all_crowds.items()}
        answers = sum(len(one.answer) for some in all_crowds.values() for one in some)
        spent = 1e6 * (time.process_time() - start) / answers
        report[method] = {name: float(share) for name, share in found.items()}
        print(f"{method:18}" + "".join(f"{share:16.4f}" for share in found.values()) + f"{spent:14.1f}", flush=True)
    gains = {name: report["Grace, one pass"][name] - report["batch DS"][name] for name in all_crowds}
    print(f"{'Grace less batch':18}" + "".join(f"{gain:+16.4f}" for gain in gains.values()))
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")
    print(f"\nWritten to {RESULTS.relative_to(ROOT)}.")


if __name__ == "__main__":
    main()
