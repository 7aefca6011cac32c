"""Recommendations over HTTP: how many are tracked and judged a second, and how soon their agents' scores know.

A real Grace on Ray, Serve's own proxy. Batches of 100 and of 1,000, four clients; 25 agents, three types, four agents
on a question. "Acknowledged" is durable on the journal; "scored" is when the trust part has taken all of it. The peer
is the same Grace's `POST /api/events`, whose events nobody scores.

Run it with `python bench/learning.py [--count N]`.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import load  # noqa: E402
from bench.house import House, grace, print_rows, write_json  # noqa: E402

_CLIENTS = 4
_LAG_S = 300.0
_BASE = "/api/v1/learning"


def main() -> None:
    """Run, print the table, write the JSON."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--count", type=int, default=20_000)
    count = options.parse_args().count
    with grace(missions__enabled=False, web__enabled=False, github__enabled=False) as house:
        rows = [measured(house, count, size) for size in (100, 1000)]
        rows.append(events(house, count))
    print_rows(rows)
    write_json("learning", rows)


def measured(house: House, count: int, size: int) -> dict[str, Any]:
    """Track and judge ``count`` recommendations in batches of ``size``."""
    workspace, rng = f"bench-{size}", random.Random(size)
    tracked = [recommendation(number, rng) for number in range(count)]
    judged = [outcome(number, rng) for number in range(count)]
    began, cpu = time.perf_counter(), house.cpu()
    seconds = [
        load.run(house.port, requests(f"{_BASE}/{path}", workspace, items, size), _CLIENTS).wall_s
        for path, items in (("recommendations/track", tracked), ("outcomes/evaluate", judged))
    ]
    lag_s = wait_until_scored(house)
    spent = {role: used - cpu.get(role, 0.0) for role, used in house.cpu().items()}
    return {
        "batches of": size,
        "tracked/s": round(count / seconds[0]),
        "judged/s": round(count / seconds[1]),
        "pairs/s": round(count / sum(seconds)),
        "scored after s": round(lag_s, 1),
        "all in s": round(time.perf_counter() - began, 1),
        "CPU s of parts": round(spent.get("learning", 0.0), 1),
    }


def events(house: House, count: int) -> dict[str, Any]:
    """Send as many plain events in batches of 100."""
    batch = [
        {
            "specversion": "1.0",
            "id": f"e{number}",
            "source": "/bench",
            "type": "agent.task.completed",
            "data": {"message": "done"},
        }
        for number in range(count)
    ]
    bodies = (json.dumps(batch[at : at + 100]).encode() for at in range(0, count, 100))
    sent = (load.request("POST", "/api/events", body, "application/cloudevents-batch+json") for body in bodies)
    seconds = load.run(house.port, sent, _CLIENTS).wall_s
    return {"batches of": "events, 100", "tracked/s": round(count / seconds)} | dict.fromkeys(
        ("judged/s", "pairs/s", "scored after s", "all in s", "CPU s of parts"), ""
    )


def requests(path: str, workspace: str, items: list[dict[str, Any]], size: int) -> Iterator[bytes]:
    """The requests that carry ``items``."""
    for at in range(0, len(items), size):
        body = {"workspace_id": workspace, "items": items[at : at + size]}
        yield load.request("POST", path, json.dumps(body).encode())


def recommendation(number: int, rng: random.Random) -> dict[str, Any]:
    """One of the size that agents send."""
    return {
        "recommendation_id": f"r{number}",
        "agent_id": f"agent-{rng.randrange(25)}",
        "recommendation_type": rng.choice(["fix", "plan", "review"]),
        "correlation_id": f"q{number // 4}",
        "recommendation_content": {"answer": rng.choice(["yes", "no"]), "text": "x" * 200},
        "confidence_score": round(rng.random(), 3),
        "context": {"service": rng.choice(["shop", "search", "mail"])},
        "latency_ms": rng.random() * 1000,
    }


def outcome(number: int, rng: random.Random) -> dict[str, Any]:
    """What came of it."""
    quality = round(rng.random() * 100, 1)
    return {"recommendation_id": f"r{number}", "outcome_id": f"o{number}", "overall_quality_score": quality}


def wait_until_scored(house: House) -> float:
    """Return after how many seconds the trust part had taken everything."""
    began = time.perf_counter()
    head = house.get("/api/status")["parts"]["journal"]["head"]
    while time.perf_counter() - began < _LAG_S:
        if house.get("/api/status")["parts"]["trust"]["cursor"] >= head:
            return time.perf_counter() - began
        time.sleep(0.05)
    raise TimeoutError(f"the trust part did not catch up within {_LAG_S} s")


if __name__ == "__main__":
    main()
