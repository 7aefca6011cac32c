"""From beliefs to probabilities: each candidate is chosen about as often as it may be the best."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def probabilities(mean: Floats, deviation: Floats, floor: float, cap: float) -> Floats:
    """The distribution (k,) to draw from, for Gaussian beliefs of given means and standard deviations (k,).

    The chance of each to beat the leader, Phi((m_i - m*) / sqrt(s_i^2 + s*^2)) by its logistic approximation, is taken
    as its share. ``floor`` is spread over all evenly, ``cap`` bounds what all but the leader get together.
    """
    count = len(mean)
    if count == 1:
        return np.ones(1)
    leader = int(mean.argmax())
    gap = mean[leader] - mean
    scale = np.sqrt(deviation * deviation + deviation[leader] * deviation[leader]) + 1e-12
    odds = 1.0 / (1.0 + np.exp(np.minimum(3.4 * gap / scale, 500.0)))
    odds[leader] = 0.5
    share = odds / odds.sum()
    others = 1.0 - share[leader]
    if others > cap:
        share *= cap / others
        share[leader] = 1.0 - cap
    result: Floats = share * (1.0 - floor) + floor / count
    return result
