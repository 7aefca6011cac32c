"""Incident groups: one fault in many words is one group, two faults are two, and a person's word is final."""

import json
from random import Random

import pytest

from bench.storms import KINDS, judged, storm

SETTLED = 2


def _groups_of(house, events):
    entries = house.append(*(event.to_row() for event in events))
    house.run()
    house.wait(SETTLED)
    return [house.triage.group_of(entry) for entry in entries]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "two_a_service"])
@pytest.mark.parametrize("faults", [4, 20])
def test_a_storm_of_known_faults_gives_a_group_a_fault(new_house, kind, faults):
    house = new_house()
    events, truth, _ = storm(kind, faults, 2000, Random(faults), house.now)
    groups, mixed = judged(_groups_of(house, events), truth)
    assert mixed == 0
    assert groups <= 1.2 * faults


def test_faults_that_share_a_service_are_rarely_merged(new_house):
    house = new_house()
    events, truth, _ = storm("two_a_service", 6, 2000, Random(1), house.now)
    groups, mixed = judged(_groups_of(house, events), truth)
    assert mixed == 0
    assert groups <= 3 * 6


def test_one_alert_over_two_hundred_pods_is_one_group(house):
    for n in range(200):
        labels = {"alertname": "KubePodNotReady", "pod": f"cart-7f9c6d5b4-x{n:03d}z"}
        house.event(
            pattern="", message=f"pod {labels['pod']} is not ready", subject=labels["pod"], data={"labels": labels}
        )
    house.run()
    house.wait(SETTLED)
    assert len(house.reader.scan("groups")) == 1


def test_two_alerts_about_one_service_stay_two_groups(house):
    for name in ("HighLatency", "DiskFull"):
        for n in range(20):
            labels = {"alertname": name, "service": "cart"}
            house.event(pattern="", message=f"{name} is {n} on cart", data={"labels": labels})
    house.run()
    house.wait(SETTLED)
    assert len(house.reader.scan("groups")) == 2


def _fault_in_two_domains(house, service="pay-db"):
    for n in range(10):
        house.event(pattern="", message=f"write ahead log of {service} is {n} MB", subject=service)
        text = f"task {n} could not reach {service}"
        house.event("agent.task.failed", domain="agents", severity="medium", message=text, data={"service": service})
    house.run()
    house.wait(SETTLED)


def test_a_group_names_its_clusters_and_the_reason(house):
    _fault_in_two_domains(house)
    (record,) = house.reader.scan("groups")
    group = json.loads(record.body)
    assert group["event_count"] == 20
    assert len(group["clusters"]) == 2
    assert any("pay-db" in reason for reason in group["reasons"])
    assert house.cluster(group["clusters"][0])["group_id"] == group["group_id"]
    assert len(house.facts("group.formed")) == 1


def test_what_a_person_merged_is_one_group_until_it_is_undone(house):
    house.send(domain="rag", message="index of tickets is stale", subject="tickets")
    house.send(domain="agents", message="planner of trips stuck", subject="trips")
    house.wait(SETTLED)
    assert len(house.reader.scan("groups")) == 2
    house.operate("merge", keys=["rag:high:error", "agents:high:error"], by="ann")
    house.wait(SETTLED)
    assert len(house.reader.scan("groups")) == 1
    house.operate("undo", "rag:high:error")
    house.wait(SETTLED)
    assert len(house.reader.scan("groups")) == 2


def test_what_a_person_split_is_never_grouped_again(house):
    for n in range(5):
        house.send(message=f"pay-db answered slowly, {n} ms", subject="pay-db")
        house.send(message=f"pay-db dropped session {n}", subject="pay-db")
    house.wait(SETTLED)
    assert len(house.reader.scan("groups")) == 1
    key = "system:high:error"
    house.operate("split", key, templates=[min(house.cluster(key)["templates"])], by="ann")
    house.wait(SETTLED)
    assert len(house.reader.scan("groups")) == 2
    house.kill()
    house.send(message="pay-db dropped session 9", subject="pay-db")
    house.wait(SETTLED)
    assert len(house.reader.scan("groups")) == 2


def test_a_group_keeps_its_id_while_evidence_comes_in_and_over_a_restart(house):
    _fault_in_two_domains(house)
    (before,) = house.reader.scan("groups")
    house.kill()
    _fault_in_two_domains(house)
    (after,) = house.reader.scan("groups")
    assert before.key == after.key
    assert json.loads(after.body)["event_count"] == 40
    assert len(house.facts("group.formed")) == 1


def test_a_group_is_resolved_with_its_clusters(house):
    house.send(message="ledger of pay-db failed", subject="pay-db")
    house.wait(SETTLED)
    house.operate("resolve", "system:high:error")
    house.wait(SETTLED)
    (record,) = house.reader.scan("groups")
    assert record.status == "resolved"
