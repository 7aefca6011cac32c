"""Streaming anomaly detection: one value at a time, constant memory, no look ahead."""

import json
import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from grace_ray.core.errors import InvalidInput

_STATE_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What the detector says of one value.

    ``score`` 0..1: how anomalous; ``likelihood`` 0..1: how sure it is that this is no usual value; ``is_onset``: an
    anomaly begins here; ``expected``: what was foreseen, None before anything was learned.
    """

    score: float
    likelihood: float
    is_onset: bool
    expected: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredMany:
    """The same for many values: arrays of one length; ``expected`` is NaN where nothing was foreseen."""

    score: np.ndarray
    likelihood: np.ndarray
    is_onset: np.ndarray
    expected: np.ndarray


class AnomalyDetector:
    """Scores each value of one series by how far it lies outside all that was seen of late.

    >>> detector = AnomalyDetector()
    >>> usual = [detector.score_one(5.0 + i % 7, 60.0 * i) for i in range(500)]
    >>> any(scored.is_onset for scored in usual[200:])
    False
    >>> detector.score_one(90.0, 30_000.0).is_onset
    True
    """

    threshold = 0.005
    window = 1000
    warm_up = 100
    quiet = 10

    def __init__(self) -> None:
        self.seen = 0
        self.ignored = 0
        self._last_outside = -self.quiet - 1
        self._values: deque[float] = deque(maxlen=self.window)

    def score_one(self, value: float, at_s: float) -> Scored:
        """Score the next value, then learn it; NaN and infinities are counted in ``ignored`` and score 0."""
        if not (math.isfinite(value) and math.isfinite(at_s)):
            self.ignored += 1
            return Scored(score=0.0, likelihood=0.0, is_onset=False, expected=self._expected())
        expected, score = self._expected(), self._outside(value)
        is_onset = False
        if score > 0:
            is_onset = score >= self.threshold and self.seen - self._last_outside > self.quiet
            self._last_outside = self.seen
        self.seen += 1
        self._values.append(value)
        return Scored(score=score, likelihood=min(1.0, score * 2), is_onset=is_onset, expected=expected)

    def score_many(self, values: np.ndarray, at_s: np.ndarray) -> ScoredMany:
        """Score values in turn: exactly what `score_one` of each would say."""
        scored = [self.score_one(float(v), float(t)) for v, t in zip(values, at_s, strict=True)]
        return ScoredMany(
            score=np.array([s.score for s in scored]),
            likelihood=np.array([s.likelihood for s in scored]),
            is_onset=np.array([s.is_onset for s in scored], dtype=bool),
            expected=np.array([math.nan if s.expected is None else s.expected for s in scored]),
        )

    def state(self) -> bytes:
        """All that was learned; `restore` takes it."""
        body = [_STATE_VERSION, self.seen, self.ignored, self._last_outside, list(self._values)]
        return json.dumps(body).encode()

    def restore(self, state: bytes) -> None:
        """Be as the detector was that gave this state."""
        version, *rest = json.loads(state)
        if version != _STATE_VERSION:
            raise InvalidInput(f"The state's version is {version!r}, not {_STATE_VERSION}.", "version")
        self.seen, self.ignored, self._last_outside, values = rest
        self._values = deque(values, maxlen=self.window)

    def _expected(self) -> float | None:
        return self._values[-1] if self._values else None

    def _outside(self, value: float) -> float:
        if self.seen < self.warm_up:
            return 0.0
        high, low = max(self._values), min(self._values)
        beyond = max(value / 2 - high / 2, low / 2 - value / 2)
        if beyond <= 0:
            return 0.0
        spread = high / 2 - low / 2 + 1e-9 * max(abs(high), abs(low), 1e-9)
        return beyond / (beyond + spread)
