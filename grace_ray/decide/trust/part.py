"""The trust part: keeps every workspace's recommendations with what became of them, and scores their agents.

A follower of what comes in about recommendations. Outcomes may come before what they judge (they wait), twice (the
journal takes them once), late, in contradiction (the one made last counts), or be taken back.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from grace_ray.core.canonical import canonical
from grace_ray.core.clock import to_text
from grace_ray.core.entry import Entry
from grace_ray.core.errors import InvalidInput, NotFound
from grace_ray.core.event import Event
from grace_ray.core.follower import NOTHING, Effects
from grace_ray.core.ids import derived_id
from grace_ray.core.jsonable import to_plain
from grace_ray.core.recommendation import (
    CYCLE_ENDED,
    JUDGED,
    KIND,
    OUTCOMES_VIEW,
    RECOMMENDATIONS_VIEW,
    TALLIES_VIEW,
    TRACKED,
    TRUST_VIEW,
    TrustScore,
    key_of,
)
from grace_ray.core.schedule import JOB_DUE, RECOMMENDATION_CLEANUP, TRUST_RECALCULATION, job_ended
from grace_ray.core.store import Reader, Record
from grace_ray.decide.routing.route import ROUTES_VIEW
from grace_ray.decide.trust import own
from grace_ray.decide.trust import sheet as sheets
from grace_ray.decide.trust.routes import Routes
from grace_ray.decide.trust.sheet import Plain
from grace_ray.decide.trust.turn import Turn
from grace_ray.decide.trust.waiting import Waiting
from grace_ray.decide.trust.workspace import Workspace
from grace_ray.decide.trust.workspaces import Workspaces
from grace_ray.settings import TrustSettings

_SCORES_A_TURN = 30  # at once, so that who asks right after an outcome sees it; what comes in bulk waits for the tick
_SCORES_A_TICK = 500
_ANSWERS_A_TICK, _ANSWERS_AT_REST = 1000, 4000
_VOTERS_MAX = 1000
_CLEAN_A_TURN = 50_000


class TrustPart:
    """See the module. What the models learned is in the state, everything else in records."""

    name = "trust"
    follows = own.FOLLOWS | {KIND}

    def __init__(self, settings: TrustSettings) -> None:
        self._settings = settings
        self._lock = threading.RLock()
        self._is_busy = False

    # Following

    def handle(self, entries: Sequence[Entry], now: datetime) -> Effects:
        """Take recommendations and outcomes, and do the jobs that are due."""
        with self._lock:
            self._is_busy = True
            effects = self._taken([entry for entry in entries if entry.kind == KIND], now)
            for entry in entries:
                if entry.type == JOB_DUE and entry.subject in (TRUST_RECALCULATION, RECOMMENDATION_CLEANUP):
                    effects += self._job(entry, now)
                elif entry.type == CYCLE_ENDED:
                    self._workspaces.know_patterns(self._workspaces.get(entry.subject))
                elif facts := own.told(entry):  # they come back from the journal like everyone's
                    effects += Effects(facts=facts)
            return effects + self._news(_SCORES_A_TURN, now)

    def tick(self, now: datetime) -> Effects:
        """Make the scores anew that the turns did not come to, and learn some of the answers that wait."""
        with self._lock:
            left = _ANSWERS_A_TICK if self._is_busy else _ANSWERS_AT_REST
            self._is_busy = False
            for workspace in self._workspaces.awake():
                left -= workspace.answers.catch_up(left)
            return self._news(_SCORES_A_TICK, now)

    def state(self) -> bytes:
        """Return what was learned."""
        with self._lock:
            return self._workspaces.state()

    def restore(self, state: bytes | None, reader: Reader) -> None:
        """Start from what was learned and the records as they stand."""
        with self._lock:
            self._reader = reader
            self._workspaces = Workspaces(self._settings, reader, state)
            self._routes = Routes(reader, self._settings)
            self._waiting = Waiting(reader)

    def relearn(self, entries: Sequence[Entry]) -> None:
        """Learn again from outcomes, as the recommendations' records tell of them: these are as new as the cursor."""
        plains = [sheets.plain_of(entry) for entry in entries if entry.kind == KIND]
        with self._lock:
            found = self._sheets(sheets.key_of_sheet(plain) for plain in plains if plain)
            by_workspace: dict[str, list[Plain]] = {}
            for sheet in found.values():
                by_workspace.setdefault(sheet["workspace_id"], []).append(sheet)
            for workspace_id, each in by_workspace.items():
                self._workspaces.get(workspace_id).teach(each)

    # What people and programs ask

    def operate(self, action: str, args: Mapping[str, Any], now: datetime) -> tuple[Effects, Any]:
        """Do what is asked: ``recalculate`` all scores, ``clean_up`` what is older than it is kept, ``route`` a task.

        route: ``workspace_id``, ``recommendation_type``, ``correlation_id``, ``context``, ``candidates`` (agent ids, or
        {agent_id, cost}), ``route_id`` (the same again gives the same answer); answers who is chosen, and why. Raises
        InvalidInput.
        """
        with self._lock:
            if action == "route":
                return self._routes.route(args, self._workspaces.find(args["workspace_id"]), now)
            if action == "recalculate":
                return self._recalculated(now), {"workspaces": len(self._workspaces.awake())}
            if action == "clean_up":
                effects = self._cleaned(now)
                return effects, {"removed": len(effects.records)}
        raise InvalidInput(f"The trust part cannot {action}.", "action")

    def boost(
        self, workspace_id: str, agent_id: str, recommendation_type: str, confidence: float | None = None
    ) -> dict[str, float]:
        """Return by how much to adjust the confidence in an agent's advice, and what that rests on.

        Where the agent says how sure it is, ``calibrated`` is what that is worth. NotFound for an agent that the
        workspace does not know.
        """
        with self._lock:
            workspace = self._knowing(workspace_id, agent_id)
            found = workspace.boost(agent_id, recommendation_type)
            return found if confidence is None else found | {"calibrated": workspace.calibrated(agent_id, confidence)}

    def expect(self, workspace_id: str, agents: Sequence[str], kind: str, task: str = "") -> list[dict[str, float]]:
        """Return {mean, low, high, n} of the next outcome of each agent; one that is new is like the fleet."""
        with self._lock:
            workspace = self._workspaces.find(workspace_id) or Workspace(workspace_id, self._settings)
            beliefs = workspace.expect(agents, kind, task)
        return [{"mean": each.mean, "low": each.low, "high": each.high, "n": each.n} for each in beliefs]

    def routing(self, workspace_id: str) -> dict[str, Any]:
        """Return what the routing of a workspace has earned, and what always choosing one agent would have."""
        with self._lock:
            return self._routes.values(workspace_id)

    def consensus(self, workspace_id: str, correlation_id: str) -> dict[str, Any]:
        """Return what the agents that answered one question say together, and each agent's part in it.

        Where answers are words that come again (core of ``Answers``), the agents' confusions weigh them; else each
        agent's odds of being right do. NotFound where the workspace has no such question.
        """
        found = self._reader.matching(RECOMMENDATIONS_VIEW, "correlation_id", correlation_id, workspace_id, _VOTERS_MAX)
        said = [orjson.loads(record.body) for record in found if record.body]
        if not said:
            raise NotFound(f"Workspace {workspace_id} has no question {correlation_id}.", "correlation_id")
        with self._lock:
            return self._workspaces.get(workspace_id).consensus(correlation_id, said)

    # Recommendations and outcomes

    def _taken(self, entries: Sequence[Entry], now: datetime) -> Effects:
        """Take entries in order; a recommendation is written once, as it stands after the last of them."""
        said = [(entry, plain) for entry in entries if (plain := sheets.plain_of(entry)) is not None]
        known = self._sheets(sheets.key_of_sheet(plain) for entry, plain in said if entry.type == JUDGED)
        turn = Turn(known, self._waiting)
        for entry, plain in said:
            if entry.type == TRACKED:
                if turn.track(plain, entry.body):
                    self._workspaces.get(plain["workspace_id"]).track(plain)
            elif entry.type == JUDGED:
                turn.judge(plain, entry.body)
        records = turn.records()
        for workspace_id, each in turn.steps.items():
            self._workspaces.get(workspace_id).learn(each)
            records += self._routes.rewards([after for _, after in each])
        return Effects(records=records + self._tallied(now))

    def _tallied(self, now: datetime) -> list[Record]:
        """Return the records of the tallies that have changed."""
        return [
            Record(
                TALLIES_VIEW,
                key_of(workspace.workspace_id, tally.agent_id),
                workspace.workspace_id,
                now.timestamp(),
                canonical(to_plain(tally)),
            )
            for workspace in self._workspaces.awake()
            for tally in workspace.take_touched()
        ]

    def _sheets(self, keys: Iterable[str]) -> dict[str, Plain]:
        """Return the sheets that stand already, of those that there are."""
        found = self._reader.find_records(RECOMMENDATIONS_VIEW, list(dict.fromkeys(keys)))
        return {record.key: orjson.loads(record.body) for record in found if record.body}

    def _knowing(self, workspace_id: str, agent_id: str) -> Workspace:
        workspace = self._workspaces.find(workspace_id)
        if workspace is None or agent_id not in workspace.tallies:
            raise NotFound(f"Workspace {workspace_id} knows no agent {agent_id}.", "agent_id")
        return workspace

    # Scores

    def _news(self, most: int, now: datetime) -> Effects:
        """Make the scores anew of up to ``most`` agents that something was learned of."""
        effects = NOTHING
        for workspace in self._workspaces.awake():
            agents = workspace.take_changed(most)
            most -= len(agents)
            if agents:
                effects += self._scored(workspace, agents, now)
        return effects

    def _scored(self, workspace: Workspace, agents: Sequence[str], now: datetime) -> Effects:
        scores = workspace.scores(agents, now)
        fallen = [_dropped(score, before, now).to_fact() for score, before in workspace.fallen(scores)]
        records = [_score_record(score) for score in scores]
        return Effects(facts=fallen, records=records + self._tallied(now))

    def _recalculated(self, now: datetime) -> Effects:
        effects = NOTHING
        for workspace in self._workspaces.all():
            workspace.recalculate(now)
            effects += self._scored(workspace, workspace.take_changed(len(workspace.changed)), now)
        return effects

    def _cleaned(self, now: datetime) -> Effects:
        """Return the end of what is older than it is kept; what was learned from it stays."""
        before = (now - timedelta(days=self._settings.keep_days)).timestamp()
        gone = [
            Record(view, key, "", 0.0, None)
            for view in (RECOMMENDATIONS_VIEW, OUTCOMES_VIEW, ROUTES_VIEW)
            for key in self._reader.below(view, before, _CLEAN_A_TURN)
        ]
        return Effects(records=gone)

    def _job(self, entry: Entry, now: datetime) -> Effects:
        if entry.subject == TRUST_RECALCULATION:
            effects = self._recalculated(now)
            detail = f"{sum(map(_is_score, effects.records))} scores made anew"
        else:
            effects = self._cleaned(now)
            detail = f"{len(effects.records)} records older than {self._settings.keep_days:g} days removed"
        ended = job_ended(entry.subject, entry.id, self.name, now, "completed", detail)
        return effects + Effects(facts=[ended])


def _is_score(record: Record) -> bool:
    return record.view == TRUST_VIEW


def _score_record(score: TrustScore) -> Record:
    key = key_of(score.workspace_id, score.agent_id)
    return Record(TRUST_VIEW, key, score.workspace_id, score.expected, canonical(to_plain(score)))


def _dropped(score: TrustScore, before: float, now: datetime) -> Event:
    """Return the event that tells triage that an agent is not what it was."""
    agent = score.agent_name or score.agent_id
    return Event.of_type(
        "trust.dropped",
        id=derived_id(now, "trust.dropped", score.workspace_id, score.agent_id, to_text(now)),
        source="grace/trust",
        at=now,
        subject=f"{score.workspace_id}/{score.agent_id}",
        message=f"Trust in agent {agent} dropped: success expected {score.expected:.0%}, was {before:.0%}",
        data={
            "workspace_id": score.workspace_id,
            "agent_id": score.agent_id,
            "expected": round(score.expected, 4),
            "before": round(before, 4),
            "interval": [round(edge, 4) for edge in score.interval],
            "sample_size": score.sample_size,
        },
    )
