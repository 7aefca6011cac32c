"""How long after a critical event was acknowledged its learning mission is requested, created and started.

    python bench/latency.py [--events 100] [--haproxy]

Events of distinct clusters come one at a time, each when the mission before has ended, so that a worker is free and
what is measured is the way, not the queue. Two clocks: this process's, which watches the journal's file from outside
and sees only what is durable, and the journal's own stamps.
"""

import argparse
import time
import urllib.request
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from bench.house import House, grace, percentile, print_rows, write_json
from grace_ray import wiring
from grace_ray.core.store import EntryFilter, Reader
from grace_ray.settings import load

STEPS = ("mission.requested", "mission.created", "mission.started")
ENDINGS = frozenset({"mission.completed", "mission.failed", "mission.timed_out"})
NEWS = EntryFilter(kinds=frozenset({"event", "decision", "mission"}))
FLOOR_MS, GOAL_MS = 500, 100
_POLL_S = 0.002
_PATIENCE_S = 60.0


class Way(NamedTuple):
    """Milliseconds from the answer to the sender (``seen``), and from the event's own stamp (``stamped``), by step."""

    acknowledged_ms: float
    seen: dict[str, float]
    stamped: dict[str, float]


def main() -> None:
    """Measure, print the table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument("--haproxy", action="store_true", help="behind Serve's HAProxy")
    args = parser.parse_args()
    with grace(ray__haproxy=args.haproxy, web__enabled=False, github__enabled=False) as house:
        reader = wiring.open_reader(load(home=house.home))
        for number in range(5):  # the workers are made when first needed
            one_way(house, reader, -1 - number)
        ways = [one_way(house, reader, number) for number in range(args.events)]
    rows = [row(f"acknowledged -> {step}", [way.seen[step] for way in ways]) for step in STEPS]
    rows += [row(f"stamps: event -> {step}", [way.stamped[step] for way in ways]) for step in STEPS]
    rows.append({**row("sent -> acknowledged", [way.acknowledged_ms for way in ways]), "floor": "", "goal": ""})
    print_rows(rows)
    write_json("latency", {"events": args.events, "haproxy": args.haproxy, "rows": rows})


def row(name: str, values_ms: list[float]) -> dict[str, Any]:
    """Return a line of the table."""
    figures = {f"p{share}": round(percentile(values_ms, share / 100), 1) for share in (50, 90, 99)}
    return {"ms": name, **figures, "max": round(max(values_ms), 1), "floor": FLOOR_MS, "goal": GOAL_MS}


def one_way(house: House, reader: Reader, number: int) -> Way:
    """Send one critical event and watch the journal until its mission has ended."""
    event_id = f"critical-{number}"
    after = reader.head()
    sent = time.perf_counter()
    post(house, event_id, number)
    acknowledged = time.perf_counter()
    seen: dict[str, float] = {}
    stamps: dict[str, int] = {}
    end = acknowledged + _PATIENCE_S
    has_ended = False
    while not has_ended:
        if time.perf_counter() > end:
            raise TimeoutError(f"The mission of {event_id} has not ended after {_PATIENCE_S} s; seen: {list(seen)}")
        for entry in reader.entries(after, 100, NEWS):
            after = entry.seq
            stamps.setdefault(event_id if entry.id == event_id else entry.type, entry.recorded_us)
            seen.setdefault(entry.type, time.perf_counter() - acknowledged)
            has_ended = has_ended or entry.type in ENDINGS
        time.sleep(_POLL_S)
    begun_us = stamps[event_id]
    return Way(
        1e3 * (acknowledged - sent),
        {step: 1e3 * seen[step] for step in STEPS},
        {step: (stamps[step] - begun_us) / 1e3 for step in STEPS},
    )


def post(house: House, event_id: str, number: int) -> None:
    """Send a critical event of a cluster of its own."""
    event = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/bench/latency",
        "type": "service.degraded",
        "time": datetime.now().astimezone().isoformat(),
        "severity": "critical",
        "pattern": f"outage-{number}",
        "message": f"Replica set {number} of the payment database has no primary",
    }
    headers = {"Content-Type": "application/cloudevents+json"}
    request = urllib.request.Request(f"{house.url}/api/events", orjson.dumps(event), headers)
    with urllib.request.urlopen(request, timeout=30) as reply:
        reply.read()


if __name__ == "__main__":
    main()
