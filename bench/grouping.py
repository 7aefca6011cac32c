"""Message templates: Grace's miner and drain3 on the same logs, each read once in order, one configuration for all.

Three scores of each system, and their means:

* group accuracy: the share of lines whose group holds exactly the lines of their true group;
* template F1: F1 of found groups that are exactly a true group (Jiang et al., "A large-scale evaluation for log
  parsing", there FGA);
* text F1: the same, where the template's text must agree too, token by token, wildcards that touch being one (Khan et
  al., "Guidelines for assessing the accuracy of log parsing", there FTA).

Run it with `python bench/grouping.py [--logs DIR]`; DIR holds `<System>/<System>_2k.log_structured.csv`.
"""

import argparse
import csv
import json
import re
import subprocess
import sys
import time
import venv
from collections import defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from grace_ray.models.templates import TemplateMiner  # noqa: E402

PEER_HOME = ROOT / "bench" / ".peers" / "drain3"
RESULTS = ROOT / "bench" / "results" / "grouping.json"
OTHER_NUMBERS = str.maketrans("123456789", "234567891")
SCORES = ("group_accuracy", "template_f1", "text_f1")


def main() -> None:
    """Run both, print the table, write the JSON."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--logs", type=Path, default=ROOT.parent / "shared" / "data" / "logs")
    logs = read_logs(options.parse_args().logs)
    if not logs:
        raise SystemExit("There are no *_structured.csv files below --logs.")
    lines = {name: [row["Content"] for row in rows] for name, rows in logs.items()}
    found = {"grace": grace(lines), "drain3": drain3(lines)}
    scores = {who: {name: score(runs[name], rows) for name, rows in logs.items()} for who, runs in found.items()}
    report = summary(scores, found, {name: len(rows) for name, rows in logs.items()})
    print_table(report)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")
    print(f"\nWritten to {RESULTS.relative_to(ROOT)}.")


def read_logs(folder: Path) -> dict[str, list[dict[str, str]]]:
    """System -> its rows, with Content, EventId and EventTemplate."""
    logs = {}
    for path in sorted(folder.glob("*/*_structured.csv")):
        with path.open(newline="") as file:
            logs[path.parent.name] = list(csv.DictReader(file))
    return logs


def grace(logs: dict[str, list[str]]) -> dict[str, dict[str, Any]]:
    """What Grace's miner makes of each log: groups, online groups, texts, CPU seconds."""
    runs = {}
    for name, lines in logs.items():
        miner = TemplateMiner()
        start = time.process_time()
        online = [match.template_id for match in miner.learn_many(lines)]
        seconds = time.process_time() - start
        texts = {template.template_id: template.text for template in miner.templates()}
        groups = [miner.resolve(template_id) for template_id in online]
        again = [line.translate(OTHER_NUMBERS) for line in lines]
        start = time.process_time()
        miner.learn_many(again)
        steady = time.process_time() - start
        runs[name] = {"groups": groups, "online": online, "texts": texts, "seconds": seconds, "steady_seconds": steady}
    return runs


def drain3(logs: dict[str, list[str]]) -> dict[str, dict[str, Any]]:
    """The same of drain3, in an environment of its own (its dependencies are not ones of ours), made on first use."""
    python = PEER_HOME / "bin" / "python"
    if not python.exists():
        print("Making an environment for drain3 ...", flush=True)
        venv.create(PEER_HOME, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "drain3"], check=True)
    script = Path(__file__).with_name("peers") / "drain3_grouping.py"
    done = subprocess.run([python, script], input=json.dumps(logs), capture_output=True, text=True, check=True)
    runs: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return runs


def score(run: dict[str, Any], rows: list[dict[str, str]]) -> dict[str, float]:
    """The three scores of one run on one system."""
    truth = [row["EventId"] for row in rows]
    true_texts = {row["EventId"]: row["EventTemplate"] for row in rows}
    scores = dict(zip(SCORES, agreement(run["groups"], truth, run["texts"], true_texts), strict=True))
    if "online" in run:
        scores["online_group_accuracy"] = agreement(run["online"], truth, {}, {})[0]
    return scores


def agreement(
    found: list[str], truth: list[str], texts: dict[str, str], true_texts: dict[str, str]
) -> tuple[float, float, float]:
    """Group accuracy, template F1 and text F1 of one grouping of the same lines against another."""
    ours, theirs = members(found), members(truth)
    true_of = {frozenset(lines): name for name, lines in theirs.items()}
    right = {name: true_of[frozenset(lines)] for name, lines in ours.items() if frozenset(lines) in true_of}
    same_text = sum(normalised(texts.get(name, "")) == normalised(true_texts.get(t, "")) for name, t in right.items())
    total = len(ours) + len(theirs)
    return sum(len(ours[name]) for name in right) / len(found), 2 * len(right) / total, 2 * same_text / total


def members(groups: list[str]) -> dict[str, list[int]]:
    """Group -> the numbers of its lines."""
    lines = defaultdict(list)
    for number, group in enumerate(groups):
        lines[group].append(number)
    return lines


def normalised(template: str) -> str:
    """A template for comparison: any `<NAME>` or `<:NAME:>` is `<*>`, wildcards joined by punctuation are one."""
    text = re.sub(r"<:?(?:\*|[A-Z]{2,4}):?>", "<*>", " ".join(template.split()))
    return re.sub(r"<\*>(?:[^A-Za-z0-9\s]*<\*>)*", "<*>", text)


def summary(
    scores: dict[str, dict[str, dict[str, float]]], found: dict[str, dict[str, Any]], counts: dict[str, int]
) -> dict[str, Any]:
    """Means, speeds and their ratios."""
    means = {
        who: {key: sum(s[key] for s in systems.values()) / len(systems) for key in next(iter(systems.values()))}
        for who, systems in scores.items()
    }
    report: dict[str, Any] = {"systems": scores, "mean": means}
    report["ratio"] = {key: means["grace"][key] / means["drain3"][key] for key in SCORES}
    for name, clock in (("lines_per_cpu_second", "seconds"), ("steady_lines_per_cpu_second", "steady_seconds")):
        speeds = {who: sum(counts.values()) / sum(run[clock] for run in runs.values()) for who, runs in found.items()}
        report[name] = speeds
        report["ratio"][name] = speeds["grace"] / speeds["drain3"]
    return report


def print_table(report: dict[str, Any]) -> None:
    """The report for people."""
    print(f"{'':14}" + "".join(f"{key:>34}" for key in SCORES))
    print(f"{'':14}" + f"{'grace':>14}{'drain3':>10}{'ratio':>10}" * len(SCORES))
    ours, theirs = ({**report["systems"][who], "MEAN": report["mean"][who]} for who in ("grace", "drain3"))
    for name, mine in ours.items():
        cells = ""
        for key in SCORES:
            peer = theirs[name][key]
            cells += f"{mine[key]:14.3f}{peer:10.3f}{mine[key] / peer if peer else float('inf'):10.2f}"
        print(f"{name:14}{cells}")
    print(f"\nGrace's ids as first said, before any join: group accuracy {ours['MEAN']['online_group_accuracy']:.3f}")
    print("Lines per CPU-second, masks included:")
    for name, what in (
        ("lines_per_cpu_second", "a log not seen before"),
        ("steady_lines_per_cpu_second", "with other numbers"),
    ):
        speeds, ratio = report[name], report["ratio"][name]
        print(f"  {what:22} grace {speeds['grace']:9,.0f}   drain3 {speeds['drain3']:9,.0f}   ratio {ratio:.1f}")


if __name__ == "__main__":
    main()
