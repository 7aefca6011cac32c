"""One learning cycle over one workspace: columns in; patterns, rules, profiles and how good they are out.

Pure, and a function of what was read: the same samples, patterns and times give the same cycle.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import numpy as np
import orjson

from grace_ray.core.canonical import canonical
from grace_ray.core.jsonable import from_plain, to_plain
from grace_ray.core.recommendation import LearningCycle, Pattern
from grace_ray.learn.meta import insights
from grace_ray.learn.meta.kinds import described, pattern_of, sign_of, strength_of
from grace_ray.learn.meta.profiles import profiles_of
from grace_ray.learn.meta.reading import Samples
from grace_ray.learn.meta.rules import Learned, count_updated, rules_of
from grace_ray.models.patterns.deciding import measure
from grace_ray.models.patterns.mining import Mined, MiningSettings, compared, effect_of, mine

REFRESH = "pattern_refresh"
"""The trigger of a cycle that looks for nothing new, and only holds known patterns against fresh outcomes."""

_HOLDS_P = 0.05
_FRESH_MIN = 10  # outcomes that fit, since a pattern held last, to judge it by
_STALE_DAYS = 60.0  # a pattern that had nothing to be held against for so long is dropped


class Known(NamedTuple):
    """What is known from earlier cycles of the workspace."""

    patterns: Sequence[Pattern] = ()
    last: LearningCycle | None = None


class Result(NamedTuple):
    """The cycle as it ended, the patterns to keep (new ones and old), and those to drop.

    ``base`` is what drift is measured against: {count, mean, inflation}, how much less than ``count`` independent
    outcomes they tell.
    """

    cycle: LearningCycle
    kept: list[Pattern]
    dropped: list[Pattern]
    base: dict[str, float]


def result_to_bytes(result: Result) -> bytes:
    """Return a result as it crosses from the task to the part."""
    return canonical(to_plain(result._asdict()))


def result_from_bytes(data: bytes) -> Result:
    """Return what ``result_to_bytes`` made of a result."""
    plain = orjson.loads(data)
    patterns = {name: [from_plain(Pattern, each) for each in plain[name]] for name in ("kept", "dropped")}
    return Result(cycle=from_plain(LearningCycle, plain["cycle"]), base=plain["base"], **patterns)


def run(started: LearningCycle, samples: Samples, known: Known, settings: MiningSettings, now: datetime) -> Result:
    """Return what ``started`` comes to; ``now`` is when the samples were read, from which on outcomes are fresh."""
    mined = Mined([], [], 0) if started.trigger == REFRESH else mine(samples.outcomes, settings)
    new = _new_patterns(started, samples, mined, known.patterns, now)
    found_again = {canonical(dict(each.pattern.condition)) for each in new}
    superseded = [each for each in known.patterns if canonical(dict(each.condition)) in found_again]
    old = [_against_fresh(samples, each, now) for each in known.patterns if each not in superseded]
    kept = [*new, *(each for each, is_kept in old if is_kept)]
    dropped = [each.pattern for each, is_kept in old if not is_kept]
    before = {pattern.pattern_id: pattern for pattern in known.patterns}
    patterns = [_since(before.get(each.pattern.pattern_id), each.pattern) for each in kept]
    rules = rules_of([each._replace(pattern=pattern) for each, pattern in zip(kept, patterns, strict=True)], samples)
    rules_before = known.last.rules if known.last else ()
    measured = measure(samples.outcomes, samples.numbers, coverage=insights.COVERAGE_WANTED)
    profiles = profiles_of(started.workspace_id, samples)
    found = insights.Found(patterns, dropped, rules, profiles, measured, mined.tried)
    cycle = replace(
        started,
        status="completed",
        samples_analyzed=len(samples.outcomes),
        patterns_tried=mined.tried,
        patterns_discovered=len({each.pattern.pattern_id for each in new} - before.keys()),
        patterns_confirmed=sum(pattern.last_validated == now for pattern in patterns),
        patterns_dropped=len(dropped),
        rules_updated=count_updated(rules, rules_before),
        iteration_accuracy=_rounded(measured.accuracy),
        iteration_coverage=_rounded(measured.coverage),
        pattern_confidence_improvement=_gain(
            [each.confidence_level for each in patterns], [each.confidence_level for each in known.patterns]
        ),
        rule_effectiveness_improvement=_gain(
            [rule.effectiveness or 0.0 for rule in rules], [rule.effectiveness or 0.0 for rule in rules_before]
        ),
        key_insights=insights.key_insights(found, samples),
        recommendations_for_swarm=insights.recommendations(found, samples),
        rules=rules,
        profiles=profiles,
        completed_at=now,
        processing_time_seconds=max((now - started.started_at).total_seconds(), 0.0),
    )
    names = {pattern.pattern_id for pattern in patterns}
    gone = [pattern for pattern in known.patterns if pattern.pattern_id not in names]
    return Result(cycle, patterns, gone, base_of(samples))


def base_of(samples: Samples) -> dict[str, float]:
    """Return count and mean of the outcomes, and by how much their dependence within questions inflates variance."""
    value, question = samples.outcomes.value, samples.outcomes.question
    if not len(value):
        return {"count": 0.0, "mean": 0.5, "inflation": 1.0}
    rest = value - value.mean()
    plain = float(rest @ rest)
    sums = np.bincount(question, rest)
    inflation = float(sums @ sums) / plain if plain > 0 else 1.0
    return {"count": float(len(value)), "mean": float(value.mean()), "inflation": max(inflation, 1.0)}


def _new_patterns(
    started: LearningCycle, samples: Samples, mined: Mined, known: Sequence[Pattern], now: datetime
) -> list[Learned]:
    """Return what was found; not what was known before, and is the other way round since it held last."""
    before = {canonical(dict(each.condition)): each for each in known}
    new = []
    for found in mined.found:
        condition = samples.outcomes.spelled(found.condition)
        old = before.get(canonical(condition))
        if old is None or not _has_turned(samples, old):
            new.append(Learned(pattern_of(started.workspace_id, condition, found, now), found.later.size))
    return new


def _has_turned(samples: Samples, pattern: Pattern) -> bool:
    fresh = samples.rows(samples.judged_s > pattern.last_validated.timestamp())
    effect = effect_of(fresh, fresh.found(dict(pattern.condition)) or (), _FRESH_MIN)
    return effect.p <= _HOLDS_P and effect.size * sign_of(pattern) < 0


def _against_fresh(samples: Samples, pattern: Pattern, now: datetime) -> tuple[Learned, bool]:
    is_stale = (now - pattern.last_validated).total_seconds() > _STALE_DAYS * 86_400
    fresh = samples.rows(samples.judged_s > pattern.last_validated.timestamp())
    condition = fresh.found(dict(pattern.condition))
    fits = fresh.mask(condition) if condition is not None else np.zeros(len(fresh), np.bool_)
    if condition is None or min(int(fits.sum()), int((~fits).sum())) < _FRESH_MIN:
        return Learned(pattern, None), not is_stale
    effect = effect_of(fresh, condition)
    if effect.p > _HOLDS_P or effect.size * sign_of(pattern) <= 0:
        return Learned(pattern, effect.size), False
    rate, others = float(fresh.value[fits].mean()), float(fresh.value[compared(fresh, condition)].mean())
    validated = replace(
        pattern,
        description=described(pattern.condition, rate, others, int(fits.sum())),
        success_rate=round(rate, 4),
        base_rate=round(others, 4),
        frequency_count=int(fits.sum()),
        strength=strength_of(effect),
        is_confirmed=True,
        last_validated=now,
    )
    return Learned(validated, effect.size), True


def _since(before: Pattern | None, pattern: Pattern) -> Pattern:
    return pattern if before is None else replace(pattern, first_validated=before.first_validated)


def _gain(new: Sequence[float], old: Sequence[float]) -> float | None:
    """Return by how much the mean rose; None where there is nothing to compare."""
    if not new or not old:
        return None
    return round(sum(new) / len(new) - sum(old) / len(old), 6)


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)
