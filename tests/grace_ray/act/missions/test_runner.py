"""The runner: strategies in turn, faults reported, time shared, cancel heeded."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from grace_ray.act.missions.budget import MissionBudget
from grace_ray.act.missions.distill import ExtractiveDistiller
from grace_ray.act.missions.runner import DISTILL_SHARE, Runner
from grace_ray.act.missions.strategies.exploration import failed, found
from grace_ray.core.document import Document, Hit
from grace_ray.core.errors import InvalidInput, RateLimited, Unreachable
from grace_ray.core.mission import Mission, Question

NOW = datetime(2026, 5, 4, tzinfo=UTC)
MISSION = Mission(
    mission_id="m1", mission_type="generic_learning", description="d", cluster_key="d:high:p", priority=0.5,
    status="running", created_at=NOW, question=Question(text="etcd disk is slow", topic="etcd"),
)  # fmt: skip


@dataclass
class Time:
    """A clock that a test moves."""

    now: float = 0.0

    def __call__(self):
        return self.now


@dataclass
class Scripted:
    """A strategy that takes its time, then does what it is told to."""

    name: str
    time: Time
    does: object = None
    takes_s: float = 1.0
    slices: list = field(default_factory=list)

    def explore(self, question, budget):
        self.slices.append(budget.remaining_s())
        self.time.now += self.takes_s
        return self.does()


def passage(source="/etcd.md", text="## Fix\n\nMove the etcd disk to SSD storage."):
    return Hit(
        passage_id=source, text=text, title="Etcd", heading="", source=source, origin="runbook", topic="etcd",
        score=1.0, confidence=1.0,
    )  # fmt: skip


def run(strategies, time, limit_s=100.0, is_cancelled=lambda: False, order=None):
    runner = Runner({s.name: s for s in strategies}, ExtractiveDistiller(lambda: NOW), time)
    told = []
    order = order or [strategy.name for strategy in strategies]
    findings = runner.run(MISSION, order, MissionBudget(limit_s, time, is_cancelled), told.append)
    return findings, told


def test_a_mission_goes_on_where_the_internet_is_not_there():
    time = Time()
    offline = Unreachable("The name example.org cannot be resolved.")
    findings, told = run(
        [
            Scripted("web", time, lambda: failed("web", offline)),
            Scripted("github", time, lambda: failed("github", RateLimited("Used up.", "", 42.0))),
            Scripted("runbooks", time, lambda: found("runbooks", [passage()], "One.")),
        ],
        time,
        order=["web", "github", "rag", "runbooks"],
    )
    assert [(r.strategy, r.status) for r in findings.reports] == [
        ("web", "unreachable"), ("github", "refused"), ("rag", "disabled"), ("runbooks", "found"),
    ]  # fmt: skip
    assert told == list(findings.reports)
    assert "wait 42 s" in findings.reports[1].detail
    (statement,) = findings.statements
    assert (statement.mission_id, statement.cluster_key, statement.origin) == ("m1", "d:high:p", "runbooks")
    assert findings.summary == (
        "Learned 1 statement from /etcd.md. Not asked: web: unreachable; github: refused; rag: disabled."
    )


@pytest.mark.parametrize(
    "error", [ValueError("bad HTML"), OSError("disk"), InvalidInput("No words.", "q"), KeyError("x")]
)
def test_a_strategy_that_fails_is_a_line_in_the_report(error):
    def breaks():
        raise error

    time = Time()
    ok = Scripted("rag", time, lambda: found("rag", [passage()], ""))
    findings, _ = run([Scripted("web", time, breaks), ok], time)
    assert findings.reports[0].status == "error"
    assert type(error).__name__ in findings.reports[0].detail
    assert findings.reports[0].duration_s == 1.0
    assert findings.statements


def test_each_strategy_has_its_share_and_what_one_leaves_the_others_get():
    time = Time()
    strategies = [Scripted(name, time, lambda n=name: found(n, (), "")) for name in ("a", "b", "c")]
    run(strategies, time, limit_s=90.0)
    keep = 1 - DISTILL_SHARE
    assert [s.slices[0] for s in strategies] == pytest.approx([90 * keep / 3, 89 * keep / 2, 88 * keep])


def test_when_time_is_up_the_rest_is_not_tried_and_what_is_there_is_distilled():
    time = Time()
    slow = Scripted("runbooks", time, lambda: found("runbooks", [passage()], ""), takes_s=200)
    findings, _ = run([slow, Scripted("web", time, lambda: found("web", (), ""))], time)
    assert [report.strategy for report in findings.reports] == ["runbooks"]
    assert findings.statements


def test_a_cancelled_mission_stops_between_strategies_and_learns_nothing():
    time = Time()
    first = Scripted("runbooks", time, lambda: found("runbooks", [passage()], ""))
    never = Scripted("web", time, lambda: pytest.fail("it went on"))
    findings, _ = run([first, never], time, is_cancelled=lambda: time.now > 0)
    assert len(findings.reports) == 1
    assert findings.statements == ()


def test_new_texts_are_brought_home_with_the_mission_that_found_them():
    document = Document(source="https://example.org/a", title="A", text="t", origin="web")
    time = Time()
    findings, _ = run([Scripted("web", time, lambda: found("web", (), "No page is about it.", [document]))], time)
    assert findings.documents[0].mission_id == "m1"
    assert findings.summary == "Nothing was learned. Nothing in web. No page is about it."
