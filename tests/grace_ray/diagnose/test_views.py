"""What people read: the dashboard in its contract's shape, and the answer to why."""

import pytest

from grace_ray.core.errors import NotFound
from grace_ray.diagnose.dashboard import dashboard
from grace_ray.diagnose.explain import explain

KEY = "system:high:error"


def test_the_dashboard_of_an_empty_house_has_the_contracts_shape(house):
    seen = dashboard(house.reader, house.now)
    assert set(seen) == {"overview", "statistics", "current_state", "metrics"}
    assert {"status", "health_score"} <= set(seen["overview"])
    assert set(seen["statistics"]) == {
        "events_processed",
        "clusters_created",
        "active_clusters",
        "missions_launched",
        "missions_completed",
        "missions_failed",
    }
    assert set(seen["current_state"]) == {"top_clusters", "active_missions", "pending_missions"}
    assert set(seen["metrics"]) == {
        "events_per_minute",
        "active_clusters",
        "mission_success_rate",
        "average_urgency",
        "learning_coverage",
    }
    assert (seen["overview"]["status"], seen["overview"]["health_score"]) == ("healthy", 100.0)


def test_the_dashboard_counts_what_happened(house):
    cluster = house.send(severity="critical")
    house.send(severity="low")
    house.mission("completed", cluster["learning_mission_id"], cluster["cluster_key"])
    seen = dashboard(house.reader, house.now)
    assert seen["statistics"]["events_processed"] == 2
    assert seen["statistics"]["clusters_created"] == 2
    assert seen["statistics"]["active_clusters"] == 1
    assert seen["metrics"]["mission_success_rate"] == 1.0
    assert seen["metrics"]["events_per_minute"] == 2
    assert [top["cluster_key"] for top in seen["current_state"]["top_clusters"]] == ["system:low:error"]


def test_many_urgent_clusters_make_ill_health(house):
    for n in range(20):
        house.send(severity="critical", pattern=f"p{n}")
    assert dashboard(house.reader, house.now)["overview"]["health_score"] < 80


def test_a_cluster_explains_its_score_its_launch_and_a_persons_word(house):
    for _ in range(3):
        house.send()
    house.operate("acknowledge", KEY, by="ann", note="on it")
    told = explain(house.reader, KEY)
    answer = " ".join(told["answer"])
    assert told["kind"] == "cluster"
    for part in ("3 events", "0.75", "reached 0.70", "ann set acknowledge", "on it"):
        assert part in answer
    assert {"cluster.created", "mission.requested", "operator.acknowledge"} <= {fact["type"] for fact in told["facts"]}


def test_a_suppressed_launch_is_explained(house):
    house.send()
    house.operate("silence", KEY, by="ann", for_s=600)
    for _ in range(4):
        house.send()
    told = explain(house.reader, KEY)
    assert any("No mission was launched: ann silenced it" in sentence for sentence in told["answer"])
    assert any(fact["type"] == "cluster.suppressed" for fact in told["facts"])


def test_an_event_explains_where_it_was_counted(house):
    entry = house.event(pattern="", message="link 7 of switch 12 is down")
    house.run()
    for n in range(50):
        house.event(pattern="", message=f"link {n} of switch 3 is down")
    last = house.event(pattern="", message="link 99 of switch 4 is down")
    house.run()
    keys = {explain(house.reader, found.id)["cluster_key"] for found in (entry, last)}
    assert len(keys) == 1
    assert keys.pop().startswith("system:high:t-")


def test_an_event_that_waits_and_a_success_say_so(house):
    waiting = house.event()
    assert "waits to be triaged" in explain(house.reader, waiting.id)["answer"][0]
    success = house.event("agent.task.completed", success=True)
    house.run()
    assert "success" in explain(house.reader, success.id)["answer"][0]


def test_a_group_and_a_finding_explain_themselves(house):
    house.send(message="ledger of pay-db failed", subject="pay-db")
    house.wait(1)
    (record,) = house.reader.scan("groups")
    assert explain(house.reader, record.key)["kind"] == "group"
    finding = next(entry for entry in house.reader.journal if entry.type == "cluster.created")
    assert explain(house.reader, finding.id)["kind"] == "finding"


def test_an_unknown_id_is_not_found(house):
    with pytest.raises(NotFound):
        explain(house.reader, "nothing")
