"""Pattern analysis over a real store: what preceded the trouble, who resolved it, which mission helped."""

from datetime import UTC, datetime, timedelta

import pytest

from grace_ray.act.missions.budget import MissionBudget
from grace_ray.act.missions.distill import ExtractiveDistiller
from grace_ray.act.missions.ledger import mission_fact, to_record
from grace_ray.act.missions.strategies.pattern import PatternStrategy
from grace_ray.core.event import Event
from grace_ray.core.fact import Fact
from grace_ray.core.mission import Mission, Question, Statement
from grace_ray.core.store import Commit
from grace_ray.settings import load
from grace_ray.wiring import open_journal, open_reader, prepare_home

START = datetime(2026, 5, 4, 12, tzinfo=UTC)
KEY = "database:high:timeout"
QUESTION = Question(text="Database requests time out", topic="database timeout", cluster={"cluster_key": KEY})


class Past:
    """A journal that a test fills with what happened."""

    def __init__(self, home):
        settings = load(home=home)
        prepare_home(settings)
        self.journal, self.reader = open_journal(settings), open_reader(settings)
        self.number = 0

    def write(self, *facts):
        self.journal.append([fact.to_row() for fact in facts])

    def event(self, at, kind, message="", source="/apps", **fields):
        self.number += 1
        event = Event(
            id=f"e{self.number}", source=source, type=kind, at=at, domain="database", severity="high", message=message,
            **fields,
        )  # fmt: skip
        self.write(event)
        return event.id

    def finding(self, at, kind, cause="", family="finding", **body):
        self.number += 1
        self.write(
            Fact(
                id=f"f{self.number}",
                at=at,
                kind=family,
                type=kind,
                source="grace/triage",
                subject=KEY,
                cause=cause,
                body={"cluster_key": KEY, **body},
            )
        )

    def onset(self, at, kind="cluster.reopened"):
        self.finding(at, kind, self.event(at, "db.timeout", "query took 5000 ms"))

    def explore(self, question=QUESTION):
        strategy = PatternStrategy(self.reader)
        return strategy.explore(question, MissionBudget(60.0, lambda: 0.0, lambda: False))


@pytest.fixture
def past(tmp_path):
    found = Past(tmp_path)
    yield found
    found.reader.close()


def texts(found):
    return [hit.text for hit in found.passages]


def test_what_came_before_each_onset_is_found_and_what_always_comes_is_not(past):
    for hour in range(4):
        at = START + timedelta(hours=hour)
        for minute in range(0, 58, 5):
            past.event(at + timedelta(minutes=minute), "queue.length", f"{minute} jobs wait")
        past.event(at + timedelta(minutes=57), "backup.begun", f"backup {hour} began", source="/backup")
        past.onset(at + timedelta(minutes=59), "cluster.reopened" if hour else "cluster.created")
    found = past.explore()
    (cause,) = [text for text in texts(found) if "came before it" in text]
    assert cause.startswith("This event came before it 4 of 4 times, last 120 s before: backup.begun from /backup")
    (hit,) = [hit for hit in found.passages if hit.text == cause]
    entry = past.reader.entries(int(hit.source.removeprefix("journal:")) - 1, 1)[0]
    assert entry.type == "backup.begun"


def test_a_deployment_shortly_before_is_told_even_once(past):
    past.event(START - timedelta(minutes=3), "deployment.finished", "api 1.2.3 is out", success=True)
    past.onset(START, "cluster.created")
    assert any(
        "This change came before it this time, last 180 s before: deployment.finished" in t
        for t in texts(past.explore())
    )


def test_how_people_resolved_it_before_is_told(past):
    past.onset(START, "cluster.created")
    past.finding(START, "operator.resolve", family="decision", by="ann", note="Restarted the connection pooler.")
    past.finding(START, "cluster.resolved", by="recovery (db.ok)")
    told = texts(past.explore())
    assert "ann resolved it at 2026-05-04T12:00:00Z, noting: Restarted the connection pooler." in told
    assert any(text.startswith("It recovered by itself 1 times") for text in told)


def test_what_a_mission_learned_that_helped_is_offered_again_with_its_own_source(past):
    statement = Statement(
        id="s", text="Raise the pool size to 50.", passage="Raise the pool size to 50.", source="/db.md",
        origin="runbooks", topic="database", confidence=0.8, at=START,
    )  # fmt: skip
    for number, has_helped in enumerate([True, False]):
        mission = Mission(
            mission_id=f"m{number}", mission_type="generic_learning", description="d", cluster_key=KEY, priority=0.5,
            status="completed", created_at=START, question=QUESTION, knowledge_acquired=[statement], helped=has_helped,
        )  # fmt: skip
        rows = [mission_fact(mission, "mission.completed", START).to_row()]
        past.journal.commit(Commit(follower="mission_launcher", rows=rows, records=[to_record(mission)]))
    found = past.explore()
    assert [(hit.text, hit.source, hit.mission_id) for hit in found.passages] == [
        ("Raise the pool size to 50.", "/db.md", "m0")
    ]
    assert ExtractiveDistiller(lambda: START).distill(QUESTION, found.passages)[0].source == "/db.md"


def test_where_there_is_no_past_nothing_is_made_up(past):
    assert past.explore().report.status == "nothing"
    past.onset(START, "cluster.created")
    assert past.explore().report.status == "nothing"
    assert past.explore(Question(text="x", topic="")).report.detail == "The mission is about no cluster."
