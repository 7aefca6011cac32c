"""A storm of events from K known faults, replayed over HTTP: incident groups, faults merged, missions at a time.

    python bench/storm.py [--events 10000] [--faults 25] [--kinds own_service text_only ...]

A group is of several faults where a second fault has more than a hundredth of its events. Which group an event is in
is read from the home after Grace has stopped, by the same part that grouped it. The peer is the grouping of
Alertmanager's example configuration: by alert name (or type) and service.
"""

import argparse
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import orjson

from bench import load
from bench.house import House, grace, print_rows, write_json
from bench.storms import KINDS, judged, storm
from bench.triage import _alertmanager as alertmanager_group
from grace_ray import wiring
from grace_ray.core.cloudevent import to_cloudevent
from grace_ray.core.event import Event
from grace_ray.core.store import EntryFilter
from grace_ray.settings import load as load_settings

BATCH = 100
CAP = 3
EVENTS = EntryFilter(kinds=frozenset({"event"}))


class Missions(threading.Thread):
    """Samples how many missions run at once, from the store, while the storm goes on."""

    def __init__(self, home: Path) -> None:
        super().__init__(daemon=True)
        self._reader = wiring.open_reader(load_settings(home=home))
        self._stop_asked = threading.Event()
        self.most = 0
        self.samples = 0

    def run(self) -> None:
        """Sample until told to stop."""
        while not self._stop_asked.wait(0.02):
            self.most = max(self.most, self._reader.count("missions").get("running", 0))
            self.samples += 1

    def stop(self) -> None:
        """Stop sampling."""
        self._stop_asked.set()
        self.join()


def main() -> None:
    """Replay a storm of each kind against a Grace of its own, print the table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--faults", type=int, default=25)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--kinds", nargs="*", default=["own_service"], choices=KINDS)
    args = parser.parse_args()
    rows = [one_storm(kind, args) for kind in args.kinds]
    print_rows(rows)
    print("\nfloor: groups/K <= 3, missions never above the cap; goal: groups/K <= 1.2, no group of several faults.")
    write_json("storm", {"events": args.events, "faults": args.faults, "rows": rows})


def one_storm(kind: str, args: argparse.Namespace) -> dict[str, Any]:
    """Return a line of the table."""
    start = datetime.now(UTC) - timedelta(seconds=600)
    events, truth, _ = storm(kind, args.faults, args.events, Random(args.seed), start)
    with grace(missions__max_running=CAP, web__enabled=False, github__enabled=False) as house:
        missions = Missions(house.home)
        missions.start()
        took_s = replay(house, events)
        time.sleep(3.0)  # the group records that a tick writes
        missions.stop()
        shown = counted(house, "/api/groups?limit=1000")
        clusters = counted(house, "/api/clusters?limit=1000")
        house.stop()
        group_of = groups_of(house.home, events)
    groups, mixed = judged(group_of, truth)
    peer_groups, peer_mixed = judged([alertmanager_group(event) for event in events], truth)
    return {
        "storm": kind,
        "K": args.faults,
        "events/s": round(args.events / took_s),
        "clusters": clusters,
        "groups": shown,
        "groups/K": groups / args.faults,
        "of several faults": mixed,
        "missions at once": missions.most,
        "cap": CAP,
        "peer groups/K": peer_groups / args.faults,
        "peer, of several": peer_mixed,
    }


def replay(house: House, events: Sequence[Event]) -> float:
    """Send the storm in order in batches; return the seconds until all of it is triaged."""
    plain = [to_cloudevent(event) for event in events]
    bodies = [orjson.dumps(plain[place : place + BATCH]) for place in range(0, len(plain), BATCH)]
    media_type = "application/cloudevents-batch+json"
    started = time.perf_counter()
    load.run(house.port, (load.request("POST", "/api/events", body, media_type) for body in bodies), 4)
    house.wait_until_triaged()
    return time.perf_counter() - started


def counted(house: House, path: str) -> int:
    """Return how many items a list has, page by page."""
    total, after = 0, ""
    while True:
        page = house.get(path + after)
        total += len(page["items"])
        if not page["next"]:
            return total
        after = f"&after={page['next']}"


def groups_of(home: Path, events: Sequence[Event]) -> list[str]:
    """Return the group of each event, from what Grace left in its home."""
    settings = load_settings(home=home)
    reader = wiring.open_reader(settings)
    triage = wiring.build_triage(settings)
    stands = reader.follower("triage")
    triage.restore(stands.state, reader)
    seq = stands.state_seq
    while seq < stands.cursor and (entries := reader.entries(seq, 5000)):
        triage.relearn([entry for entry in entries if entry.kind in triage.follows and entry.seq <= stands.cursor])
        seq = entries[-1].seq
    triage.tick(datetime.now(UTC))
    found: dict[str, str] = {}
    seq = 0
    while entries := reader.entries(seq, 5000, EVENTS):
        found.update((entry.id, triage.group_of(entry) or "") for entry in entries)
        seq = entries[-1].seq
    return [found[event.id] for event in events]


if __name__ == "__main__":
    main()
