"""What a person waits for with 10,000 open clusters: acknowledging, resolving, listing, and the console's page.

    python bench/operations.py [--clusters 10000] [--times 100] [--clients 1] [--haproxy]

The clusters come in over HTTP; their events are of low severity, so that no mission competes with what is measured.
"""

import argparse
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import orjson

from bench import load
from bench.house import House, grace, percentile, print_rows, write_json

FLOOR_MS, GOAL_MS = 150, 50
BATCH = 100
DOMAINS = 20


def main() -> None:
    """Measure, print the table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clusters", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=100, help="each operation")
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--haproxy", action="store_true", help="behind Serve's HAProxy")
    args = parser.parse_args()
    with grace(ray__haproxy=args.haproxy, missions__enabled=False) as house:
        empty_mb = house.pss_mb("triage")
        fill(house, args.clusters)
        full_mb = house.pss_mb("triage")
        rows = [measured(house, name, requests, args.clients) for name, requests in operations(args)]
        active = house.get("/api/learning-feedback/dashboard")["metrics"]["active_clusters"]
    print(f"{active:,} of {args.clusters:,} clusters are open or acknowledged at the end.")
    print(f"Triage: {empty_mb} MB empty, {full_mb} MB with {args.clusters:,} clusters (PSS).\n")
    print_rows(rows)
    report = {"clusters": args.clusters, "triage_empty_mb": empty_mb, "triage_full_mb": full_mb, "rows": rows}
    write_json("operations", report)


def fill(house: House, clusters: int) -> None:
    """Open so many clusters."""
    events = [event(number) for number in range(clusters)]
    batches = [orjson.dumps(events[start : start + BATCH]) for start in range(0, clusters, BATCH)]
    media_type = "application/cloudevents-batch+json"
    load.run(house.port, (load.request("POST", "/api/events", body, media_type) for body in batches), 4)
    house.wait_until_triaged()
    found = house.get("/api/learning-feedback/dashboard")["metrics"]["active_clusters"]
    if found < clusters:
        raise SystemExit(f"Only {found} of {clusters} clusters were opened.")
    time.sleep(2.0)  # what filling leaves behind


def event(number: int) -> dict[str, Any]:
    """Return the event that opens cluster ``number``."""
    return {
        "specversion": "1.0",
        "id": f"operations-{number}",
        "source": f"/bench/host-{number % 200}",
        "type": "log.record",
        "domain": f"domain{number % DOMAINS}",
        "severity": "low",
        "pattern": f"kind-{number}",
        "message": f"The nightly job {number} was slower than usual on host-{number % 200}",
        "data": {"host": f"host-{number % 200}", "job": str(number)},
    }


def operations(args: argparse.Namespace) -> Iterator[tuple[str, list[bytes]]]:
    """Yield each operation's name and its requests."""
    chosen = range(args.clusters // 2, args.clusters // 2 + args.times)
    keys = [quote(f"domain{number % DOMAINS}:low:kind-{number}", safe="") for number in chosen]
    for action in ("acknowledge", "resolve"):
        yield action, [load.request("POST", f"/api/clusters/{key}/{action}", b'{"by":"bench"}') for key in keys]
    for path in (
        "/api/clusters",
        "/api/clusters?status=open",
        "/api/learning-feedback/clusters",
        "/api/learning-feedback/dashboard",
        "/clusters",
    ):
        yield f"GET {path}", [load.request("GET", path)] * args.times
    yield "GET /api/clusters/{key}", [load.request("GET", f"/api/clusters/{key}") for key in keys]


def measured(house: House, name: str, requests: list[bytes], clients: int) -> dict[str, Any]:
    """Return a line of the table; the first tenth of the requests warms caches."""
    done = load.run(house.port, iter(requests), clients)
    latencies = [1e3 * latency for latency in done.latencies_s[len(requests) // 10 :]]
    figures = {f"p{share}": round(percentile(latencies, share / 100), 1) for share in (50, 90, 99)}
    return {"ms": name, **figures, "max": round(max(latencies), 1), "floor": FLOOR_MS, "goal": GOAL_MS}


if __name__ == "__main__":
    main()
