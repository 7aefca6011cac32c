"""Intake: events parsed, checked, redacted, completed and encoded per CPU-second, against the CloudEvents SDK.

The same events go through each side in turn, round by round, in one run:

* orjson alone, the ceiling: it decodes and knows nothing of events;
* Grace, from batches of 100 and from lines: decode, validate, redact, derive, canonical bytes for the journal;
* the cloudevents SDK (its core and its old v1 interface), which decodes and validates attributes and does no more. It
  has no batch mode, so it reads the same events one by one.

Run it with `python bench/intake.py [--events 20000] [--rounds 5]`. CPU time of the process, best and median of rounds.
The SDK is installed below bench/.peers.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PEER_HOME = ROOT / "bench" / ".peers" / "intake"
RESULTS = ROOT / "bench" / "results" / "intake.json"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
BATCH = 100
SECRET_SHARE = 0.02
NAMES = ("error.unhandled", "service.degraded", "agent.task.failed", "github.rate_limit", "com.acme.order.lost")
TEXTS = (
    "upstream timed out while reading response header from {host}, client: 10.0.{a}.{b}",
    "disk /var/lib/data on {host} is at {a}% of its capacity",
    "Failed password for user{a} from 10.1.{a}.{b} port {b} ssh2",
    "worker {b} on {host} restarted after signal 9 (out of memory), {a} jobs requeued",
)
SDK = """
import json, statistics, sys, time
from cloudevents.core.bindings.http import HTTPMessage, from_http_event, from_structured_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.v1.http import from_json
lines = sys.stdin.buffer.read().splitlines()
headers, form = {"content-type": "application/cloudevents+json"}, JSONFormat()
def core(): return sum(len(from_structured_event(HTTPMessage(headers, line), form).get_id()) > 0 for line in lines)
def v1(): return sum(len(from_json(line)["id"]) > 0 for line in lines)
def timed(work):
    start = time.process_time()
    assert work() == len(lines)
    return time.process_time() - start
print(json.dumps({"SDK 2, core": timed(core), "SDK 2, v1 interface": timed(v1)}))
"""


def main() -> None:
    """Run every side in turn, print the table, write the JSON."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--events", type=int, default=20_000)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    lines = events(chosen.events, Random(7))
    sides = grace_sides(lines)
    python = peer_python()
    times: dict[str, list[float]] = {}
    for _ in range(chosen.rounds):
        for name, work in sides.items():
            times.setdefault(name, []).append(cpu_seconds(work, len(lines)))
        done = subprocess.run([python, "-c", SDK], input=b"\n".join(lines), capture_output=True, check=True)
        for name, seconds in json.loads(done.stdout).items():
            times.setdefault(name, []).append(seconds)
    report = {
        name: {
            "events_per_cpu_s": round(len(lines) / statistics.median(found)),
            "best": round(len(lines) / min(found)),
            "us_an_event": round(statistics.median(found) / len(lines) * 1e6, 2),
        }
        for name, found in times.items()
    }
    print_table(report, sum(map(len, lines)) / len(lines))
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")
    print(f"\nWritten to {RESULTS.relative_to(ROOT)}.")


def events(count: int, rng: Random) -> list[bytes]:
    """Return encoded CloudEvents such as services send: five types, texts with numbers, now and then a secret."""
    found = []
    for number in range(count):
        host = f"web-{rng.randrange(40)}.prod.example.com"
        data: dict[str, Any] = {
            "message": rng.choice(TEXTS).format(host=host, a=rng.randrange(100), b=rng.randrange(60_000)),
            "host": host,
            "latency_ms": round(rng.random() * 900, 3),
            "status": rng.choice((200, 429, 503)),
            "labels": {"region": rng.choice(("eu-west-1", "us-east-2")), "tier": "front"},
        }
        if rng.random() < SECRET_SHARE:
            data["authorization"] = f"Bearer {rng.getrandbits(128):x}"
        at = NOW - timedelta(seconds=rng.random() * 600)
        event = {
            "specversion": "1.0", "id": f"{number}-{rng.getrandbits(64):x}", "source": f"/shop/{rng.randrange(20)}",
            "type": rng.choice(NAMES), "time": at.isoformat().replace("+00:00", "Z"), "subject": host, "data": data,
        }  # fmt: skip
        found.append(json.dumps(event, separators=(",", ":")).encode())
    return found


def grace_sides(lines: list[bytes]) -> dict[str, Callable[[], int]]:
    """Return what runs in this process: each counts the events that came through."""
    sys.path.insert(0, str(ROOT))
    import orjson

    from grace_ray.sense.formats import cloudevents
    from grace_ray.sense.intake import Intake
    from grace_ray.settings import IntakeSettings

    limits = IntakeSettings()
    intake = Intake(limits)
    chunks = [lines[start : start + BATCH] for start in range(0, len(lines), BATCH)]
    arrays = [b"[" + b",".join(chunk) + b"]" for chunk in chunks]
    texts = [b"\n".join(chunk) for chunk in chunks]
    kinds = {"batch": {"content-type": cloudevents.BATCH}, "lines": {"content-type": "application/x-ndjson"}}

    def rows(kind: str, bodies: list[bytes]) -> int:
        return sum(len(intake.take(cloudevents.decode(kinds[kind], body, limits), NOW).rows) for body in bodies)

    return {
        "orjson alone": lambda: sum(len(orjson.loads(body)) for body in arrays),
        "Grace, batches of 100": lambda: rows("batch", arrays),
        "Grace, lines": lambda: rows("lines", texts),
    }


def cpu_seconds(work: Callable[[], int], count: int) -> float:
    """Return the CPU time of one pass over all events."""
    start = time.process_time()
    assert work() == count
    return time.process_time() - start


def peer_python() -> Path:
    """Return the SDK's own environment, made once."""
    python = PEER_HOME / "bin" / "python"
    if not python.exists():
        print("Installing the cloudevents SDK below bench/.peers ...", flush=True)
        venv.create(PEER_HOME, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "cloudevents>=2.2,<3"], check=True)
    return python


def print_table(report: dict[str, dict[str, float]], mean_bytes: float) -> None:
    """Print events per CPU-second and the ratio to the SDK."""
    sdk = max(row["events_per_cpu_s"] for name, row in report.items() if name.startswith("SDK"))
    print(f"Events of {mean_bytes:.0f} bytes, {SECRET_SHARE:.0%} with a secret; median of rounds.\n")
    print(f"{'':26}{'events / CPU-s':>16}{'best':>12}{'us each':>10}{'to the SDK':>12}")
    for name, row in report.items():
        ratio = row["events_per_cpu_s"] / sdk
        print(f"{name:26}{row['events_per_cpu_s']:>16,}{row['best']:>12,}{row['us_an_event']:>10.2f}{ratio:>11.2f}x")


if __name__ == "__main__":
    main()
