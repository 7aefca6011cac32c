"""A policy: chooses among candidates, learns from rewards that come late, in parts, twice or are taken back.

One policy serves many points of choice. What it has learned are sums (`statistics`), kept apart for every site, so that
sites add up exactly; beliefs are computed from the sums of all sites (`beliefs`), and become probabilities from which
the choice is drawn (`exploration`). Time and chance are arguments.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grace_ray.core.errors import Conflict, InvalidInput, TooLarge
from grace_ray.models.choose.beliefs import Beliefs
from grace_ray.models.choose.choice import Candidate, Choice, Context, Explanation, Option, Outlook, feature_rows
from grace_ray.models.choose.compare import Tally, Verdict, compare_tallies
from grace_ray.models.choose.exploration import probabilities
from grace_ray.models.choose.judging import LoggedChoice, Target, judge
from grace_ray.models.choose.ledger import Entry, Ledger
from grace_ray.models.choose.offpolicy import Estimate
from grace_ray.models.choose.sites import Sites, SiteStatistics
from grace_ray.models.choose.slate import Slate, Slates
from grace_ray.models.choose.state import Kept, read, written
from grace_ray.models.choose.statistics import AVERAGE, COUNT, MAX_WIDTH, PLAIN, SPREAD, PointStatistics

Floats = NDArray[np.float64]

MAX_POINTS = 10_000
MAX_TIME_S = 1e11  # some 3,000 years: one wrong clock must not fade all that was learned


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySettings:
    """How a policy forgets, explores and bounds its memory; one default for every use.

    ``half_life_s``: after this time a reward counts half. ``floor`` (0 to 1): the share of choices spread evenly over
    all candidates, so that any other policy can be judged from the log. ``cap`` (0 to 1): the most that all candidates
    but the one expected to be best may get together. ``newest_weight``: of the moving average. ``max_choices``: how
    many choices are remembered for their rewards; the oldest go first.
    """

    half_life_s: float = 90 * 86400.0
    floor: float = 0.002
    cap: float = 1.0
    newest_weight: float = 0.3
    max_choices: int = 10_000


class Known:
    """What is worked out of one point's sums, and kept while they are the same object."""

    __slots__ = ("beliefs", "slates", "statistics")

    def __init__(self, statistics: PointStatistics, half_life_s: float) -> None:
        self.statistics = statistics
        self.beliefs = Beliefs(statistics, half_life_s)
        self.slates = Slates(statistics)


class Policy:
    """Chooses, learns, and says why; see the module.

    >>> policy, rng = Policy(), np.random.default_rng(1)
    >>> context = Context(cell="checkout|oom")
    >>> candidates = [Candidate(id="restart"), Candidate(id="scale")]
    >>> for number in range(50):
    ...     choice = policy.choose("playbook", context, candidates, rng, now_s=number, choice_id=str(number))
    ...     policy.learn_one(choice.choice_id, 1.0 if choice.candidate == "scale" else 0.0, now_s=number)
    >>> policy.recommend("playbook", context, candidates)[0].candidate
    'scale'
    """

    def __init__(self, *, site: str = "", epoch: int = 0, settings: PolicySettings | None = None) -> None:
        self.settings = settings or PolicySettings()
        self._sites = Sites(site, SiteStatistics(epoch))
        self._known: dict[str, Known] = {}
        self._ledger = Ledger(self.settings.max_choices)

    @property
    def site(self) -> str:
        """The name of its own site."""
        return self._sites.name

    @property
    def epoch(self) -> int:
        """Which start of its site this is."""
        return self._sites.own.epoch

    @property
    def version(self) -> int:
        """How often this site has learned in this epoch."""
        return self._sites.own.version

    def choose(
        self,
        point: str,
        context: Context,
        candidates: Sequence[Candidate],
        rng: np.random.Generator,
        *,
        now_s: float,
        choice_id: str,
    ) -> Choice:
        """Draw one candidate, and remember the choice; asked again with the same id, answer the same."""
        return self.choose_many(point, (context,), candidates, rng, now_s=now_s, choice_ids=(choice_id,))[0]

    def choose_many(
        self,
        point: str,
        contexts: Sequence[Context],
        candidates: Sequence[Candidate],
        rng: np.random.Generator,
        *,
        now_s: float,
        choice_ids: Sequence[str],
    ) -> list[Choice]:
        """The same as that many calls of `choose`, in less time: what is alike for several is worked out once."""
        if not abs(now_s) <= MAX_TIME_S:
            raise InvalidInput("The time of a choice is not a finite number of seconds within reason.", "now_s")
        if len(contexts) != len(choice_ids):
            raise InvalidInput("There must be one id for every choice.", "choice_ids")
        alike: dict[tuple[str, tuple[float, ...]], Outlook] = {}
        return [
            self._chosen(point, context, candidates, rng, float(now_s), choice_id, alike)
            for context, choice_id in zip(contexts, choice_ids, strict=True)
        ]

    def _chosen(
        self,
        point: str,
        context: Context,
        candidates: Sequence[Candidate],
        rng: np.random.Generator,
        now_s: float,
        choice_id: str,
        alike: dict[tuple[str, tuple[float, ...]], Outlook],
    ) -> Choice:
        before = self._ledger.find(choice_id)
        if before is not None:
            return before.choice
        known, slate = self._offered(point, context, candidates)
        key = (context.cell, context.features)
        outlook = alike.get(key)
        if outlook is None:
            outlook = alike[key] = self._outlook(known, slate, point, context)
        drawn = int(outlook.cumulative.searchsorted(rng.random(), "right"))
        choice = Choice(
            choice_id=choice_id,
            point=point,
            context=context,
            candidates=slate.candidates,
            index=min(drawn, len(slate.ids) - 1),
            outlook=outlook,
            at_s=now_s,
        )
        self._ledger.add(Entry(choice))
        return choice

    def recommend(self, point: str, context: Context, candidates: Sequence[Candidate]) -> list[Option]:
        """Rank the candidates, best first, without choosing."""
        outlook = self.outlook(point, context, candidates)
        options = [outlook.option(index) for index in range(len(candidates))]
        return sorted(options, key=lambda option: -option.score)

    def outlook(self, point: str, context: Context, candidates: Sequence[Candidate]) -> Outlook:
        """What it thinks of every candidate, as arrays, without choosing; all that was learned is weighed anew."""
        known = self._known.get(point)
        if known is None:
            statistics = self._sites.points.get(point)
            known = Known(statistics or PointStatistics(), self.settings.half_life_s)
            if statistics is not None:
                self._known[point] = known
        known.beliefs.settle()
        return self._outlook(known, known.slates.slate(candidates), point, context)

    def _outlook(self, known: Known, slate: Slate, point: str, context: Context) -> Outlook:
        statistics, features = known.statistics, None
        if statistics.width:
            features = feature_rows(context, slate.candidates)
            if features is None or features.shape[1] != statistics.width:
                raise InvalidInput(f"Point {point!r} has had {statistics.width - 1} features so far.", "features")
        cell, arms = statistics.find_cell(context.cell), slate.columns
        mean, deviation = known.beliefs.expect(cell, arms, features)
        overall = known.beliefs.solution().overall[arms].copy()
        probability = probabilities(mean, deviation, overall, self.settings.floor, self.settings.cap)
        tallies = statistics.table[COUNT:, cell, arms].copy()
        return Outlook(slate.ids, probability, mean, deviation, tallies[0], overall, tallies[AVERAGE - COUNT])

    def _offered(self, point: str, context: Context, candidates: Sequence[Candidate]) -> tuple[Known, Slate]:
        """What is known of a point, made where it is new, and the candidates as arrays.

        Candidates offered first get their columns side by side, which makes them quick to read.
        """
        known = self._known.get(point)
        if known is None:
            if len(self._sites.own.points) >= MAX_POINTS and point not in self._sites.own.points:
                raise TooLarge(f"A policy serves up to {MAX_POINTS} points of choice.", "point")
            made = Slates(PointStatistics()).slate(candidates)
            for statistics in self._sites.both(point):
                for name in made.ids:
                    statistics.arm(name)
            known = self._known[point] = Known(self._sites.points[point], self.settings.half_life_s)
        slate = known.slates.slate(candidates)
        if (context.features or not slate.is_plain) and not known.statistics.width:
            self._widen(point, feature_rows(context, candidates))
            known.beliefs.changed()
        return known, slate

    def _widen(self, point: str, features: Floats | None) -> None:
        """Make room for linear models of a point's first features (k, width)."""
        width = 0 if features is None else features.shape[1]
        if width > MAX_WIDTH:
            raise InvalidInput(f"A linear model takes up to {MAX_WIDTH - 1} features.", "features")
        for statistics in self._sites.both(point):
            statistics.widen(width)

    def learn_one(self, choice_id: str, reward: float | None, *, now_s: float, part: str = "") -> None:
        """Take the reward of a choice.

        ``part`` names a partial reward: the parts of one choice add up. The same part again replaces what it was
        before, so that a repeat counts once; None takes it back. NotFound where the choice is not remembered.
        """
        entry = self._ledger.entry(choice_id)
        if not abs(now_s) <= MAX_TIME_S:
            raise InvalidInput("The time of a reward is not a finite number of seconds within reason.", "now_s")
        total = entry.put(part, reward)
        if total != entry.reward:
            self._apply(entry, total)

    def learn_many(self, rewards: Sequence[tuple[str, float | None]], *, now_s: float) -> None:
        """The same as that many calls of `learn_one` with (choice id, reward), in less time."""
        for point in {self._ledger.entry(choice_id).choice.point for choice_id, _ in rewards}:
            if point in self._known:
                self._known[point].beliefs.changed()
        for choice_id, reward in rewards:
            self.learn_one(choice_id, reward, now_s=now_s)

    def explain(self, choice_id: str) -> Explanation:
        """Why a remembered choice came out as it did, and what it has earned."""
        entry = self._ledger.entry(choice_id)
        return Explanation(choice=entry.choice, reward=entry.reward, parts=dict(entry.parts))

    def log(self, point: str) -> list[LoggedChoice]:
        """The remembered choices of a point that have a reward, oldest first: what `judge` takes."""
        return [
            LoggedChoice(
                point=point,
                context=entry.choice.context,
                candidates=entry.choice.candidates,
                index=entry.choice.index,
                propensity=entry.choice.propensity,
                reward=entry.reward,
                at_s=entry.choice.at_s,
            )
            for entry in self._ledger
            if entry.choice.point == point and entry.reward is not None
        ]

    def judge(self, log: Sequence[LoggedChoice], target_policy: Target | None = None, **how: Any) -> Estimate:
        """What a policy (this one, where none is given) would have earned on a log; see `judging.judge`."""
        return judge(log, self if target_policy is None else target_policy, **how)

    def compare(
        self,
        a: str,
        b: str,
        *,
        point: str,
        cell: str | None = None,
        level: float = 0.95,
        bounds: tuple[float, float] = (-1.0, 1.0),
    ) -> Verdict:
        """Which of two candidates earns more at a point (in one cell, or cell by cell in all); see `compare`.

        ``bounds`` are the least and the most a reward can be. The verdict may be asked for at any time, any number of
        times. Nothing fades here.
        """
        points = self._sites.points.get(point, PointStatistics())
        cells = range(len(points.cells)) if cell is None else [points.cells.get(cell, len(points.cells))]
        columns = [points.arms.get(name, len(points.arms)) for name in (a, b)]
        layers = points.table[[COUNT, PLAIN, SPREAD]]
        tallies = [[_tally(*layers[:, row, column].tolist()) for column in columns] for row in cells]
        return compare_tallies((a, b), [(left, right) for left, right in tallies], level=level, bounds=bounds)

    def merge(self, other: "Policy") -> None:
        """Know what another policy knows, of its own site and of those merged into it.

        Of each site the newest state counts, once: merging again, or merging something older, changes nothing.
        Remembered choices stay with the site that made them.
        """
        if other.settings.half_life_s != self.settings.half_life_s:
            raise Conflict("Policies of different half-lives do not add up.", "half_life_s")
        if self._sites.merge(other.sites()):
            self._known.clear()

    def sites(self) -> dict[str, SiteStatistics]:
        """What it knows of every site, its own among them."""
        return self._sites.all()

    def forget(self, *, point: str = "", candidate: str = "", subject: str = "") -> None:
        """Forget a point of choice, a candidate (in ``point``, or in all), or a subject.

        Of a subject go its remembered choices with what they taught, and every cell named after it ("subject" or
        "subject|..."); what older choices of it taught the linear models of features fades. What other sites know goes
        here; they must be told themselves, or the next merge brings it back.
        """
        if subject:
            self._forget_subject(subject)
        elif candidate:
            self._ledger.drop(lambda choice: choice.candidate == candidate and point in ("", choice.point))
            self._sites.cut(arms=frozenset({candidate}), point=point)
        elif point:
            self._ledger.drop(lambda choice: choice.point == point)
            self._sites.drop(point)
        else:
            raise InvalidInput("Say what to forget: a point, a candidate or a subject.", "point")
        self._sites.own.version += 1
        self._known.clear()

    def state(self) -> bytes:
        """Everything learned and remembered, for `restore`."""
        for known in self._known.values():
            known.beliefs.settle()
        kept = Kept(site=self.site, sites=self.sites(), ledger=self._ledger)
        return written(kept, self.settings.half_life_s)

    def restore(self, state: bytes) -> None:
        """Be as the policy was that gave this state; only the settings stay one's own.

        InvalidInput where the bytes are no state, NewerVersion where a newer Grace wrote them.
        """
        kept = read(state, self.settings.half_life_s, self.settings.max_choices)
        self._sites = Sites(kept.site, kept.sites.pop(kept.site), kept.sites)
        self._ledger = kept.ledger
        self._known.clear()

    def _forget_subject(self, subject: str) -> None:
        for entry in self._ledger.drop(lambda choice: choice.context.subject == subject):
            if entry.reward is not None:
                self._apply(entry, None)
        cells = {cell for points in self._sites.points.values() for cell in points.cells}
        self._sites.cut(cells=frozenset(cell for cell in cells if cell == subject or cell.startswith(subject + "|")))

    def _apply(self, entry: Entry, reward: float | None) -> None:
        """Make the statistics hold this reward for a choice, in place of what they hold for it now."""
        is_first = entry.reward is None and reward is not None
        cell, arm = self._sites.put(entry, reward, self.settings.half_life_s, self.settings.newest_weight)
        known = self._known.get(entry.choice.point)
        if known is not None and is_first and reward is not None:
            known.beliefs.learned(cell, arm, reward, entry.features)
        elif known is not None:
            known.beliefs.changed()


def _tally(count: float, total: float, spread: float) -> Tally:
    return Tally(count=count, total=total, spread=max(spread, 0.0))
