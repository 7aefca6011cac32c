"""Forecasts: Grace's pool and statsforecast's automatic models on the same windows of real operations series.

History 288 points of 5 min, horizon 12. For every model, over the same origins:

* relWQL: geometric mean over series of (WQL + 5% of scale) / (Naive's WQL + 5% of scale); WQL is the weighted quantile
  loss over 0.1 to 0.9, scale the in-sample mean absolute step, Naive has Gaussian bands that grow with the root of h;
* coverage of the 80% and 95% bands;
* MAE against Naive's on the worst source (geometric mean over its series; the source is the series' folder);
* CPU milliseconds a series.

Run it with `python bench/forecast.py [--origins 8] [--no-peers] [--tft EPOCHS]`. `--tft` trains Grace's Temporal Fusion
Transformer for each source on the others alone, and shows it alone and within the pool. Nothing that ships is fitted to
these series: the pretrained network has seen made-up ones only.
"""

import argparse
import csv
import gzip
import json
import subprocess
import sys
import time
import venv
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from grace_ray.models.forecast import accuracy, tft  # noqa: E402
from grace_ray.models.forecast.base import HORIZON, LEVELS, MEDIAN, windows_of, without_gaps  # noqa: E402
from grace_ray.models.forecast.pool import ForecastPool  # noqa: E402
from grace_ray.models.forecast.pretrained import pretrained  # noqa: E402
from grace_ray.models.forecast.smoothing import smoothed  # noqa: E402

PEER_HOME = ROOT / "bench" / ".peers" / "forecast"
RESULTS = ROOT / "bench" / "results" / "forecast.json"
HISTORY = 288
METRICS = 14
STEP_S = 300
STREAMS = ("realAWSCloudwatch", "realKnownCause", "realTweets")
Z = np.array([NormalDist().inv_cdf(level) for level in LEVELS])


class Case(NamedTuple):
    """The windows of one series: history (origin, 288), actual (origin, horizon)."""

    series: str
    source: str
    history: np.ndarray
    actual: np.ndarray


def main() -> None:
    """Run all, print the table, write the JSON."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    options.add_argument("--origins", type=int, default=8)
    options.add_argument("--no-peers", action="store_true")
    options.add_argument("--tft", type=int, default=0, metavar="EPOCHS")
    asked = options.parse_args()
    series = read_series(asked.data)
    if not series:
        raise SystemExit("There is no metrics/ops_5min.csv.gz below --data.")
    cases = [case for name, values in series.items() if (case := windows(name, values, asked.origins))]
    runs = grace(cases)
    if asked.tft:
        runs |= trained(cases, series, asked.tft)
    if not asked.no_peers:
        runs |= peers(cases)
    report = {name: summary(cases, *run) for name, run in runs.items()}
    report["startup"] = startup()
    print_table(report, cases)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")
    print(f"\nWritten to {RESULTS.relative_to(ROOT)}.")


def read_series(data: Path) -> dict[str, np.ndarray]:
    """Series -> values on a grid of 5 min, NaN where one is missing."""
    rows: dict[str, list[tuple[str, str]]] = defaultdict(list)
    path = data / "metrics" / "ops_5min.csv.gz"
    if path.exists():
        with gzip.open(path, "rt", newline="") as file:
            for row in csv.DictReader(file):
                rows[row["series"]].append((row["ts"], row["value"]))
    for folder in STREAMS:
        for stream in sorted((data / "anomalies" / folder).glob("*.csv")):
            name = f"nab/{folder}/{stream.stem}"
            if stream.stem != "nyc_taxi" and name not in rows:
                with stream.open(newline="") as file:
                    rows[name] = [(row["timestamp"], row["value"]) for row in csv.DictReader(file)]
    return {name: gridded(pairs) for name, pairs in rows.items()}


def gridded(pairs: list[tuple[str, str]]) -> np.ndarray:
    """Values at the nearest step of a regular grid."""
    at = np.array([datetime.fromisoformat(stamp).timestamp() for stamp, _ in pairs])
    place = np.round((at - at[0]) / STEP_S).astype(int)
    values = np.full(place.max() + 1, np.nan)
    values[place] = [float(value) if value else np.nan for _, value in pairs]
    return values


def windows(name: str, values: np.ndarray, count: int) -> Case | None:
    """Evenly spread origins where the horizon is whole and two thirds of the history are known."""
    origins = np.unique(np.linspace(HISTORY, len(values) - HORIZON, count).astype(int))
    kept = [
        origin
        for origin in origins
        if np.isfinite(values[origin - 1 : origin + HORIZON]).all()
        and np.isfinite(values[origin - HISTORY : origin]).mean() > 2 / 3
    ]
    if not kept:
        return None
    source = name.rsplit("/", 1)[0] if not name.startswith("mscloud") else name.rsplit("-", 1)[0]
    history = np.stack([without_gaps(values[origin - HISTORY : origin]) for origin in kept])
    return Case(name, source, history, np.stack([values[origin : origin + HORIZON] for origin in kept]))


Quantiles = list[np.ndarray]


def grace(cases: list[Case]) -> dict[str, tuple[Quantiles, float]]:
    """The pool, its network alone, and the simplest references."""
    pool = ForecastPool()

    def pooled(history: np.ndarray) -> np.ndarray:
        answers = []
        for start in range(0, len(history), METRICS):
            answers += pool.forecast_many(list(history[start : start + METRICS]))
        return np.stack([answer.quantiles for answer in answers])

    return {
        "grace": timed(pooled, cases),
        "network alone": timed(scaled_by(pretrained().quantiles), cases),
        "smoothing grid": timed(smoothing_grid, cases),
        "naive": timed(naive, cases),
    }


def timed(forecast: Callable[[np.ndarray], np.ndarray], cases: list[Case]) -> tuple[Quantiles, float]:
    """Quantiles of each case, all windows in batches as one cycle of forecasts would make them, and CPU seconds."""
    every = np.concatenate([case.history for case in cases])
    forecast(every[:METRICS])
    start = time.process_time()
    made = np.concatenate([forecast(every[at : at + METRICS]) for at in range(0, len(every), METRICS)])
    seconds = time.process_time() - start
    return np.split(made, np.cumsum([len(case.history) for case in cases])[:-1]), seconds


def scaled_by(model: Callable[[np.ndarray, int], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """A model of scaled windows as one of raw ones."""

    def raw(history: np.ndarray) -> np.ndarray:
        made = windows_of(list(history))
        return made.raw(model(made.values, HORIZON))

    return raw


def naive(history: np.ndarray) -> np.ndarray:
    """The last value, with Gaussian bands."""
    spread = np.diff(history, axis=1).std(axis=1, ddof=1)
    reach = np.sqrt(np.arange(1, HORIZON + 1))
    return history[:, -1, None, None] + spread[:, None, None] * reach[:, None] * Z


def smoothing_grid(history: np.ndarray) -> np.ndarray:
    """Exponential smoothing with the best of eight alphas a horizon, in sample, and empirical bands."""
    best = np.full((len(history), HORIZON), np.inf)
    made = np.empty((len(history), HORIZON, len(LEVELS)))
    for alpha in (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0):
        level = smoothed(history, alpha)
        for h in range(1, HORIZON + 1):
            errors = history[:, h + 20 :] - level[:, 20:-h]
            quantiles = np.quantile(errors, LEVELS, axis=1).T
            loss = accuracy.pinball(errors, quantiles[:, None]).mean(axis=(1, 2))
            better = loss < best[:, h - 1]
            best[better, h - 1] = loss[better]
            made[better, h - 1] = level[better, -1, None] + quantiles[better]
    return made


def trained(cases: list[Case], series: dict[str, np.ndarray], epochs: int) -> dict[str, tuple[Quantiles, float]]:
    """The Temporal Fusion Transformer, for each source trained on the others: alone, and within the pool."""
    alone: dict[str, np.ndarray] = {}
    pooled: dict[str, np.ndarray] = {}
    seconds = [0.0, 0.0]
    for source in sorted({case.source for case in cases}):
        others = {case.series: series[case.series] for case in cases if case.source != source}
        model, _ = tft.train(others, seed=0, epochs=epochs)
        own = [case for case in cases if case.source == source]
        pool = ForecastPool(trained=model)
        ways: tuple[tuple[dict[str, np.ndarray], Callable[[np.ndarray], np.ndarray]], ...] = (
            (alone, scaled_by(model.quantiles)),
            (pooled, lambda rows, pool=pool: np.stack([one.quantiles for one in pool.forecast_many(list(rows))])),  # type: ignore[misc]
        )
        for number, (kept, forecast) in enumerate(ways):
            made, took = timed(forecast, own)
            seconds[number] += took
            kept.update(zip((case.series for case in own), made, strict=True))
    names = [case.series for case in cases]
    return {
        "TFT alone": ([alone[name] for name in names], seconds[0]),
        "grace with TFT": ([pooled[name] for name in names], seconds[1]),
    }


def peers(cases: list[Case]) -> dict[str, tuple[Quantiles, float]]:
    """The models of statsforecast, in an environment of their own, made on first use."""
    python = PEER_HOME / "bin" / "python"
    if not (PEER_HOME / "ready").exists():
        print("Making an environment for statsforecast ...", flush=True)
        venv.create(PEER_HOME, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "statsforecast"], check=True)
        (PEER_HOME / "ready").touch()
    every = np.concatenate([case.history for case in cases])
    work = json.dumps({"values": every.tolist(), "horizon": HORIZON, "levels": LEVELS})
    script = Path(__file__).with_name("peers") / "statsforecast_quantiles.py"
    done = subprocess.run([python, script], input=work, capture_output=True, text=True, check=True)
    edges = np.cumsum([len(case.history) for case in cases])[:-1]
    made = json.loads(done.stdout)
    return {name: (np.split(np.array(run["quantiles"]), edges), run["seconds"]) for name, run in made.items()}


def summary(cases: list[Case], quantiles: Quantiles, seconds: float) -> dict[str, Any]:
    """The figures of one model; ratios within each series, geometric means over series."""
    wql, errors = {}, defaultdict(list)
    inside_80, inside_95 = [], []
    for case, said in zip(cases, quantiles, strict=True):
        plain = naive(case.history)
        scale = float(np.abs(np.diff(case.history, axis=1)).mean())
        losses = [accuracy.weighted_quantile_loss(case.actual, one) for one in (said, plain)]
        wql[case.series] = accuracy.relative_wql(*losses, scale)
        own, theirs = (np.abs(case.actual - one[..., MEDIAN]).mean() for one in (said, plain))
        errors[case.source].append(max(own, 1e-12) / max(theirs, 1e-12))
        inside_80.append(accuracy.coverage(case.actual, said, 0.8))
        inside_95.append(accuracy.coverage(case.actual, said, 0.95))
    by_source = {source: geometric(ratios) for source, ratios in errors.items()}
    windows_count = sum(len(case.history) for case in cases)
    return {
        "relative_wql": geometric(list(wql.values())),
        "coverage_80": float(np.mean(inside_80)),
        "coverage_95": float(np.mean(inside_95)),
        "worst_source": max(by_source, key=lambda source: by_source[source]),
        "worst_mae_to_naive": max(by_source.values()),
        "cpu_ms_a_series": 1e3 * seconds / windows_count,
        "mae_to_naive_by_source": by_source,
        "relative_wql_by_source": {
            source: geometric([wql[case.series] for case in cases if case.source == source]) for source in by_source
        },
    }


def geometric(ratios: list[float]) -> float:
    return float(np.exp(np.mean(np.log(ratios))))


def startup() -> dict[str, float]:
    """CPU seconds that the pool adds to a process that has NumPy: import, and the first forecast."""
    code = (
        "import numpy as np, time; rows = [np.random.default_rng(0).normal(size=288)] * 14; t = time.process_time();"
        "from grace_ray.models.forecast.pool import ForecastPool; a = time.process_time();"
        "ForecastPool().forecast_many(rows); b = time.process_time(); print(a - t, b - a)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    imported, first = map(float, done.stdout.split())
    return {"import_s": imported, "first_forecast_of_14_s": first}


def print_table(report: dict[str, Any], cases: list[Case]) -> None:
    """The report for people."""
    count = sum(len(case.history) for case in cases)
    print(f"{len(cases)} series, {count} windows of {HISTORY} points, {HORIZON} ahead\n")
    print(f"{'':16}{'relWQL':>9}{'80%':>8}{'95%':>8}{'worst MAE':>11}{'ms CPU':>9}{'relWQL/grace':>14}  worst source")
    own = report["grace"]["relative_wql"]
    for name, row in report.items():
        if name == "startup":
            continue
        print(
            f"{name:16}{row['relative_wql']:9.3f}{row['coverage_80']:8.3f}{row['coverage_95']:8.3f}"
            f"{row['worst_mae_to_naive']:11.3f}{row['cpu_ms_a_series']:9.2f}{row['relative_wql'] / own:14.2f}"
            f"  {row['worst_source']}"
        )
    print(
        f"\nGrace's forecast of {METRICS} metrics: {METRICS * report['grace']['cpu_ms_a_series']:.1f} ms CPU; added to "
        f"start-up: {report['startup']['import_s']:.2f} s import, {report['startup']['first_forecast_of_14_s']:.2f} s "
        "first forecast"
    )
    print("\nrelWQL by source:")
    for source, value in report["grace"]["relative_wql_by_source"].items():
        print(f"  {source:28}{value:7.3f}   MAE/Naive {report['grace']['mae_to_naive_by_source'][source]:.3f}")


if __name__ == "__main__":
    main()
