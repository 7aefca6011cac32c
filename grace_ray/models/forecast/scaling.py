"""One window in numbers a network can learn from: centred on the last hour, in mean absolute steps, then asinh.

asinh is the identity near zero and a logarithm far out, so a spike of a thousand steps is an input of eight, not of a
thousand. Quantiles pass through it unharmed, as it never falls: a network may predict them on that scale.
"""

from dataclasses import dataclass

import numpy as np

from grace_ray.models.forecast.base import Floats

FULL = 288
LAST_HOUR = 12
_FAR = 12.0


@dataclass(frozen=True, slots=True)
class Scaled:
    """`values` (series, 288) on the network's scale; `centre` and `scale` (series,) lead back."""

    values: Floats
    centre: Floats
    scale: Floats

    def back(self, outputs: Floats) -> Floats:
        """Outputs (series, ...) of a network in the windows' units."""
        shape = (-1,) + (1,) * (outputs.ndim - 1)
        wide = np.sinh(np.clip(outputs, -_FAR, _FAR))
        return np.asarray(self.centre.reshape(shape) + self.scale.reshape(shape) * wide)

    def forth(self, actual: Floats) -> Floats:
        """What came (series, horizon) on the network's scale."""
        return np.asarray(np.arcsinh((actual - self.centre[:, None]) / self.scale[:, None]))


def scaled(windows: Floats) -> Scaled:
    """Windows (series, steps), finite and of moderate size, on the network's scale; short ones are mirrored first."""
    values = mirrored(windows)
    size = np.abs(values).max(axis=1)
    step = np.abs(np.diff(values, axis=1)).mean(axis=1)
    scale = np.where(step > 1e-9 * size, step, 1.0)
    centre = np.median(values[:, -LAST_HOUR:], axis=1)
    return Scaled(np.arcsinh((values - centre[:, None]) / scale[:, None]), centre, scale)


def mirrored(windows: Floats) -> Floats:
    """Windows (series, 288): longer ones cut, shorter ones continued backwards as in a mirror.

    A mirror keeps spread, steps and level as they are; padding with a constant would not.
    """
    steps = windows.shape[1]
    if steps >= FULL:
        return windows[:, -FULL:]
    return np.pad(windows, ((0, 0), (FULL - steps, 0)), mode="symmetric")
