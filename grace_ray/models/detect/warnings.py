"""From probabilities to warnings: calibrated against what then happened, and one warning an episode."""

import json
import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

from grace_ray.core.errors import InvalidInput

_STATE_VERSION = 1


class WarningCalibrator:
    """Makes probabilities honest: of the warnings said at 0.7, seven in ten should come true.

    Counts forecasts and breaches in bins (narrower towards 0, where breaches are rare), shrinks each bin's share of
    breaches towards what was said there (as if ``prior`` forecasts had come true as said), makes the shares monotone
    (pool adjacent violators) and joins them by straight lines. With nothing learned nothing changes. The state is sums,
    so two calibrators merge by addition, in any order.

    >>> calibrator = WarningCalibrator()
    >>> calibrator.calibrated(0.75)
    0.75
    >>> for n in range(400):
    ...     calibrator.learn_one(0.75, n % 4 == 0)
    >>> round(calibrator.calibrated(0.75), 2), calibrator.calibrated(0.1) <= calibrator.calibrated(0.9)
    (0.31, True)
    """

    edges = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)

    def __init__(self, prior: float = 20.0) -> None:
        if not 0 < prior < math.inf:
            raise InvalidInput("The prior's weight must be above 0.", "prior")
        self.prior = prior
        bins = len(self.edges) + 1
        self._count, self._said, self._breached = [0] * bins, [0.0] * bins, [0] * bins

    def learn_one(self, probability: float, breached: bool) -> None:
        """Learn what came of a forecast (its probability as it came from the model)."""
        where = bisect_right(self.edges, _checked(probability))
        self._count[where] += 1
        self._said[where] += probability
        self._breached[where] += breached

    def calibrated(self, probability: float) -> float:
        """The share of such forecasts that came true, in 0..1, never falling as ``probability`` rises."""
        _checked(probability)
        said, came = self._knots()
        if probability <= said[0]:
            return probability * came[0] / said[0]
        if probability >= said[-1]:
            return came[-1] + (probability - said[-1]) * (1 - came[-1]) / (1 - said[-1]) if said[-1] < 1 else came[-1]
        right = bisect_right(said, probability)
        part = (probability - said[right - 1]) / (said[right] - said[right - 1])
        return came[right - 1] + part * (came[right] - came[right - 1])

    def merge(self, other: "WarningCalibrator") -> None:
        """Add what another calibrator has counted."""
        count, said, breached = other.counts()
        self._count = [a + b for a, b in zip(self._count, count, strict=True)]
        self._said = [a + b for a, b in zip(self._said, said, strict=True)]
        self._breached = [a + b for a, b in zip(self._breached, breached, strict=True)]

    def counts(self) -> tuple[list[int], list[float], list[int]]:
        """Per bin: forecasts, the sum of their probabilities, breaches."""
        return self._count, self._said, self._breached

    def state(self) -> bytes:
        """All that was counted; `restore` takes it."""
        return json.dumps([_STATE_VERSION, self.prior, self._count, self._said, self._breached]).encode()

    def restore(self, state: bytes) -> None:
        """Be as the calibrator was that gave this state."""
        version, *rest = json.loads(state)
        if version != _STATE_VERSION:
            raise InvalidInput(f"The state's version is {version!r}, not {_STATE_VERSION}.", "version")
        self.prior, self._count, self._said, self._breached = rest

    def _knots(self) -> tuple[list[float], list[float]]:
        """What was said in each bin on average, and the share that came true, shrunken and monotone."""
        limits = (0.0, *self.edges, 1.0)
        said, blocks = [], []  # a block: breaches, forecasts, bins
        for number, count in enumerate(self._count):
            middle = (limits[number] + limits[number + 1]) / 2
            said.append((self._said[number] + self.prior * middle) / (count + self.prior))
            blocks.append((self._breached[number] + self.prior * said[-1], count + self.prior, 1))
            while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] > blocks[-1][0] * blocks[-2][1]:
                last, before = blocks.pop(), blocks.pop()
                blocks.append((before[0] + last[0], before[1] + last[1], before[2] + last[2]))
        return said, [breached / weight for breached, weight, bins in blocks for _ in range(bins)]


def _checked(probability: float) -> float:
    if not 0 <= probability <= 1:
        raise InvalidInput(f"A probability is in 0..1, not {probability}.", "probability")
    return probability


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a gate did at a point: ``opened`` (warn now), ``closed`` (the episode is over, ``breached`` or not)."""

    opened: bool
    closed: bool
    breached: bool


class EpisodeGate:
    """One warning an episode: opens at ``open_at``, closes on a breach or after staying below ``close_at``.

    ``quiet_points`` points in a row below ``close_at`` end an episode; after a breach it opens again only once the
    series has come back and stayed quiet as long.

    >>> gate = EpisodeGate(open_at=0.6, close_at=0.3, quiet_points=2)
    >>> [gate.learn_one(p).opened for p in (0.2, 0.7, 0.5, 0.9, 0.1, 0.1, 0.8)]
    [False, True, False, False, False, False, True]
    """

    def __init__(self, open_at: float = 0.5, close_at: float | None = None, quiet_points: int = 6) -> None:
        self.open_at = open_at
        self.close_at = open_at / 2 if close_at is None else close_at
        if not 0 <= self.close_at <= self.open_at <= 1:
            raise InvalidInput("close_at and open_at must be in 0..1, close_at not above open_at.", "close_at")
        if quiet_points < 1:
            raise InvalidInput("quiet_points must be 1 or more.", "quiet_points")
        self.quiet_points = quiet_points
        self.is_open = False
        self._is_held = False
        self._quiet = 0

    def learn_one(self, probability: float, is_breached: bool = False) -> Opening:
        """Take the next probability (NaN: unknown, changes nothing) and whether the series is beyond its threshold."""
        if is_breached:
            return self._breach()
        if math.isnan(probability):
            return Opening(opened=False, closed=False, breached=False)
        self._quiet = self._quiet + 1 if probability < self.close_at else 0
        if self._quiet >= self.quiet_points:
            closed, self.is_open, self._is_held = self.is_open, False, False
            return Opening(opened=False, closed=closed, breached=False)
        opened = probability >= self.open_at and not self.is_open and not self._is_held
        self.is_open = self.is_open or opened
        return Opening(opened=opened, closed=False, breached=False)

    def state(self) -> Mapping[str, float | int | bool]:
        """Where it stands, in JSON's types; `restore` takes it."""
        return {
            "version": _STATE_VERSION,
            "open_at": self.open_at,
            "close_at": self.close_at,
            "quiet_points": self.quiet_points,
            "is_open": self.is_open,
            "is_held": self._is_held,
            "quiet": self._quiet,
        }

    def restore(self, state: Mapping[str, float | int | bool]) -> None:
        """Be as the gate was that gave this state."""
        if state.get("version") != _STATE_VERSION:
            raise InvalidInput(f"The state's version is {state.get('version')!r}, not {_STATE_VERSION}.", "version")
        self.__init__(float(state["open_at"]), float(state["close_at"]), int(state["quiet_points"]))  # type: ignore[misc]
        self.is_open, self._is_held, self._quiet = bool(state["is_open"]), bool(state["is_held"]), int(state["quiet"])

    def _breach(self) -> Opening:
        closed, self.is_open, self._is_held, self._quiet = self.is_open, False, True, 0
        return Opening(opened=False, closed=closed, breached=True)
