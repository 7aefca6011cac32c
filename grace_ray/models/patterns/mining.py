"""Looks for conditions, alone and in pairs, under which outcomes are better or worse, and reports what is not chance.

Three sieves. Over all of the table a condition's p (see `effect`) must survive a Bonferroni correction for every
condition that had enough support to be tried, half of the error rate for single ones, half for pairs. It must say
something that the stronger ones found before it do not (forward selection), and a pair something that neither of its
halves does. And it must show by itself in the later part of the table, with the same sign in the earlier; where a part
has nothing that fits, or nothing else, the later of what fits is held against the later of what does not.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from grace_ray.models.patterns.effect import NO_EFFECT, Effect, NullModel
from grace_ray.models.patterns.outcomes import AGENT, Floats, Outcomes, split_questions

Condition = tuple[tuple[int, int], ...]

_GLANCE_Z = 2.8  # what a rough look must show before a condition is tested; less could never survive the correction
_CANDIDATES_MAX = 300
_FOUND_MAX = 40
_EARLIER = 0.6
_HOLDS_P = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class MiningSettings:
    """``error_rate`` is the chance that a table of chance shows any pattern; rows and questions one must rest on."""

    error_rate: float = 0.01
    support_min: int = 20
    questions_min: int = 10


class Found(NamedTuple):
    """A pattern. ``p`` is corrected for all that was tried; ``size`` the adjusted difference, ``later`` that of later.

    ``rate`` and ``others`` are the mean outcomes where the condition holds, and in the rows ``compared`` with.
    """

    condition: Condition
    rate: float
    others: float
    rows: int
    questions: int
    p: float
    effect: Effect
    later: Effect


class Mined(NamedTuple):
    """What a search came to: what holds later, what did not, and how many conditions were tried."""

    found: list[Found]
    unconfirmed: list[Found]
    tried: int


def mine(outcomes: Outcomes, settings: MiningSettings | None = None) -> Mined:
    """Return the patterns of a table, the strongest first."""
    settings = settings or MiningSettings()
    if len(outcomes) < 2 * settings.support_min or float(np.ptp(outcomes.value)) == 0:
        return Mined([], [], 0)
    search = _Search(outcomes, settings)
    passed = search.passed()
    chosen = search.select(passed)
    earlier = split_questions(outcomes, _EARLIER)
    before, after = outcomes.rows(earlier), outcomes.rows(~earlier)
    found: list[Found] = []
    unconfirmed: list[Found] = []
    for condition, p, effect in chosen:
        later, sooner = (effect_of(part, condition, settings.support_min // 3) for part in (after, before))
        if NO_EFFECT in (later, sooner):  # it did not come about, or nothing else did: each side has a later part
            earlier_of_each = _earlier_of_each(outcomes, condition)
            later = effect_of(outcomes.rows(~earlier_of_each), condition)
            sooner = effect_of(outcomes.rows(earlier_of_each), condition)
        each = search.described(condition, p, effect, later)
        agrees = later.size * effect.size > 0 and sooner.size * effect.size > 0
        kept = found if agrees and later.p <= _HOLDS_P else unconfirmed
        kept += [each, *search.other_side(each)]
    return Mined(found, unconfirmed, search.tried)


def compared(outcomes: Outcomes, condition: Condition) -> NDArray[np.bool_]:
    """Return the rows that a condition is compared with: all others, of one with an agent in it that agent's others."""
    fits = outcomes.mask(condition)
    agents = tuple(half for half in condition if outcomes.columns[half[0]].name == AGENT)
    if len(agents) == len(condition):
        return ~fits
    others: NDArray[np.bool_] = outcomes.mask(agents) & ~fits
    return others if others.any() else ~fits


def _earlier_of_each(outcomes: Outcomes, condition: Condition) -> NDArray[np.bool_]:
    """Return the earlier rows among those that fit, and among those that do not."""
    fits = outcomes.mask(condition)
    earlier = np.zeros(len(outcomes), np.bool_)
    for side in (fits, ~fits):
        earlier[side] = split_questions(outcomes.rows(side), _EARLIER)
    return earlier


def effect_of(outcomes: Outcomes, condition: Condition, support_min: int = 1) -> Effect:
    """Return the effect of one condition in a table by itself; none where fewer rows fit, or do not."""
    fits = outcomes.mask(condition)
    if min(int(fits.sum()), int((~fits).sum())) < max(support_min, 1):
        return NO_EFFECT
    return NullModel(outcomes, is_by_agent=not _is_of_agents(outcomes, condition)).test(fits)


class _Search:
    """The search over one table."""

    def __init__(self, outcomes: Outcomes, settings: MiningSettings) -> None:
        self._outcomes = outcomes
        self._settings = settings
        self._nulls = {is_by_agent: NullModel(outcomes, is_by_agent=is_by_agent) for is_by_agent in (False, True)}
        self.tried = 0

    def passed(self) -> list[tuple[Condition, float, Effect]]:
        """Return (condition, corrected p, effect) of what survives the correction, the strongest first."""
        rate = self._settings.error_rate
        passed = []
        for size in (1, 2):
            glanced, tried = self._glanced(size)
            self.tried += tried
            for condition in glanced:
                effect = self._null(condition).test(self._outcomes.mask(condition))
                p = 4.0 * tried * effect.p  # two directions, two sizes
                if p <= rate:
                    passed.append((condition, p, effect))
        passed.sort(key=lambda each: (-abs(each[2].z), len(each[0]), each[0]))
        return passed[:_CANDIDATES_MAX]

    def select(self, passed: Sequence[tuple[Condition, float, Effect]]) -> list[tuple[Condition, float, Effect]]:
        """Return those that say what the others do not."""
        level = self._settings.error_rate / max(len(passed), 1) / 2
        chosen: list[tuple[Condition, float, Effect]] = []
        explained = _Explained(self._outcomes, self._nulls)
        for condition, p, effect in passed:
            if len(chosen) < _FOUND_MAX and explained.leaves(condition, effect, level):
                chosen.append((condition, p, effect))
                explained = explained.knowing([condition])
        kept = list(chosen)
        for each in reversed(chosen):  # a weaker half may have come before the whole
            others = [one[0] for one in kept if one is not each]
            if others and not _Explained(self._outcomes, self._nulls).knowing(others).leaves(each[0], each[2], level):
                kept.remove(each)
        return kept

    def described(self, condition: Condition, p: float, effect: Effect, later: Effect) -> Found:
        """Return a pattern with its rates."""
        fits = self._outcomes.mask(condition)
        value = self._outcomes.value
        questions = len(np.unique(self._outcomes.question[fits]))
        rates = float(value[fits].mean()), float(value[compared(self._outcomes, condition)].mean())
        return Found(condition, *rates, int(fits.sum()), questions, min(p, 1.0), effect, later)

    def other_side(self, found: Found) -> list[Found]:
        """Return what a pattern of a feature with two values says of the other one."""
        column = self._outcomes.columns[found.condition[0][0]]
        if len(found.condition) > 1 or len(column.values) != 2 or int(column.codes.min()) < 0:
            return []
        condition = ((found.condition[0][0], 1 - found.condition[0][1]),)
        turned = [Effect(-each.size, -each.z, each.p) for each in (found.effect, found.later)]
        return [self.described(condition, found.p, turned[0], turned[1])]

    def _null(self, condition: Condition) -> NullModel:
        return self._nulls[not _is_of_agents(self._outcomes, condition)]

    def _glanced(self, size: int) -> tuple[list[Condition], int]:
        """Return the conditions of ``size`` features that may be patterns, and how many had the support to be one."""
        glanced: list[Condition] = []
        tried = 0
        for numbers in self._column_sets(size):
            null = self._nulls[not all(self._outcomes.columns[number].name == AGENT for number in numbers)]
            codes, of_cell = self._cells(numbers)
            tried_here, z = self._rough(codes, len(of_cell), null)
            tried += int(tried_here.sum())
            glanced += [of_cell[cell] for cell in np.flatnonzero(tried_here & (z >= _GLANCE_Z))]
        return glanced, tried

    def _column_sets(self, size: int) -> Iterator[tuple[int, ...]]:
        columns = self._outcomes.columns
        for numbers in combinations(range(len(columns)), size):
            if len({columns[number].name for number in numbers}) == size:
                yield numbers

    def _cells(self, numbers: tuple[int, ...]) -> tuple[NDArray[np.int64], list[Condition]]:
        """Return each row's cell in the table of these columns (-1: none), and the cells' conditions."""
        columns = [self._outcomes.columns[number] for number in numbers]
        codes = np.zeros(len(self._outcomes), np.int64)
        outside = np.zeros(len(self._outcomes), np.bool_)
        cells: list[Condition] = [()]
        for number, column in zip(numbers, columns, strict=True):
            codes = codes * len(column.values) + column.codes
            outside |= column.codes < 0
            cells = [(*cell, (number, code)) for cell in cells for code in range(len(column.values))]
        codes[outside] = -1
        return codes, cells

    def _rough(self, codes: NDArray[np.int64], cells: int, null: NullModel) -> tuple[NDArray[np.bool_], Floats]:
        """Return which cells have enough support, and about the |z| of each."""
        inside = np.flatnonzero(codes >= 0)
        held = codes[inside]
        count = np.bincount(held, minlength=cells)
        question = self._outcomes.question[inside]
        span = int(self._outcomes.question.max()) + 1
        keys, rows = np.unique(held * span + question, return_counts=True)
        of_cell = keys // span
        gamma = np.zeros(span)
        gamma[question] = null.gamma_of_rows()[inside]
        squares: Any = np.bincount(of_cell, gamma[keys % span] * rows.astype(np.float64) ** 2, minlength=cells)
        questions = np.bincount(of_cell, minlength=cells)
        enough = (np.minimum(count, len(codes) - count) >= self._settings.support_min) & (
            questions >= self._settings.questions_min
        )
        slopes = np.bincount(held, null.slopes()[inside], minlength=cells)
        share = np.clip(1.0 - count / len(codes), 1e-6, 1.0)
        z = np.abs(slopes) / np.sqrt(np.maximum(null.rough_variance(count, squares) * share, 1e-12))
        return enough, z


class _Explained:
    """Null models to which some conditions are known, by whether agents are compared within themselves."""

    def __init__(self, outcomes: Outcomes, nulls: Mapping[bool, NullModel]) -> None:
        self._outcomes = outcomes
        self._nulls = nulls
        self._with_half: dict[tuple[tuple[int, int], bool], NullModel] = {}

    def knowing(self, conditions: Sequence[Condition]) -> "_Explained":
        """Return these to which more is known."""
        nulls = dict(self._nulls)
        for condition in conditions:
            mask = self._outcomes.mask(condition)
            nulls = {is_by_agent: null.knowing(mask) for is_by_agent, null in nulls.items()}
        return _Explained(self._outcomes, nulls)

    def leaves(self, condition: Condition, effect: Effect, level: float) -> bool:
        """Return whether a condition still has an effect of its sign, a pair beside each of its halves."""
        fits = self._outcomes.mask(condition)
        is_by_agent = not _is_of_agents(self._outcomes, condition)
        nulls = [self._nulls[is_by_agent]]
        if len(condition) > 1:
            nulls = [self._beside(half, is_by_agent) for half in condition]
        for null in nulls:
            left = null.test(fits)
            if left.size * effect.size <= 0 or left.p > level:
                return False
        return True

    def _beside(self, half: tuple[int, int], is_by_agent: bool) -> NullModel:
        key = (half, is_by_agent)
        if key not in self._with_half:
            self._with_half[key] = self._nulls[is_by_agent].knowing(self._outcomes.mask((half,)))
        return self._with_half[key]


def _is_of_agents(outcomes: Outcomes, condition: Condition) -> bool:
    """Return whether a condition is about nothing but the agent: then agents are what is compared."""
    return all(outcomes.columns[number].name == AGENT for number, _ in condition)
