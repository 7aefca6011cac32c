"""Patterns in outcomes: planted ones found, none in noise; the accuracy of decisions beforehand; a cycle of 100,000.

Made workspaces go the whole way from columns of the store to confirmed patterns. In noise no feature matters, but
questions may be hard or easy and agents good or bad (what is then said of agents alone is true, and not counted). In
the others three conditions change the chance of success. The peer tries the same conditions, each by a chi-squared test
of its two by two table at the same corrected level, as if every outcome stood for itself. Decisions are learned from
earlier questions and made on later ones, on ../shared/data/agents where that is; the peer there is each agent's rate.

Run it with `python bench/patterns.py [--runs N]`.
"""

import argparse
import csv
import gzip
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from grace_ray.core.canonical import canonical  # noqa: E402
from grace_ray.core.clock import to_text  # noqa: E402
from grace_ray.core.recommendation import RECOMMENDATIONS_VIEW, LearningCycle, key_of  # noqa: E402
from grace_ray.core.store import Record, Writer  # noqa: E402
from grace_ray.learn.meta.reading import COLUMNS, Gathered, Samples  # noqa: E402
from grace_ray.models.patterns.deciding import measure  # noqa: E402
from grace_ray.models.patterns.mining import MiningSettings, mine  # noqa: E402
from grace_ray.models.patterns.outcomes import Column, Outcomes, dense  # noqa: E402

RESULTS = ROOT / "bench" / "results" / "patterns.json"
TASKS = ROOT.parent / "shared" / "data" / "agents" / "agent_task_outcomes.csv.gz"
START = datetime(2026, 3, 1, tzinfo=UTC)
TYPES = ("strategy", "content", "review", "plan")
CONTEXT = {"region": 3, "tier": 4, "tool": 5, "urgent": 2}
AGENTS = 10
RATE = 0.01
CYCLE_ROWS = 100_000
NOISES: dict[str, dict[str, Any]] = {
    "every outcome a coin": {},
    "nearly all good": {"base": 0.93},
    "hard and easy questions": {"difficulty": 2.0},
    "good and bad agents": {"skill": 1.0},
    "both, three answers a question": {"difficulty": 2.0, "skill": 1.0, "answers": 3},
}


def main() -> None:
    """Run all, print the tables, write the JSON."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--runs", type=int, default=200)
    options.add_argument("--cycle", metavar="HOME", help="run one cycle over a store that is there (used by itself)")
    given = options.parse_args()
    if given.cycle:
        print(json.dumps(one_cycle(Path(given.cycle))))
        return
    report: dict[str, Any] = {"noise": noise(given.runs), "planted": planted(max(given.runs // 4, 1))}
    report["decisions"] = decisions() if TASKS.exists() else "../shared/data is not there"
    report["cycle"] = cycle_of_many()
    print_tables(report)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")
    print(f"\nWritten to {RESULTS.relative_to(ROOT)}.")


def noise(runs: int) -> dict[str, dict[str, float]]:
    """Kind of noise -> patterns reported on a run, by Grace and by the peer."""
    report = {}
    for name, effects in NOISES.items():
        counts = {"grace": 0, "peer": 0}
        for run in range(runs):
            outcomes = table(workspace(np.random.default_rng(run), 2000, **effects)).outcomes
            counts["grace"] += len(besides_agents([outcomes.spelled(each.condition) for each in mine(outcomes).found]))
            counts["peer"] += len(besides_agents(chi_squared(outcomes)))
        report[name] = {who: count / runs for who, count in counts.items()}
    return report


def planted(runs: int) -> dict[str, dict[str, float]]:
    """Rows and effect -> share of planted patterns found, and reported patterns that are none."""
    report = {}
    for count in (2000, 4000, 8000):
        for size in (0.15, 0.2, 0.3):
            sums = dict.fromkeys(("grace found", "grace others", "peer found", "peer others"), 0.0)
            for run in range(runs):
                rng = np.random.default_rng(10_000 + run)
                plants = random_plants(rng, size)
                outcomes = table(workspace(rng, count, plants, difficulty=0.7, skill=0.3)).outcomes
                told = {"grace": [outcomes.spelled(each.condition) for each in mine(outcomes).found]}
                told["peer"] = chi_squared(outcomes)
                wanted = [condition for condition, _ in plants]
                for who, conditions in told.items():
                    sums[f"{who} found"] += sum(each in conditions for each in wanted) / len(wanted)
                    others = [each for each in besides_agents(conditions) if each not in wanted]
                    sums[f"{who} others"] += len(others)
            report[f"{count} rows, by {size}"] = {name: value / runs for name, value in sums.items()}
    return report


def decisions(orders: int = 10) -> dict[str, dict[str, float]]:
    """What is known -> accuracy and coverage on tasks never seen, over orders of the tasks."""
    with gzip.open(TASKS, "rt") as file:
        rows = list(csv.DictReader(file))
    coded = {
        name: np.unique([row[name] for row in rows], return_inverse=True) for name in ("agent", "instance", "repo")
    }
    value = np.array([float(row["resolved"]) for row in rows])
    numbers = {name: np.array([float(row[name] or "nan") for row in rows]) for name in ("api_calls", "cost")}
    report: dict[str, list[tuple[float, float]]] = {}
    for order in range(orders):
        turn = np.random.default_rng(order).permutation(len(coded["instance"][0]))
        by_task = np.lexsort((coded["agent"][1], turn[coded["instance"][1]]))
        repo = Column(name="type", codes=coded["repo"][1][by_task].astype(np.int32), values=list(coded["repo"][0]))
        facts = {"value": value[by_task], "question": dense(coded["instance"][1][by_task])}
        facts["agent"] = coded["agent"][1][by_task].astype(np.int32)
        ordered = {name: values[by_task] for name, values in numbers.items()}
        for name, columns, known in (
            ("peer: each agent's rate", [], {}),
            ("agent and repository", [repo], {}),
            ("with calls and cost of all agents", [repo], ordered),
        ):
            found = measure(Outcomes(columns=columns, **facts), known, coverage=0.7)
            report.setdefault(name, []).append((found.accuracy or 0.0, found.coverage or 0.0))
    return {
        name: dict(zip(("accuracy", "coverage"), np.mean(each, axis=0), strict=True)) for name, each in report.items()
    }


def cycle_of_many() -> dict[str, Any]:
    """Time and memory of a cycle over 100,000 recommendations in a store, in a process of its own."""
    from grace_ray import wiring
    from grace_ray.adapters.store.open import open_writer
    from grace_ray.settings import load

    with tempfile.TemporaryDirectory() as home:
        settings = load(home=Path(home))
        wiring.prepare_home(settings)
        writer = open_writer(settings)
        plants = [({"region": "region-1"}, -0.2), ({"type": "strategy", "tool": "tool-2"}, 0.3)]
        rows = list(workspace(np.random.default_rng(1), CYCLE_ROWS, plants, difficulty=1.0, skill=0.5, answers=3))
        for start in range(0, len(rows), 5000):
            put(writer, [record(row) for row in rows[start : start + 5000]])
        writer.close()
        command = [sys.executable, __file__, "--cycle", home]
        said = subprocess.run(command, capture_output=True, text=True, check=True)
        return json.loads(said.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def put(writer: Writer, records: Sequence[Record]) -> None:
    """Write records in one transaction."""
    writer.transact(lambda transaction: transaction.put_records(records))


def one_cycle(home: Path) -> dict[str, Any]:
    """Run a cycle over the store of a home, and tell what it took."""
    from grace_ray.adapters.store.open import open_reader
    from grace_ray.learn.meta.part import Due
    from grace_ray.learn.meta.work import learn
    from grace_ray.settings import load

    settings = load(home=home)
    now = START + timedelta(days=6.9)
    due = Due(LearningCycle(workspace_id="w", iteration_id="c", trigger="b", status="running", started_at=now), 7.0)
    began, cpu = time.monotonic(), time.process_time()
    found = learn(due, open_reader(settings), settings.meta_learner, now).cycle
    return {
        "recommendations": found.samples_analyzed,
        "patterns tried": found.patterns_tried,
        "patterns": found.patterns_confirmed,
        "seconds": time.monotonic() - began,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def workspace(
    rng: np.random.Generator,
    count: int,
    plants: Sequence[tuple[dict[str, Any], float]] = (),
    *,
    base: float = 0.5,
    difficulty: float = 0.0,
    skill: float = 0.0,
    answers: int = 2,
) -> Iterator[dict[str, Any]]:
    """Yield recommendations, oldest first; effects of questions and agents are in log odds, of plants in chance."""
    odds = math.log(base / (1 - base))
    skills = skill * rng.normal(size=AGENTS)
    step_s = 6 * 86_400 / count
    for number in range(count):
        if number % answers == 0:
            hardness = difficulty * rng.normal()
            asked: dict[str, Any] = {"type": TYPES[rng.integers(len(TYPES))]}
            asked |= {name: f"{name}-{rng.integers(values)}" for name, values in CONTEXT.items()}
            agents = rng.permutation(AGENTS)[:answers]
        agent = int(agents[number % answers])
        features = asked | {
            "agent": f"agent-{agent}",
            "sure": round(float(rng.random()), 3),
            "seen": int(rng.integers(4)),
        }
        chance = 1 / (1 + math.exp(-(odds + hardness + skills[agent])))
        chance += sum(added for condition, added in plants if all(features[name] == v for name, v in condition.items()))
        at = START + timedelta(seconds=step_s * number)
        yield {
            "key": f"w/r-{number}",
            "rank": at.timestamp(),
            "agent_id": features["agent"],
            "agent_name": "",
            "recommendation_type": features["type"],
            "correlation_id": f"q-{number // answers}",
            "workflow_id": "",
            "recommendation_content": json.dumps({"answer": int(rng.integers(3))}),
            "confidence_score": round(float(rng.random()), 3),
            "evidence": json.dumps(["e"] * features["seen"]),
            "context": json.dumps({name: features[name] for name in CONTEXT}),
            "latency_ms": float(rng.integers(50, 500)),
            "within_ms": None,
            "outcome": "approved" if rng.random() < chance else "rejected",
            "evaluated_at": to_text(at + timedelta(seconds=1)),
        }


def table(rows: Iterator[dict[str, Any]]) -> Samples:
    """Return rows as the table that a cycle makes of them."""
    gathered = Gathered()
    gathered.add([tuple(row[name] for name in COLUMNS) for row in reversed(list(rows))])
    return gathered.samples()


def record(row: dict[str, Any]) -> Record:
    """Return a row as the trust part writes it."""
    own = {name: value for name, value in row.items() if name not in ("key", "rank") and value is not None}
    own |= {name: json.loads(own[name]) for name in ("recommendation_content", "evidence", "context")}
    at = to_text(datetime.fromtimestamp(row["rank"], UTC))
    own |= {"workspace_id": "w", "recommendation_id": row["key"].removeprefix("w/"), "created_at": at}
    status = key_of("w", row["agent_id"])
    return Record(RECOMMENDATIONS_VIEW, row["key"], status, row["rank"], canonical(own))


def random_plants(rng: np.random.Generator, size: float) -> list[tuple[dict[str, Any], float]]:
    """Return two conditions and a pair, of different features, each better or worse by ``size`` (a pair by twice)."""
    values = {"type": list(TYPES)} | {name: [f"{name}-{v}" for v in range(n)] for name, n in CONTEXT.items()}
    names = list(rng.permutation([name for name in values if name != "urgent"]))
    chosen = {str(name): str(rng.choice(values[name])) for name in names}
    one, two, three, four = chosen
    signs = rng.choice([-1.0, 1.0], size=3)
    return [
        ({one: chosen[one]}, size * signs[0]),
        ({two: chosen[two]}, size * signs[1]),
        ({three: chosen[three], four: chosen[four]}, 2 * size * signs[2]),
    ]


def chi_squared(outcomes: Outcomes) -> list[dict[str, Any]]:
    """Return what the peer reports: every condition whose own table is far from chance."""
    settings = MiningSettings()
    singles = list(outcomes.conditions())
    pairs = [
        (one, two)
        for one, two in combinations(singles, 2)
        if outcomes.columns[one[0]].name != outcomes.columns[two[0]].name
    ]
    tried = []
    masks = {single: outcomes.mask((single,)) for single in singles}
    for condition in [*((single,) for single in singles), *pairs]:
        fits = masks[condition[0]] if len(condition) == 1 else masks[condition[0]] & masks[condition[1]]
        if settings.support_min <= int(fits.sum()) <= len(outcomes) - settings.support_min:
            tried.append((condition, fits))
    value = outcomes.value
    spread = float(value.var())
    reported = []
    for condition, fits in tried:
        inside = int(fits.sum())
        apart = float(value[fits].mean() - value[~fits].mean())
        z = abs(apart) / math.sqrt(spread * (1 / inside + 1 / (len(value) - inside)))
        if math.erfc(z / math.sqrt(2)) * len(tried) <= RATE:
            reported.append(outcomes.spelled(condition))
    return reported


def besides_agents(conditions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the conditions that are not about an agent alone."""
    return [each for each in conditions if set(each) != {"agent"}]


def print_tables(report: dict[str, Any]) -> None:
    """The report for people."""
    print(f"{'patterns reported on noise, a run':36}{'grace':>10}{'peer':>10}")
    for name, found in report["noise"].items():
        print(f"{name:36}{found['grace']:10.3f}{found['peer']:10.3f}")
    print(f"\n{'planted':24}{'grace found':>14}{'others':>9}{'peer found':>14}{'others':>9}")
    for name, found in report["planted"].items():
        print(f"{name:24}" + "".join(f"{each:{14 if 'found' in key else 9}.3f}" for key, each in found.items()))
    print("\nDecisions on tasks never seen: " + json.dumps(report["decisions"], indent=2))
    print("\nA cycle: " + json.dumps(report["cycle"], indent=2))


if __name__ == "__main__":
    main()
