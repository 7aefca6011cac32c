"""Durable ingest over HTTP: Grace, Debian's prometheus-alertmanager, and a bare Starlette app, the ceiling, in turn.

    python bench/ingest.py [--seconds 6] [--rounds 3] [--clients 16] [--haproxy]

The same events go to each: as CloudEvents to Grace and to Starlette (which parses them and forgets them), as alerts
of the same labels and text to Alertmanager (which keeps alerts in memory and groups them by labels). Grace's rate
counts events that are durable and triaged: parsed, redacted, deduplicated, mined, grouped, scored. The missions that
the storm's clusters launch have ended before the clock starts. All three share the machine with the client.
Alertmanager is left out, saying so, where its package is not installed.
"""

import argparse
import itertools
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import orjson
import psutil

from actors.free_ports import free_port
from bench import load
from bench.house import House, cpu_s, grace, percentile, print_rows, tree, wait_for, write_json
from bench.storms import storm
from grace_ray.core.cloudevent import to_cloudevent
from grace_ray.core.event import Event

BATCH = 100
DISTINCT = 20_000
TAG = b"@@@@@@"  # in every id; replaced by another text each time the events are sent again
BOUNDS = {
    "batches, events/s": (6_000, 25_000),
    "single, events/s": (150, 1_500),
    "single, p99 ms": (300, 60),
}
CEILING = """
import orjson, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
async def take(request):
    events = orjson.loads(await request.body())
    count = len(events) if isinstance(events, list) else 1
    return Response(orjson.dumps({{"accepted": count}}), 202, media_type="application/json")
app = Starlette(routes=[Route("/api/events", take, methods=["POST"])])
uvicorn.run(app, host="127.0.0.1", port={port}, log_level="warning", access_log=False)
"""


class Target(NamedTuple):
    """A system under load: its port, how to write requests, and its parts' CPU seconds.

    ``settle`` waits until all events are done, ``rest`` until what they set off is done too.
    """

    port: int
    requests: Callable[[int], Iterator[bytes]]
    settle: Callable[[], None]
    rest: Callable[[], None]
    cpu: Callable[[], dict[str, float]]


def main() -> None:
    """Measure all, print the tables, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=6.0, help="of one round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--haproxy", action="store_true", help="measure Grace behind Serve's HAProxy too")
    parser.add_argument("--only-grace", action="store_true", help="leave the peers out")
    args = parser.parse_args()
    events = made_events(DISTINCT)
    runs: dict[str, dict[str, Any]] = {}
    if not args.only_grace:
        with starlette(events) as target:
            runs["starlette"] = measured(target, args)
        if shutil.which("prometheus-alertmanager"):
            with alertmanager(events) as target:
                runs["alertmanager"] = measured(target, args)
        else:
            print("prometheus-alertmanager is not installed (apt-get install prometheus-alertmanager): left out.")
    for is_haproxy in (False, True) if args.haproxy else (False,):
        with grace(ray__haproxy=is_haproxy, web__enabled=False, github__enabled=False) as house:
            runs["grace, haproxy" if is_haproxy else "grace"] = measured(grace_target(house, events), args)
    report(runs)
    write_json("ingest", runs)


def made_events(count: int) -> list[Event]:
    """Return the events of a storm of 60 faults: alerts, log records, failed tasks and searches of many services."""
    start = datetime.now(UTC) - timedelta(seconds=600)
    return storm("own_service", 60, count, Random(7), start)[0]


def measured(target: Target, args: argparse.Namespace) -> dict[str, Any]:
    """Return rates (median of the rounds), latencies, and CPU seconds for a thousand events of one system."""
    load.run(target.port, target.requests(BATCH), args.clients, 1.5)  # caches, connections, first imports
    target.rest()
    before = target.cpu()
    batches = [one_round(target, BATCH, args) for _ in range(args.rounds)]
    after, events = target.cpu(), sum(one["events"] for one in batches)
    cost_ms = {part: 1e6 * (spent - before.get(part, 0.0)) / events for part, spent in after.items()}
    singles = [one_round(target, 1, args) for _ in range(args.rounds)]
    return {
        "batches, events/s": median(batches, "rate"),
        "batches, p50 ms": median(batches, "p50_ms"),
        "batches, p99 ms": median(batches, "p99_ms"),
        "CPU ms per 1,000 events": sum(cost_ms.values()),
        "single, events/s": median(singles, "rate"),
        "single, p50 ms": median(singles, "p50_ms"),
        "single, p99 ms": median(singles, "p99_ms"),
        "rounds": {"batches": batches, "single": singles},
        "parts": cost_ms,
    }


def one_round(target: Target, size: int, args: argparse.Namespace) -> dict[str, Any]:
    """Return what one round of requests of ``size`` events did; the clock stops when all of it is done."""
    idle = psutil.cpu_times()
    started = time.perf_counter()
    done = load.run(target.port, target.requests(size), args.clients, args.seconds)
    target.settle()
    took = time.perf_counter() - started
    events = len(done.latencies_s) * size
    busy = psutil.cpu_times()
    return {
        "events": events,
        "rate": events / took,
        "p50_ms": 1e3 * percentile(done.latencies_s, 0.5),
        "p99_ms": 1e3 * percentile(done.latencies_s, 0.99),
        "told_to_wait": done.statuses[429] + done.statuses[503],
        "idle_share": round((busy.idle - idle.idle) / ((psutil.cpu_count() or 1) * took), 2),
    }


def grace_target(house: House, events: list[Event]) -> Target:
    """Return Grace as a target."""
    return Target(house.port, cloudevents(events), house.wait_until_triaged, house.wait_until_at_rest, house.cpu)


def _nothing() -> None:
    """Wait for nothing: what has answered is done."""


@contextmanager
def starlette(events: list[Event]) -> Iterator[Target]:
    """Run the bare app under uvicorn."""
    port = free_port()
    with subprocess.Popen([sys.executable, "-c", CEILING.format(port=port)]) as server:
        try:
            wait_for(f"http://127.0.0.1:{port}/", {404})
            yield Target(port, cloudevents(events), _nothing, _nothing, lambda: {"all": cpu_s(tree(server.pid))})
        finally:
            server.terminate()


@contextmanager
def alertmanager(events: list[Event]) -> Iterator[Target]:
    """Run Alertmanager with storage of its own, no cluster, and a receiver that does nothing."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "alertmanager.yml")
        config.write_text("route: {receiver: none, group_by: [alertname, service]}\nreceivers: [{name: none}]\n")
        command = ["prometheus-alertmanager", f"--config.file={config}", f"--storage.path={folder}/data"]
        command += [f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=", "--log.level=error"]
        with subprocess.Popen(command) as server:
            try:
                wait_for(f"http://127.0.0.1:{port}/-/ready", {200})
                yield Target(port, alerts(events), _nothing, _nothing, lambda: {"all": cpu_s(tree(server.pid))})
            finally:
                server.terminate()


_rounds = itertools.count(1)


def cloudevents(events: list[Event]) -> Callable[[int], Iterator[bytes]]:
    """Return a maker of requests with ``size`` events each that never end: each time round under new ids."""
    plain = [to_cloudevent(event) for event in events]
    for item in plain:
        item["id"] = f"{item['id']}-{TAG.decode()}"
    path, one, many = "/api/events", "application/cloudevents+json", "application/cloudevents-batch+json"

    def requests(size: int) -> Iterator[bytes]:
        bodies = plain if size == 1 else chunks(plain, size)
        encoded = [load.request("POST", path, orjson.dumps(body), one if size == 1 else many) for body in bodies]
        return endless(encoded)

    return requests


def alerts(events: list[Event]) -> Callable[[int], Iterator[bytes]]:
    """Return the same for Alertmanager: what identifies an alert are its labels."""
    plain = [_alert(event) for event in events]

    def requests(size: int) -> Iterator[bytes]:
        encoded = [load.request("POST", "/api/v2/alerts", orjson.dumps(c)) for c in chunks(plain, size)]
        return itertools.cycle(encoded)

    return requests


def endless(encoded: list[bytes]) -> Iterator[bytes]:
    """Yield the requests again and again, each time round with other ids."""
    while True:
        tag = b"%06d" % next(_rounds)
        yield from (item.replace(TAG, tag) for item in encoded)


def chunks(items: list[Any], size: int) -> list[list[Any]]:
    """Return the items in lists of ``size``."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def _alert(event: Event) -> dict[str, Any]:
    given = event.data.get("labels") or {}
    labels = {
        "alertname": given.get("alertname", event.type),
        "service": str(given.get("service") or event.data.get("service", "")),
        "instance": event.subject or event.source,
        "severity": event.severity or "none",
        "domain": event.domain or "none",
    }
    return {"labels": {k: v for k, v in labels.items() if v}, "annotations": {"description": event.message}}


def median(rounds: list[dict[str, Any]], name: str) -> float:
    """Return the median of a figure over rounds."""
    return float(statistics.median(one[name] for one in rounds))


def report(runs: dict[str, dict[str, Any]]) -> None:
    """Print the table, with ratios to both peers, floors and goals."""
    ours = runs.get("grace", {})
    rows = []
    for name in (key for key in ours if key not in ("rounds", "parts")):
        row: dict[str, Any] = {"": name, **{who: run[name] for who, run in runs.items()}}
        for peer in ("alertmanager", "starlette"):
            if peer in runs:
                row[f"grace/{peer}"] = ours[name] / runs[peer][name]
        floor, goal = BOUNDS.get(name, ("", ""))
        rows.append({**row, "floor": floor, "goal": goal})
    print_rows(rows)
    for who, run in runs.items():
        parts = sorted(run["parts"].items(), key=lambda part: -part[1])
        print(f"CPU ms per 1,000 events in batches, {who}:", ", ".join(f"{name} {ms:.1f}" for name, ms in parts))


if __name__ == "__main__":
    main()
