"""The grids on which abilities, slopes and difficulties are believed, and the worlds whose scales compete.

An outcome of value y in 0..1 has the likelihood q^y (1-q)^(1-y), on the logit scale

    q = 1 / (1 + exp(-(ability + affinity - slope * difficulty)))

which is the Rasch model (Rasch 1960) with an agent-by-kind term, where each agent also has a slope: how far it takes
part in what the others find easy or hard (logistic factor analysis with one factor; Bartholomew 1980). Of most it is 1;
one that is right or wrong for reasons of its own has 0, one that fails where the others succeed is below 0.

Beliefs are masses on grid points: nothing is assumed to be Gaussian once outcomes have come (tasks that all or none
solve are common), and every expectation is an exact sum. A *world* is one set of prior scales; worlds run side by side
and are mixed by how well each has predicted so far (Bayesian model averaging), so that no scale is tuned by hand.
"""

import itertools

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STEP = 0.5
POINTS: Floats = STEP * np.arange(-13, 14, dtype=np.float64)  # ability, difficulty
OFFSETS: Floats = STEP * np.arange(-2, 3, dtype=np.float64)  # affinity of an agent to a kind of task
SUMS: Floats = STEP * np.arange(-15, 16, dtype=np.float64)  # ability + affinity
SLOPES: Floats = np.array([-1.0, 0.0, 0.5, 1.0, 1.5])
SLOPE: Floats = np.array([0.02, 0.02, 0.08, 0.80, 0.08])  # their masses before anything is known
SUCCESS: Floats = 1.0 / (1.0 + np.exp(-np.subtract.outer(SUMS, np.outer(SLOPES, POINTS)).transpose(1, 0, 2)))
SUCCESS = SUCCESS.reshape(-1, len(POINTS))  # (slopes * sums, points)
SUCCESS_T: Floats = np.ascontiguousarray(SUCCESS.T)

# Difficulties spread about 1.7 times as far as abilities: what is asked varies more than who is asked.
_SCALES = ((0.6, 0.7), (1.2, 1.0), (2.4, 1.4))  # of difficulty and of ability
_AFFINITIES = (0.15, 0.7)


def normal(scale: float, points: Floats) -> Floats:
    """Masses of a centred normal distribution on points."""
    mass = np.exp(-0.5 * (points / scale) ** 2)
    found: Floats = mass / mass.sum()
    return found


_WORLDS = list(itertools.product(_SCALES, _AFFINITIES))
WORLDS = len(_WORLDS)
DIFFICULTY: Floats = np.array([normal(scales[0], POINTS) for scales, _ in _WORLDS])  # (worlds, points)
# Of worlds, slopes and points.
ABILITY: Floats = np.array([np.outer(SLOPE, normal(scales[1], POINTS)) for scales, _ in _WORLDS])
AFFINITY: Floats = np.array([normal(affinity, OFFSETS) for _, affinity in _WORLDS])  # (worlds, offsets)


def windows(values: Floats, width: int) -> Floats:
    """Sliding windows (..., n - width + 1, width) of (..., n), as a view."""
    *rest, last = values.strides
    shape = (*values.shape[:-1], values.shape[-1] - width + 1, width)
    return np.lib.stride_tricks.as_strided(values, shape, (*rest, last, last), writeable=False)


def added(ability: Floats, affinity: Floats) -> Floats:
    """Masses (a, b, slopes * sums) of an ability and slope (a, b, slopes, points), and an affinity (a, b, offsets).

    The affinity is independent of both.
    """
    width = len(OFFSETS)
    padded = np.zeros((*ability.shape[:-1], len(POINTS) + 2 * (width - 1)))
    padded[..., width - 1 : 1 - width] = ability
    reversed_: Floats = affinity[..., ::-1]
    found: Floats = np.einsum("absij,abj->absi", windows(padded, width), reversed_)
    return found.reshape(*affinity.shape[:2], -1)


def through(mass: Floats, table: Floats) -> Floats:
    """Masses (a, b, n) times a table (n, m): (a, b, m), as one product of matrices."""
    found: Floats = (mass.reshape(-1, mass.shape[-1]) @ table).reshape(*mass.shape[:-1], -1)
    return found
