"""The meta-learner part: when cycles begin, one at a time, cut off or not, and what is kept of them."""

from datetime import timedelta
from random import Random

import pytest

from grace_ray.core.errors import Conflict, InvalidInput, NotFound
from grace_ray.core.schedule import JOB_ENDED, META_LEARNING, PATTERN_REFRESH
from grace_ray.learn.meta.drift import DRIFT_ODDS, drift_odds

PLANTED = ({"region": "us"}, -0.35)


@pytest.fixture
def taught(house, make_history):
    """A house that knows a workspace with a pattern, which no cycle has found yet."""
    house.live(make_history(1).live(1200, PLANTED))
    return house


def test_a_cycle_asked_for_keeps_its_patterns_and_says_so(taught):
    asked = taught.ask("trigger", workspace_id="acme", trigger="by hand")
    assert (asked.status, asked.trigger) == ("running", "by hand")
    (due,) = taught.start()
    taught.finish(due)
    (pattern,) = taught.patterns()
    assert dict(pattern.condition) == {"region": "us"}
    (cycle,) = taught.cycles()
    assert (cycle.iteration_id, cycle.status, cycle.patterns_discovered) == (asked.iteration_id, "completed", 1)
    (fact,) = taught.of_type("learning.cycle")
    assert (fact.kind, fact.subject, fact.body["samples_analyzed"]) == ("finding", "acme", 2400)
    assert fact.body["key_insights"]


def test_two_cycles_of_a_workspace_never_run_at_once(taught, make_history):
    taught.live(make_history(2, workspace="other").live(20))
    taught.ask("trigger", workspace_id="acme", trigger="a")
    with pytest.raises(Conflict, match="runs already"):
        taught.ask("trigger", workspace_id="acme", trigger="b")
    taught.ask("trigger", workspace_id="other", trigger="c")
    assert len(taught.start()) == 2
    assert taught.start() == []
    taught.tick()
    assert len(taught.cycles()) == 2


def test_the_same_request_again_gets_the_same_cycle(taught):
    first = taught.ask("trigger", workspace_id="acme", trigger="a", key="k-1")
    assert taught.ask("trigger", workspace_id="acme", trigger="a", key="k-1") == first
    assert len(taught.cycles()) == 1


def test_no_workspace_is_taught_by_another(taught, make_history):
    taught.live(make_history(3, workspace="other").live(1200))
    taught.ask("trigger", workspace_id="other", trigger="by hand")
    (due,) = taught.start()
    taught.finish(due)
    assert taught.patterns() == []
    assert {profile.workspace_id for profile in taught.cycles()[0].profiles} == {"other"}


def test_a_cycle_that_was_cut_off_is_marked_and_run_once_more(taught):
    first = taught.ask("trigger", workspace_id="acme", trigger="by hand")
    taught.start()
    taught.restart()
    assert taught.look_for_lost() == [first.iteration_id]
    (due,) = taught.start()
    assert due.cycle.iteration_id != first.iteration_id
    taught.finish(due)
    assert [cycle.status for cycle in taught.cycles()] == ["interrupted", "completed"]
    assert len(taught.patterns()) == 1
    assert taught.look_for_lost() == taught.start() == []


def test_a_cycle_that_was_cut_off_twice_has_failed(taught):
    taught.ask("trigger", workspace_id="acme", trigger="by hand")
    for _ in range(2):
        assert len(taught.start()) == 1
        taught.restart()
        taught.now += timedelta(seconds=5)
        taught.look_for_lost()
    assert [cycle.status for cycle in taught.cycles()] == ["interrupted", "failed"]
    assert taught.start() == []
    taught.ask("trigger", workspace_id="acme", trigger="again")


def test_a_cycle_that_waits_outlives_a_restart(taught):
    asked = taught.ask("trigger", workspace_id="acme", trigger="by hand")
    taught.restart()
    assert taught.look_for_lost() == []
    assert [due.cycle.iteration_id for due in taught.start()] == [asked.iteration_id]


def test_what_a_lost_task_sends_late_changes_nothing(taught):
    taught.ask("trigger", workspace_id="acme", trigger="by hand")
    (late,) = taught.start()
    taught.restart()
    taught.look_for_lost()
    taught.finish(late)
    assert taught.patterns() == []
    (due,) = taught.start()
    taught.finish(due)
    assert len(taught.patterns()) == 1


def test_new_outcomes_begin_a_cycle_by_themselves(make_house, make_history):
    house = make_house(trigger_outcomes=300)
    history = make_history(4).live(149)
    house.live(history)
    house.tick()
    assert house.cycles() == []
    house.judge(("acme", "approved"), ("acme", "pending"), ("acme", "partial"))
    house.tick()
    assert [cycle.trigger for cycle in house.cycles()] == ["outcomes"]
    (due,) = house.start()
    house.finish(due)
    house.judge(*[("acme", "approved")] * 300)
    house.tick()
    assert len(house.cycles()) == 1, "one has just ended"
    house.tick(seconds=600)
    assert len(house.cycles()) == 2


def test_a_change_of_success_begins_a_cycle(house, make_history):
    house.live(make_history(5).live(200, base=0.7))
    house.ask("trigger", workspace_id="acme", trigger="by hand")
    house.finish(house.start()[0])
    house.judge(*[("acme", "approved"), ("acme", "approved"), ("acme", "rejected")] * 30)
    house.tick(seconds=4000)
    assert len(house.cycles()) == 1
    house.judge(*[("acme", "rejected")] * 60)
    assert house.part.should_trigger("acme")["reason"] == "drift"
    house.tick(seconds=4000)
    assert house.cycles()[-1].trigger == "drift"


def test_drift_is_not_seen_where_there_is_none():
    rng = Random(1)
    seen = 0
    for _ in range(200):
        before = [rng.random() < 0.6 for _ in range(400)]
        base = {"count": 400.0, "mean": sum(before) / 400, "inflation": 1.0}
        total = 0
        for count in range(1, 500):
            total += rng.random() < 0.6
            if drift_odds(base, count, total) >= DRIFT_ODDS / 20:
                seen += 1
                break
    assert seen <= 8  # of 200, at odds that chance reaches in 1 of 50


def test_the_daily_job_serves_every_workspace_and_ends_once(taught, make_history):
    taught.live(make_history(6, workspace="other").live(30))
    due_id = taught.due(META_LEARNING)
    for due in taught.start():
        assert not taught.of_type(JOB_ENDED)
        taught.finish(due)
    (ended,) = taught.of_type(JOB_ENDED)
    assert (ended.subject, ended.cause, ended.body["status"]) == (META_LEARNING, due_id, "completed")
    assert [record.key for record in taught.records.scan("meta_learner")] == ["acme", "other"]


def test_a_job_that_is_due_while_a_cycle_runs_waits_for_that_one(taught):
    taught.ask("trigger", workspace_id="acme", trigger="by hand")
    (due,) = taught.start()
    taught.due(META_LEARNING)
    taught.restart()
    taught.held = {due.cycle.iteration_id}
    taught.finish(due)
    assert len(taught.cycles()) == len(taught.of_type(JOB_ENDED)) == 1


def test_a_job_whose_cycle_fails_says_so(taught):
    taught.due(META_LEARNING)
    (due,) = taught.start()
    taught.fail(due, "No memory.")
    (ended,) = taught.of_type(JOB_ENDED)
    assert ended.body == {"status": "failed", "detail": "0 workspaces; acme: No memory."}


def test_a_job_with_nothing_to_do_ends_at_once(house):
    house.due(META_LEARNING)
    house.due(PATTERN_REFRESH)
    assert [fact.body["status"] for fact in house.of_type(JOB_ENDED)] == ["completed", "completed"]


def test_a_refresh_drops_what_no_longer_holds(taught, make_history):
    taught.ask("trigger", workspace_id="acme", trigger="by hand")
    taught.finish(taught.start()[0])
    changed = make_history(7).live(600)
    for row in changed.rows:
        row["key"] += "-later"
        row["rank"] = (taught.now + timedelta(seconds=1)).timestamp()
        row["evaluated_at"] = (taught.now + timedelta(seconds=2)).isoformat()
    taught.live(changed)
    taught.now += timedelta(hours=1)
    taught.due(PATTERN_REFRESH)
    taught.finish(taught.start()[0])
    assert taught.patterns() == []
    assert taught.cycles()[-1].patterns_tried == 0
    assert taught.cycles()[-1].patterns_dropped == 1


def test_what_cannot_be_asked_is_refused(taught):
    with pytest.raises(NotFound):
        taught.ask("trigger", workspace_id="nobody", trigger="by hand")
    with pytest.raises(InvalidInput):
        taught.ask("trigger", workspace_id="acme", trigger="by hand", lookback_days=0)
    with pytest.raises(InvalidInput):
        taught.ask("dance", workspace_id="acme")
    with pytest.raises(NotFound):
        taught.part.should_trigger("nobody")


def test_a_cycle_looks_back_as_far_as_it_is_told(taught):
    taught.ask("trigger", workspace_id="acme", trigger="by hand", lookback_days=1.5)
    taught.finish(taught.start()[0])
    assert 0 < taught.cycles()[0].samples_analyzed < 2400
