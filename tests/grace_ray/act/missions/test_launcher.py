"""The launcher: queue, leases, retries, outcomes; and a state machine that does everything to it at random."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from grace_ray.act.missions.invariant import unfinished
from grace_ray.act.missions.launcher import Launcher
from grace_ray.core.clock import to_us
from grace_ray.core.entry import Entry
from grace_ray.core.errors import Backpressure, Conflict, Disabled, InvalidInput, NotFound
from grace_ray.core.fact import Fact
from grace_ray.core.jsonable import from_plain
from grace_ray.core.mission import Findings, Mission, Statement, StrategyReport, requested_mission_id
from grace_ray.core.store import ANY, RecordPage
from grace_ray.settings import MissionSettings

START = datetime(2026, 5, 4, 12, tzinfo=UTC)
CLUSTER = "remote_access:high:blocked"


class Memory:
    """Records and entries as the store would hold them."""

    def __init__(self):
        self.rows = {}
        self.entries_ = []
        self.ids = set()

    def commit(self, effects):
        for record in effects.records:
            self.rows[record.view, record.key] = record
        return [self.append(fact) for fact in effects.facts]

    def append(self, fact, recorded=None):
        row = fact.to_row()
        assert (row.source, row.id) not in self.ids, f"{row.type} stands on the journal twice"
        self.ids.add((row.source, row.id))
        recorded_us = to_us(recorded or fact.at)
        entry = Entry(len(self.entries_) + 1, *row[:8], recorded_us, b"", row.body)
        self.entries_.append(entry)
        return entry

    def record(self, view, key):
        return self.rows.get((view, key))

    def records(self, view, status=None, limit=100, after=None):
        found = [r for r in self.rows.values() if r.view == view and status in (None, r.status)]
        found.sort(key=lambda r: (-r.rank, r.key))
        start = int(after or 0)
        rest = start + limit
        return RecordPage(found[start:rest], str(rest) if rest < len(found) else None)

    def latest(self, limit, where=ANY, before=None):
        hits = [e for e in self.entries_ if e.kind in where.kinds and where.type in ("", e.type)]
        return hits[::-1][:limit]

    def mission(self, mission_id):
        return from_plain(Mission, json.loads(self.rows["missions", mission_id].body))

    def types(self, mission_id):
        return [e.type for e in self.entries_ if e.subject == mission_id]


def request(number=0, cluster=CLUSTER, priority=0.75, at=START):
    return Fact(
        id=f"request-{number}",
        at=at,
        kind="decision",
        type="mission.requested",
        source="grace/triage",
        subject=cluster,
        body={"cluster_key": cluster, "priority": priority, "description": "Learn to resolve blocked", "reason": "r."},
    )


def finding(name, cluster=CLUSTER, at=START, number=0, **body):
    return Fact(
        id=f"{name}-{cluster}-{number}-{to_us(at)}",
        at=at,
        kind="finding",
        type=name,
        source="grace/triage",
        subject=cluster,
        body={"cluster_key": cluster, **body},
    )


def statement(origin="runbooks", mission_id=None):
    return Statement(
        id=f"s-{origin}", text="Restart it.", passage="Restart it.", source="/r.md", origin=origin, topic="t",
        confidence=0.8, at=START, mission_id=mission_id,
    )  # fmt: skip


def findings(*origins):
    reports = [StrategyReport(strategy=o, status="found", detail="", sources=("/r.md",)) for o in origins]
    return Findings(reports=reports, statements=[statement(o) for o in origins], summary="Learned.")


class House:
    """A launcher over its memory, with a clock."""

    def __init__(self, **changed):
        self.settings = MissionSettings(**changed)
        self.memory = Memory()
        self.now = START
        self.launcher = Launcher(self.settings)
        self.launcher.restore(None, self.memory)

    def take(self, *facts):
        self.memory.commit(self.launcher.handle([self.memory.append(fact, self.now) for fact in facts], self.now))

    def tick(self, seconds=0.0):
        self.now += timedelta(seconds=seconds)
        self.memory.commit(self.launcher.tick(self.now))

    def starts(self, *workers):
        effects, started = self.launcher.starts(self.now, workers)
        self.memory.commit(effects)
        return started

    def restart(self):
        self.launcher = Launcher(self.settings)
        self.launcher.restore(b"", self.memory)

    def finish(self, start, *origins):
        effects = self.launcher.finished(start.mission.mission_id, start.attempt, findings(*origins), self.now)
        self.memory.commit(effects)
        return effects


ID = requested_mission_id("request-0", START)


def test_a_requested_mission_waits_runs_and_ends_with_its_knowledge():
    house = House()
    house.take(request())
    assert house.memory.mission(ID).status == "pending"
    (start,) = house.starts("w1")
    assert (start.mission.mission_id, start.attempt, start.worker) == (ID, 1, "w1")
    house.finish(start, "runbooks")
    mission = house.memory.mission(ID)
    assert mission.status == "completed"
    assert mission.knowledge_acquired[0].source == "/r.md"
    assert mission.sources == ("/r.md",)
    assert house.memory.types(ID) == ["mission.created", "mission.started", "mission.completed"]


def test_how_many_missions_run_at_once_can_be_said_anew_and_outlives_a_restart():
    house = House(max_running=2)
    for number in range(4):
        house.take(request(number, cluster=f"c{number}"))
    effects, allowed = house.launcher.operate("limit", {"max_running": 1, "by": "ada"}, house.now)
    house.memory.commit(effects)
    assert allowed == 1
    assert len(house.starts("w1", "w2", "w3")) == 1
    house.restart()
    assert house.launcher.max_running() == 1
    assert not house.starts("w2", "w3")
    for wrong in (-1, 65, "2", True, 1.5):
        with pytest.raises(InvalidInput) as caught:
            house.launcher.operate("limit", {"max_running": wrong}, house.now)
        assert caught.value.field == "max_running"
    effects, allowed = house.launcher.operate("limit", {"max_running": None}, house.now + timedelta(seconds=1))
    house.memory.commit(effects)
    assert allowed == 2
    house.restart()
    assert house.launcher.max_running() == 2


def test_the_same_request_twice_is_one_mission():
    house = House()
    entry = house.memory.append(request())
    house.memory.commit(house.launcher.handle([entry, entry], house.now))
    assert not house.launcher.handle([entry], house.now)
    house.restart()
    assert not house.launcher.handle([entry], house.now)


def test_no_more_run_than_the_cap_and_a_worker_has_one_mission():
    house = House(max_running=2)
    for number in range(5):
        house.take(request(number, f"d:high:p{number}"))
    assert len(house.starts("w1")) == 1
    assert [s.worker for s in house.starts("w1", "w2", "w3")] == ["w2"]
    assert house.starts("w3", "w4") == []


def test_the_most_urgent_goes_first_but_the_oldest_is_not_starved():
    house = House(max_running=1)
    house.take(request(0, "d:low:old", 0.1))
    house.take(request(1, "d:critical:new", 1.0, START + timedelta(seconds=60)))
    assert house.starts("w1")[0].mission.cluster_key == "d:critical:new"
    late = House(max_running=1)
    late.take(request(0, "d:low:old", 0.1))
    late.take(request(1, "d:critical:new", 1.0, START + timedelta(seconds=1800)))
    assert late.starts("w1")[0].mission.cluster_key == "d:low:old"


def test_a_second_mission_for_a_cluster_ends_at_once_and_says_why():
    house = House()
    house.take(request(0), request(1))
    other = house.memory.mission(requested_mission_id("request-1", START))
    assert other.status == "cancelled"
    assert ID in other.error


def test_a_full_queue_drops_the_least_urgent_and_says_why():
    house = House(queue_max=2)
    house.take(*(request(n, f"d:high:p{n}", priority) for n, priority in enumerate((0.5, 0.2, 0.9))))
    dropped = house.memory.mission(requested_mission_id("request-1", START))
    assert (dropped.status, dropped.error[:18]) == ("cancelled", "The queue is full:")
    with pytest.raises(Backpressure, match="queue is full"):
        house.launcher.operate("create", {"description": "Why?"}, house.now)


def test_a_silent_worker_loses_its_mission_and_another_takes_it():
    house = House(lease_s=15)
    house.take(request())
    (first,) = house.starts("w1")
    house.tick(14)
    assert house.launcher.heartbeat(ID, 1, house.now)[1]
    house.tick(14)
    assert house.memory.mission(ID).status == "running"
    house.tick(2)
    assert house.memory.mission(ID).status == "pending"
    assert not house.launcher.heartbeat(ID, 1, house.now)[1]
    (second,) = house.starts("w2")
    assert (second.attempt, second.worker) == (2, "w2")
    assert not house.finish(first, "web")
    assert house.finish(second, "web")
    assert not house.finish(second, "web")
    assert house.memory.types(ID).count("mission.completed") == 1


def test_a_mission_that_kills_its_workers_fails_after_the_last_attempt():
    house = House(attempts_max=3)
    house.take(request())
    for attempt in (1, 2, 3):
        house.starts("w")
        house.memory.commit(house.launcher.failed(ID, attempt, "The worker died.", house.now, worker_died=True))
    mission = house.memory.mission(ID)
    assert (mission.status, mission.attempt) == ("failed", 3)
    assert mission.error == "The worker died. It was attempt 3 of 3."


def test_a_mission_that_does_not_end_is_timed_out():
    house = House(timeout_s=60, lease_s=15)
    house.take(request())
    house.starts("w")
    for _ in range(6):
        house.tick(10)
        house.memory.commit(house.launcher.heartbeat(ID, 1, house.now)[0])
    assert house.memory.mission(ID).status == "timed_out"
    assert not house.launcher.heartbeat(ID, 1, house.now)[1]


def test_a_mission_that_learned_nothing_has_failed():
    house = House()
    house.take(request())
    (start,) = house.starts("w")
    house.finish(start)
    assert house.memory.mission(ID).status == "failed"
    assert house.memory.mission(ID).error == house.memory.mission(ID).summary != ""


def test_a_person_cancels_a_running_mission_and_its_worker_hears_of_it():
    house = House()
    house.take(request())
    house.starts("w")
    effects, mission = house.launcher.operate("cancel", {"mission_id": ID, "by": "ann", "note": "known"}, house.now)
    house.memory.commit(effects)
    assert (mission.status, mission.error) == ("cancelled", "Cancelled by ann: known.")
    assert [fact.type for fact in effects.facts] == ["operator.cancel_mission", "mission.cancelled"]
    assert not house.launcher.heartbeat(ID, 1, house.now)[1]
    with pytest.raises(Conflict, match="cancelled"):
        house.launcher.operate("cancel", {"mission_id": ID}, house.now)
    with pytest.raises(NotFound):
        house.launcher.operate("cancel", {"mission_id": "none"}, house.now)


def test_a_cluster_resolved_by_a_person_takes_its_waiting_mission_along():
    house = House()
    house.take(request())
    house.take(finding("cluster.resolved", resolved_by=f"mission:{ID}", number=1))
    assert house.memory.mission(ID).status == "pending"
    house.take(finding("cluster.resolved", resolved_by="ann"))
    assert house.memory.mission(ID).status == "cancelled"


@pytest.mark.parametrize(
    ("args", "field"),
    [
        ({}, "description"),
        ({"description": "  "}, "description"),
        ({"question": "x" * 5000}, "question"),
        ({"description": "x", "mission_type": "holiday"}, "mission_type"),
        ({"description": "x", "priority": 7}, "priority"),
    ],
)
def test_a_wrong_request_names_its_field(args, field):
    with pytest.raises(InvalidInput) as caught:
        House().launcher.operate("create", args, START)
    assert caught.value.field == field


def test_a_person_may_ask_and_the_same_key_is_the_same_mission():
    house = House()
    args = {"question": "Why is etcd slow?", "topic": "etcd", "by": "ann", "key": "k1"}
    effects, mission = house.launcher.operate("create", args, house.now)
    house.memory.commit(effects)
    assert (mission.question.topic, mission.mission_type) == ("etcd", "generic_learning")
    again, same = house.launcher.operate("create", args, house.now)
    assert not again
    assert same.mission_id == mission.mission_id


def test_switched_off_nothing_runs_and_every_request_gets_an_answer():
    house = House(enabled=False)
    house.take(request())
    assert house.memory.mission(ID).status == "cancelled"
    with pytest.raises(Disabled):
        house.launcher.operate("create", {"description": "x"}, START)


def test_a_restarted_launcher_gives_workers_a_lease_to_be_heard_before_it_takes_their_missions_back():
    house = House(lease_s=15)
    house.take(request())
    house.starts("w1")
    house.restart()
    assert [m.worker for m in house.launcher.running()] == ["w1"]
    assert house.starts("w1", "w2") == []
    assert house.launcher.heartbeat(ID, 1, house.now)[1]
    house.restart()
    house.tick(60)
    assert house.starts("w2") == [], "nobody listened for a minute; the worker may still be at it"
    assert house.launcher.heartbeat(ID, 1, house.now)[1]
    house.restart()
    house.tick(60)
    house.tick(14)
    assert house.starts("w2") == []
    house.tick(2)
    assert house.starts("w2")[0].attempt == 2


def test_a_mission_whose_lost_worker_still_runs_waits_until_it_is_stopped():
    house = House(lease_s=15)
    house.take(request())
    house.starts("w1")
    house.tick(1)
    house.tick(16)
    effects, started = house.launcher.starts(house.now, ["w2"], {ID})
    assert (effects.facts, started) == ((), [])
    assert house.starts("w2")[0].attempt == 2


def test_whether_a_mission_helped_is_noted_and_moves_priorities_and_strategies():
    house = House()
    for number in range(6):
        house.take(request(number, at=house.now))
        (start,) = house.starts("w")
        house.finish(start, "rag")
        name = "cluster.reopened" if number % 2 else "cluster.stayed_quiet"
        house.take(finding("cluster.stayed_quiet", at=house.now, number=number))
        assert house.memory.mission(start.mission.mission_id).helped is True, name
        house.now += timedelta(minutes=5)
    house.take(request(9, at=house.now))
    (start,) = house.starts("w")
    assert start.mission.priority > 0.75
    assert "missions for remote_access:blocked help at" in start.mission.reason
    assert start.strategies[0] == "rag"
    assert set(start.strategies) == set(house.settings.strategies)
    house.restart()
    house.finish(start, "rag")
    house.take(finding("cluster.reopened", at=house.now))
    assert house.memory.mission(start.mission.mission_id).helped is False


def test_without_evidence_the_configured_order_and_priority_hold():
    house = House(learning_priority=("github", "rag", "web"))
    house.take(request())
    (start,) = house.starts("w")
    assert start.strategies == ("runbooks", "pattern", "github", "rag", "web")
    assert start.mission.priority == 0.75


def test_what_never_ended_is_reported():
    house = House(lease_s=15)
    assert unfinished(house.memory, START) == []
    house.take(request(0, "d:high:a"), request(1, "d:high:b"))
    house.starts("w1")
    house.memory.append(request(2, "d:high:c"))
    found = {item.status: item for item in unfinished(house.memory, START)}
    assert set(found) == {"running", "pending", "requested"}
    assert not any(item.is_stuck for item in found.values())
    later = unfinished(house.memory, START + timedelta(minutes=10))
    assert {item.status for item in later if item.is_stuck} == {"running", "requested"}


ENDS = {"mission.completed", "mission.failed", "mission.timed_out", "mission.cancelled"}


class LauncherMachine(RuleBasedStateMachine):
    """Workers, deaths, restarts, cancels and time, in any order.

    A worker obeys the lease: it stops by itself when its last acknowledged lease has run out.
    """

    @initialize(cap=st.integers(1, 3), attempts=st.integers(1, 3))
    def build(self, cap, attempts):
        self.house = House(max_running=cap, attempts_max=attempts, lease_s=15, timeout_s=120, queue_max=4)
        self.alive = {}
        self.late = []
        self.number = 0

    def stop_expired(self):
        for worker, (start, until) in list(self.alive.items()):
            if self.house.now >= until:
                self.late.append(start)
                del self.alive[worker]

    @rule(cluster=st.integers(0, 5), priority=st.floats(0, 1))
    def requested(self, cluster, priority):
        self.number += 1
        self.house.take(request(self.number, f"d:high:p{cluster}", priority, self.house.now))

    @rule(cluster=st.integers(0, 5), name=st.sampled_from(["resolved", "stayed_quiet", "reopened"]))
    def found(self, cluster, name):
        self.number += 1
        at = self.house.now
        self.house.take(finding(f"cluster.{name}", f"d:high:p{cluster}", at, self.number, resolved_by="ann"))

    @rule(crash_before_start=st.booleans())
    def starts(self, crash_before_start):
        free = [f"w{n}" for n in range(5) if f"w{n}" not in self.alive]
        for start in self.house.starts(*free):
            if crash_before_start:
                continue
            running = [s.mission.mission_id for s, _ in self.alive.values()]
            assert start.mission.mission_id not in running, "a mission runs twice at once"
            self.alive[start.worker] = (start, self.house.now + timedelta(seconds=15))

    @rule(seconds=st.sampled_from([0, 1, 5, 14, 16, 40, 130]), is_ticked=st.booleans())
    def time_passes(self, seconds, is_ticked):
        self.house.now += timedelta(seconds=seconds)
        self.stop_expired()
        if is_ticked:
            self.house.tick()

    @precondition(lambda self: self.alive)
    @rule(data=st.data(), what=st.sampled_from(["beat", "progress", "finish", "empty", "fail", "die", "vanish"]))
    def worker_acts(self, data, what):
        worker = data.draw(st.sampled_from(sorted(self.alive)))
        start, _ = self.alive[worker]
        self.act(worker, start, what)

    def act(self, worker, start, what):
        launcher, now, mission_id = self.house.launcher, self.house.now, start.mission.mission_id
        if what in ("beat", "progress"):
            report = StrategyReport(strategy="web", status="nothing", detail=str(self.number))
            call = launcher.heartbeat if what == "beat" else launcher.progress
            args = () if what == "beat" else (report,)
            effects, is_held = call(mission_id, start.attempt, *args, now)
            self.number += 1
            self.commit_progress(effects)
            if is_held:
                self.alive[worker] = (start, now + timedelta(seconds=15))
            else:
                del self.alive[worker]
            return
        del self.alive[worker]
        if what in ("finish", "empty"):
            self.house.finish(start, *(["web"] if what == "finish" else []))
        elif what in ("fail", "die"):
            effects = launcher.failed(mission_id, start.attempt, "It broke.", now, worker_died=what == "die")
            self.house.memory.commit(effects)

    def commit_progress(self, effects):
        """Commit as the journal does: a fact that stands there already is skipped."""
        known = self.house.memory.ids
        facts = [fact for fact in effects.facts if (fact.source, fact.id) not in known]
        self.house.memory.commit(replace(effects, facts=facts))

    @precondition(lambda self: self.late)
    @rule(data=st.data())
    def a_late_result_arrives(self, data):
        self.house.finish(data.draw(st.sampled_from(self.late)), "web")

    @rule(cluster=st.integers(0, 5))
    def cancelled(self, cluster):
        launcher = self.house.launcher
        for mission in [*launcher.pending(), *launcher.running()]:
            if mission.cluster_key == f"d:high:p{cluster}":
                effects, _ = launcher.operate("cancel", {"mission_id": mission.mission_id}, self.house.now)
                self.house.memory.commit(effects)

    @rule()
    def launcher_restarts(self):
        self.house.restart()

    @invariant()
    def the_rules_hold(self):
        if not hasattr(self, "house"):
            return
        running = self.house.launcher.running()
        assert len(running) <= self.house.settings.max_running
        assert len({m.worker for m in running}) == len(running)
        assert len(self.house.launcher.pending()) <= self.house.settings.queue_max + len(self.alive) + 3
        for mission_id in {key for view, key in self.house.memory.rows if view == "missions"}:
            types = self.house.memory.types(mission_id)
            ends = [name for name in types if name in ENDS]
            mission = self.house.memory.mission(mission_id)
            assert len(ends) == (0 if mission.is_open else 1)
            assert types.count("mission.created") == 1
            assert mission.attempt <= self.house.settings.attempts_max

    def teardown(self):
        """Given working hands and time, every mission ends."""
        if not hasattr(self, "house"):
            return
        for _ in range(200):
            self.house.tick(16)
            self.alive = {}
            for start in self.house.starts("x", "y", "z"):
                self.house.finish(start, "web")
            if not unfinished(self.house.memory, self.house.now):
                break
        assert unfinished(self.house.memory, self.house.now) == []


TestLauncherMachine = LauncherMachine.TestCase
TestLauncherMachine.settings = hypothesis_settings(
    max_examples=60, stateful_step_count=40, deadline=None, derandomize=True
)


def test_a_mission_that_a_person_starts_for_a_cluster_knows_the_cluster():
    args = {"question": "How do I stop this?", "cluster_key": "logs:medium:t-3d551af3a4c9", "by": "ada"}
    _, mission = House().launcher.operate("create", args, START)
    assert mission.question.cluster == {"cluster_key": "logs:medium:t-3d551af3a4c9"}
    assert mission.question.topic == "logs"
