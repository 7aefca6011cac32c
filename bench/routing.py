"""Routing: the value of the agents that Grace chooses, against the best fixed one, chance, and an oracle.

Value is success less cost (0.3 of a success for the dearest tenth of answers). Two ways to learn: from one's own
choices alone (only the chosen agent's outcome is known), and with a history (every agent's outcomes on the first half
of the tasks are known, the second half is routed). The best fixed agent is picked in hindsight; the oracle knows every
outcome.

Run it with `python bench/routing.py [--runs N]`.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.policies import rows  # noqa: E402
from grace_ray.decide.routing.router import Contender, Router, Task  # noqa: E402
from grace_ray.models.score.kept import Judged  # noqa: E402

RESULTS = ROOT / "bench" / "results" / "routing.json"
Floats = NDArray[np.float64]
_DEAR = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """``success`` and ``cost`` (tasks, agents), ``kinds`` of the tasks; ``price`` (agents,) is what is known before."""

    success: Floats
    cost: Floats
    kinds: list[str]

    @property
    def price(self) -> Floats:
        """The mean cost of each agent (agents,)."""
        mean: Floats = self.cost.mean(axis=0)
        return mean


def main() -> None:
    """Run all, print the table, write the JSON."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "agents")
    options.add_argument("--runs", type=int, default=4)
    given = options.parse_args()
    report = {}
    print(f"{'world':<34}{'chance':>8}{'fixed':>8}{'Grace':>8}{'oracle':>8}{'of the gap':>12}")
    for name, world in worlds(given.data).items():
        for how in ("own choices", "history"):
            found = np.array([run(world, seed, how) for seed in range(given.runs)]).mean(axis=0)
            chance, fixed, grace, oracle = found.tolist()
            share = (grace - fixed) / (oracle - fixed)
            report[f"{name}, {how}"] = {"chance": chance, "fixed": fixed, "grace": grace, "oracle": oracle}
            print(f"{name + ', ' + how:<34}{chance:8.3f}{fixed:8.3f}{grace:8.3f}{oracle:8.3f}{share:12.1%}")
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")
    print(f"\nWritten to {RESULTS.relative_to(ROOT)}.")


def worlds(data: Path) -> dict[str, World]:
    """Coding agents with their costs by repository, two language models by domain, models by slice of instructions."""
    table = rows(data / "agent_task_outcomes.csv.gz")
    names, tasks = sorted({row["agent"] for row in table}), sorted({row["instance"] for row in table})
    success, cost = np.zeros((len(tasks), len(names))), np.zeros((len(tasks), len(names)))
    for row in table:
        place = tasks.index(row["instance"]), names.index(row["agent"])
        success[place], cost[place] = float(row["resolved"]), float(row["cost"] or 0.0)
    found = {"coding agents": World(success=success, cost=scaled(cost), kinds=[task.split("__")[0] for task in tasks])}
    table = rows(data / "routing_two_models.csv.gz")
    right = np.array([[float(row["mixtral_8x7b"]), float(row["gpt4_1106"])] for row in table])
    price = np.tile([0.0, 0.15], (len(right), 1))
    found["two models, price counts"] = World(success=right, cost=price, kinds=[row["domain"] for row in table])
    found["two models"] = World(success=right, cost=0 * price, kinds=[row["domain"] for row in table])
    return found


def scaled(cost: Floats) -> Floats:
    """Costs in units of success."""
    return _DEAR * cost / max(float(np.quantile(cost, 0.9)), 1e-9)


def run(world: World, seed: int, how: str) -> tuple[float, float, float, float]:
    """Return the mean values of chance, the best fixed agent, Grace and the oracle over the tasks that are routed."""
    order = np.random.default_rng(seed).permutation(len(world.kinds))
    half = len(order) // 2 if how == "history" else 0
    value = world.success - world.cost
    router = Router()
    for step, task in enumerate(order[:half]):
        router.learn([judged(world, task, agent, step) for agent in range(value.shape[1])])
    earned = 0.0
    contenders = [Contender(agent_id=f"a{agent}", cost=float(price)) for agent, price in enumerate(world.price)]
    for step, task in enumerate(order[half:], half):
        route = router.route(f"{seed}-{step}", Task(kind=world.kinds[task]), contenders)
        chosen = int(route.agent_id[1:])
        earned += value[task, chosen]
        router.learn([judged(world, task, chosen, step)])
    routed = value[order[half:]]
    fixed, oracle = float(routed.mean(axis=0).max()), float(routed.max(axis=1).mean())
    return float(routed.mean()), fixed, earned / len(routed), oracle


def judged(world: World, task: int, agent: int, step: int) -> Judged:
    """What came of an agent's work on a task."""
    value = float(world.success[task, agent])
    return Judged(key=f"{task}-{agent}", agent=f"a{agent}", kind=world.kinds[task], value=value, at_s=60.0 * step)


if __name__ == "__main__":
    main()
