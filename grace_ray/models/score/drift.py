"""Has success changed? A test after every outcome that lets few false alarms through, for agents or a whole fleet.

Page's cumulative sum (1954) of log-likelihood ratios, one upward and one downward: an outcome that was expected with
chance p counts for "the odds have changed by a factor e^shift" against "they have not". As ratios compare with what was
expected of this agent on this task, hard tasks in a row are no drift. By Lorden (1971) a false alarm comes at most once
in ``mean_between`` outcomes on average, in each direction.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from grace_ray.core.errors import InvalidInput

_STATE_VERSION = 1
_EDGE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Surprise:
    """An outcome ``value`` 0..1 where ``expected`` 0..1 was expected; ``name`` is an agent, a kind, or the fleet."""

    name: str
    expected: float
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """``name`` does better (``direction`` 1) or worse (-1) than expected since about ``outcomes`` outcomes."""

    name: str
    direction: int
    outcomes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftSettings:
    """``shift``: the change in logits to look for; ``mean_between``: outcomes between false alarms; ``max_names``."""

    shift: float = 1.0
    mean_between: float = 2_000.0
    max_names: int = 10_000


class DriftDetector:
    """Tells a drift once it is sure; then begins anew for that name.

    >>> detector = DriftDetector()
    >>> found = detector.learn_many([Surprise(name="a", expected=0.8, value=0.0)] * 11)
    >>> [(drift.name, drift.direction, drift.outcomes) for drift in found]
    [('a', -1, 11)]
    """

    def __init__(self, settings: DriftSettings | None = None) -> None:
        self.settings = settings or DriftSettings()
        self._sums: dict[str, list[float]] = {}

    def learn_many(self, surprises: Sequence[Surprise]) -> list[Drift]:
        """Take outcomes in order; return the drifts they make sure of. InvalidInput before anything is learned."""
        for one in surprises:
            for field in ("expected", "value"):
                if not 0 <= getattr(one, field) <= 1:
                    raise InvalidInput(f"A chance and an outcome are in 0..1, not {getattr(one, field)}.", field)
        found = [drift for one in surprises if (drift := self._learn(one)) is not None]
        while len(self._sums) > self.settings.max_names:
            del self._sums[next(iter(self._sums))]
        return found

    def _learn(self, one: Surprise) -> Drift | None:
        # Two sums, up and down, each followed by the outcomes since it was last 0.
        sums = self._sums.pop(one.name, None) or [0.0, 0, 0.0, 0]
        self._sums[one.name] = sums
        chance = min(max(one.expected, _EDGE), 1.0 - _EDGE)
        for place, direction in ((0, 1), (2, -1)):
            shift = direction * self.settings.shift
            total = sums[place] + one.value * shift - math.log1p(chance * math.expm1(shift))
            sums[place : place + 2] = [total, sums[place + 1] + 1] if total > 0 else [0.0, 0]
            if total > math.log(self.settings.mean_between):
                outcomes = int(sums[place + 1])
                self._sums[one.name] = [0.0, 0, 0.0, 0]
                return Drift(name=one.name, direction=direction, outcomes=outcomes)
        return None

    def evidence(self, name: str) -> float:
        """How far an alarm is: 0 (no sign of drift) to 1; below 0 where the signs are of doing worse."""
        up, _, down, _ = self._sums.get(name, (0.0, 0, 0.0, 0))
        return (up if up >= down else -down) / math.log(self.settings.mean_between)

    def state(self) -> bytes:
        """All that is known, for `restore`."""
        return json.dumps([_STATE_VERSION, self._sums], separators=(",", ":")).encode()

    def restore(self, state: bytes) -> None:
        """Be as the detector was that gave this state; only the settings stay one's own."""
        try:
            version, sums = json.loads(state)
        except (ValueError, TypeError) as error:
            raise InvalidInput("These bytes are not the state of a drift detector.", "state") from error
        if version != _STATE_VERSION:
            raise InvalidInput(f"The state's version is {version!r}, not {_STATE_VERSION}.", "version")
        self._sums = sums
