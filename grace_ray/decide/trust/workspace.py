"""What one workspace's outcomes have taught of its agents: the models, the tallies, and the scores made of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from math import exp, log
from typing import Any, cast

from grace_ray.core.canonical import canonical
from grace_ray.core.clock import to_text
from grace_ray.core.recommendation import VALUES, Strength, Trend, TrustScore
from grace_ray.decide.routing.router import Contender, Route, Router, Task, odds_shift, rule_worth
from grace_ray.decide.routing.rules import known_of, speaking
from grace_ray.decide.trust.answers import Answers
from grace_ray.decide.trust.patterns import consistency
from grace_ray.decide.trust.sheet import Plain, answer_of, claimed, evaluated, judged, kind_of
from grace_ray.models.score.ability import AbilityModel, AbilitySettings
from grace_ray.models.score.belief import Ask, Belief
from grace_ray.models.score.calibration import Bin, Calibration
from grace_ray.models.score.moving import MovingSettings, MovingTrust
from grace_ray.settings import TrustSettings

_KINDS_MAX = 20
_SURE = 0.01  # nobody's word is worth more than 99 to 1
_SETTLED_N = 10.0  # outcomes before a fall of the expectation is a fall of the agent, and not of our ignorance
_STATE_VERSION = 2


@dataclass(slots=True)
class Tally:
    """Plain sums of one agent, kept as a record, and so always as new as the recommendations.

    ``reference`` is the expectation that a fall is measured against, None until there is one.
    """

    agent_id: str
    name: str = ""
    tracked: int = 0
    judged: int = 0
    approved: int = 0
    rated: int = 0
    quality: float = 0.0
    kinds: dict[str, int] = field(default_factory=dict)
    reference: float | None = None


class Workspace:
    """One workspace. The models come back from ``state``, tallies and histories from records.

    ``patterns`` are those that the meta-learner has confirmed.
    ``changed`` are the agents whose scores are to be made anew, ``touched`` those whose tallies are to be written.
    """

    def __init__(self, workspace_id: str, settings: TrustSettings) -> None:
        self.workspace_id = workspace_id
        self._settings = settings
        self.ability = AbilityModel(site=workspace_id, settings=AbilitySettings(max_agents=settings.agents_max))
        self.calibration = Calibration(site=workspace_id)
        self.answers = Answers()
        self.router = Router()
        self._moving = MovingTrust(MovingSettings(max_agents=settings.agents_max))
        self.tallies: dict[str, Tally] = {}
        self.histories: dict[str, list[Mapping[str, Any]]] = {}
        self.patterns: Sequence[Mapping[str, Any]] = ()
        self.changed: dict[str, None] = {}
        self._touched: set[str] = set()

    def track(self, sheet: Plain) -> None:
        """Know of a new recommendation."""
        self.answers.hear((sheet,))
        tally = self._tally(sheet["agent_id"])
        tally.tracked += 1
        tally.name = sheet.get("agent_name") or tally.name
        if not tally.judged:
            self.changed[sheet["agent_id"]] = None

    def learn(self, steps: Sequence[tuple[Plain, Plain]]) -> None:
        """Learn outcomes: (the sheet as it was, the sheet as it is now) of each, in order."""
        for before, after in steps:
            tally = self._tally(after["agent_id"])
            _add(tally, before, -1)
            _add(tally, after, 1)
        self._teach([after for _, after in steps])
        self.answers.hear_outcomes(steps)

    def teach(self, sheets: Sequence[Plain]) -> None:
        """Let the models learn sheets; what they know already changes nothing."""
        self._teach(sheets)
        self.answers.hear(sheets)

    def _teach(self, sheets: Sequence[Plain]) -> None:
        ended = [sheet for sheet in sheets if sheet.get("evaluated_at")]
        outcomes = [judged(sheet) for sheet in ended]
        self.ability.learn_many(outcomes)
        self.router.learn(outcomes)
        self._moving.learn_many([evaluated(sheet, consistency(sheet, self.patterns)) for sheet in ended])
        self.calibration.learn_many([claim for sheet in ended if (claim := claimed(sheet))])
        self.changed |= dict.fromkeys(sheet["agent_id"] for sheet in sheets)

    def take_touched(self) -> list[Tally]:
        """Return the tallies that have changed since the last time."""
        touched, self._touched = self._touched, set()
        return [self.tallies[agent] for agent in sorted(touched) if agent in self.tallies]

    def take_changed(self, most: int) -> list[str]:
        """Return up to ``most`` agents whose scores are to be made anew, and hold them for done."""
        agents = list(self.changed)[:most]
        for agent in agents:
            del self.changed[agent]
        return agents

    def scores(self, agents: Sequence[str], now: datetime) -> list[TrustScore]:
        """Return the scores of agents as they stand."""
        kinds = {agent: self._kinds(agent) for agent in agents}
        asks = [Ask(agent=agent, kind=kind) for agent in agents for kind in ("", *kinds[agent])]
        beliefs = iter(self.ability.expect_many(asks))
        return [
            self._score(agent, next(beliefs), {kind: next(beliefs) for kind in kinds[agent]}, now) for agent in agents
        ]

    def expect(self, agents: Sequence[str], kind: str, task: str = "") -> list[Belief]:
        """Return what to expect of each agent's next outcome."""
        return self.ability.expect_many([Ask(agent=agent, kind=kind, task=task) for agent in agents])

    def boost(self, agent: str, kind: str) -> dict[str, float]:
        """Return by how much to adjust the confidence in an agent's advice: its expectation less the fleet's.

        ``samples`` are its outcomes of this type.
        """
        own, fleet = self.ability.expect_many([Ask(agent=agent, kind=kind), Ask(agent="", kind=kind)])
        return {
            "boost": own.mean - fleet.mean,
            "expected": own.mean,
            "low": own.low,
            "high": own.high,
            "fleet": fleet.mean,
            "samples": self.tallies[agent].kinds.get(kind, 0),
        }

    def consensus(self, question: str, sheets: Sequence[Plain]) -> dict[str, Any]:
        """Return the likeliest answer to a question from what was said to it, and what it rests on."""
        kind = kind_of(sheets[0])
        beliefs = self.expect([sheet["agent_id"] for sheet in sheets], kind)
        votes: dict[str, float] = {}
        voters = []
        for sheet, belief in zip(sheets, beliefs, strict=True):
            answer = answer_of(sheet) or canonical(sheet.get("recommendation_content")).decode()
            chance = min(max(belief.mean, _SURE), 1.0 - _SURE)
            votes[answer] = votes.get(answer, 0.0) + log(chance / (1.0 - chance))
            copied = self.answers.copied(sheet["agent_id"])
            voters.append({"agent_id": sheet["agent_id"], "answer": answer, "expected": belief.mean, "copies": copied})
        by_confusion = self.answers.consensus(kind, question)
        return {"by": "confusion" if by_confusion else "trust", "voters": voters} | (by_confusion or _weighed(votes))

    def route(self, route_id: str, task: Task, costs: Mapping[str, float], rules: Sequence[Mapping[str, Any]]) -> Route:
        """Choose an agent for a task among those that ``costs`` names."""
        shifts = self._shifts(list(costs), task) if task.question else [0.0] * len(costs)
        known = known_of(task.kind, task.context)
        contenders = [
            Contender(
                agent_id=agent,
                cost=cost,
                shift=shift,
                rules=[(rule_worth(rule["action"]), rule["sentence"]) for rule in speaking(rules, known, agent)],
            )
            for (agent, cost), shift in zip(costs.items(), shifts, strict=True)
        ]
        return self.router.route(route_id, task, contenders)

    def _shifts(self, agents: Sequence[str], task: Task) -> list[float]:
        """Return by how much what others made of this very task changes what is expected of each agent, in log odds."""
        generic, specific = self.expect(agents, task.kind), self.expect(agents, task.kind, task.question)
        return [odds_shift(before.mean, after.mean) for before, after in zip(generic, specific, strict=True)]

    def calibrated(self, agent: str, confidence: float) -> float:
        """Return the chance of success when an agent says that it is so sure."""
        return self.calibration.calibrated(agent, confidence)

    def fallen(self, scores: Iterable[TrustScore]) -> list[tuple[TrustScore, float]]:
        """Return the scores that have fallen by as much as the settings say, with what they fell from; once each."""
        found = []
        for score in scores:
            tally = self.tallies[score.agent_id]
            if tally.reference is None and score.sample_size >= _SETTLED_N:
                self._tally(score.agent_id).reference = score.expected
            if tally.reference is None:
                continue
            is_sure = score.interval[1] < tally.reference
            if tally.reference - score.expected >= self._settings.dropped_by and is_sure:
                found.append((score, tally.reference))
                self._tally(
                    score.agent_id
                ).reference = 0.0  # nothing falls from there: once is enough until it is set anew
        return found

    def recalculate(self, now: datetime) -> None:
        """Put what is learned in order, note every agent's standing in its history, and mark all for a new score."""
        self.ability.settle()
        self.answers.settle()
        agents = [agent for agent, tally in self.tallies.items() if tally.judged]
        for score in self.scores(agents, now):
            tally, history = self._tally(score.agent_id), self.histories.setdefault(score.agent_id, [])
            low, high = score.interval
            standing = {"overall": score.overall_trust_score, "expected": score.expected, "low": low, "high": high}
            history.append({"at": to_text(now)} | {name: round(value, 4) for name, value in standing.items()})
            del history[: -self._settings.history_max]
            if score.sample_size >= _SETTLED_N:
                tally.reference = max(score.expected, min(tally.reference or 0.0, score.interval[1]))
        self.changed |= dict.fromkeys(self.tallies)

    def state(self) -> tuple[Mapping[str, Any], list[bytes]]:
        """Return (header, states of the models)."""
        models = [self.ability.state(), self._moving.state(), self.calibration.state(), self.router.state()]
        models += self.answers.models().values()
        header = {
            "version": _STATE_VERSION,
            "changed": list(self.changed),
            "answers": list(self.answers.models()),
            "waiting": self.answers.waiting(),
        }
        return header, models

    def restore(self, header: Mapping[str, Any], models: Sequence[bytes]) -> None:
        """Know what the one knew that gave this state."""
        ability, moving, calibration, router, *answers = models
        self.ability.restore(ability)
        self._moving.restore(moving)
        self.calibration.restore(calibration)
        if header["version"] == _STATE_VERSION:  # before 2 it learned rewards from 0, not from an even chance
            self.router.restore(router)
        self.answers.restore(dict(zip(header["answers"], answers, strict=True)), header.get("waiting", ()))
        self.changed = dict.fromkeys(header["changed"])

    def put_back(self, tally: Tally, history: Sequence[Mapping[str, Any]]) -> None:
        """Know an agent as its records tell of it."""
        self.tallies[tally.agent_id] = tally
        if history:
            self.histories[tally.agent_id] = list(history)

    def _tally(self, agent: str) -> Tally:
        """Return the tally of an agent, to be changed; beyond the bound the longest silent agent is forgotten."""
        tally = self.tallies.pop(agent, None) or Tally(agent_id=agent)
        self.tallies[agent] = tally
        self._touched.add(agent)
        if len(self.tallies) > self._settings.agents_max:
            gone = next(iter(self.tallies))
            for held in (self.tallies, self.histories, self.changed):
                held.pop(gone, None)
        return tally

    def _calibration(self, agent: str) -> dict[str, Any]:
        """Return {error, bins}; empty where the agent never said how sure it was."""
        bins = self.calibration.curve(agent)
        return {"error": self.calibration.error(agent), "bins": list(map(_rounded, bins))} if bins else {}

    def _kinds(self, agent: str) -> list[str]:
        """Return the types that an agent has most outcomes of."""
        kinds = self.tallies[agent].kinds
        return sorted(kinds, key=lambda kind: (-kinds[kind], kind))[:_KINDS_MAX]

    def _score(self, agent: str, unknown: Belief, beliefs: Mapping[str, Belief], now: datetime) -> TrustScore:
        tally, reading = self.tallies[agent], self._moving.reading(agent)
        mean, low, high = _overall(unknown, list(beliefs.values()), [tally.kinds[kind] for kind in beliefs])
        by_type = {
            kind: {"expected": each.mean, "low": each.low, "high": each.high, "samples": tally.kinds[kind]}
            for kind, each in beliefs.items()
        }
        return TrustScore(
            workspace_id=self.workspace_id,
            agent_id=agent,
            agent_name=tally.name,
            overall_trust_score=reading.overall,
            accuracy_score=reading.accuracy,
            consistency_score=reading.consistency,
            timeliness_score=reading.timeliness,
            reliability_score=reading.reliability,
            approval_rate=tally.approved / tally.judged if tally.judged else None,
            avg_quality_score=tally.quality / tally.rated if tally.rated else None,
            trend=cast("Trend", self.ability.trend(agent).word),
            recommendation_strength=cast("Strength", reading.strength),
            sample_size=tally.judged,
            expected=mean,
            interval=(low, high),
            by_type=by_type,
            calibration=self._calibration(agent),
            history=tuple(self.histories.get(agent, ())),
            updated_at=now,
        )


def _weighed(votes: Mapping[str, float]) -> dict[str, Any]:
    """Return the consensus of votes in log odds."""
    most = max(votes.values())
    odds = {answer: exp(vote - most) for answer, vote in votes.items()}
    shares = {answer: share / sum(odds.values()) for answer, share in odds.items()}
    best = max(shares, key=lambda answer: (shares[answer], answer))
    return {"answer": best, "probability": shares[best], "probabilities": shares}


def _rounded(one: Bin) -> dict[str, float]:
    return {name: round(value, 4) for name, value in asdict(one).items()}


def _overall(unknown: Belief, kinds: Sequence[Belief], counts: Sequence[int]) -> tuple[float, float, float]:
    """Return (mean, low, high) over the types in the proportion in which the agent had them; of one without, unknown.

    The edges are weighed like the means, as if all types were off in the same direction: wide rather than narrow.
    """
    if not kinds:
        return unknown.mean, unknown.low, unknown.high
    shares = [count / sum(counts) for count in counts]
    mean, low, high = (
        sum(share * edge for share, edge in zip(shares, edges, strict=True))
        for edges in zip(*((each.mean, each.low, each.high) for each in kinds), strict=True)
    )
    return mean, low, high


def _add(tally: Tally, sheet: Plain, sign: int) -> None:
    """Add an outcome to the sums, or take it away."""
    outcome = sheet.get("outcome", "pending")
    if outcome not in VALUES:
        return
    tally.judged += sign
    tally.approved += sign * (outcome == "approved")
    quality = sheet.get("overall_quality_score")
    if quality is not None:
        tally.rated += sign
        tally.quality += sign * quality
    kind = kind_of(sheet)
    tally.kinds[kind] = tally.kinds.get(kind, 0) + sign
    if not tally.kinds[kind]:
        del tally.kinds[kind]
