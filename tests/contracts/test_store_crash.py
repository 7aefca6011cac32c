"""kill -9 of the writer at any moment: nothing that was acknowledged is lost or doubled, and the journal verifies."""

import json
import random
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from grace_ray.core.recommendation import RECOMMENDATIONS_VIEW
from grace_ray.prove.checkpoints import Notary
from grace_ray.prove.verify import verify

WRITER = Path(__file__).with_name("crashing_writer.py")
ROUNDS = 8


def test_no_acknowledged_fact_is_lost_or_doubled_however_often_the_writer_is_killed(store, tmp_path):
    rng = random.Random(20260101)
    acknowledged: dict[int, int] = {}
    for turn in range(ROUNDS):
        start = max(max(acknowledged, default=0) - 3, 1)
        for line in run_and_kill(store, tmp_path, start, turn, rng.uniform(0.0, 0.25)):
            _, last, seq = map(int, line.split())
            acknowledged[last] = seq
        check(store, tmp_path, acknowledged)
    assert len(acknowledged) > ROUNDS, "the writer wrote between the kills"


def run_and_kill(store, home: Path, start: int, seed: int, after_s: float) -> list[str]:
    command = [sys.executable, WRITER, store.name, store.place, home, start, seed]
    child = subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "ready\n"
    time.sleep(after_s)
    child.kill()
    output, _ = child.communicate(timeout=20)
    return [line for line in output.splitlines(keepends=True) if line.endswith("\n")]


def check(store, home: Path, acknowledged: dict[int, int]) -> None:
    reader = store.reader()
    entries = reader.entries(0, 1_000_000)
    numbers = {int(entry.id[3:]): entry.seq for entry in entries}
    assert len(numbers) == len(entries), "no fact stands twice"
    assert acknowledged.items() <= numbers.items(), "what was acknowledged stands where it was said to"
    assert all(after - before == 1 for before, after in pairwise(sorted(numbers))), "none is missing in between"
    if mirror := reader.record("mirror", "cursor"):
        assert int(mirror.body) == reader.follower("triage").cursor, "records and cursor moved together"
        typed = reader.record(RECOMMENDATIONS_VIEW, "acme/mirror")
        assert json.loads(typed.body)["recommendation_content"] == int(mirror.body), "in whichever table they stand"
    report = verify(reader, Notary(home).public_key(), Notary(home).kept())
    assert report.is_sound, report.flaw
    reader.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_writer_killed_while_it_makes_the_store_leaves_one_that_can_be_made(store, tmp_path, seed):
    command = [sys.executable, WRITER, store.name, store.place, tmp_path, 1, seed]
    child = subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True)
    time.sleep(random.Random(seed).uniform(0.4, 0.9))
    child.kill()
    child.communicate(timeout=20)
    run_and_kill(store, tmp_path, 1, seed, 0.1)
    check(store, tmp_path, {})
