"""Off-policy judging and merging: do intervals hold, how wide are they, are the formulas exact, do sites add up.

In simulated worlds whose truth is known, logs are drawn from a policy that explores well, somewhat or hardly, and
another policy is judged by each method; a naive interval around SNIPS (normal, its plain standard error) is the peer.
Beside them stands the width that no regular method can fall below on long logs (the efficiency bound of Hahn, 1998, "On
the role of the propensity score in efficient semiparametric estimation of average treatment effects"). Then 100 sites
are merged, and compared with one policy that saw all.

Run it with `python bench/offpolicy.py [--runs N]`.
"""

import argparse
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from grace_ray.models.choose.choice import Candidate, Context  # noqa: E402
from grace_ray.models.choose.judging import LoggedChoice, cross_fitted  # noqa: E402
from grace_ray.models.choose.offpolicy import ESTIMATORS, Log, estimate, influence, snips  # noqa: E402
from grace_ray.models.choose.policy import Policy  # noqa: E402

RESULTS = ROOT / "bench" / "results" / "offpolicy.json"
Floats = NDArray[np.float64]
CELLS, ARMS = 4, 5
CANDIDATES = tuple(Candidate(id=f"candidate {arm}") for arm in range(ARMS))


def main() -> None:
    """Run all, print the tables, write the JSON."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--runs", type=int, default=300)
    given = options.parse_args()
    report = {"intervals": intervals(given.runs), "formulas": formulas(), "merge": merging(100)}
    print_tables(report)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")
    print(f"\nWritten to {RESULTS.relative_to(ROOT)}.")


def intervals(runs: int) -> dict[str, dict[str, Any]]:
    """World -> coverage and mean width of each method's 95% interval, and of the naive one around SNIPS."""
    report = {}
    for kind in ("binary", "steady"):
        for sharpness in (0.0, 5.0, 20.0):
            for count in (100, 400, 1500):
                name = f"{kind}, logged by softmax {sharpness:.0f}, n {count}"
                report[name] = one_world(kind, sharpness, count, runs)
    return report


def one_world(kind: str, sharpness: float, count: int, runs: int) -> dict[str, Any]:
    """Coverage and width over many truths and logs of one kind."""
    methods = [*(name for name in ESTIMATORS if name != "dm"), "naive"]
    held, width = dict.fromkeys(methods, 0), dict.fromkeys([*methods, "bound"], 0.0)
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        worth = np.clip(rng.uniform(0.2, 0.8, (CELLS, 1)) + rng.normal(0.0, 0.15, (CELLS, ARMS)), 0.05, 0.95)
        logging = 0.05 / ARMS + 0.95 * softmax(sharpness * (worth + rng.normal(0.0, 0.1, worth.shape)))
        target = 0.1 / ARMS + 0.9 * softmax(30.0 * (worth + rng.normal(0.0, 0.05, worth.shape)))
        truth = float((target * worth).sum(axis=1).mean())
        log = as_arrays(drawn(rng, worth, logging, kind, count), target)
        for method in methods:
            lower, upper = naive(log) if method == "naive" else limits(log, method)
            held[method] += lower <= truth <= upper
            width[method] += upper - lower
        width["bound"] += 2 * 1.96 * math.sqrt(least_variance(worth, logging, target, kind) / count)
    report: dict[str, Any] = {m: {"coverage": held[m] / runs, "width": width[m] / runs} for m in methods}
    return report | {"bound": width["bound"] / runs}


def reach(worth: Floats) -> Floats:
    """How far a steady reward may lie from its mean: evenly so, a deviation of 0.1 at most, never outside 0 to 1."""
    return np.minimum(0.1 * math.sqrt(3.0), np.minimum(worth, 1.0 - worth))


def least_variance(worth: Floats, logging: Floats, target: Floats, kind: str) -> float:
    """The efficiency bound, a logged choice: E[w^2 Var(r | x, a)] + Var(E[r | x] under the target)."""
    noise = worth * (1.0 - worth) if kind == "binary" else reach(worth) ** 2 / 3.0
    value = (target * worth).sum(axis=1)
    return float((target**2 / logging * noise).sum(axis=1).mean() + value.var())


def softmax(scores: Floats) -> Floats:
    """Rows of probabilities."""
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Floats = odds / odds.sum(axis=1, keepdims=True)
    return shares


def drawn(rng: np.random.Generator, worth: Floats, logging: Floats, kind: str, count: int) -> list[LoggedChoice]:
    """A log."""
    cells = rng.integers(CELLS, size=count)
    arms = np.minimum((logging.cumsum(axis=1)[cells] < rng.random((count, 1))).sum(axis=1), ARMS - 1)
    means, around = worth[cells, arms], rng.random(count)
    rewards = around < means if kind == "binary" else means + (2.0 * around - 1.0) * reach(means)
    contexts = [Context(cell=str(cell)) for cell in range(CELLS)]
    return [
        LoggedChoice(
            point="p",
            context=contexts[cell],
            candidates=CANDIDATES,
            index=int(arm),
            propensity=float(logging[cell, arm]),
            reward=float(reward),
        )
        for cell, arm, reward in zip(cells, arms, rewards, strict=True)
    ]


def as_arrays(log: list[LoggedChoice], target: Floats) -> Log:
    """What `judge` makes of a log, once for all methods."""
    expected = cross_fitted(log)
    cells = [int(one.context.cell) for one in log]
    index = [one.index for one in log]
    return Log.of(
        np.array([one.reward for one in log]),
        np.array([target[c, i] for c, i in zip(cells, index, strict=True)]),
        np.array([one.propensity for one in log]),
        np.array([q[i] for q, i in zip(expected, index, strict=True)]),
        np.array([float(target[c] @ q) for c, q in zip(cells, expected, strict=True)]),
    )


def limits(log: Log, method: str) -> tuple[float, float]:
    """Grace's interval."""
    found = estimate(log, method, bounds=(0.0, 1.0))
    return found.lower, found.upper


def naive(log: Log) -> tuple[float, float]:
    """The usual one: SNIPS, 1.96 standard errors either side."""
    value, error = snips(log), float(influence(log, "snips").std()) / math.sqrt(len(log.reward))
    return value - 1.96 * error, value + 1.96 * error


def formulas() -> dict[str, float]:
    """Method -> the largest difference from the paper's formula, transcribed as a loop, over 50 logs."""
    worst = dict.fromkeys(ESTIMATORS, 0.0)
    for seed in range(50):
        rng = np.random.default_rng(seed)
        count = int(rng.integers(5, 300))
        reward, predicted, baseline = rng.normal(size=(3, count))
        target, logged = rng.uniform(0.0, 1.0, count), rng.uniform(0.05, 1.0, count)
        log = Log.of(reward, target, logged, predicted, baseline)
        total = weighted = corrected = normalised = direct = 0.0
        for i in range(count):
            weight = target[i] / logged[i]
            total += weight
            weighted += weight * reward[i]
            direct += baseline[i]
            corrected += baseline[i] + weight * (reward[i] - predicted[i])
            normalised += weight * (reward[i] - predicted[i])
        values = (weighted / count, weighted / total, direct / count, corrected / count)
        for name, value in zip(ESTIMATORS, (*values, direct / count + normalised / total), strict=True):
            worst[name] = max(worst[name], abs(ESTIMATORS[name](log) - value))
    return worst


def merging(count: int) -> dict[str, float]:
    """Merge sites, twice and late, and compare with one that saw all: the largest difference, and CPU seconds."""
    rng = np.random.default_rng(0)
    everything, sites, late = Policy(site="all"), [Policy(site=f"site {n}") for n in range(count)], Policy(site="late")
    for step in range(100 * count):
        cell, arm, reward = f"cell {rng.integers(10)}", int(rng.integers(25)), float(rng.normal())
        for policy in (everything, sites[step % count]):
            learn(policy, step, cell, arm, reward)
        if step == 50 * count:
            late.restore(sites[0].state())
    hub = Policy(site="hub")
    start = time.process_time()
    for site in sites:
        hub.merge(site)
    first = answers(hub)
    seconds = time.process_time() - start
    for again in (*sites[:5], late, late):
        hub.merge(again)
    whole = answers(everything)
    return {
        "sites": count,
        "largest_difference": float(np.abs(first - whole).max()),
        "after_repeated_and_late_merges": float(np.abs(answers(hub) - whole).max()),
        "cpu_seconds": seconds,
        "state_bytes": len(hub.state()),
    }


def learn(policy: Policy, step: int, cell: str, arm: int, reward: float) -> None:
    """One forced choice and its reward, an hour after the last."""
    only = (Candidate(id=f"candidate {arm}"),)
    rng = np.random.default_rng(0)
    policy.choose("p", Context(cell=cell), only, rng, now_s=3600.0 * step, choice_id=str(step))
    policy.learn_one(str(step), reward, now_s=3600.0 * step)


def answers(policy: Policy) -> Floats:
    """Expected rewards, deviations and samples of 25 candidates in ten cells."""
    candidates = [Candidate(id=f"candidate {arm}") for arm in range(25)]
    found = []
    for cell in range(10):
        outlook = policy.outlook("p", Context(cell=f"cell {cell}"), candidates)
        found.append([outlook.expected, outlook.uncertainty, outlook.samples])
    return np.array(found)


def print_tables(report: dict[str, Any]) -> None:
    """The report for people."""
    methods = [name for name in next(iter(report["intervals"].values())) if name != "bound"]
    heads = "".join(f"{method:>15}" for method in methods)
    print(f"{'95% intervals: coverage, width':36}{heads}  sndr / snips, naive, bound")
    for name, found in report["intervals"].items():
        cells = "".join(f"{found[m]['coverage']:8.2f}{found[m]['width']:7.3f}" for m in methods)
        own = found["sndr"]["width"]
        others = [found["snips"]["width"], found["naive"]["width"], found["bound"]]
        print(f"{name:36}{cells}{'':6}" + "".join(f"{own / other:6.2f}" for other in others))
    means = {m: np.mean([found[m]["coverage"] for found in report["intervals"].values()]) for m in methods}
    least = {m: min(found[m]["coverage"] for found in report["intervals"].values()) for m in methods}
    print(f"{'mean and least coverage':36}" + "".join(f"{means[m]:8.3f}{least[m]:7.2f}" for m in methods))
    print("\nLargest difference from the papers' formulas: " + json.dumps(report["formulas"]))
    print("Merging: " + json.dumps(report["merge"]))


if __name__ == "__main__":
    main()
