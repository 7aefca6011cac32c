"""From beliefs to probabilities: optimism, softly.

Each candidate's index is what it may well be worth, mean + sqrt(1.2 + 4 / k) sqrt(1 + 1 / (1 + n)) deviations after n
rewards among k candidates: as in UCB with the posterior's own deviation, less among many, the best index of whom is
too good by itself, and more while it is new, as Student's quantiles are above the normal one's, since the effects of
candidates are not Gaussian (often a few are good and most are not) and their variances are not known. So nobody is
given up for one bad reward. A candidate's probability falls off with the distance to the best index, on the scale of a
small part of that one's deviation: exp((index - best) / (0.05 s)). So the choice is nearly that of a UCB rule, whose
regret is lower than Thompson sampling's over the first thousands of choices, yet every candidate has a known
probability.
"""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

OPTIMISM = (1.2, 4.0)
NEWNESS = 1.0
SOFTNESS = 0.05
_TINY = 1e-9


def probabilities(mean: Floats, deviation: Floats, rewards: Floats, floor: float, cap: float) -> Floats:
    """The distribution (k,) to draw from, for beliefs of given means and standard deviations (k,).

    ``rewards`` (k,) counts those that each candidate has had so far, wherever.
    ``floor`` is spread over all evenly; ``cap`` bounds what all but the one of the highest mean get together.
    """
    index = np.sqrt(1.0 + NEWNESS / (1.0 + rewards))
    index *= math.sqrt(OPTIMISM[0] + OPTIMISM[1] / len(mean))
    index *= deviation
    index += mean
    best = index.argmax()
    index -= index[best]
    index *= 1.0 / (SOFTNESS * deviation.item(best) + _TINY)
    share = np.exp(index, out=index)
    share *= 1.0 / float(np.add.reduce(share))
    if cap < 1.0:
        leader = mean.argmax()
        others = 1.0 - share[leader]
        if others > cap:
            share *= cap / others
            share[leader] = 1.0 - cap
    share *= 1.0 - floor
    share += floor / len(share)
    return share
