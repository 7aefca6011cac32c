"""Streaming anomaly detection: one value at a time, constant memory, no look ahead."""

import json
import math
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from grace_ray.core.errors import InvalidInput
from grace_ray.models.detect.peaks import Peaks
from grace_ray.models.detect.watch import Watch
from grace_ray.models.detect.yesterday import Yesterday

_STATE_VERSION = 3
_LARGEST = 1e150
_SAME = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What the detector says of one value.

    ``score`` 0..1: how rare it is that something like this begins; at or above `AnomalyDetector.threshold` exactly
    where ``is_onset``. ``likelihood`` 0..1: the share of the past that was less surprising than this moment; it stays
    high while an anomaly lasts. ``expected``: the mean of the four values before (the first
    stands for those missing), None before there were any.
    """

    score: float
    likelihood: float
    is_onset: bool
    expected: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredMany:
    """The same for many values: arrays of one length; ``expected`` is NaN where it is unknown."""

    score: np.ndarray
    likelihood: np.ndarray
    is_onset: np.ndarray
    expected: np.ndarray


class AnomalyDetector:
    """Says where something begins that the series has hardly ever shown.

    Each value is seen through a bank of signals: means and spreads over 1, 4, 16 and 64 points, and how the means
    differ from those at the same time of day before. Each signal is surprised by what exceeds its own past extremes;
    the surprises add up; and an anomaly begins where the sum is among the ``rarest`` highest of the past 15,000 points.
    So the threshold has no unit and is one for all series, no signal has a weight to tune, and the state is of constant
    size. An onset is said once, and again within ``quiet`` points only if it grows.

    Values that are not finite, and times that are not, score 0 and are counted in ``ignored``. Values beyond 1e150
    count as that. Gaps and irregular steps are allowed; time serves only to know the time of day.

    >>> detector = AnomalyDetector()
    >>> usual = [detector.score_one(5.0 + i % 7, 60.0 * i) for i in range(500)]
    >>> any(scored.is_onset for scored in usual)
    False
    >>> detector.score_one(90.0, 30_000.0).is_onset
    True
    """

    threshold = 0.5
    rarest = 5
    quiet = 16
    least = 1.0  # surprises below this are none
    warm_up = 12  # blocks of 24 points to have seen before anything is an anomaly

    def __init__(self) -> None:
        self.seen = 0
        self.ignored = 0
        self._level = Watch(has_spread=True)
        self._daily = Watch(has_spread=False)
        self._yesterday = Yesterday()
        self._peaks = Peaks()
        self._rare: list[tuple[int, int]] = []  # place and rank of recent rare points: later ones rank worse
        self._recent: list[float] = []

    def score_one(self, value: float, at_s: float) -> Scored:
        """Score the next value at a time in seconds since the epoch, then learn it."""
        expected = self._expected()
        score, likelihood, is_onset = self._pushed(value, at_s)
        return Scored(score=score, likelihood=likelihood, is_onset=is_onset, expected=expected)

    def onset_one(self, value: float, at_s: float) -> Scored | None:
        """Do as `score_one` does, but say only what is an onset: cheaper where nothing else is asked for."""
        recent = self._recent
        score, likelihood, is_onset = self._pushed(value, at_s)
        if not is_onset:
            return None
        return Scored(score=score, likelihood=likelihood, is_onset=True, expected=_mean(recent))

    def score_many(self, values: np.ndarray, at_s: np.ndarray) -> ScoredMany:
        """Score values in turn: exactly what `score_one` of each would say, much faster."""
        values, at_s = np.asarray(values, dtype=float), np.asarray(at_s, dtype=float)
        if values.ndim != 1 or values.shape != at_s.shape:
            raise InvalidInput("values and at_s must be lists of one length.", "at_s")
        known = np.isfinite(values) & np.isfinite(at_s)
        kept = np.clip(values[known], -_LARGEST, _LARGEST) + 0.0
        surprise = self._surprises(kept, at_s[known])
        expected = self._expected_many(kept, known)
        score, likelihood, is_onset = np.zeros(kept.size), np.zeros(kept.size), np.zeros(kept.size, dtype=bool)
        start = 0
        while start < kept.size:
            end = min(start + self._peaks.left_in_block, kept.size)
            for place in (start + np.flatnonzero(surprise[start:end] >= self.least)).tolist():
                found = self._judged(float(surprise[place]), place - start)
                score[place], likelihood[place], is_onset[place] = found
            self._peaks.push_one(float(surprise[start:end].max()), end - start)
            self.seen += end - start
            start = end
        self.ignored += int(values.size - kept.size)
        spread = (_spread(part, known) for part in (score, likelihood, is_onset))
        return ScoredMany(**dict(zip(("score", "likelihood", "is_onset"), spread, strict=True)), expected=expected)

    def state(self) -> bytes:
        """All that was learned; `restore` takes it."""
        parts = [*self._level.state(), *self._daily.state(), self._yesterday.state(), self._peaks.state()]
        head = [_STATE_VERSION, self.seen, self.ignored, self._rare, self._recent, [len(part) for part in parts]]
        return b"".join([json.dumps(head).encode(), b"\n", *parts])

    def restore(self, state: bytes) -> None:
        """Be as the detector was that gave this state."""
        head, _, rest = state.partition(b"\n")
        version, *learned = json.loads(head)
        if version != _STATE_VERSION:
            raise InvalidInput(f"The state's version is {version!r}, not {_STATE_VERSION}.", "version")
        self.seen, self.ignored, rare, self._recent, sizes = learned
        self._rare = [(place, rank) for place, rank in rare]
        ends = list(accumulate(sizes))
        parts = [rest[end - size : end] for end, size in zip(ends, sizes, strict=True)]
        self._level.restore(*parts[:2])
        self._daily.restore(*parts[2:4])
        self._yesterday.restore(parts[4])
        self._peaks.restore(parts[5])

    def _pushed(self, value: float, at_s: float) -> tuple[float, float, bool]:
        """Learn the next value: its score, likelihood and whether it is an onset."""
        if not (math.isfinite(value) and math.isfinite(at_s)):
            self.ignored += 1
            return 0.0, 0.0, False
        value = min(max(value, -_LARGEST), _LARGEST) + 0.0  # no negative zero
        self._recent = [*self._recent[1:], value] if self._recent else [value] * 4
        surprise = self._level.push_one(value)
        before = self._yesterday.push_one(value, at_s)
        if before is not None:
            change = value - before
            surprise += self._daily.push_one(change if abs(change) > _SAME * abs(value) else 0.0)
        found = self._judged(surprise) if surprise >= self.least else (0.0, 0.0, False)
        self._peaks.push_one(surprise)
        self.seen += 1
        return found

    def _surprises(self, values: np.ndarray, at_s: np.ndarray) -> np.ndarray:
        """How surprising each value is, by its level and against the same time of day before."""
        surprise = self._level.push_many(values)
        before = self._yesterday.push_many(values.tolist(), at_s)
        has_before = np.array([value is not None for value in before], dtype=bool)
        compared = values[has_before]
        changes = compared - np.array([value for value in before if value is not None])
        changes[np.abs(changes) <= _SAME * np.abs(compared)] = 0.0
        surprise[has_before] += self._daily.push_many(changes)
        return surprise

    def _judged(self, surprise: float, ahead: int = 0) -> tuple[float, float, bool]:
        """Score, likelihood and whether it is an onset; ``ahead``: how many points after those counted in ``seen``."""
        blocks = self._peaks.blocks
        if blocks < self.warm_up:
            return 0.0, 0.0, False
        rank = self._peaks.rank(surprise)
        likelihood = 1.0 - (rank + 1) / (blocks + 1)
        score = self.rarest / (self.rarest + rank)
        if rank >= self.rarest:
            return score * self.threshold, likelihood, False
        place = self.seen + ahead
        recent = [(where, rare) for where, rare in self._rare if place - where <= self.quiet]
        is_onset = not recent or rank < recent[0][1]
        self._rare = [*((where, rare) for where, rare in recent if rare < rank), (place, rank)]
        return (score if is_onset else self.threshold / 2), likelihood, is_onset

    def _expected(self) -> float | None:
        return _mean(self._recent)

    def _expected_many(self, kept: np.ndarray, known: np.ndarray) -> np.ndarray:
        """What `_expected` says before each point, ignored ones too."""
        if not kept.size:
            expected = self._expected()
            return np.full(known.size, math.nan if expected is None else expected)
        joined = np.concatenate([self._recent or [kept[0]] * 4, kept])
        means = (joined[:-3] + joined[1:-2] + joined[2:-1] + joined[3:]) / 4
        if not self._recent:
            means[0] = math.nan
        self._recent = joined[-4:].tolist()
        expected_many: np.ndarray = means[np.cumsum(known) - known]
        return expected_many


def _mean(recent: list[float]) -> float | None:
    """The mean of the four values before, None before there were any."""
    if not recent:
        return None
    first, second, third, fourth = recent
    return (first + second + third + fourth) / 4


def _spread(found: np.ndarray, known: np.ndarray) -> np.ndarray:
    """What was found of the known values at their places among all, 0 elsewhere."""
    out = np.zeros(known.size, dtype=found.dtype)
    out[known] = found
    return out
