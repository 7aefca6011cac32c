"""Policies: Grace's, Vowpal Wabbit's and MABWiser's on the same real choices, in the same orders, one setting for all.

Each world is a table of what every candidate would have earned at every step (real agents on real tasks, language
models on instructions, people's choices among brands, classification as a bandit), so that regret is known. Regret is
against the best candidate of each cell in hindsight. Two peers are compared with: the best of those at their library's
usual settings, and the best of all settings tried, both picked in hindsight for every world.

Run it with `python bench/policies.py [--runs N] [--seeds N] [--only NAME] [--fresh]`; the peers' results are kept
beside their environment and used again unless --fresh.
"""

import argparse
import csv
import gzip
import hashlib
import json
import subprocess
import sys
import time
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from grace_ray.models.choose.choice import Candidate, Context  # noqa: E402
from grace_ray.models.choose.policy import Policy  # noqa: E402

PEER_HOME = ROOT / "bench" / ".peers" / "bandits"
RESULTS = ROOT / "bench" / "results" / "policies.json"
PACKAGES = ("vowpalwabbit", "mabwiser", "scikit-learn")
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Rewards (n, k), cells (n,), contexts (n, d), candidates' features (n, k, z), orders (runs, steps).

    ``arms`` (runs, k) is the order in which the candidates are offered in a run: nobody shall win by who comes first.
    """

    rewards: Floats
    cells: NDArray[np.int64]
    contexts: Floats
    features: Floats
    orders: NDArray[np.int64]
    arms: NDArray[np.int64]

    def regret(self, earned: Floats, order: NDArray[np.int64]) -> float:
        """What the best candidate of each cell in hindsight would have earned more."""
        rewards, cells = self.rewards[order], self.cells[order]
        best = sum(rewards[cells == cell].sum(axis=0).max() for cell in np.unique(cells))
        return float(best - earned.sum())


def main() -> None:
    """Run all, print the table, write the JSON."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "agents")
    options.add_argument("--runs", type=int, default=6)
    options.add_argument("--seeds", type=int, default=4)
    options.add_argument("--only", default="")
    options.add_argument("--fresh", action="store_true")
    given = options.parse_args()
    worlds = {name: world for name, world in all_worlds(given.data, given.runs).items() if given.only in name}
    theirs = peers(worlds, is_fresh=given.fresh)
    report = {name: compared(world, theirs[name], given.seeds) for name, world in worlds.items()}
    report["speed"] = {"one_at_a_time": speed(25), "batches_of_100": batch_speed(25)}
    print_table(report)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")
    print(f"\nWritten to {RESULTS.relative_to(ROOT)}.")


def all_worlds(data: Path, runs: int) -> dict[str, World]:
    """Every world that the files at hand make."""
    worlds: dict[str, World] = {}
    if data.is_dir():
        worlds |= agents(data, runs) | preferences(data, runs) | routing(data, runs)
        for name in ("cracker", "yogurt"):
            worlds |= brands(data, name, runs)
    return worlds | classification(runs)


def world(
    rewards: Any, runs: int, cells: Any = None, contexts: Any = None, features: Any = None, orders: Any = None
) -> World:
    """A world; without ``orders``, shuffled ones (four times as many runs of a short one)."""
    rewards = np.asarray(rewards, dtype=np.float64)
    count, arms = rewards.shape
    if orders is None:
        orders = [np.random.default_rng(seed).permutation(count) for seed in range(runs * (4 if count < 1000 else 1))]
    return World(
        rewards=rewards,
        cells=np.zeros(count, dtype=np.int64) if cells is None else np.unique(cells, return_inverse=True)[1],
        contexts=np.zeros((count, 0)) if contexts is None else np.asarray(contexts, dtype=np.float64),
        features=np.zeros((count, arms, 0)) if features is None else np.asarray(features, dtype=np.float64),
        orders=np.array(orders),
        arms=np.array([np.random.default_rng(1000 + run).permutation(arms) for run in range(len(orders))]),
    )


def rows(path: Path) -> list[dict[str, str]]:
    """A compressed CSV file."""
    with gzip.open(path, "rt", newline="") as file:
        return list(csv.DictReader(file))


def agents(data: Path, runs: int) -> dict[str, World]:
    """Coding agents on tasks: is it resolved; the cell is the repository. Once through, and eight times as long."""
    table = rows(data / "agent_task_outcomes.csv.gz")
    names, tasks = sorted({row["agent"] for row in table}), sorted({row["instance"] for row in table})
    solved = np.zeros((len(tasks), len(names)))
    for row in table:
        solved[tasks.index(row["instance"]), names.index(row["agent"])] = float(row["resolved"])
    cells = [task.split("__")[0] for task in tasks]
    long = [np.random.default_rng(seed).integers(len(tasks), size=8 * len(tasks)) for seed in range(runs)]
    return {
        "agents by repository": world(solved, runs, cells),
        "agents, 2,088 tasks": world(solved, runs, cells, orders=long),
        "agents without cells": world(solved, runs),
    }


def preferences(data: Path, runs: int) -> dict[str, World]:
    """Language models on instructions: the judged preference; the cell is the instruction's slice."""
    table = rows(data / "model_preferences.csv.gz")
    slices = {row["instr"]: row["dataset"] for row in rows(data / "instructions.csv.gz")}
    names, tasks = sorted({row["model"] for row in table}), sorted({row["instr"] for row in table}, key=int)
    liked = np.zeros((len(tasks), len(names)))
    places = {task: place for place, task in enumerate(tasks)}
    for row in table:
        liked[places[row["instr"]], names.index(row["model"])] = float(row["pref_vs_gpt4t"])
    cells = [slices.get(task, "") for task in tasks]
    long = [np.random.default_rng(seed).integers(len(tasks), size=4 * len(tasks)) for seed in range(runs)]
    return {
        "models by slice": world(liked, runs, cells),
        "models, 2,148 instructions": world(liked, runs, cells, orders=long),
    }


def routing(data: Path, runs: int) -> dict[str, World]:
    """Two language models by domain: is the answer right (4,000 questions a run); and what is right for its price."""
    table = rows(data / "routing_two_models.csv.gz")
    right = np.array([[float(row["mixtral_8x7b"]), float(row["gpt4_1106"])] for row in table])
    cells = [row["domain"] for row in table]
    orders = [np.random.default_rng(seed).permutation(len(table))[:4000] for seed in range(max(runs // 2, 2))]
    return {
        "routing by domain": world(right, runs, cells, orders=orders),
        "routing, price counts": world(right - np.array([0.0, 0.15]), runs, cells, orders=orders),
    }


def brands(data: Path, name: str, runs: int) -> dict[str, World]:
    """A person's repeated choices among four brands: guess the next. The cell is the person; prices are features.

    People are interleaved at random; each one's purchases keep their order.
    """
    table = rows(data / f"choices_{name}.csv.gz")
    columns = [key for key in table[0] if "." in key]
    kinds, brand_names = sorted({key.split(".")[0] for key in columns}), [key.split(".")[1] for key in columns[:4]]
    features = np.array([[[float(row[f"{kind}.{b}"]) for kind in kinds] for b in brand_names] for row in table])
    right = np.array([[float(row["choice"] == brand) for brand in brand_names] for row in table])
    people = np.array([int(row["id"]) for row in table])
    orders = []
    for seed in range(max(runs // 2, 2)):
        turn = np.random.default_rng(seed).permutation(people)
        orders.append(np.concatenate([np.zeros(0, dtype=int), in_turn(people, turn)]))
    standard = (features - features.mean(axis=(0, 1))) / (features.std(axis=(0, 1)) + 1e-9)
    return {
        f"{name} by person": world(right, runs, people, orders=orders),
        f"{name} by person and price": world(right, runs, people, features=standard, orders=orders),
    }


def in_turn(people: NDArray[np.int64], turn: NDArray[np.int64]) -> NDArray[np.int64]:
    """Row numbers such that people come in the given turn, each one's rows in order."""
    places = np.empty(len(people), dtype=np.int64)
    for person in np.unique(people):
        places[turn == person] = np.nonzero(people == person)[0]
    return places


def classification(runs: int) -> dict[str, World]:
    """Digits, wine and breast cancer as bandits over 3,000 cases drawn: the candidate is the class, 1 where right."""
    path = PEER_HOME / "sets.npz"
    if not path.exists():
        subprocess.run([peer_python(), peer_script(), "sets", str(path)], check=True)
    arrays, worlds = np.load(path), {}
    for name in ("digits", "wine", "breast_cancer"):
        contexts, target = arrays[f"{name}/contexts"], arrays[f"{name}/target"]
        standard = (contexts - contexts.mean(axis=0)) / (contexts.std(axis=0) + 1e-9)
        orders = [np.random.default_rng(seed).integers(len(target), size=3000) for seed in range(runs)]
        worlds[name] = world(np.eye(target.max() + 1)[target], runs, contexts=standard, orders=orders)
    return worlds


def peer_python() -> Path:
    """The peers' own Python, made on first use."""
    python = PEER_HOME / "bin" / "python"
    if not python.exists():
        print("Making an environment for Vowpal Wabbit and MABWiser ...", flush=True)
        venv.create(PEER_HOME, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    return python


def peer_script() -> str:
    """The script that runs there."""
    return str(Path(__file__).with_name("peers") / "bandits.py")


def peers(worlds: dict[str, World], *, is_fresh: bool) -> dict[str, Any]:
    """World -> peer -> what it earned at every step of every run, and its CPU seconds."""
    kept = PEER_HOME / "kept"
    kept.mkdir(parents=True, exist_ok=True)
    found = {}
    for name, one in worlds.items():
        digest = hashlib.sha256(name.encode() + b"".join(getattr(one, key).tobytes() for key in World.__slots__))
        source, target = (kept / f"{digest.hexdigest()[:16]}{end}" for end in (".npz", ".json"))
        if is_fresh:
            target.unlink(missing_ok=True)
        np.savez(source, **{f"{name}/{key}": getattr(one, key) for key in World.__slots__})
        subprocess.run([peer_python(), peer_script(), "run", str(source), str(target)], check=True)
        source.unlink()
        found[name] = json.loads(target.read_text())[name]
    return found


def play(one: World, run: int, seed: int) -> Floats:
    """What Grace earns at every step of a run."""
    policy, rng = Policy(), np.random.default_rng((run, seed))
    order, arms = one.orders[run], one.arms[run]
    count = one.rewards.shape[1]
    plain = tuple(Candidate(id=f"candidate {arm}") for arm in range(count))
    earned = np.empty(len(order))
    for step, row in enumerate(order):
        candidates = plain
        if one.features.shape[2]:
            features = one.features[row, arms].tolist()
            candidates = tuple(Candidate(id=plain[place].id, features=tuple(features[place])) for place in range(count))
        context = Context(cell=str(one.cells[row]), features=tuple(one.contexts[row].tolist()))
        choice = policy.choose("bench", context, candidates, rng, now_s=float(step), choice_id=str(step))
        earned[step] = one.rewards[row, arms[choice.index]]
        policy.learn_one(str(step), float(earned[step]), now_s=float(step))
    return earned


def compared(one: World, theirs: dict[str, Any], seeds: int) -> dict[str, Any]:
    """Regret and mean reward of all on one world; Grace is cheap enough to play every order with several seeds."""
    start = time.process_time()
    runs = len(one.orders)
    mine = [play(one, run, seed) for seed in range(seeds) for run in range(runs)]
    seconds = time.process_time() - start
    rewards = {"grace": mine} | {peer: [np.array(run) for run in found["earned"]] for peer, found in theirs.items()}
    regrets = {
        who: np.array([one.regret(earned, one.orders[place % runs]) for place, earned in enumerate(played)])
        for who, played in rewards.items()
    }
    by_order = regrets["grace"].reshape(seeds, runs).mean(axis=0)
    regret = {who: float(found.mean()) for who, found in regrets.items()}
    usual = min((who for who in theirs if theirs[who]["usual"]), key=regret.__getitem__)
    hindsight = min(theirs, key=regret.__getitem__)
    steps = one.orders.size
    speeds = {"grace": steps * seeds / seconds} | {peer: steps / found["seconds"] for peer, found in theirs.items()}
    return {
        "regret": regret,
        "error": {who: standard_error(found) for who, found in (regrets | {"grace": by_order}).items()},
        "mean_reward": {who: float(np.mean([run.mean() for run in played])) for who, played in rewards.items()},
        "usual": {"peer": usual} | ratio(by_order, regrets[usual]),
        "hindsight": {"peer": hindsight} | ratio(by_order, regrets[hindsight]),
        "per_cpu_second": speeds,
    }


def standard_error(values: Floats) -> float:
    """Of the mean of values (runs,)."""
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def ratio(mine: Floats, theirs: Floats) -> dict[str, float]:
    """Of the mean regrets (runs,) of the same orders, and its standard error (delta method)."""
    found = float(mine.mean() / theirs.mean())
    return {"ratio": found, "error": standard_error(mine - found * theirs) / abs(float(theirs.mean()))}


def speed(count: int, steps: int = 20_000) -> float:
    """Choose and learn, one after the other, ``count`` candidates in ten cells, a CPU-second."""
    policy, rng = Policy(), np.random.default_rng(0)
    candidates = tuple(Candidate(id=f"candidate {arm}") for arm in range(count))
    contexts = [Context(cell=f"cell {cell}") for cell in range(10)]
    truth, noise = rng.normal(0.5, 0.1, count), rng.normal(0.0, 0.3, steps)
    start = time.process_time()
    for step in range(steps):
        choice = policy.choose("speed", contexts[step % 10], candidates, rng, now_s=float(step), choice_id=str(step))
        policy.learn_one(str(step), float(truth[choice.index] + noise[step]), now_s=float(step))
    return steps / (time.process_time() - start)


def batch_speed(count: int, steps: int = 20_000, batch: int = 100) -> float:
    """The same, with `choose_many` and `learn_many`: a hundred choices, then their rewards."""
    policy, rng = Policy(), np.random.default_rng(0)
    candidates = tuple(Candidate(id=f"candidate {arm}") for arm in range(count))
    contexts = [Context(cell=f"cell {step % 10}") for step in range(batch)]
    truth, noise = rng.normal(0.5, 0.1, count), rng.normal(0.0, 0.3, steps).tolist()
    start = time.process_time()
    for first in range(0, steps, batch):
        ids = [str(step) for step in range(first, first + batch)]
        now_s = float(first)
        choices = policy.choose_many("speed", contexts, candidates, rng, now_s=now_s, choice_ids=ids)
        rewards = [(c.choice_id, float(truth[c.index]) + noise[first + n]) for n, c in enumerate(choices)]
        policy.learn_many(rewards, now_s=now_s)
    return steps / (time.process_time() - start)


def print_table(report: dict[str, Any]) -> None:
    """The report for people."""
    print(f"{'':28}{'regret':>14}{'reward':>8}{'per CPU s':>10}   ratio to the best peer: usual settings, in hindsight")
    for name, found in report.items():
        if name == "speed":
            continue
        is_guessing = found["regret"]["grace"] < 0  # better than any one candidate: what counts is the mean reward
        regret = "" if is_guessing else f"{found['regret']['grace']:.1f} ± {found['error']['grace']:.1f}"
        line = f"{name:28}{regret:>14}{found['mean_reward']['grace']:8.4f}{found['per_cpu_second']['grace']:10,.0f}"
        for kind in ("usual", "hindsight"):
            best = found[kind]
            who = best["peer"]
            if is_guessing:
                line += f"   {who} (mean reward {found['mean_reward'][who]:.4f})"
            else:
                line += f"   {best['ratio']:.2f} ± {best['error']:.2f} {who} ({found['regret'][who]:.1f})"
        print(line)
    one, many = report["speed"].values()
    print(f"\nChoose and learn at 25 candidates, a CPU second: {one:,.0f} one at a time, {many:,.0f} in batches of 100")


if __name__ == "__main__":
    main()
