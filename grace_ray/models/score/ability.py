"""How far each agent can be trusted, and in what: ability against the difficulty of tasks, learned in one pass.

What predicts an outcome is mostly the task, so each task has a difficulty where it is named, and each kind of task has
a distribution of difficulties; each agent has an ability, a slope (how far what is hard for others is hard for it), and
an affinity to each kind of task. All are believed on grids (`grids`), filtered in the order of the outcomes (`fold`). A
new agent is like the fleet; one that changes is forgotten and learned anew within some tens of outcomes; scales are
learned, not set.

What is exact, and what is not. Beliefs are a function of the outcomes in their order. The newest ``max_outcomes`` (up
to twice as many) are remembered (`kept`) with their sites: two models that merge have exactly the beliefs of one that
got all of these in order of time, however often and in whatever order they merge; a revised or withdrawn outcome is as
if it had always been so. To be exact takes one more pass over what is remembered (`settle`); until then a late or
changed outcome is put in where it comes, which is close. What is older than what is remembered stays in the beliefs
of the one that learned it, and can no longer be revised or merged.
"""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grace_ray.core.errors import Conflict, InvalidInput
from grace_ray.models.codec import pack, unpack
from grace_ray.models.score.belief import Ask, Belief, Trend, beliefs, chances, trend
from grace_ray.models.score.fold import Event, Fold, Limits
from grace_ray.models.score.kept import Judged, Kept, Record, checked

Floats = NDArray[np.float64]

_LATE = 1.0 / 16.0  # a late outcome in its wrong place does less harm than one that was changed
_WORK = 8  # outcomes that may be learned anew for each that comes, so that putting in order stays cheap
_FIRST_WORK = 5_000.0
_STATE_VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class AbilitySettings:
    """Bounds of memory, and how often agents change.

    ``max_outcomes`` are remembered for revision and merging, ``max_tasks`` for the difficulty of each; ``max_pairs`` of
    an agent and a kind. ``change_outcomes`` and ``change_s``: after how many outcomes, and seconds, an agent becomes
    another, on average; both only say how ready to be, the outcomes decide.
    """

    max_outcomes: int = 20_000
    max_agents: int = 10_000
    max_pairs: int = 50_000
    max_kinds: int = 1_000
    max_tasks: int = 10_000
    change_outcomes: float = 500.0
    change_s: float = 365 * 86400.0

    def limits(self) -> Limits:
        """What a fold needs to know of them."""
        return Limits(
            agents=self.max_agents,
            pairs=self.max_pairs,
            kinds=self.max_kinds,
            tasks=self.max_tasks,
            change_outcomes=self.change_outcomes,
            change_s=self.change_s,
        )


class AbilityModel:
    """Learns outcomes, and tells the chance of the next; see the module.

    >>> model = AbilityModel()
    >>> model.learn_many(
    ...     [Judged(key=f"{name}{n}", agent=name, kind="fix", task=f"t{n}", value=float(name == "good"), at_s=n)
    ...      for n in range(40) for name in ("good", "bad")]
    ... )
    >>> good, new, bad = (model.expect(name, "fix") for name in ("good", "new", "bad"))
    >>> good.low > bad.high, bad.mean < new.mean < good.mean, new.high - new.low > good.high - good.low
    (True, True, True)
    """

    def __init__(self, *, site: str = "", settings: AbilitySettings | None = None) -> None:
        self.site = site
        self.settings = settings or AbilitySettings()
        self._kept = Kept()
        self._base = Fold(self.settings.limits())
        self._fold = Fold(self.settings.limits())
        self._stale, self._work = 0.0, _FIRST_WORK

    def learn_one(self, outcome: Judged) -> None:
        """Learn one outcome; many at a time are quicker."""
        self.learn_many((outcome,))

    def learn_many(self, outcomes: Sequence[Judged]) -> None:
        """Learn outcomes in the order given; InvalidInput before anything is learned where one is out of range.

        A repeat changes nothing. Of a key that is not remembered, a withdrawal does nothing, and neither does an
        outcome older than all that are remembered once some have been forgotten.
        """
        events: list[Event] = []
        for one in checked(outcomes):
            latest = self._kept.latest_s
            found = self._kept.put(self.site, one)
            events += found
            if found:
                self._stale += 1.0 if found[0].old is not None else _LATE if one.at_s < latest else 0.0
            if len(self._kept) > 2 * self.settings.max_outcomes:
                self._base.learn(self._kept.drop_oldest(len(self._kept) - self.settings.max_outcomes))
        self._work = min(self._work + _WORK * len(events), 2.0 * _WORK * self.settings.max_outcomes)
        self._fold.learn(events)

    def expect(self, agent: str, kind: str = "", task: str = "", *, confidence: float | None = None) -> Belief:
        """What to expect of an agent's next outcome; see `expect_many`."""
        return self.expect_many((Ask(agent=agent, kind=kind, task=task, confidence=confidence),))[0]

    def expect_many(self, questions: Sequence[Ask]) -> list[Belief]:
        """The chances of success with their credible intervals; nothing is learned, nobody becomes known."""
        self._put_in_order()
        return beliefs(self._fold, _asked(questions))

    def chances(self, questions: Sequence[Ask]) -> Floats:
        """The chances of success (questions,) alone, in less time."""
        self._put_in_order()
        return chances(self._fold, _asked(questions))

    def trend(self, agent: str) -> Trend:
        """Whether an agent has lately done better or worse than was expected of it on what it did."""
        self._put_in_order()
        return trend(self._fold, agent)

    def agents(self) -> list[str]:
        """The agents that are known."""
        return [str(name) for name in self._fold.agents.index]

    def settle(self) -> None:
        """Learn all that is remembered anew, in order of time: what came late is then where it belongs."""
        self._fold = copy.deepcopy(self._base)
        self._fold.learn(self._kept.events())
        self._stale = 0.0

    def _put_in_order(self) -> None:
        if math.isinf(self._stale) or (self._stale >= 1.0 and self._work >= len(self._kept)):
            self._work -= len(self._kept)
            self.settle()

    def merge(self, other: "AbilityModel") -> None:
        """Know the outcomes that another remembers, of its own site and of those merged into it; each counts once.

        Of an outcome the newest revision counts. Keys are each site's own.
        """
        if not other.site:
            raise Conflict("A model must have the name of its site to be merged.", "site")
        changed = [self._kept.take(place, record) for place, record in other.records().items()]
        if any(changed):
            self._stale = math.inf
        if len(self._kept) > 2 * self.settings.max_outcomes:
            self._base.learn(self._kept.drop_oldest(len(self._kept) - self.settings.max_outcomes))

    def records(self) -> dict[tuple[str, str], Record]:
        """The outcomes that are remembered, by site and key."""
        return self._kept.records

    def state(self) -> bytes:
        """Everything learned and remembered, for `restore`."""
        base, arrays = self._base.state()
        fold, more = self._fold.state()
        stale = None if math.isinf(self._stale) else self._stale
        header = {
            "score": _STATE_VERSION,
            "site": self.site,
            "kept": self._kept.state(),
            "base": base,
            "fold": fold,
            "stale": stale,
        }
        header["work"] = self._work
        return pack(header, [*arrays, *more])

    def restore(self, state: bytes) -> None:
        """Be as the model was that gave this state; only the settings stay one's own."""
        _, header, arrays = unpack(state)
        if header.get("score") not in range(1, _STATE_VERSION + 1):
            raise InvalidInput(f"The state's version is {header.get('score')!r}, not {_STATE_VERSION}.", "version")
        limits = self.settings.limits()
        self.site, self._kept = header["site"], Kept.read(header["kept"])
        self._base = Fold.read(limits, header["base"], arrays)
        self._fold = Fold.read(limits, header["fold"], arrays)
        self._stale = math.inf if header["stale"] is None else header["stale"]
        self._work = header["work"]


def _asked(questions: Sequence[Ask]) -> Sequence[Ask]:
    for one in questions:
        if one.confidence is not None and not 0 <= one.confidence <= 1:
            raise InvalidInput(f"A confidence is in 0..1, not {one.confidence}.", "confidence")
    return questions
