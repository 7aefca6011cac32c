"""kill -9 of everything, at random moments under load: nothing acknowledged is lost, nothing counted or run twice.

One round kills every actor, then Ray itself or the node, then ``grace up``. GRACE_CHAOS_ROUNDS asks for more rounds,
GRACE_CHAOS_SEED for other moments.
"""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtime.accounts import (
    assert_events_are_counted_once,
    assert_events_stand_once,
    assert_missions_ran_in_order,
    open_missions,
    open_store,
)
from tests.runtime.own import ACTORS, CLUSTER, OwnGrace, eventually
from tests.runtime.sender import Sender
from tests.runtime.slow_search import SlowSearch

ROUNDS = int(os.environ.get("GRACE_CHAOS_ROUNDS", "1"))
SEED = int(os.environ.get("GRACE_CHAOS_SEED", "1"))
CAP = 3

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(200 + 300 * ROUNDS)]


@pytest.fixture
def search() -> Iterator[SlowSearch]:
    server = SlowSearch(SEED, slowest_s=2.0)
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def grace(tmp_path: Path, search: SlowSearch) -> Iterator[OwnGrace]:
    own = OwnGrace(
        tmp_path / "home",
        web__search_url=search.url,
        github__enabled="false",
        ray__dashboard="false",
        missions__lease_s=5,
        missions__max_running=CAP,
        triage__noisy_per_minute=1_000_000,
        sensors__interval_s=2,
    )
    try:
        own.up()
        yield own
    finally:
        own.end()


def test_whatever_is_killed_nothing_is_lost_or_done_twice(grace: OwnGrace, search: SlowSearch) -> None:
    rng = random.Random(SEED)
    senders = [Sender(grace.url, f"/chaos/{name}", SEED + place) for place, name in enumerate(("red", "blue"))]
    for sender in senders:
        sender.start()
    for number in range(ROUNDS):
        _kill_the_actors(grace, rng)
        _kill_the_cluster(grace, rng, number)
        _kill_the_keeper(grace, rng)
    for sender in senders:
        sender.stop(timeout_s=90)
    answers = sum((sender.answers for sender in senders), Counter())
    print(f"answers {dict(answers)}")
    assert not [text for sender in senders for text in sender.unclear]
    store = open_store(grace.home)
    eventually(lambda: not open_missions(store), 180, "every mission has ended")
    eventually(lambda: store.follower("triage").cursor >= store.head() - 20, 60, "triage has taken every event")
    time.sleep(1.5)  # a tick: what it counted is in its statistics
    grace.stop(signal.SIGTERM)
    assert_events_stand_once(store, {sender.source: sender.acknowledged for sender in senders})
    assert_events_are_counted_once(store, sum((sender.patterns for sender in senders), Counter()))
    missions = assert_missions_ran_in_order(store, CAP)
    assert missions > 5 * ROUNDS
    assert search.asked > 5 * ROUNDS
    assert search.most_at_once <= CAP, "more missions than the cap asked the search at once"
    assert not search.twice_at_once, "a mission ran twice at once"
    print(f"{ROUNDS} rounds, {sum(len(s.acknowledged) for s in senders)} events, {missions} missions")
    verified = grace.grace("journal", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def _kill_the_actors(grace: OwnGrace, rng: random.Random) -> None:
    victims = [*ACTORS, "journal", "mission_worker"]
    rng.shuffle(victims)
    for victim in victims:
        time.sleep(rng.choice((0.0, rng.uniform(0.1, 2.5))))
        killed = grace.kill(victim)
        print(f"killed {killed} {victim}")
    print(f"ready after {grace.wait_ready():.1f} s")


def _kill_the_cluster(grace: OwnGrace, rng: random.Random, number: int) -> None:
    victim = [*CLUSTER][(SEED + number) % len(CLUSTER)]
    time.sleep(rng.uniform(0.0, 2.0))
    before = grace.find("node")[0].pid
    assert grace.kill(victim)
    eventually(lambda: [p.pid for p in grace.find("node")] not in ([], [before]), 60, "another node has started")
    status = grace.grace("status")
    assert status.returncode == 1, f"it is starting, and status says: {status.stdout}"
    print(f"killed {victim}: ready after {grace.wait_ready():.1f} s")


def _kill_the_keeper(grace: OwnGrace, rng: random.Random) -> None:
    time.sleep(rng.uniform(0.0, 2.0))
    if rng.random() < 0.5:
        grace.kill("node")
    assert grace.kill("keeper")
    status = grace.grace("status")
    assert status.returncode == 3, status.stdout
    began = time.monotonic()
    grace.up()
    assert grace.is_ready()
    print(f"killed keeper: up again after {time.monotonic() - began:.1f} s")
    assert len(grace.find("node")) == 1
    assert len(grace.find("raylet")) == 1
