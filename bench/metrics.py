"""Metrics: points into the store, samples through each door, points through the metrics part, and a real Grace.

    python bench/metrics.py [--points 60000] [--series 1000] [--seconds 8] [--no-runtime]

* store: durable commits of points through the journal, in groups; the ceiling is raw SQLite: executemany of finished
  rows into the same table with the same indexes, the numbers of the series known;
* doors: a request decoded and checked, up to the points (nothing kept): remote-write, JSON, OTLP; the ceiling of
  remote-write is unpacking and parsing its protobuf and nothing else;
* part: snapshots, bands and anomalies of points that stand in the store, with what it costs to commit them;
* runtime: remote-write over HTTP to a Grace that runs, until each request is durable, by some senders at once.

Rates are by CPU second of one process, but the runtime's, which is by wall clock.
"""

import argparse
import random
import sqlite3
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cramjam
import orjson
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from bench.house import grace, print_rows, write_json
from grace_ray.adapters.store import sql, sqlite
from grace_ray.core.clock import to_us
from grace_ray.core.sample import Point
from grace_ray.core.store import Commit
from grace_ray.diagnose.metrics.part import MetricsPart
from grace_ray.prove.journal import Journal
from grace_ray.sense.formats import metrics, otlp_metrics, remote_write
from grace_ray.sense.samples import SampleIntake
from grace_ray.settings import IntakeSettings, MetricsSettings, Settings

NOW = datetime.now(UTC)
GROUPS = (100, 1000, 5000)
ROUNDS = 3
SENDERS = 4
A_REQUEST = 2000
WRITE = {"content-type": "application/x-protobuf", "content-encoding": "snappy"}


def main() -> None:
    """Run every part in turn, print tables, write the JSON."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--points", type=int, default=60_000)
    options.add_argument("--series", type=int, default=1_000)
    options.add_argument("--seconds", type=float, default=8.0, help="how long the runtime is written to")
    options.add_argument("--no-runtime", action="store_true")
    chosen = options.parse_args()
    points = made_points(chosen.points, chosen.series)
    report = {"store": store(points), "doors": doors(points), "part": part(points)}
    if not chosen.no_runtime:
        report["runtime"] = [runtime(chosen.seconds, chosen.series)]
    for name, rows in report.items():
        print(f"\n{name}")
        print_rows(rows)
    write_json("metrics", report)


def made_points(count: int, series: int) -> list[Point]:
    """Return points a minute apart of so many series, up to now."""
    rng = random.Random(1)
    steps = count // series
    start = to_us(NOW) - steps * 60_000_000
    return [
        Point(f'load{{host="{host}"}}', start + step * 60_000_000, rng.gauss(50, 5))
        for step in range(steps)
        for host in range(series)
    ]


def store(points: Sequence[Point]) -> list[dict[str, Any]]:
    """Return points a CPU second of Grace and of raw SQLite, by size of group."""
    rows = []
    for group in GROUPS:
        groups = [points[start : start + group] for start in range(0, len(points), group)]
        sides: dict[str, list[float]] = {"grace": [], "raw": []}
        for _ in range(ROUNDS):
            sides["grace"].append(len(points) / grace_commits(groups))
            sides["raw"].append(len(points) / raw_commits(groups))
        ours, raw = (statistics.median(sides[side]) for side in ("grace", "raw"))
        rows.append({"points a group": group, "grace, points/s": ours, "raw sqlite": raw, "ratio": ours / raw})
    return rows


def grace_commits(groups: Sequence[Sequence[Point]]) -> float:
    """Return the CPU seconds of committing every group."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(sqlite.writer(Path(folder) / "grace.db"))
        journal.recover()
        began = time.process_time()
        for group in groups:
            journal.commit(Commit(follower="bench", points=group))
        took_s = time.process_time() - began
        journal.close()
    return took_s


def raw_commits(groups: Sequence[Sequence[Point]]) -> float:
    """Return the CPU seconds of the same rows by plain executemany."""
    names = {point.series: number for group in groups for number, point in enumerate(group)}
    rows = [[(names[point.series], point.at_us, point.value) for point in group] for group in groups]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "grace.db"
        writer = sqlite.writer(path)
        writer.migrate()
        writer.close()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            began = time.process_time()
            for group in rows:
                with connection:
                    connection.executemany(sql.PUT_POINT, group)
            took_s = time.process_time() - began
    return took_s


def doors(points: Sequence[Point]) -> list[dict[str, Any]]:
    """Return samples a CPU second through each door."""
    batches = [points[start : start + A_REQUEST] for start in range(0, len(points), A_REQUEST)]
    limits, intake = IntakeSettings(), SampleIntake(Settings(), list)

    def rate(bodies: Sequence[bytes], take: Callable[[bytes], object]) -> float:
        take(bodies[0])
        began = time.process_time()
        for body in bodies:
            take(body)
        return len(points) / (time.process_time() - began)

    written = [write_body(batch) for batch in batches]
    return [
        {
            "door": "remote-write",
            "samples/s": rate(written, lambda body: intake.take(remote_write.decode(WRITE, body, limits), NOW)),
            "parsing alone": rate(written, parse_alone),
        },
        {
            "door": "JSON",
            "samples/s": rate(
                list(map(json_body, batches)), lambda body: intake.take(metrics.decode({}, body, limits), NOW)
            ),
            "parsing alone": rate(list(map(json_body, batches)), orjson.loads),
        },
        {
            "door": "OTLP",
            "samples/s": rate(
                list(map(otlp_body, batches)),
                lambda body: intake.take(
                    otlp_metrics.decode({"content-type": "application/x-protobuf"}, body, limits), NOW
                ),
            ),
            "parsing alone": rate(list(map(otlp_body, batches)), ExportMetricsServiceRequest.FromString),
        },
    ]


def parse_alone(body: bytes) -> None:
    """Unpack and parse a WriteRequest."""
    remote_write.write_request().ParseFromString(bytes(cramjam.snappy.decompress_raw(body)))


def write_body(batch: Sequence[Point]) -> bytes:
    """Return a remote-write request: a series each, as Prometheus sends them."""
    request = remote_write.write_request()
    for point in batch:
        made = request.timeseries.add()
        made.labels.add(name="__name__", value="load")
        made.labels.add(name="host", value=point.series.split('"')[1])
        made.samples.add(timestamp=point.at_us // 1000, value=point.value)
    return bytes(cramjam.snappy.compress_raw(request.SerializeToString()))


def json_body(batch: Sequence[Point]) -> bytes:
    """Return a request of JSON samples."""
    samples = [
        {"metric": "load", "labels": {"host": p.series.split('"')[1]}, "timestamp": p.at_us / 1e6, "value": p.value}
        for p in batch
    ]
    return orjson.dumps({"samples": samples})


def otlp_body(batch: Sequence[Point]) -> bytes:
    """Return an OTLP request: one gauge, a data point each."""
    request = ExportMetricsServiceRequest()
    gauge = request.resource_metrics.add().scope_metrics.add().metrics.add(name="load").gauge
    for point in batch:
        made = gauge.data_points.add(time_unix_nano=point.at_us * 1000, as_double=point.value)
        made.attributes.add(key="host").value.string_value = point.series.split('"')[1]
    return request.SerializeToString()


def part(points: Sequence[Point]) -> list[dict[str, Any]]:
    """Return points a CPU second through the metrics part, with and without anomalies."""
    rows = []
    for name, most in (("snapshots and bands", 0), ("and anomalies", 1_000_000)):
        with tempfile.TemporaryDirectory() as folder:
            writer = sqlite.writer(Path(folder) / "grace.db")
            journal = Journal(writer)
            journal.recover()
            for start in range(0, len(points), GROUPS[-1]):
                journal.commit(Commit(follower="bench", points=points[start : start + GROUPS[-1]]))
            taker = MetricsPart(MetricsSettings(anomaly_series_max=most, anomalies=most > 0), {})
            taker.restore(None, writer)
            taking = committing = 0.0
            began = time.process_time()
            while effects := taker.tick(NOW):
                taking += time.process_time() - began
                began = time.process_time()
                rows_made = [fact.to_row() for fact in effects.facts]
                journal.commit(
                    Commit(follower="m", rows=rows_made, records=effects.records, snapshots=effects.snapshots)
                )
                committing += time.process_time() - began
                began = time.process_time()
            journal.close()
        both = taking + committing
        rows.append({"part": name, "points/s": len(points) / taking, "with the commit": len(points) / both})
    return rows


def runtime(seconds: float, series: int) -> dict[str, Any]:
    """Return what a Grace that runs takes from some senders at once."""
    with grace(web__enabled=False, github__enabled=False, metrics__series_max=2 * series) as house:
        url, stop = f"{house.url}/api/v1/write", time.monotonic() + seconds

        def send(sender: int) -> list[float]:
            took: list[float] = []
            step = 0
            while time.monotonic() < stop:
                at_us = to_us(NOW) - 3_600_000_000 + (step * SENDERS + sender) * 1_000_000
                step += 1
                batch = [Point(f'load{{host="{n % series}"}}', at_us + n // series, float(n)) for n in range(A_REQUEST)]
                headers = {"Content-Type": WRITE["content-type"], "Content-Encoding": "snappy"}
                request = urllib.request.Request(url, write_body(batch), headers)
                began = time.monotonic()
                with urllib.request.urlopen(request, timeout=60):
                    took.append(time.monotonic() - began)
            return took

        began = time.monotonic()
        with ThreadPoolExecutor(SENDERS) as pool:
            took = sorted(each for sent in pool.map(send, range(SENDERS)) for each in sent)
        lasted = time.monotonic() - began
        cpu = house.cpu()
    return {
        "requests": len(took),
        "samples/s, durable": len(took) * A_REQUEST / lasted,
        "median ms a request": 1000 * took[len(took) // 2],
        "journal CPU s": cpu.get("journal", 0.0),
        "replica CPU s": cpu.get("replica", 0.0),
    }


if __name__ == "__main__":
    main()
