"""The peers' side of policies.py, run by a Python that has vowpalwabbit, mabwiser and scikit-learn.

`bandits.py sets FILE` writes three classification sets of scikit-learn as worlds; `bandits.py run IN OUT` plays every
world in IN with every peer and writes the rewards and CPU seconds as JSON. A world is arrays: rewards (n, k), contexts
(n, d) standardised or d = 0, cells (n,), features (n, k, z) or z = 0, orders (runs, steps), and arms (runs, k), the
order in which the candidates are offered in a run.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from mabwiser.mab import MAB, LearningPolicy
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from vowpalwabbit import Workspace

USUAL: dict[str, str | Callable[[], Any]] = {  # each library's own settings where it is given none
    "vw epsilon": "--epsilon 0.05",
    "vw bag": "--bag 5",
    "vw cover": "--cover 3",
    "vw squarecb": "--squarecb",
    "mab greedy": lambda: LearningPolicy.EpsilonGreedy(),
    "mab ucb1": lambda: LearningPolicy.UCB1(),
    "mab softmax": lambda: LearningPolicy.Softmax(),
    "mab thompson": lambda: LearningPolicy.ThompsonSampling(),
    "mab linucb": lambda: LearningPolicy.LinUCB(),
    "mab lints": lambda: LearningPolicy.LinTS(),
}
TUNED: dict[str, str | Callable[[], Any]] = {  # others, of which the best in hindsight is taken for every world
    "vw squarecb 500": "--squarecb --gamma_scale 500",
    "vw softmax 10": "--softmax --lambda 10",
    "mab greedy 0.05": lambda: LearningPolicy.EpsilonGreedy(0.05),
    "mab ucb1 0.5": lambda: LearningPolicy.UCB1(alpha=0.5),
    "mab linucb 0.3": lambda: LearningPolicy.LinUCB(alpha=0.3),
    "mab linucb 0.1": lambda: LearningPolicy.LinUCB(alpha=0.1),
    "mab lints 0.3": lambda: LearningPolicy.LinTS(alpha=0.3),
    "mab lingreedy 0.02": lambda: LearningPolicy.LinGreedy(epsilon=0.02),
}
CLASSIFICATION = ("vw epsilon", "vw squarecb", "mab linucb")


def sets(path: str) -> None:
    """Write digits, wine and breast cancer."""
    arrays = {}
    for name, load in (("digits", load_digits), ("wine", load_wine), ("breast_cancer", load_breast_cancer)):
        data = load()
        arrays[f"{name}/contexts"], arrays[f"{name}/target"] = data.data, data.target
    np.savez(path, **arrays)


def run(source: str, target: str) -> None:
    """Play every world with every peer; those that are in the target already are not played again."""
    arrays = np.load(source)
    found: dict[str, Any] = json.loads(Path(target).read_text()) if Path(target).exists() else {}
    for name in sorted({key.split("/")[0] for key in arrays}):
        world = {key: arrays[f"{name}/{key}"] for key in ("rewards", "contexts", "cells", "features", "orders", "arms")}
        theirs = found.setdefault(name, {})
        for peer, play in peers(world):
            if peer in theirs:
                continue
            start = time.process_time()
            earned = [play(offered(world, seed), order, seed) for seed, order in enumerate(world["orders"])]
            seconds = time.process_time() - start
            theirs[peer] = {
                "earned": [list(map(float, run)) for run in earned],
                "seconds": seconds,
                "usual": peer in USUAL,
            }
            print(f"{name:28}{peer:20}{np.mean([np.mean(run) for run in earned]):8.4f}{seconds:8.1f} s", flush=True)
            Path(target + ".part").write_text(json.dumps(found))
            Path(target + ".part").rename(target)


def offered(world: dict[str, Any], run_number: int) -> dict[str, Any]:
    """The world with its candidates in the order of a run."""
    arms = world["arms"][run_number]
    return world | {"rewards": world["rewards"][:, arms], "features": world["features"][:, arms]}


def peers(world: dict[str, Any]) -> Iterator[tuple[str, Callable[[dict[str, Any], np.ndarray, int], np.ndarray]]]:
    """Every peer that can take part in this world."""
    is_binary = set(np.unique(world["rewards"])) <= {0.0, 1.0}
    for name, how in (USUAL | TUNED).items():
        if (name == "mab thompson" and not is_binary) or (world["contexts"].shape[1] and name not in CLASSIFICATION):
            continue
        if isinstance(how, str):
            yield name, lambda one, order, seed, how=how: vw(one, order, seed, how)
        else:
            yield name, lambda one, order, seed, how=how, lin=" lin" in name: mabwiser(one, order, seed, how(), lin)


def vw(world: dict[str, Any], order: np.ndarray, seed: int, options: str) -> np.ndarray:
    """One run of Vowpal Wabbit, with the actions' own features and all their interactions with the context's."""
    rewards, features = world["rewards"], world["features"]
    model = Workspace(f"--cb_explore_adf {options} -q CA -q XA --random_seed {seed + 1} --quiet")
    shared = shared_lines(world)
    plain = [f"|A a{arm}" for arm in range(rewards.shape[1])]
    rng = np.random.default_rng(seed)
    earned = np.empty(len(order))
    for step, row in enumerate(order):
        actions = plain
        if features.shape[2]:
            actions = [f"{a} {numbers(features[row, arm], 'Z')}" for arm, a in enumerate(plain)]
        odds = np.maximum(model.predict([shared[row], *actions]), 0.0)
        arm = int(rng.choice(len(odds), p=odds / odds.sum()))
        earned[step] = rewards[row, arm]
        label = f"0:{-rewards[row, arm]}:{odds[arm]} "
        model.learn([shared[row], *(label + a if place == arm else a for place, a in enumerate(actions))])
    model.finish()
    return earned


def shared_lines(world: dict[str, Any]) -> list[str]:
    """The context of every row in VW's text format: the cell, and the numbers."""
    lines = []
    for row, cell in enumerate(world["cells"]):
        numeric = f" |X {numbers(world['contexts'][row], 'x')}" if world["contexts"].shape[1] else ""
        lines.append(f"shared |C c{cell}{numeric}")
    return lines


def numbers(row: np.ndarray, name: str) -> str:
    """Numeric features in VW's text format."""
    return " ".join(f"{name}{place}:{value:.5g}" for place, value in enumerate(row) if value)


def mabwiser(world: dict[str, Any], order: np.ndarray, seed: int, policy: Any, is_linear: bool) -> np.ndarray:
    """One run of MABWiser; linear ones see the cell one-hot, the numbers, and all candidates' features.

    Those that would never try an arm of which they know nothing try each once first, as UCB1 is defined.
    """
    rewards = world["rewards"]
    arms = list(range(rewards.shape[1]))
    contexts = linear_contexts(world) if is_linear else None
    mab = MAB(arms, policy, seed=seed + 1)
    is_shy = isinstance(policy, LearningPolicy.UCB1 | LearningPolicy.EpsilonGreedy | LearningPolicy.LinGreedy)
    first = np.random.default_rng(seed).permutation(len(arms))[: len(arms) if is_shy else 1]
    earned = np.empty(len(order))
    for step, row in enumerate(order):
        context = None if contexts is None else contexts[row : row + 1]
        arm = int(first[step]) if step < len(first) else int(mab.predict(context))
        (mab.partial_fit if step else mab.fit)([arm], [rewards[row, arm]], context)
        earned[step] = rewards[row, arm]
    return earned


def linear_contexts(world: dict[str, Any]) -> np.ndarray:
    """One row of numbers a step: a 1, cells one-hot, context numbers, all candidates' features."""
    cells = world["cells"]
    parts = [np.ones((len(cells), 1)), world["contexts"], world["features"].reshape(len(cells), -1)]
    if cells.max() > 0:
        parts.append(np.eye(cells.max() + 1)[cells])
    return np.ascontiguousarray(np.hstack(parts))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    {"sets": sets, "run": run}[sys.argv[1]](*sys.argv[2:])
