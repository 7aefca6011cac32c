"""The trust part over a real store in one process, and what comes in about recommendations."""

from datetime import UTC, datetime, timedelta

import orjson

from grace_ray import wiring
from grace_ray.core.fact import Fact
from grace_ray.core.jsonable import from_plain, to_plain
from grace_ray.core.recommendation import (
    JUDGED,
    KIND,
    RECOMMENDATIONS_VIEW,
    TRACKED,
    TRUST_VIEW,
    Judgement,
    Recommendation,
    TrustScore,
    key_of,
    source_of,
)
from grace_ray.core.store import Commit
from grace_ray.decide.trust.part import TrustPart
from grace_ray.loop import Loop
from grace_ray.settings import load

START = datetime(2026, 5, 4, 12, tzinfo=UTC)
WORKSPACE = "acme"


class House:
    """A journal and the trust part; ``now`` moves only when told."""

    def __init__(self, home, **trust):
        self.settings = load(home=home, trust=trust)
        wiring.prepare_home(self.settings)
        self.journal = wiring.open_journal(self.settings)
        self.reader = wiring.open_reader(self.settings)
        self.now = START
        self.number = 0
        self.wake()

    def wake(self):
        """Start the part from what is durable, as after a crash."""
        self.part = TrustPart(self.settings.trust)
        self.loop = Loop(self.journal, self.reader, [self.part], lambda: self.now)

    def save(self):
        """Make what the part learned durable, as its host does now and then."""
        cursor = self.reader.follower("trust").cursor
        self.loop.write(Commit(follower="trust", expected=cursor, cursor=cursor, state=self.part.state()))

    def pass_time(self, **by):
        self.now += timedelta(**by)

    def recommend(self, agent, *, kind="fix", question="", workspace=WORKSPACE, name="", **fields):
        """Say that an agent recommends something; return the id."""
        self.number += 1
        name = name or f"r{self.number}"
        noun = Recommendation(
            workspace_id=workspace,
            recommendation_id=name,
            agent_id=agent,
            recommendation_type=kind,
            correlation_id=question,
            created_at=self.now,
            **fields,
        )
        self._append(TRACKED, source_of(workspace, "recommendations"), name, name, noun)
        return name

    def judge(self, name, outcome, *, workspace=WORKSPACE, at=None, outcome_id="", **fields):
        """Say how a recommendation turned out."""
        self.number += 1
        noun = Judgement(
            workspace_id=workspace,
            outcome_id=outcome_id or f"o{self.number}",
            recommendation_id=name,
            outcome=outcome,
            evaluated_at=at or self.now,
            **fields,
        )
        self._append(JUDGED, source_of(workspace, "outcomes"), noun.outcome_id, name, noun)

    def live(self, agent, outcomes, *, workspace=WORKSPACE, **fields):
        """Let an agent make recommendations that turn out as said, a minute apart."""
        for outcome in outcomes:
            self.judge(self.recommend(agent, workspace=workspace, **fields), outcome, workspace=workspace)
            self.pass_time(minutes=1)

    def settle(self):
        """Let everything be taken, and scores be made."""
        self.loop.settle()
        self.loop.tick()
        self.loop.settle()

    def sheet(self, name, workspace=WORKSPACE):
        return self._noun(Recommendation, RECOMMENDATIONS_VIEW, key_of(workspace, name))

    def score(self, agent, workspace=WORKSPACE):
        return self._noun(TrustScore, TRUST_VIEW, key_of(workspace, agent))

    def facts(self, name):
        return [entry for entry in self.reader.entries(0, 10_000) if entry.type == name]

    def _noun(self, noun, view, key):
        record = self.reader.record(view, key)
        return from_plain(noun, orjson.loads(record.body)) if record else None

    def _append(self, kind, source, name, subject, noun):
        fact = Fact(id=name, at=self.now, kind=KIND, type=kind, source=source, subject=subject, body=to_plain(noun))
        self.loop.append([fact.to_row()])
