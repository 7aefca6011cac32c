"""Early warning on real operations series: Grace and its peers on the same work, each kind of source left out in turn.

* natural breaches: the threshold is the 95th, 97th or 99th percentile of a series' first half (of its negative too,
  for metrics of which less is worse); at random times of the second half that are not beyond it, the probability that
  it is passed within 15, 30, 60 minutes. Brier skill against climatology, which is told each series' own share of
  breaches in hindsight;
* slow ramps: a ramp of 1.5 to 6 hours added to a real series, ending at a threshold at or about the maximum of its
  past; every step is scored. The alarm threshold is the one of 4 false alarms (steps) per series and day in the days
  before the ramps; recall is the share of ramps warned of in the hour before they cross, early that of ramps warned of
  at least 30 minutes ahead.

* the same ramps downwards, where less is worse.

Grace's network is fitted anew without the kind of source it is judged on. Peers: the least-squares line through the
last 6, 12 or 24 values (the best of them in hindsight; by where it is in an hour, in its residual spread, and by when
it crosses), and the marginal exceedance of a Gaussian AR(3).

Run it with `python bench/breach.py [--metrics FILE] [--fit]`; FILE has series,ts,value. With --fit it judges
nothing and writes the weights of `grace_ray.models.detect.breach_weights`, fitted on all kinds.
"""

import argparse
import csv
import gzip
import json
import math
import sys
import textwrap
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from grace_ray.models.detect import breach_probability  # noqa: E402
from grace_ray.models.detect.evidence import NAMES, Evidence  # noqa: E402

RESULTS = ROOT / "bench" / "results" / "breach.json"
WEIGHTS = ROOT / "grace_ray" / "models" / "detect" / "breach_weights.py"
HORIZONS = (3, 6, 12)
STEP_S, DAY = 300, 288
RATE = 4.0
RAMP_STEPS = (18, 24, 36, 48, 72)
HISTORIES = (288, 700, 2016)
NATURAL, FLIPPED, RAMP = 0, 1, 2
RAMP_WEIGHT = 0.3
STRIDE = 3
UNITS, SEEDS, EPOCHS = 8, 3, 20
KIND_POWER = 0.5  # a kind of source with four times the cases weighs twice as much

Network = tuple[np.ndarray, np.ndarray, np.ndarray, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A moment: its history, threshold, and when it is breached (steps ahead, inf: not within an hour)."""

    kind: str
    series: str
    sort: int
    history: np.ndarray
    threshold: float
    breached_in: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """A series with a ramp: where it begins and where the threshold is crossed."""

    kind: str
    values: np.ndarray
    start: int
    crossing: int
    threshold: float


def read_series(path: Path) -> dict[str, np.ndarray]:
    """Each series on its grid of five minutes, NaN where nothing was measured."""
    rows: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with gzip.open(path, "rt", newline="") as file:
        for row in csv.DictReader(file):
            at = datetime.fromisoformat(row["ts"]).replace(tzinfo=UTC).timestamp()
            rows[row["series"]].append((at, float(row["value"])))
    series = {}
    for name, points in rows.items():
        places = np.round((np.array([at for at, _ in points]) - points[0][0]) / STEP_S).astype(int)
        values = np.full(places.max() + 1, np.nan)
        values[places] = [value for _, value in points]
        series[name] = values
    return series


def kind_of(name: str) -> str:
    """The kind of source: folder, or host group."""
    source, rest = name.split("/", 1)
    return source + "/" + rest.split("/")[0].split("-")[0] if source != "alibaba_mem" else source


def natural_cases(series: dict[str, np.ndarray], rng: np.random.Generator) -> list[Case]:
    """Random moments of each series' second half, not beyond a threshold from its first half."""
    cases = []
    for name, plain in series.items():
        for sort, values, wanted in ((NATURAL, plain, 45), (FLIPPED, -plain, 25)):
            half = values.size // 2
            for share in (0.95, 0.97, 0.99):
                threshold = float(np.nanquantile(values[:half], share))
                places = np.arange(half, values.size - max(HORIZONS) - 1)
                places = places[np.isfinite(values[places]) & (values[places] <= threshold)]
                if places.size < 20:
                    continue
                for place in rng.choice(places, min(wanted, places.size), replace=False).tolist():
                    length = int(rng.choice(HISTORIES))
                    beyond = np.flatnonzero(values[place + 1 : place + 1 + max(HORIZONS)] > threshold)
                    cases.append(
                        Case(
                            kind=kind_of(name),
                            series=f"{name} {sort}",
                            sort=sort,
                            history=values[max(0, place + 1 - length) : place + 1],
                            threshold=threshold,
                            breached_in=float(beyond[0] + 1) if beyond.size else math.inf,
                        )
                    )
    return cases


def ramps(series: dict[str, np.ndarray], rng: np.random.Generator, each: int) -> list[Ramp]:
    """Slow ramps into each series, as many where there is room."""
    made: list[Ramp] = []
    for name, values in series.items():
        tried = (one_ramp(name, values, rng) for _ in range(each * 4))
        made += list(islice((ramp for ramp in tried if ramp is not None), each))
    return made


def downward_cases(series: dict[str, np.ndarray], flipped: dict[str, np.ndarray]) -> list[Case]:
    """More cases of which less is worse, to learn from: as many then as upward ones."""
    rng = np.random.default_rng(78)
    natural = [case for case in natural_cases(series, rng) if case.sort == FLIPPED]
    return [*natural, *ramp_cases(ramps(flipped, rng, 5), rng)]


def one_ramp(name: str, values: np.ndarray, rng: np.random.Generator) -> Ramp | None:
    """A ramp at a random place, None where there are too many gaps or the series is beyond the threshold by itself."""
    steps = int(rng.choice(RAMP_STEPS))
    if values.size <= 700 + steps:
        return None
    start = int(rng.integers(600, values.size - steps - 14))
    past = values[max(0, start - 2016) : start]
    if np.isfinite(past).mean() < 0.8 or not np.isfinite(values[start - 24 : start]).any():
        return None
    highest, middle, high = np.nanmax(past), np.nanmedian(past), np.nanquantile(past, 0.95)
    spread = max(high - middle, 1e-3 * abs(highest), 1e-9)
    threshold = float((highest, highest + 0.2 * spread, np.nanquantile(past, 0.995))[rng.integers(3)])
    size = threshold - np.nanmedian(values[start - 24 : start])
    with_ramp = values[: start + steps + 14].copy()
    own = np.nan_to_num(with_ramp[start : start + steps], nan=-np.inf)
    if size <= 0 or own.max() > threshold:
        return None
    with_ramp[start:] += np.minimum(np.arange(with_ramp.size - start) / steps, 1.3) * size
    beyond = np.flatnonzero(with_ramp[start:] > threshold)
    if not beyond.size or beyond[0] < 6:
        return None
    crossing = start + int(beyond[0])
    return Ramp(kind=kind_of(name), values=with_ramp, start=start, crossing=crossing, threshold=threshold)


def ramp_cases(made: Sequence[Ramp], rng: np.random.Generator) -> list[Case]:
    """Random moments shortly before and on ramps, to learn from."""
    cases = []
    for ramp in made:
        for place in np.unique(rng.integers(ramp.start - 12, ramp.crossing, 6)).tolist():
            if not ramp.values[place] <= ramp.threshold:
                continue
            length = int(rng.choice(HISTORIES))
            cases.append(
                Case(
                    kind=ramp.kind,
                    series="",
                    sort=RAMP,
                    history=ramp.values[max(0, place + 1 - length) : place + 1],
                    threshold=ramp.threshold,
                    breached_in=float(ramp.crossing - place),
                )
            )
    return cases


def filled(history: np.ndarray) -> np.ndarray:
    """Gaps filled with the value before."""
    places = np.maximum.accumulate(np.where(np.isfinite(history), np.arange(history.size), -1))
    return history[places[places >= 0]]


def rows_of(history: np.ndarray, threshold: float) -> list[list[float]]:
    """The evidence at each horizon."""
    evidence = Evidence(filled(history), threshold, DAY)
    return [evidence.row(horizon) for horizon in HORIZONS]


def fit(rows: np.ndarray, came: np.ndarray, weights: np.ndarray) -> Network:
    """The mean of three small networks' log odds, as one network on plain rows."""
    import torch

    torch.set_num_threads(1)
    mean, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-9
    inputs = torch.tensor((rows - mean) / spread, dtype=torch.float32)
    wanted, weighed = torch.tensor(came, dtype=torch.float32), torch.tensor(weights, dtype=torch.float32)
    parts = []
    for seed in range(SEEDS):
        torch.manual_seed(seed)
        net = torch.nn.Sequential(torch.nn.Linear(rows.shape[1], UNITS), torch.nn.Tanh(), torch.nn.Linear(UNITS, 1))
        steps = torch.optim.AdamW(net.parameters(), lr=0.02, weight_decay=0.05)
        rate = torch.optim.lr_scheduler.CosineAnnealingLR(steps, EPOCHS)
        for _ in range(EPOCHS):
            for batch in torch.split(torch.randperm(len(inputs)), 1024):
                losses = torch.nn.functional.binary_cross_entropy_with_logits(
                    net(inputs[batch])[:, 0], wanted[batch], reduction="none"
                )
                steps.zero_grad()
                torch.autograd.backward((losses * weighed[batch]).sum() / weighed[batch].sum())
                steps.step()
            rate.step()
        parts.append([parameter.detach().numpy().astype(float) for parameter in net.parameters()])
    hidden = np.vstack([part[0] for part in parts]) / spread
    bias = np.concatenate([part[1] for part in parts]) - hidden @ mean
    output = np.concatenate([part[2][0] for part in parts]) / SEEDS
    return hidden, bias, output, float(np.mean([part[3][0] for part in parts]))


def probability(network: Network, rows: np.ndarray) -> np.ndarray:
    """What a network says of rows."""
    hidden, bias, output, output_bias = network
    found: np.ndarray = 1.0 / (1.0 + np.exp(-(np.tanh(rows @ hidden.T + bias) @ output + output_bias)))
    return found


def networks(cases: Sequence[Case], rows: np.ndarray) -> dict[str, Network]:
    """A network without each kind of source, and one of all (under "all")."""
    kinds = np.array([case.kind for case in cases])
    weights = np.array([RAMP_WEIGHT if case.sort == RAMP else 1.0 for case in cases])
    totals = {kind: float(weights[kinds == kind].sum()) for kind in set(kinds.tolist())}
    weights *= np.array([totals[case.kind] ** -KIND_POWER for case in cases])
    came = breaches(cases)
    made = {}
    for left_out in [*sorted(set(kinds.tolist())), "all"]:
        kept = kinds != left_out
        flat = rows[kept].reshape(-1, rows.shape[2])
        made[left_out] = fit(flat, came[kept].ravel(), np.repeat(weights[kept], len(HORIZONS)))
    return made


def breaches(cases: Sequence[Case]) -> np.ndarray:
    """Which case was breached within which horizon."""
    return np.array([[float(case.breached_in <= horizon) for horizon in HORIZONS] for case in cases])


def brier_skill(cases: Sequence[Case], said: np.ndarray, keep: Callable[[Case], bool]) -> list[float]:
    """The Brier skill at each horizon, climatology being each series' own share of breaches."""
    kept = np.array([keep(case) for case in cases])
    came, said = breaches(cases)[kept], said[kept]
    names = np.array([case.series for case in cases])[kept]
    usual = np.zeros_like(came)
    for name in np.unique(names):
        usual[names == name] = came[names == name].mean(axis=0)
    errors, base = ((said - came) ** 2).mean(axis=0), ((usual - came) ** 2).mean(axis=0)
    return [float(1 - error / b) if b > 0 else math.nan for error, b in zip(errors, base, strict=True)]


def line_scores(history: np.ndarray, threshold: float) -> dict[str, float]:
    """The lines' scores: higher is more alarming."""
    path, scores = filled(history), {}
    for width in (6, 12, 24):
        recent = path[-width:]
        times = np.arange(recent.size) - recent.size + 1.0
        slope, level = np.polyfit(times, recent, 1)
        spread = np.std(recent - level - slope * times) + 1e-9 * max(abs(threshold), 1e-9)
        scores[f"line of {width}, value in an hour"] = (level + 12 * slope - threshold) / (spread + np.std(path) / 10)
        scores[f"line of {width}, time to cross"] = -max(threshold - level, 0.0) / slope if slope > 0 else -math.inf
    return scores


def ar_score(history: np.ndarray, threshold: float) -> float:
    """The highest marginal probability, as a z value, that a Gaussian AR(3) gives to passing within an hour."""
    path = filled(history)[-2016:]
    middle, spread = path.mean(), path.std() + 1e-12
    path = (path - middle) / spread
    past = np.column_stack([path[2:-1], path[1:-2], path[:-3], np.ones(path.size - 3)])
    factors = np.linalg.lstsq(past, path[3:], rcond=None)[0]
    noise = float(np.var(path[3:] - past @ factors)) + 1e-12
    ahead, echo, variance, best = list(path[-3:]), [1.0, 0.0, 0.0], 0.0, -math.inf
    for _ in range(12):
        variance += noise * echo[0] ** 2
        ahead.append(float(factors[:3] @ np.array(ahead[:-4:-1]) + factors[3]))
        best = max(best, (ahead[-1] - (threshold - middle) / spread) / math.sqrt(variance))
        echo = [float(factors[:3] @ np.array(echo)), *echo[:2]]
    return best


def ramp_scores(made: Sequence[Ramp], nets: dict[str, Network]) -> dict[str, list[list[tuple[int, float]]]]:
    """Detector -> ramp -> [(step, score)] of the day before (every third step) and of the ramp up to its crossing."""
    found: dict[str, list[list[tuple[int, float]]]] = defaultdict(list)
    for ramp in made:
        lines: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for place in [*range(ramp.start - DAY, ramp.start, STRIDE), *range(ramp.start, ramp.crossing)]:
            if not ramp.values[place] <= ramp.threshold:
                continue
            history = ramp.values[max(0, place - 2015) : place + 1]
            row = np.array(Evidence(filled(history), ramp.threshold, DAY).row(12))
            hidden, bias, output, output_bias = nets.get(ramp.kind, nets["all"])
            scores = {"grace": float(np.tanh(hidden @ row + bias) @ output + output_bias)}
            scores |= line_scores(history, ramp.threshold)
            scores["Gaussian AR(3), marginal"] = ar_score(history, ramp.threshold)
            for who, score in scores.items():
                lines[who].append((place, score))
        for who, points in lines.items():
            found[who].append(points)
    return found


def recall(made: Sequence[Ramp], scored: list[list[tuple[int, float]]]) -> tuple[float, float]:
    """The shares of ramps warned of within the last hour, and 30 minutes ahead or more, at the rate of false alarms."""
    clean = np.sort([s for r, points in zip(made, scored, strict=True) for place, s in points if place < r.start])
    allowed = int(RATE * len(made) / STRIDE)
    bound = float(clean[-allowed - 1])
    warned = [
        [ramp.crossing - place for place, score in points if place >= ramp.start and score > bound]
        for ramp, points in zip(made, scored, strict=True)
    ]
    ahead = [[steps for steps in warnings if steps <= 12] for warnings in warned]
    return sum(map(bool, ahead)) / len(made), sum(any(s >= 6 for s in w) for w in ahead) / len(made)


def milliseconds(cases: Sequence[Case]) -> float:
    """CPU time of one call of `breach_probability` with the longest history."""
    some = [case for case in cases if case.history.size == max(HISTORIES)][:200]
    start = time.process_time()
    for case in some:
        breach_probability(
            case.history, threshold=case.threshold, is_higher_worse=True, horizons=HORIZONS, step_s=STEP_S
        )
    return 1000 * (time.process_time() - start) / max(1, len(some))


def write_weights(network: Network) -> None:
    """The module with the shipped weights."""
    hidden, bias, output, output_bias = network
    lines = [
        '"""Weights of the breach network, made by `python bench/breach.py --fit`; inputs: `evidence.NAMES`."""',
        "",
    ]
    lines += ["# fmt: off", "HIDDEN = (", *(f"    ({numbers(unit)})," for unit in hidden), ")"]
    lines += [f"HIDDEN_BIAS = ({numbers(bias)})", f"OUTPUT = ({numbers(output)})", f"OUTPUT_BIAS = {output_bias:.4g}"]
    WEIGHTS.write_text("\n".join([*lines, ""]))


def numbers(values: np.ndarray) -> str:
    """Four digits of each, in lines."""
    return textwrap.fill(", ".join(f"{value:.4g}" for value in values), 104).replace("\n", "\n     ")


def main() -> None:
    """Run all, print the tables, write the JSON."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument(
        "--metrics", type=Path, default=ROOT.parent / "shared" / "data" / "metrics" / "ops_5min.csv.gz"
    )
    options.add_argument("--ramps", type=int, default=2, help="judged, per series")
    options.add_argument("--fit", action="store_true", help="write the shipped weights")
    chosen = options.parse_args()
    if not chosen.metrics.exists():
        raise SystemExit(f"There is no {chosen.metrics}.")
    series, rng = read_series(chosen.metrics), np.random.default_rng(5)
    flipped = {name: -values for name, values in series.items()}
    learned = [*ramps(series, rng, 10), *ramps(flipped, rng, 5)]
    cases = [*natural_cases(series, rng), *ramp_cases(learned, rng)]
    fitted = [*cases, *downward_cases(series, flipped)]
    rows = np.array([rows_of(case.history, case.threshold) for case in fitted])
    nets = networks(fitted, rows)
    if chosen.fit:
        write_weights(nets["all"])
        print(f"Written to {WEIGHTS.relative_to(ROOT)}, {len(NAMES)} inputs.")
        return
    said = np.array([probability(nets[case.kind], row) for case, row in zip(cases, rows, strict=False)])
    report: dict[str, Any] = {"brier_skill": skills(cases, said), "ms_a_call": milliseconds(cases)}
    for name, source in (("slow ramps", series), ("slow ramps downwards", flipped)):
        made = ramps(source, np.random.default_rng(3), chosen.ramps)
        report[name] = {"ramps": len(made), "recall": recalls(made, ramp_scores(made, nets))}
    print_tables(report)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")
    print(f"\nWritten to {RESULTS.relative_to(ROOT)}.")


def skills(cases: Sequence[Case], said: np.ndarray) -> dict[str, list[float]]:
    """The Brier skill of all upward breaches, of all downward ones, and of each kind of source both ways."""
    found = {"all": brier_skill(cases, said, lambda case: case.sort == NATURAL)}
    found["less is worse"] = brier_skill(cases, said, lambda case: case.sort == FLIPPED)
    sides = [(sort, kind) for sort in (NATURAL, FLIPPED) for kind in sorted({case.kind for case in cases})]
    for side in sides:
        name = side[1] + (", less is worse" if side[0] == FLIPPED else "")
        found[name] = brier_skill(cases, said, partial(is_of, side))
    return found


def is_of(side: tuple[int, str], case: Case) -> bool:
    """Whether a case is of this sort and kind."""
    return (case.sort, case.kind) == side


def recalls(made: Sequence[Ramp], scored: dict[str, list[list[tuple[int, float]]]]) -> dict[str, tuple[float, float]]:
    """Grace's, the best line's and the AR's recall and early recall."""
    found = {who: recall(made, points) for who, points in scored.items()}
    best = max((who for who in found if who.startswith("line")), key=lambda who: found[who])
    return {who: found[who] for who in ("grace", best, "Gaussian AR(3), marginal")}


def print_tables(report: dict[str, Any]) -> None:
    """The report for people."""
    print("Brier skill against climatology, kind of source never seen" + "".join(f"{h * 5:>8} min" for h in HORIZONS))
    for who, skill in report["brier_skill"].items():
        print(f"  {who:56}" + "".join(f"{each:12.3f}" for each in skill))
    for name in ("slow ramps", "slow ramps downwards"):
        found = report[name]
        title = f"{found['ramps']} {name}, 4 false alarms a series-day"
        print(f"\n{title:54}{'recall':>10}{'30 min ahead':>14}{'ratio':>8}")
        ours = found["recall"]["grace"][0]
        for who, (share, early) in found["recall"].items():
            print(f"  {who:52}{share:10.2f}{early:14.2f}{ours / share if share else math.inf:8.2f}")
    print(f"\n{report['ms_a_call']:.2f} ms of CPU a call with three horizons and a week of history")


if __name__ == "__main__":
    main()
