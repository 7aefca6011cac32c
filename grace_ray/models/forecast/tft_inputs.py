"""What the Temporal Fusion Transformer sees: the last three hours step by step, the rest of the day hour by hour.

Two resolutions make a day 57 tokens instead of 288, which is five times less work for the recurrent layer.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grace_ray.models.forecast.base import MEDIAN, Floats
from grace_ray.models.forecast.scaling import FULL, LAST_HOUR, Scaled

PAST = ("value", "range", "change", "age", "time of day")
FUTURE = ("step", "a day before", "an hour before", "time of day", "expected", "uncertainty")
STATIC = ("spread", "roughness", "repeats", "floor", "ceiling", "history")
FINE = 36
COARSE = (FULL - FINE) // LAST_HOUR
TOKENS = COARSE + FINE
_DAY = 288


@dataclass(frozen=True, slots=True)
class Inputs:
    """`past` (series, token, variable), `future` (series, step, variable), `static` (series, variable).

    `base` (series, step, level) is what the pretrained network says, from where the transformer goes on.
    """

    past: Any
    future: Any
    static: Any
    base: Any

    def single(self) -> "Inputs":
        """The same in single precision."""
        return Inputs(*(part.astype(np.float32) for part in (self.past, self.future, self.static, self.base)))


def inputs_of(window: Scaled, base: Floats, phase: Floats, known: Floats) -> Inputs:
    """Inputs from scaled windows.

    `base` (series, horizon, level) is on their scale; `phase` (series,) the index within the day of the step after the
    end, NaN where it is not known; `known` (series,) how many steps are real and not mirrored.
    """
    values = window.values
    count, horizon = base.shape[:2]
    hours = values[:, : FULL - FINE].reshape(count, COARSE, LAST_HOUR)
    fine = values[:, FULL - FINE :]
    before = values[:, FULL - FINE - 1 : -1]
    mean = np.concatenate([hours.mean(axis=2), fine], axis=1)
    spread = np.concatenate([hours.max(axis=2) - hours.min(axis=2), np.abs(fine - before)], axis=1)
    change = np.concatenate([hours[:, :, -1] - hours[:, :, 0], fine - before], axis=1)
    age = np.concatenate([FINE + LAST_HOUR * np.arange(COARSE, 0, -1) - 6.0, np.arange(FINE, 0, -1.0)])
    ahead = np.arange(1, horizon + 1)
    past = [mean, spread, change, np.broadcast_to(np.log(age) / 3, mean.shape), _daily(phase, -age)]
    future = [
        np.broadcast_to(ahead / horizon, (count, horizon)),
        values[:, (ahead - 1) % _DAY],
        values[:, FULL - LAST_HOUR + (ahead - 1) % LAST_HOUR],
        _daily(phase, ahead - 1.0),
        base[:, :, MEDIAN],
        base[:, :, -2] - base[:, :, 1],
    ]
    return Inputs(np.stack(past, axis=2), np.stack(future, axis=2), _static(values, known), base)


def _daily(phase: Floats, offset: NDArray[np.floating[Any]]) -> Floats:
    """A saw-tooth-free clock (series, step): the sine of the day, 0 where the phase is not known."""
    clock = np.sin(2 * np.pi * (phase[:, None] + offset) / _DAY)
    return np.asarray(np.nan_to_num(clock, nan=0.0))


def _static(values: Floats, known: Floats) -> Floats:
    steps = np.abs(np.diff(values, axis=1))
    low, high = values.min(axis=1, keepdims=True), values.max(axis=1, keepdims=True)
    return np.stack(
        [
            values.std(axis=1),
            steps[:, -LAST_HOUR:].mean(axis=1) - steps.mean(axis=1),
            (steps == 0).mean(axis=1),
            (values <= low).mean(axis=1),
            (values >= high).mean(axis=1),
            known / FULL,
        ],
        axis=1,
    )
