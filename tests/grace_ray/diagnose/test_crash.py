"""Killed at any moment, triage ends as if it had not been: nothing is lost, nothing is counted twice."""

import json
from datetime import UTC, datetime
from random import Random

import pytest

from bench.storms import storm
from grace_ray.core.event import Event

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
KEYS = ("agents:high:error", "system:high:error", "system:medium:error", "agents:medium:error")


def _story(rng):
    """Events of a storm, with a person's actions and the endings of missions between them."""
    events, _, _ = storm("own_service", 6, 600, rng, START)
    return events


def _play(house, events, rng, *, deadly):
    """Take the events in batches, some killed before and some after their commit."""
    chance = Random(rng.random())
    for place in range(0, len(events), 20):
        house.append(*(event.to_row() for event in events[place : place + 20]))
        if place == 200:
            house.run()
            house.operate("merge", keys=list(KEYS[:2]), by="ann")
            house.operate("silence", KEYS[2], for_s=30, by="ann")
        if place == 300:
            house.run()
            house.operate("acknowledge", KEYS[3], by="ann")
        if place == 400:
            house.run()
            requested = house.facts("mission.requested")
            house.mission("completed", requested[0]["mission_id"], requested[0]["cluster_key"])
        while batch := house.batch(7):
            if deadly and chance.random() < 0.15:
                house.triage.handle(batch, house.now)
                house.kill()
                continue
            house.commit(house.triage.handle(batch, house.now), batch[-1].seq)
            if deadly and chance.random() < 0.15:
                house.kill()
            if chance.random() < 0.1:
                house.save()
        house.wait(5)


@pytest.mark.parametrize("seed", range(6))
def test_killed_at_random_moments_it_ends_as_if_it_had_not_been(new_house, seed):
    events = _story(Random(seed))
    calm, killed = new_house(), new_house()
    for house, deadly in ((calm, False), (killed, True)):
        _play(house, events, Random(seed), deadly=deadly)
        house.wait(1)
    assert _differences(_state(killed), _state(calm)) == []
    for type_ in ("cluster.created", "mission.requested", "cluster.reopened", "cluster.resolved"):
        assert killed.facts(type_) == calm.facts(type_)
    assert calm.stats()["events_processed"] == len(events)


def _state(house):
    records = {key: json.loads(record.body) for key, record in house.reader.rows.items()}
    for record in records.values():
        for event in record.get("sample", ()):
            del event["seq"]  # facts that triage derived stand between events, where the batches had them
    learned = json.loads(house.triage.state())
    return {"records": records, "learned": learned}


def _differences(ours, theirs, path=""):
    if isinstance(ours, dict) and isinstance(theirs, dict):
        keys = sorted(ours.keys() | theirs.keys(), key=str)
        return [found for key in keys for found in _differences(ours.get(key), theirs.get(key), f"{path}/{key}")]
    return [] if ours == theirs else [(path, ours, theirs)]


def test_a_batch_handled_again_after_its_commit_failed_counts_once(house):
    for _ in range(3):
        house.event()
    batch = house.batch()
    house.triage.handle(batch, house.now)
    house.kill()
    house.run()
    assert house.cluster("system:high:error")["event_count"] == 3
    assert len(house.facts("mission.requested")) == 1


def test_overrides_and_their_ends_survive_a_restart(house):
    house.send()
    house.operate("silence", "system:high:error", for_s=60, by="ann")
    house.kill()
    house.wait(61)
    assert house.cluster("system:high:error")["status"] == "open"


def test_events_with_the_same_template_after_a_restart_have_the_same_template(house):
    def send(n: int) -> None:
        house.append(
            Event(
                id=f"t{n}",
                source="s",
                type="x.y",
                at=house.now,
                domain="custom",
                severity="low",
                message=f"node {n} lost its lease {n * 7}",
            ).to_row()
        )
        house.run()

    for n in range(4):
        send(n)
        house.kill()
        if n == 1:
            house.save()
    (record,) = house.reader.scan("clusters")
    assert json.loads(record.body)["event_count"] == 4


def test_triage_restored_in_place_learns_everything_once(house):
    for n in range(5):
        house.send(message=f"ledger {n} is late")
    before = json.loads(house.triage.state())
    house.triage.restore(None, house.reader)
    house.triage.relearn(house.reader.journal)
    assert json.loads(house.triage.state()) == before
