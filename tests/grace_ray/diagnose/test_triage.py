"""Clusters, urgency and launches: the lifecycle of a cluster, as the specification's examples have it."""

import pytest

from grace_ray.core.cluster import Cluster
from grace_ray.core.jsonable import from_plain
from grace_ray.diagnose.tuning import Tuning

KEY = "system:high:error"


def test_five_high_events_in_quick_succession_have_the_specified_urgencies(house):
    urgencies = []
    for _ in range(5):
        urgencies.append(house.send()["urgency_score"])
        house.wait(1)
    assert urgencies == pytest.approx([0.50, 0.65, 0.75, 0.82, 0.88], abs=0.005)


def test_recurrence_falls_with_age(house):
    for _ in range(4):
        house.send()
    before = house.cluster(KEY)["urgency_score"]
    house.wait(2 * 3600)
    assert house.cluster(KEY)["urgency_score"] < before - 0.1


def test_the_third_rate_limit_event_launches_a_mission(house):
    for n in range(3):
        assert len(house.facts("mission.requested")) == 0
        cluster = house.send(
            "github.rate_limit",
            domain="remote_access",
            pattern="blocked",
            message="GitHub rate limit: 5 remaining",
            data={"remaining": 5, "n": n},
        )
    (request,) = house.facts("mission.requested")
    assert cluster["cluster_key"] == request["cluster_key"] == "remote_access:high:blocked"
    assert request["priority"] == pytest.approx(0.75, abs=0.01)
    assert request["description"] == "Learn to resolve blocked in remote_access domain"
    assert request["mission_id"] == cluster["learning_mission_id"]
    assert "GitHub rate limit: 5 remaining" in request["question"]["text"]


def test_a_critical_event_launches_at_once(house):
    house.send(severity="critical")
    assert len(house.facts("mission.requested")) == 1


def test_five_low_events_launch_by_their_count(house):
    for n in range(1, 6):
        house.send(severity="low")
        assert len(house.facts("mission.requested")) == (n == 5)


def test_a_cluster_has_one_open_mission_at_most(house):
    for _ in range(20):
        house.send(severity="critical")
    assert len(house.facts("mission.requested")) == 1


def test_success_events_never_form_clusters(house):
    house.send("agent.task.completed", success=True)
    assert house.reader.scan("clusters") == []
    assert house.stats()["success_events"] == 1


def test_a_message_without_pattern_gets_its_template_as_pattern(house):
    for n in range(3):
        house.event(pattern="", message=f"connection from 10.0.0.{n} refused after {n} tries")
    house.run()
    (record,) = house.reader.scan("clusters")
    cluster = house.cluster(record.key)
    assert cluster["pattern_type"].startswith("t-")
    assert cluster["event_count"] == 3
    assert sum(cluster["templates"].values()) == 3


def test_a_cluster_record_is_a_cluster(house):
    house.send(message="boom", subject="web-1")
    cluster = from_plain(Cluster, house.cluster(KEY))
    assert cluster.sample[0]["message"] == "boom"
    assert cluster.first_seen == cluster.last_seen == house.now


def test_a_mission_that_learned_resolves_its_cluster_and_a_like_event_reopens_it(house):
    cluster = house.send(severity="critical")
    key, mission = cluster["cluster_key"], cluster["learning_mission_id"]
    house.mission("completed", mission, key)
    assert house.cluster(key)["resolved"]
    house.wait(10)
    reopened = house.send(severity="critical")
    assert (reopened["status"], reopened["reopened_count"], reopened["mission_status"]) == ("open", 1, "did_not_help")
    assert house.facts("cluster.reopened")[0]["mission_id"] == mission


def test_a_quiet_hour_after_a_mission_says_that_it_helped(house):
    cluster = house.send(severity="critical")
    house.mission("completed", cluster["learning_mission_id"], cluster["cluster_key"])
    house.wait(3601)
    assert house.facts("cluster.stayed_quiet")[0]["mission_id"] == cluster["learning_mission_id"]
    assert house.cluster(cluster["cluster_key"])["mission_status"] == "helped"


def test_a_mission_that_learned_nothing_leaves_the_cluster_open(house):
    cluster = house.send(severity="critical")
    house.mission("completed", cluster["learning_mission_id"], cluster["cluster_key"], learned=0)
    assert house.cluster(cluster["cluster_key"])["status"] == "open"


def test_a_second_mission_waits_for_its_time(house):
    key = house.send(severity="critical")["cluster_key"]
    house.mission("failed", house.cluster(key)["learning_mission_id"], key, learned=0)
    house.send(severity="critical")
    house.send(severity="critical")
    assert len(house.facts("mission.requested")) == 1
    assert len(house.facts("cluster.suppressed")) == 1
    house.wait(3601)
    house.send(severity="critical")
    assert len(house.facts("mission.requested")) == 2


def test_a_resolved_cluster_is_deleted_after_a_day(house):
    house.send()
    house.operate("resolve", KEY, by="ann")
    house.wait(24 * 3600 - 1)
    assert house.cluster(KEY)
    house.wait(2)
    assert house.cluster(KEY) == {}


def test_a_recovered_service_resolves_its_cluster(house):
    house.send("service.degraded", pattern="degraded", subject="search")
    house.send("service.degraded", pattern="degraded", subject="cart")
    house.event("service.recovered", success=True, subject="search")
    house.run()
    assert house.cluster("system:high:degraded")["status"] == "open"
    house.event("service.recovered", success=True, subject="cart")
    house.run()
    assert house.cluster("system:high:degraded")["status"] == "resolved"


def test_the_sample_is_bounded_and_keeps_oldest_and_newest(house):
    for n in range(50):
        house.event(message=f"number {n}")
    house.run()
    messages = [event["message"] for event in house.cluster(KEY)["sample"]]
    assert messages == [f"number {n}" for n in (0, 1, 2, 3, 4, 45, 46, 47, 48, 49)]


def test_a_noisy_source_is_warned_of_once_and_counted_in_full(new_house):
    house = new_house(noisy_per_minute=100)
    for _ in range(350):
        house.event(message="spam")
    house.run()
    assert len(house.facts("cluster.warning.noisy_source")) == 1
    assert house.cluster(KEY)["event_count"] == 350
    assert house.stats()["noisy_sources"] == ["test"]


def test_cluster_explosion_is_warned_of_once_an_episode(new_house):
    house = new_house(clusters_warning=10)
    for n in range(30):
        house.send(pattern=f"p{n}", severity="low")
    assert len(house.facts("cluster.warning.cluster_explosion")) == 1


def test_failing_missions_are_warned_of(house):
    for n in range(6):
        cluster = house.send(severity="critical", pattern=f"p{n}")
        house.mission("failed", cluster["learning_mission_id"], cluster["cluster_key"], learned=0)
    assert len(house.facts("cluster.warning.missions_failing")) == 1


def test_a_rising_cluster_launches_before_its_count_does(house):
    for gap in (0, 400, 200, 90):
        house.wait(gap)
        house.send(severity="low")
    (request,) = house.facts("mission.requested")
    assert request["mission_type"] == "pattern_learning"


def test_a_late_and_past_dated_event_counts_less_but_counts(house):
    house.send()
    house.send(at=house.now.replace(month=1))
    cluster = house.cluster(KEY)
    assert cluster["event_count"] == 2
    assert cluster["urgency_score"] == pytest.approx(0.50, abs=0.01)


def test_clusters_of_templates_that_turn_out_to_be_one_are_merged(house):
    for name in ("ann", "bob", "cid", "dan", "eve", "fay"):
        house.send(pattern="", message=f"disk of user {name} is almost full")
    house.wait(31)
    shown = [record for record in house.reader.scan("clusters") if record.status != "merged"]
    assert [house.cluster(record.key)["event_count"] for record in shown] == [6]


def test_urgency_is_swept_over_every_cluster(house):
    for n in range(450):
        house.event(pattern=f"p{n}", severity="low")
        house.event(pattern=f"p{n}", severity="low")
    house.run()
    house.wait(6 * 3600)
    for _ in range(3):
        house.wait(1)
    assert max(house.cluster(f"system:low:p{n}")["urgency_score"] for n in range(450)) < 0.15


def test_a_person_who_reopens_says_that_the_mission_did_not_help(house):
    cluster = house.send(severity="critical")
    house.mission("completed", cluster["learning_mission_id"], cluster["cluster_key"])
    house.operate("reopen", cluster["cluster_key"], by="ann")
    assert house.facts("cluster.reopened")[0]["mission_id"] == cluster["learning_mission_id"]


def test_a_predicted_breach_launches_before_anything_breaks(house):
    house.send("forecast.breach.predicted", pattern="breach_predicted", domain="forecast")
    assert house.facts("mission.requested")[0]["mission_type"] == "pattern_learning"


def test_thresholds_move_with_outcomes_within_bounds_and_say_why(house):
    tuning = Tuning(house.settings)
    assert (tuning.thresholds("x").urgency, tuning.thresholds("x").count) == (0.7, 5)
    for _ in range(100):
        tuning.observe("x", helped=False, at_us=0)
        tuning.observe("y", helped=True, at_us=0)
    assert 0.7 < tuning.thresholds("x").urgency <= 0.8
    assert 5 < tuning.thresholds("x").count <= 10
    assert 0.6 <= tuning.thresholds("y").urgency < 0.7
    assert "0 helped" in tuning.thresholds("x").why
    assert tuning.thresholds("z").urgency == 0.7


def test_old_outcomes_are_forgotten(house):
    tuning = Tuning(house.settings)
    for _ in range(20):
        tuning.observe("x", helped=False, at_us=0)
    after = tuning.observe("x", helped=True, at_us=int(180 * 86_400 * 1e6))
    assert (after.urgency, after.count) == (0.7, 5)


def lines(house, message, count=1, **fields):
    """Send log lines of one program."""
    for n in range(count):
        house.send(
            "log.line",
            domain="logs",
            severity="medium",
            pattern="",
            message=message.format(n),
            subject="sshd",
            data={"line": message.format(n), "logger": "sshd", "n": n},
            **fields,
        )


def test_ordinary_lines_of_a_program_do_not_weigh_against_its_errors(house):
    lines(house, "Failed password for root from 10.0.0.{} port 22", 4)
    (cluster,) = house.reader.scan("clusters")
    lines(house, "session opened for user number {}", 20, success=True)
    lines(house, "Failed password for root from 10.0.0.{} port 22")
    assert house.cluster(cluster.key)["recurrence_score"] == 1.0


def test_a_mission_about_log_lines_says_what_they_say_and_asks_for_nothing_else(house):
    lines(house, "Failed password for root from 10.0.0.{} port 22", 5)
    (request,) = house.facts("mission.requested")
    assert request["description"] == "Learn to resolve 'Failed password for root from <*> port <*>' in logs domain"
    question = request["question"]
    assert "sshd" in question["terms"]
    assert not {"log", "logs", "line", "log.line"} & {*question["text"].split(), *question["terms"]}
    assert question["topic"] == "sshd"
