"""Rates of success from few outcomes: drawn towards what is usual, with an interval."""

import math
from typing import NamedTuple


class Rate(NamedTuple):
    """A rate in 0-1 from so many outcomes, with its interval."""

    rate: float
    low: float
    high: float
    outcomes: int


def shrunk(successes: float, count: float, usual: float, worth: float, z: float = 1.96) -> Rate:
    """Return the rate of ``successes`` of ``count``, drawn towards ``usual`` as if ``worth`` outcomes had shown it.

    The interval is Wilson's (1927), of both together; ``z`` 1.96 makes it one of 95%.

    >>> shrunk(3, 3, usual=0.6, worth=8).rate < 0.75 < shrunk(300, 300, usual=0.6, worth=8).low
    True
    """
    total = count + worth
    if total <= 0:
        return Rate(usual, 0.0, 1.0, 0)
    rate = (successes + worth * usual) / total
    middle = (rate + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(rate * (1 - rate) / total + z * z / (4 * total * total))
    return Rate(rate, max(middle - half, 0.0), min(middle + half, 1.0), round(count))
