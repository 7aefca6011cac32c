"""Triage: events per CPU-second through `Triage.handle` with all that it does, and grouping of storms.

The peer for grouping is what Alertmanager's example configuration does: one group for each alert name (or type) and
service. Run: ``python -m bench.triage [--events 10000]``; writes bench/results/triage.json.
"""

import argparse
import gc
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from bench.storms import KINDS, judged, storm
from grace_ray.core.entry import Entry
from grace_ray.core.event import Event
from grace_ray.diagnose.triage import Triage
from grace_ray.models.templates.miner import TemplateMiner
from grace_ray.settings import TriageSettings

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
RESULTS = Path(__file__).parent / "results"


def entries_of(events: Sequence[Event]) -> list[Entry]:
    """Return the events as journal entries, recorded a millisecond after they happened."""
    rows = [event.to_row() for event in events]
    return [Entry(seq, *row[:8], row.at_us + 1000, b"", row.body) for seq, row in enumerate(rows, 1)]


def run(kind: str, faults: int, events: int, seed: int) -> dict[str, Any]:
    """Return speed and grouping of one storm."""
    sent, truth, _ = storm(kind, faults, events, Random(seed), START)
    entries = entries_of(sent)
    triage = Triage(TriageSettings(), TemplateMiner(20_000))
    gc.collect()
    gc.freeze()  # the storm itself is not triage's garbage to walk through
    began = time.process_time()
    for place in range(0, events, 1000):
        triage.handle(entries[place : place + 1000], START)
    spent = time.process_time() - began
    triage.tick(START)
    group_of = [triage.group_of(entry) or "" for entry in entries]
    groups, mixed = judged(group_of, truth)
    peer_groups, peer_mixed = judged([_alertmanager(event) for event in sent], truth)
    return {
        "kind": kind,
        "faults": faults,
        "events_per_cpu_s": round(events / spent),
        "groups": groups,
        "groups_per_fault": round(groups / faults, 2),
        "mixed": mixed,
        "peer_groups_per_fault": round(peer_groups / faults, 2),
        "peer_mixed": peer_mixed,
    }


def _alertmanager(event: Event) -> str:
    labels = event.data.get("labels", event.data.get("attributes", event.data))
    return f"{labels.get('alertname', event.type)} {labels.get('service') or labels.get('service.name', '')}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--faults", type=int, nargs="*", default=[5, 25, 60])
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rows = [run(kind, count, args.events, args.seed + count) for kind in KINDS for count in args.faults]
    print(
        f"{'storm':16}{'K':>4}{'events/CPU s':>14}{'groups/K':>10}{'mixed':>7}{'peer groups/K':>15}{'peer mixed':>12}"
    )
    for row in rows:
        print(
            f"{row['kind']:16}{row['faults']:4}{row['events_per_cpu_s']:14,}{row['groups_per_fault']:10.2f}"
            f"{row['mixed']:7}{row['peer_groups_per_fault']:15.2f}{row['peer_mixed']:12}"
        )
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "triage.json").write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
