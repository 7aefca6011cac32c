"""What was learned of playbooks: the policy, a moving average beside it, and the experiences to judge policies by."""

import hashlib
import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np

from grace_ray.core.canonical import canonical
from grace_ray.core.clock import to_text
from grace_ray.core.jsonable import from_plain, to_plain
from grace_ray.core.playbook import DO_NOTHING, EXPERIENCES_VIEW, Experience, Recommendation
from grace_ray.core.store import Reader, Record
from grace_ray.decide.playbooks.situation import cell_of
from grace_ray.decide.playbooks.worth import POINT, effect_of, policy_values
from grace_ray.models.choose import Candidate, Choice, Context, Policy, PolicySettings

VIEW = "playbook_learning"
NEWEST_WEIGHT = 0.3
_PRIOR = (0.6, 0.4, 0.25, 0.15, 0.1)  # of the playbooks that the catalog names for a metric, in its order
_CHOICES_MAX = 2000
_EXPLORED = 0.1  # of the choices are spread evenly over all candidates: rewards are few here, and times change
_PAGE = 500


@dataclass(slots=True)
class Average:
    """Rewards of a playbook in a cell: their exponential moving average, count, sum and sum of squares."""

    average: float = 0.0
    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    last_at: str = ""

    def take(self, reward: float, at: datetime) -> None:
        """Take a reward; the newest has weight 0.3, the first one all of it."""
        self.average = reward if not self.count else (1 - NEWEST_WEIGHT) * self.average + NEWEST_WEIGHT * reward
        self.count += 1
        self.total += reward
        self.squares += reward * reward
        self.last_at = to_text(at)

    @property
    def deviation(self) -> float | None:
        """The standard error of the mean; None for fewer than two rewards."""
        if self.count < 2:
            return None
        mean = self.total / self.count
        variance = max(self.squares / self.count - mean * mean, 0.0) * self.count / (self.count - 1)
        return float((variance / self.count) ** 0.5)


class Learned:
    """One policy for every service and diagnosis (a cell each); what it knows is in records, exact at each commit.

    A cell that is new starts from the catalog: the playbooks that it names for a metric, the likeliest to help first,
    count as rewarded once each (0.6, 0.4, ...), doing nothing with 0. These are left out of every count shown.
    """

    def __init__(self, replay_max: int) -> None:
        self._policy = Policy(settings=PolicySettings(max_choices=_CHOICES_MAX, floor=_EXPLORED))
        self._averages: dict[str, dict[str, Average]] = {}
        self._priors: dict[str, list[str]] = {}
        self.replay: deque[Experience] = deque(maxlen=replay_max)

    def restore(self, reader: Reader) -> None:
        """Start from the records."""
        policy, rest = reader.record(VIEW, "policy"), reader.record(VIEW, "averages")
        if policy and policy.body:
            self._policy.restore(policy.body)
        if rest and rest.body:
            plain = json.loads(rest.body)
            self._priors = plain["priors"]
            self._averages = {
                cell: {name: Average(**one) for name, one in arms.items()} for cell, arms in plain["averages"].items()
            }
        newest: list[Experience] = []
        after: str | None = None
        while len(newest) < (self.replay.maxlen or 0):
            page = reader.records(EXPERIENCES_VIEW, None, _PAGE, after)
            newest += [from_plain(Experience, json.loads(record.body or b"{}")) for record in page.items]
            after = page.next
            if after is None:
                break
        self.replay.clear()
        self.replay.extend(reversed(newest))

    def records(self) -> list[Record]:
        """Return what it knows, but for the experiences."""
        averages = {cell: {name: asdict(one) for name, one in arms.items()} for cell, arms in self._averages.items()}
        return [
            Record(VIEW, "policy", "", 0.0, self._policy.state()),
            Record(VIEW, "averages", "", 0.0, canonical({"priors": self._priors, "averages": averages})),
        ]

    def choose(
        self, cell: str, playbooks: Sequence[str], named: Sequence[str], choice_id: str, now: datetime
    ) -> Choice:
        """Draw one of ``playbooks`` (doing nothing among them); ``named`` are the catalog's, in its order."""
        self._begin(cell, named, now)
        seed = int.from_bytes(hashlib.sha256(choice_id.encode()).digest()[:8])
        return self._policy.choose(
            POINT,
            Context(cell=cell),
            [Candidate(id=playbook) for playbook in playbooks],
            np.random.default_rng(seed),
            now_s=now.timestamp(),
            choice_id=choice_id,
        )

    def take(self, experience: Experience, choice_id: str, now: datetime) -> list[Record]:
        """Learn from an experience; ``choice_id`` names the policy's choice, or one that somebody else made."""
        cell = cell_of(experience.service, experience.diagnosis)
        self._policy.choose(  # remembered where it was made here; else somebody else's, with nothing to choose
            POINT,
            Context(cell=cell),
            [Candidate(id=experience.playbook)],
            np.random.default_rng(0),
            now_s=now.timestamp(),
            choice_id=choice_id,
        )
        self._policy.learn_one(choice_id, experience.reward, now_s=now.timestamp())
        self._averages.setdefault(cell, {}).setdefault(experience.playbook, Average()).take(experience.reward, now)
        self.replay.append(experience)
        return [experience_record(experience), *self.records()]

    def recommend(self, cell: str, playbooks: Sequence[str], named: Sequence[str]) -> list[Recommendation]:
        """Rank ``playbooks`` for a cell, best first; nothing is chosen, and nothing learned."""
        policy = self._policy
        if cell not in self._priors and named:  # what would be, had it been met
            policy = Policy(settings=policy.settings)
            policy.restore(self._policy.state())
            _teach(policy, cell, named, 0.0)
        options = policy.recommend(POINT, Context(cell=cell), [Candidate(id=playbook) for playbook in playbooks])
        averages = self._averages.get(cell, {})
        found = []
        for option in options:
            known = averages.get(option.candidate, Average())
            found.append(
                Recommendation(
                    playbook=option.candidate,
                    score=option.score,
                    expected_reward=option.expected_reward,
                    uncertainty=option.uncertainty,
                    probability=option.probability,
                    samples=known.count,
                    reasons=tuple(self._reasons(option.candidate, cell, named, known, option)),
                )
            )
        return found

    def effect(self, service: str, diagnosis: str, playbook: str) -> float | None:
        """Return how much more a playbook earns here than doing nothing; see worth.effect_of."""
        here = [one for one in self.replay if (one.service, one.diagnosis) == (service, diagnosis)]
        return effect_of(playbook, here, self.replay)

    def worth(self) -> dict[str, Any]:
        """Return what this and other policies would have earned, from the log; see worth.policy_values."""
        return policy_values([one for one in self.replay if len(one.candidates) > 1], self._policy)

    def has_met(self, playbook: str) -> bool:
        """Return whether a playbook was ever rewarded: another system's need not be in the catalog."""
        return any(playbook in arms for arms in self._averages.values())

    def averages(self) -> Mapping[str, Mapping[str, Average]]:
        """Return the rewards by cell and playbook."""
        return self._averages

    def _reasons(self, playbook: str, cell: str, named: Sequence[str], known: Average, option: Any) -> list[str]:
        elsewhere = sum(
            arms[playbook].count for other, arms in self._averages.items() if other != cell and playbook in arms
        )
        said = []
        if known.count:
            said.append(f"It was rewarded {known.count} times here, {known.average:+.2f} by the moving average.")
        else:
            said.append("It has not been tried here.")
        if elsewhere:
            said.append(f"It was rewarded {elsewhere} times for other services or diagnoses.")
        if playbook in named:
            said.append(f"The catalog names it as number {named.index(playbook) + 1} of {len(named)} for this metric.")
        said.append(f"It is expected to earn {option.expected_reward:+.2f} ± {option.uncertainty:.2f}.")
        return said

    def _begin(self, cell: str, named: Sequence[str], now: datetime) -> None:
        if cell not in self._priors:
            self._priors[cell] = list(named)
            _teach(self._policy, cell, named, now.timestamp())


def experience_record(experience: Experience) -> Record:
    """Return the record of an experience, newest first, by the playbook."""
    body = canonical(to_plain(experience))
    rank = experience.at.timestamp()
    return Record(EXPERIENCES_VIEW, experience.experience_id, experience.playbook[:100], rank, body)


def _teach(policy: Policy, cell: str, named: Sequence[str], now_s: float) -> None:
    """Let a policy start a cell from what the catalog says."""
    rewards = {name: _PRIOR[min(place, len(_PRIOR) - 1)] for place, name in enumerate(named)} | {DO_NOTHING: 0.0}
    for name, reward in rewards.items():
        choice_id = f"catalog:{cell}:{name}"
        policy.choose(
            POINT, Context(cell=cell), [Candidate(id=name)], np.random.default_rng(0), now_s=now_s, choice_id=choice_id
        )
        policy.learn_one(choice_id, reward, now_s=now_s)
