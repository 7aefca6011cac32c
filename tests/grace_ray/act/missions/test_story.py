"""A mission from request to knowledge, over a real store, the real knowledge part and the real runbooks."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from grace_ray.act.missions.budget import MissionBudget
from grace_ray.adapters.vcs.runbooks import RunbookFolders
from grace_ray.core.fact import Fact
from grace_ray.core.jsonable import to_plain
from grace_ray.loop import Loop
from grace_ray.settings import load
from grace_ray.wiring import build_knowledge, build_launcher, build_runner, open_journal, open_reader, prepare_home

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
RUNBOOKS = Path(__file__).parents[5] / "shared" / "data" / "runbooks"
OFFLINE = {"web": {"search_url": "http://127.0.0.1:9/"}, "github": {"api_url": "http://127.0.0.1:9"}}


class House:
    """Launcher and knowledge over one journal; missions are carried out as soon as they start."""

    def __init__(self, home, is_dense=False):
        self.settings = load(home=home, knowledge={"dense": is_dense}, **OFFLINE)
        self.now = NOW
        prepare_home(self.settings)
        parts = [build_launcher(self.settings), build_knowledge(self.settings)]
        self.journal = open_journal(self.settings)
        self.loop = Loop(self.journal, open_reader(self.settings), parts, lambda: self.now, self.carry_out)
        self.launcher, self.knowledge = parts

    def carry_out(self, loop, now):
        effects, starts = self.launcher.starts(now, ["w1", "w2", "w3"])
        loop.commit(self.launcher, effects)
        for start in starts:
            runner = build_runner(self.settings, self.knowledge, lambda: now)
            budget = MissionBudget(60.0, lambda: 0.0, lambda: False)
            findings = runner.run(start.mission, start.strategies, budget)
            loop.commit(self.launcher, self.launcher.finished(start.mission.mission_id, start.attempt, findings, now))
        return bool(starts)

    def read_runbooks(self, folder):
        for batch in RunbookFolders([folder], 1_000_000).changed():
            self.loop.change("knowledge", "operate", "add", {"documents": to_plain(batch)})
        self.loop.settle()

    def ask(self, cluster_key, message):
        question = {"text": message, "topic": cluster_key.replace(":", " "), "messages": [message]}
        body = {"cluster_key": cluster_key, "priority": 0.9, "question": question}
        fact = Fact(
            id=cluster_key, at=self.now, kind="decision", type="mission.requested", source="grace/triage",
            subject=cluster_key, body=body,
        )  # fmt: skip
        self.loop.append([fact.to_row()])
        self.loop.settle()
        return next(mission for mission in self.missions() if mission["cluster_key"] == cluster_key)

    def close(self):
        self.loop.reader.close()
        self.journal.close()

    def missions(self):
        return [json.loads(record.body) for record in self.loop.reader.scan("missions")]


@pytest.fixture
def house(tmp_path):
    found = House(tmp_path / "home")
    yield found
    found.close()


def test_offline_a_mission_finds_the_users_runbook_and_says_what_it_could_not_ask(house, tmp_path):
    books = tmp_path / "books"
    books.mkdir()
    (books / "RateLimits.md").write_text(
        "# Rate limits\n\n## Mitigation\n\nWait until the reset time of the rate limit, and poll repositories less.\n"
    )
    house.read_runbooks(books)
    mission = house.ask("remote_access:high:blocked", "github rate limit exceeded, 0 remaining")
    assert mission["status"] == "completed", mission["error"]
    statuses = {report["strategy"]: report["status"] for report in mission["strategies"]}
    assert (statuses["runbooks"], statuses["web"], statuses["github"]) == ("found", "unreachable", "unreachable")
    statement = mission["knowledge_acquired"][0]
    assert statement["source"] == str(books / "RateLimits.md")
    assert "Wait until the reset time" in statement["text"]
    assert statement["passage"] in (books / "RateLimits.md").read_text()
    again = house.knowledge.search("rate limit exceeded", 5)
    assert any(hit.source == statement["source"] for hit in again)


def test_where_nothing_is_known_the_mission_fails_and_says_why(house):
    mission = house.ask("custom:high:error", "frobnicator jammed")
    assert mission["status"] == "failed"
    assert mission["error"].startswith("Nothing was learned.")
    assert "web: unreachable" in mission["error"]
    assert mission["ended_at"] is not None


@pytest.mark.parametrize(
    ("message", "runbook"),
    [
        ("etcd: wal fsync durations are high on member 3", "etcdHighFsyncDurations"),
        ("Clock on node is not synchronising, check NTP", "NodeClockNotSynchronising"),
    ],
)
def test_a_mission_finds_the_right_one_of_real_runbooks(tmp_path, message, runbook):
    if not RUNBOOKS.is_dir():
        pytest.skip("The real runbooks are not beside this checkout (../shared/data/runbooks).")
    house = House(tmp_path / "home", is_dense=True)
    house.read_runbooks(RUNBOOKS)
    mission = house.ask("system:high:error", message)
    assert mission["status"] == "completed"
    assert Path(mission["knowledge_acquired"][0]["source"]).stem == runbook
    house.close()


def test_a_house_that_stops_in_the_middle_goes_on_after_the_lease(tmp_path):
    house = House(tmp_path)
    house.carry_out = None
    house.loop._carry_out = lambda loop, now: False
    house.ask("custom:high:error", "frobnicator jammed")
    effects, starts = house.launcher.starts(NOW, ["w1"])
    house.loop.commit(house.launcher, effects)
    assert len(starts) == 1
    house.close()
    later = House(tmp_path)
    assert [mission.status for mission in later.launcher.running()] == ["running"]
    later.loop.settle()
    assert later.missions()[0]["status"] == "running", "its lease holds still"
    for seconds in (16, 32):  # a lease after it came back, nothing was heard of the worker
        later.now = NOW + timedelta(seconds=seconds)
        later.loop.tick()
    later.loop.settle()
    (mission,) = later.missions()
    assert (mission["status"], mission["attempt"]) == ("failed", 2)
    later.close()
