"""What persons do to clusters: it holds, it ends when it was set to, and it can be taken back."""

import pytest

from grace_ray.core.errors import Conflict, InvalidInput, NotFound

KEY = "system:high:error"
OTHER = "agents:high:error"


def test_a_silenced_cluster_counts_but_does_not_launch(house):
    house.send()
    house.operate("silence", KEY, for_s=600, by="ann")
    for _ in range(10):
        house.send()
    assert house.facts("mission.requested") == []
    assert (house.cluster(KEY)["event_count"], house.cluster(KEY)["status"]) == (11, "silenced")


def test_a_silence_ends_by_itself_and_then_events_launch_again(house):
    house.send()
    house.operate("silence", KEY, for_s=600, by="ann")
    house.wait(601)
    assert house.cluster(KEY)["status"] == "open"
    assert house.facts("cluster.override_expired")[0]["action"] == "silence"
    for _ in range(3):
        house.send()
    assert len(house.facts("mission.requested")) == 1


def test_no_sensor_overwrites_a_persons_severity(house):
    house.send()
    house.operate("severity", KEY, value="low", for_s=600, by="ann")
    assert house.send()["severity"] == "low"
    house.wait(601)
    assert house.cluster(KEY)["severity"] == "high"


def test_acknowledging_twice_gives_the_same_answer_and_one_fact(house):
    house.send()
    assert house.operate("acknowledge", KEY, by="ann") == house.operate("acknowledge", KEY, by="ann")
    assert len(house.facts("operator.acknowledge")) == 1
    assert house.cluster(KEY)["status"] == "acknowledged"


def test_a_cluster_resolved_until_a_time_stays_so_whatever_comes(house):
    house.send()
    house.operate("resolve", KEY, for_s=600, by="ann", note="false positive")
    house.send(severity="high")
    assert house.cluster(KEY)["status"] == "resolved"
    house.wait(601)
    assert house.send()["status"] == "open"


def test_reopen_and_clear_take_a_word_back(house):
    house.send()
    house.operate("resolve", KEY)
    assert house.operate("reopen", KEY)["status"] == "open"
    house.operate("acknowledge", KEY)
    assert house.operate("clear", KEY)["overrides"] == []


@pytest.mark.parametrize(
    ("action", "args", "field"),
    [
        ("silence", {"until": "yesterday"}, "until"),
        ("silence", {"until": "2020-01-01T00:00:00Z"}, "until"),
        ("silence", {"until": "2026-12-01T00:00:00"}, "until"),
        ("silence", {"for_s": -1}, "for_s"),
        ("silence", {"for_s": "long"}, "for_s"),
        ("severity", {"value": "urgent"}, "value"),
        ("acknowledge", {"by": 7}, "by"),
        ("merge", {"keys": [KEY]}, "keys"),
        ("split", {}, "templates"),
    ],
)
def test_a_bad_argument_is_refused_by_name(house, action, args, field):
    house.send()
    with pytest.raises(InvalidInput) as caught:
        house.operate(action, KEY, **args)
    assert caught.value.field == field


def test_an_unknown_cluster_is_not_found(house):
    with pytest.raises(NotFound):
        house.operate("acknowledge", "no:such:cluster")


def test_a_merge_adds_up_and_later_events_follow_it(house):
    house.send()
    house.send(domain="agents")
    merged = house.operate("merge", keys=[KEY, OTHER], by="ann")
    assert merged["event_count"] == 2
    house.send(domain="agents")
    assert house.cluster(KEY)["event_count"] == 3
    assert (house.cluster(OTHER)["status"], house.cluster(OTHER)["merged_into"]) == ("merged", KEY)


def test_undoing_a_merge_gives_each_cluster_its_own_events_back(house):
    house.send()
    house.send(domain="agents")
    house.operate("merge", keys=[KEY, OTHER])
    house.send(domain="agents")
    house.operate("undo", KEY)
    assert (house.cluster(KEY)["event_count"], house.cluster(OTHER)["event_count"]) == (1, 2)
    house.send(domain="agents")
    assert (house.cluster(KEY)["event_count"], house.cluster(OTHER)["event_count"]) == (1, 3)


def test_a_merge_is_permanent_after_its_clusters_were_deleted(house):
    house.send()
    house.send(domain="agents")
    house.operate("merge", keys=[KEY, OTHER])
    house.operate("resolve", KEY)
    house.wait(25 * 3600)
    assert house.cluster(KEY) == house.cluster(OTHER) == {}
    house.kill()
    house.send(domain="agents")
    assert house.cluster(KEY)["event_count"] == 1


def test_merged_clusters_launch_by_their_sum(house):
    for domain in ("system", "agents"):
        for _ in range(2):
            house.send(severity="low", domain=domain)
    assert house.facts("mission.requested") == []
    house.operate("merge", keys=["system:low:error", "agents:low:error"])
    house.send(severity="low")
    assert len(house.facts("mission.requested")) == 1


def test_a_merge_twice_is_one_and_a_merge_of_what_is_merged_elsewhere_conflicts(house):
    for domain in ("system", "agents", "rag"):
        house.send(domain=domain)
    first = house.operate("merge", keys=[KEY, OTHER])
    assert house.operate("merge", keys=[KEY, OTHER]) == first
    assert len(house.facts("operator.merge")) == 1
    with pytest.raises(Conflict):
        house.operate("merge", keys=["rag:high:error", OTHER])
    with pytest.raises(Conflict):
        house.operate("acknowledge", OTHER)


def _two_templates(house):
    for n in range(3):
        house.send(message=f"disk of node-{n} is full")
    for n in range(2):
        house.send(message=f"certificate of site {n} has expired")
    templates = house.cluster(KEY)["templates"]
    return min(templates, key=templates.get)


def test_a_split_takes_its_events_along_and_later_events_follow_it(house):
    template = _two_templates(house)
    answer = house.operate("split", KEY, templates=[template], by="ann")
    counts = {cluster["cluster_key"]: cluster["event_count"] for cluster in answer["clusters"]}
    assert counts == {KEY: 3, f"{KEY}~1": 2}
    house.send(message="certificate of site 9 has expired")
    house.kill()
    house.send(message="certificate of site 10 has expired")
    assert (house.cluster(KEY)["event_count"], house.cluster(f"{KEY}~1")["event_count"]) == (3, 4)
    assert all("certificate" in event["message"] for event in house.cluster(f"{KEY}~1")["sample"])


def test_undoing_a_split_puts_everything_back(house):
    template = _two_templates(house)
    house.operate("split", KEY, templates=[template])
    house.send(message="certificate of site 9 has expired")
    house.operate("undo", KEY)
    assert house.cluster(f"{KEY}~1") == {}
    assert (house.cluster(KEY)["event_count"], sum(house.cluster(KEY)["sources"].values())) == (6, 6)


def test_a_split_twice_is_one_and_of_everything_is_refused(house):
    template = _two_templates(house)
    first = house.operate("split", KEY, templates=[template])
    assert house.operate("split", KEY, templates=[template]) == first
    with pytest.raises(InvalidInput):
        house.operate("split", KEY, templates=list(house.cluster(KEY)["templates"]))


def test_merged_clusters_can_be_split_by_key(house):
    house.send()
    house.send(domain="agents")
    house.operate("merge", keys=[KEY, OTHER])
    house.operate("split", KEY, keys=[OTHER])
    assert house.cluster(OTHER)["status"] == "open"
    house.operate("undo", KEY)
    assert house.cluster(OTHER)["status"] == "merged"
