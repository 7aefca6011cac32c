"""Streaming anomaly detection on streams that are made: a check of `bench/anomaly.py` that no detector was fitted to.

Two weeks of points five minutes apart: a daily season (of some streams also a quieter weekend), autocorrelated noise,
positive and skewed in a third of the streams, and rows missing, singly and for hours. In each, one or two anomalies of
one kind begin after the probation, 3 to 10 standard deviations of the noise in size; windows are NAB's (a tenth of the
stream, shared by its anomalies, around each beginning). The kind "none" has none. Scored as there; thresholds of peers
come from the other kinds of anomaly.

Run it with `python bench/anomaly_made.py [--each 6] [--seed 4321] [--without-river]`.
"""

import argparse
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.anomaly import (  # noqa: E402
    Stream,
    ewma_z,
    grace,
    normalised,
    print_table,
    raw_score,
    report_of,
    river,
    rolling_range,
    timed,
)
from grace_ray.models.detect import AnomalyDetector  # noqa: E402

RESULTS = ROOT / "bench" / "results" / "anomaly_made.json"
POINTS, DAY, STEP_S = 4032, 288, 300.0
BARS = (0.5, 0.6, 0.7, 0.8, 0.9)

Change = Callable[[np.ndarray, int, float, np.random.Generator], None]
"""Changes values in place from a point on, by a size in the unit of the noise's standard deviation."""


def spike(values: np.ndarray, start: int, size: float, rng: np.random.Generator) -> None:
    """One to four points far off."""
    values[start : start + int(rng.integers(1, 5))] += 1.5 * size * rng.choice([-1, 1])


def shift(values: np.ndarray, start: int, size: float, rng: np.random.Generator) -> None:
    """Another level from then on."""
    values[start:] += size * rng.choice([-1, 1])


def drift(values: np.ndarray, start: int, size: float, rng: np.random.Generator) -> None:
    """Another level, reached over half a day to two days."""
    steps = int(rng.integers(DAY // 2, 2 * DAY))
    values[start:] += 1.5 * size * rng.choice([-1, 1]) * np.minimum(np.arange(values.size - start) / steps, 1.0)


def variance(values: np.ndarray, start: int, size: float, rng: np.random.Generator) -> None:
    """Noise of 3 to 10 times the spread for a day."""
    end = min(start + DAY, values.size)
    values[start:end] += size * rng.normal(size=end - start)


def flatline(values: np.ndarray, start: int, size: float, rng: np.random.Generator) -> None:
    """The last value for 3 to 12 hours."""
    values[start : start + int(rng.integers(36, 144))] = values[start - 1]


def missing_peak(values: np.ndarray, start: int, size: float, rng: np.random.Generator) -> None:
    """Half a day as the half day before it was, turned round in time."""
    values[start : start + DAY // 2] = values[start - DAY // 2 : start][::-1][: values.size - start]


def none(values: np.ndarray, start: int, size: float, rng: np.random.Generator) -> None:
    """Nothing."""


KINDS: tuple[Change, ...] = (spike, shift, drift, variance, flatline, missing_peak, none)


def base(number: int, rng: np.random.Generator) -> np.ndarray:
    """A series without anomalies, its noise of standard deviation 1."""
    days = np.arange(POINTS) / DAY
    phase, amplitude = rng.uniform(0, 1), rng.choice([0.0, 3.0, 10.0])
    season = amplitude * (np.sin(2 * np.pi * (days + phase)) + 0.3 * np.sin(4 * np.pi * (days + phase)))
    if number % 2:
        season *= np.where(days % 7 >= 5, 0.5, 1.0)
    noise, echo = rng.normal(size=POINTS), rng.choice([0.0, 0.5, 0.9])
    for place in range(1, POINTS):
        noise[place] = echo * noise[place - 1] + math.sqrt(1 - echo**2) * noise[place]
    skewed = (np.exp(0.7 * noise) - math.exp(0.245)) / 1.02
    values: np.ndarray = 40.0 + season + (skewed if number % 3 == 2 else noise)
    return values


def made_stream(change: Change, number: int, rng: np.random.Generator) -> Stream:
    """A stream with one kind of anomaly."""
    values = base(number, rng)
    count = 0 if change is none else int(rng.integers(1, 3))
    starts = [int(rng.integers(*part)) for part in ((900, 2000), (2500, 3700))]
    starts = sorted(rng.permutation(starts)[:count].tolist())
    for start in starts:
        change(values, start, float(rng.uniform(3, 10)), rng)
    kept = rng.random(POINTS) > 0.01
    for _ in range(2):
        hole = int(rng.integers(0, POINTS))
        kept[hole : hole + int(rng.integers(6, 60))] = False
    kept[[0, *starts]] = True
    half = POINTS // 10 // max(1, count) // 2
    place_of = np.cumsum(kept) - 1
    windows = [(int(place_of[start - half]), int(place_of[min(start + half, POINTS - 1)])) for start in starts]
    name = f"{change.__name__}/{number}"
    return Stream(name=name, at_s=1.7e9 + STEP_S * np.flatnonzero(kept), values=values[kept], windows=windows)


def main() -> None:
    """Run all, print the tables, write the JSON."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--each", type=int, default=6, help="streams of each kind")
    options.add_argument("--seed", type=int, default=4321)
    options.add_argument("--without-river", action="store_true")
    chosen = options.parse_args()
    rng = np.random.default_rng(chosen.seed)
    streams = [made_stream(change, number, rng) for change in KINDS for number in range(chosen.each)]
    ours, speed = timed(grace, streams)
    report = {"grace": report_of(streams, ours, speed, AnomalyDetector.threshold)}
    report["rolling range"] = report_of(streams, *timed(rolling_range, streams), None)
    report["EWMA z-score"] = report_of(streams, *timed(ewma_z, streams), None)
    if not chosen.without_river:
        report["river HalfSpaceTrees"] = report_of(streams, *river(streams), None)
    print_table(report)
    bars = [at_bar(streams, ours, bar) for bar in BARS]
    print("\nGrace, by the score from which on it is said: found of each kind, false alarms a day outside windows")
    for row in bars:
        shares = "  ".join(f"{kind} {share:.2f}" for kind, share in row["found"].items())
        print(f"  {row['bar']}  NAB {row['nab']:5.1f}   {shares}   false {row['false_a_day']:.2f}")
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps({"detectors": report, "bars": bars}, indent=2) + "\n")
    print(f"\nWritten to {RESULTS.relative_to(ROOT)}.")


def at_bar(streams: list[Stream], scores: list[np.ndarray], bar: float) -> dict[str, Any]:
    """What is found and invented at one threshold, after the probation."""
    hits: dict[str, list[bool]] = {}
    false = points = 0
    for stream, found in zip(streams, scores, strict=True):
        alarms = found >= bar
        alarms[: stream.probation] = False
        for first, last in stream.windows:
            hits.setdefault(stream.folder, []).append(bool(alarms[first : last + 1].any()))
            alarms[first : last + 1] = False
        false += int(alarms.sum())
        points += stream.values.size - stream.probation
    shares = {kind: sum(found) / len(found) for kind, found in hits.items()}
    nab = normalised(streams, raw_score(streams, scores, bar))
    return {"bar": bar, "nab": nab, "found": shares, "false_a_day": false / points * DAY}


if __name__ == "__main__":
    main()
