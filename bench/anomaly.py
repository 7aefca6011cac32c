"""Streaming anomaly detection on the Numenta Anomaly Benchmark: Grace and its peers, each stream read once, in order.

NAB's standard profile, transcribed from its published sweeper (numenta/NAB, nab/sweeper.py and config/profiles.json):
the first 15% of a stream (at most 750 points) do not count; a window found is worth up to 1, the more the earlier; one
missed costs 1; a false alarm costs up to 0.11, less just after a window. One threshold for all streams. 0 is a detector
that never speaks, 100 one that finds each window at once.

Three scores: with the threshold that Grace carries; with the best threshold of the other folders, one folder left out
at a time (for peers this is the fair one: they carry none); and the best threshold in hindsight.

Peers: outside the rolling minimum and maximum of the last 1,000 values, at onset only; an EWMA z-score; river's
HalfSpaceTrees on the last eight values (in an environment of its own below bench/.peers, made on first use). All are
causal; river is told each stream's limits from its first 15%.

Run it with `python bench/anomaly.py [--streams DIR] [--without-river]`; DIR holds NAB's streams and their
`labels_windows.json`.
"""

import argparse
import csv
import json
import math
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from grace_ray.models.detect import AnomalyDetector  # noqa: E402

PEER_HOME = ROOT / "bench" / ".peers" / "river"
RESULTS = ROOT / "bench" / "results" / "anomaly.json"
FALSE_ALARM_COST = 0.11
PROBATION_SHARE, PROBATION_MOST = 0.15, 750
RIVER = """
import json, sys, time
from river import anomaly
out = []
for values in json.load(sys.stdin):
    head = values[: max(9, int(0.15 * len(values)))]
    limits = {str(lag): (min(head), max(head) + 1e-9) for lag in range(8)}
    model = anomaly.HalfSpaceTrees(n_trees=25, height=8, window_size=250, limits=limits, seed=1)
    start, scores = time.process_time(), []
    for i in range(len(values)):
        row = {str(lag): values[max(0, i - lag)] for lag in range(8)}
        scores.append(model.score_one(row))
        model.learn_one(row)
    out.append([scores, time.process_time() - start])
json.dump(out, sys.stdout)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A labelled stream: times in seconds, values, and the first and last place of each window."""

    name: str
    at_s: np.ndarray
    values: np.ndarray
    windows: list[tuple[int, int]]

    @property
    def folder(self) -> str:
        """The kind of stream."""
        return self.name.split("/")[0]

    @property
    def probation(self) -> int:
        """How many points at the beginning do not count."""
        return math.ceil(min(math.floor(PROBATION_SHARE * self.values.size), PROBATION_MOST))

    @property
    def live(self) -> list[int]:
        """The windows that are not wholly within the probation."""
        return [number for number, (_, last) in enumerate(self.windows) if last >= self.probation]


def read_streams(folder: Path) -> list[Stream]:
    """All labelled streams below a folder, by name."""
    labels = json.loads((folder / "labels_windows.json").read_text())
    return [read_stream(folder, name, windows) for name, windows in sorted(labels.items())]


def read_stream(folder: Path, name: str, windows: list[list[str]]) -> Stream:
    """One stream."""
    with (folder / name).open(newline="") as file:
        rows = list(csv.DictReader(file))
    times = [seconds(row["timestamp"]) for row in rows]
    return Stream(
        name=name,
        at_s=np.array(times),
        values=np.array([float(row["value"]) for row in rows]),
        windows=[(times.index(seconds(first)), times.index(seconds(last))) for first, last in windows],
    )


def seconds(text: str) -> float:
    """A time as seconds since the epoch."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def scaled_sigmoid(position: np.ndarray) -> np.ndarray:
    """NAB's weight by the position relative to a window: -1 its first point, 0 its end, above 0 after it."""
    near = 2.0 / (1.0 + np.exp(5.0 * np.minimum(position, 3.0))) - 1.0
    return np.where(position >= 3.0, -1.0, near)


def weigh(stream: Stream) -> tuple[np.ndarray, np.ndarray]:
    """What an alarm at each point is worth, and in which window it is (-1: in none)."""
    size = stream.values.size
    worth, window_of = np.full(size, -FALSE_ALARM_COST), np.full(size, -1)
    ends = [*(first for first, _ in stream.windows), size]
    for number, (first, last) in enumerate(stream.windows):
        width = float(last - first + 1)
        inside, after = np.arange(first, last + 1), np.arange(last + 1, ends[number + 1])
        top = scaled_sigmoid(np.array(-1.0))
        worth[first : last + 1] = scaled_sigmoid(-(last - inside + 1) / width) / top
        worth[last + 1 : ends[number + 1]] = FALSE_ALARM_COST * scaled_sigmoid(np.abs(last - after) / (width - 1))
        window_of[first : last + 1] = number
    return worth, window_of


def gains(stream: Stream, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Thresholds, and by how much the raw score changes as each is reached from above."""
    worth, window_of = (part[stream.probation :] for part in weigh(stream))
    scores = scores[stream.probation :]
    outside = window_of < 0
    thresholds, changes = [scores[outside]], [worth[outside]]
    for number in stream.live:
        inside = np.flatnonzero(window_of == number)
        inside = inside[np.argsort(-scores[inside], kind="stable")]
        best = np.maximum.accumulate(worth[inside])
        thresholds.append(scores[inside])
        changes.append(np.diff(np.concatenate([[-1.0], best])))
    return np.concatenate(thresholds), np.concatenate(changes)


def raw_score(streams: Sequence[Stream], scores: Sequence[np.ndarray], threshold: float) -> float:
    """NAB's raw score of all streams at one threshold: an alarm where a score reaches it."""
    total = 0.0
    for stream, found in zip(streams, scores, strict=True):
        thresholds, changes = gains(stream, found)
        total += float(changes[thresholds >= threshold].sum()) - len(stream.live)
    return total


def best_threshold(streams: Sequence[Stream], scores: Sequence[np.ndarray]) -> float:
    """The threshold with the best raw score."""
    parts = [gains(stream, found) for stream, found in zip(streams, scores, strict=True)]
    thresholds, changes = np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
    order = np.argsort(-thresholds, kind="stable")
    thresholds, total = thresholds[order], np.cumsum(changes[order])
    is_last = np.append(thresholds[1:] != thresholds[:-1], True)
    best = int(np.argmax(np.where(is_last, total, -np.inf)))
    return float(thresholds[best]) if total[best] > 0 else math.inf


def normalised(streams: Sequence[Stream], raw: float) -> float:
    """0: silent; 100: perfect."""
    windows = sum(len(stream.live) for stream in streams)
    return 100.0 * (raw + windows) / (2 * windows)


def left_out(streams: Sequence[Stream], scores: Sequence[np.ndarray]) -> tuple[float, dict[str, float]]:
    """The score with each folder's threshold chosen on the others: of all, and of each folder that has windows."""
    total, folders = 0.0, {}
    pairs = list(zip(streams, scores, strict=True))
    for folder in sorted({stream.folder for stream in streams}):
        train = [pair for pair in pairs if pair[0].folder != folder]
        test = [pair for pair in pairs if pair[0].folder == folder]
        raw = raw_score(*zip(*test, strict=True), best_threshold(*zip(*train, strict=True)))
        total += raw
        if any(stream.live for stream, _ in test):
            folders[folder] = normalised([stream for stream, _ in test], raw)
    return normalised(streams, total), folders


def rolling_range(stream: Stream) -> np.ndarray:
    """How far a value is outside the range of the last 1,000, where none of the last ten was."""
    values, scores, last = stream.values, np.zeros(stream.values.size), -11
    for place in range(1, values.size):
        past = values[max(0, place - 1000) : place]
        low, high = past.min(), past.max()
        beyond = max(values[place] - high, low - values[place])
        if beyond > 0:
            if place - last > 10:
                scores[place] = beyond / (high - low + 1e-9 * max(abs(high), 1e-9))
            last = place
    return scores


def ewma_z(stream: Stream) -> np.ndarray:
    """How many standard deviations a value is from the mean, both exponentially weighted (0.01), at onset only."""
    mean, variance, scores, last = float(stream.values[0]), 0.0, np.zeros(stream.values.size), -11
    for place, value in enumerate(stream.values.tolist()):
        z = abs(value - mean) / math.sqrt(variance + 1e-12 * max(1.0, mean * mean))
        if z > 3.0:
            scores[place] = z if place - last > 10 else 0.0
            last = place
        mean += 0.01 * (value - mean)
        variance += 0.01 * ((value - mean) ** 2 - variance)
    return scores


def grace(stream: Stream) -> np.ndarray:
    """Grace's scores."""
    return AnomalyDetector().score_many(stream.values, stream.at_s).score


def grace_one_by_one(stream: Stream) -> np.ndarray:
    """Grace's scores, one value at a time."""
    detector = AnomalyDetector()
    pairs = zip(stream.values.tolist(), stream.at_s.tolist(), strict=True)
    return np.array([detector.score_one(value, at_s).score for value, at_s in pairs])


def timed(score: Callable[[Stream], np.ndarray], streams: Sequence[Stream]) -> tuple[list[np.ndarray], float]:
    """The scores of each stream, and points a CPU-second."""
    start = time.process_time()
    scores = [score(stream) for stream in streams]
    return scores, sum(s.values.size for s in streams) / (time.process_time() - start)


def river(streams: Sequence[Stream]) -> tuple[list[np.ndarray], float]:
    """The same of river's HalfSpaceTrees."""
    python = PEER_HOME / "bin" / "python"
    if not python.exists():
        print("Making an environment for river ...", flush=True)
        venv.create(PEER_HOME, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "river"], check=True)
    sent = json.dumps([stream.values.tolist() for stream in streams])
    done = subprocess.run([python, "-c", RIVER], input=sent, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    return [np.array(scores) for scores, _ in found], sum(len(s) for s, _ in found) / sum(cpu for _, cpu in found)


def report_of(
    streams: Sequence[Stream], scores: list[np.ndarray], speed: float, carried: float | None
) -> dict[str, Any]:
    """All scores of one detector."""
    unseen, folders = left_out(streams, scores)
    hindsight = normalised(streams, raw_score(streams, scores, best_threshold(streams, scores)))
    mine = None if carried is None else normalised(streams, raw_score(streams, scores, carried))
    return {"carried": mine, "left_out": unseen, "hindsight": hindsight, "folders": folders, "points_per_s": speed}


def main() -> None:
    """Run all, print the table, write the JSON."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--streams", type=Path, default=ROOT.parent / "shared" / "data" / "anomalies")
    options.add_argument("--without-river", action="store_true")
    chosen = options.parse_args()
    if not (chosen.streams / "labels_windows.json").exists():
        raise SystemExit("There is no labels_windows.json below --streams.")
    streams = read_streams(chosen.streams)
    report = {"grace": report_of(streams, *timed(grace, streams), AnomalyDetector.threshold)}
    report["grace, one by one"] = report_of(streams, *timed(grace_one_by_one, streams), AnomalyDetector.threshold)
    report["rolling range"] = report_of(streams, *timed(rolling_range, streams), None)
    report["EWMA z-score"] = report_of(streams, *timed(ewma_z, streams), None)
    if not chosen.without_river:
        report["river HalfSpaceTrees"] = report_of(streams, *river(streams), None)
    print_table(report)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")
    print(f"\nWritten to {RESULTS.relative_to(ROOT)}.")


def print_table(report: dict[str, dict[str, Any]]) -> None:
    """The report for people."""
    folders = list(report["grace"]["folders"])
    print(
        f"{'':22}{'carried':>9}{'left out':>9}{'hindsight':>10}{'points/s':>12}  "
        + " ".join(f"{f[-13:]:>13}" for f in folders)
    )
    for who, found in report.items():
        carried = "-" if found["carried"] is None else f"{found['carried']:.1f}"
        cells = " ".join(f"{found['folders'][folder]:13.1f}" for folder in folders)
        scores = f"{carried:>9}{found['left_out']:9.1f}{found['hindsight']:10.1f}{found['points_per_s']:12,.0f}"
        print(f"{who:22}{scores}  {cells}")
    peers = {who: found["left_out"] for who, found in report.items() if not who.startswith("grace")}
    best = max(peers, key=lambda who: peers[who])
    ratio = report["grace"]["left_out"] / peers[best]
    print(f"\nGrace against the best peer ({best}), threshold from other folders: {ratio:.2f}")


if __name__ == "__main__":
    main()
