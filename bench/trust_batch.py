"""How far the next outcome can be told at all: a batch model, fitted anew to all outcomes so far as they come.

The model is a Bayesian item factor analysis: what an agent makes of a task is ability + an affinity to its kind +
loadings . factors of the task (two factors, about a mean for each kind) in probits, every scale learned; loadings on
the first factor are about one common value, so that the Rasch model, agents' own slopes on difficulty, and likeness of
agents beyond difficulty are all special cases. It is sampled by Gibbs' method with data augmentation (Albert and Chib
1993). It is fitted when the outcomes have grown by half, at most by a twentieth of all; in between, its samples are
weighed by what has come of each task. `bench/trust.py` shows it beside the one-pass models, as what they could reach.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri  # type: ignore[import-untyped]

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

FACTORS = 2
WARMING, SAMPLES = 40, 120
FIRST_FIT, GROWTH = 16, 1.5


class FactorModel:
    """Samples of agents, tasks and scales, given outcomes (agents, tasks) and where there are any (0 or 1)."""

    def __init__(self, agents: int, kind: Indices, rng: np.random.Generator) -> None:
        self.rng, self.kind = rng, kind
        self.by_kind: Floats = np.eye(int(kind.max()) + 1)[kind]  # (tasks, kinds)
        kinds = self.by_kind.shape[1]
        # Of each agent: ability, then loadings; the first loading is about its mean, the others about 0.
        self.agent = np.hstack([np.zeros((agents, 1)), np.ones((agents, 1)), rng.normal(0, 0.1, (agents, FACTORS - 1))])
        self.task = np.zeros((len(kind), FACTORS))
        self.affinity, self.centre = np.zeros((agents, kinds)), np.zeros((kinds, FACTORS))
        self.mean = np.array([0.0, 1.0, *np.zeros(FACTORS - 1)])
        self.variance = np.array([0.5, *np.full(FACTORS, 0.1)])
        self.affinity_variance, self.centre_variance = 0.05, 0.2

    def probit(self) -> Floats:
        """What the sample expects (agents, tasks), in probits."""
        found: Floats = self.agent[:, :1] + self.affinity[:, self.kind] + self.agent[:, 1:] @ self.task.T
        return found

    def sample(self, value: Floats, known: Floats) -> None:
        """Go on to the next sample: everything once, given all the rest."""
        latent = self._latent(value)
        self._sample_tasks(latent, known)
        self._sample_agents(latent, known)
        self._sample_affinities(latent, known)

    def _latent(self, value: Floats) -> Floats:
        """Normal variables that are above 0 where the outcome is a success; a partial one is drawn each time."""
        expected = self.probit()
        below = ndtr(-expected)
        share = self.rng.random(expected.shape)
        is_success = self.rng.random(expected.shape) < value
        place = np.where(is_success, below + share * (1.0 - below), share * below)
        found: Floats = expected + ndtri(np.clip(place, 1e-12, 1.0 - 1e-12))
        return found

    def _sample_tasks(self, latent: Floats, known: Floats) -> None:
        loadings = self.agent[:, 1:]
        left = known * (latent - self.agent[:, :1] - self.affinity[:, self.kind])
        precision = np.eye(FACTORS) + np.einsum("at,ak,al->tkl", known, loadings, loadings, optimize=True)
        self.task = self._normal(precision, self.centre[self.kind] + left.T @ loadings)
        variance = 1.0 / (self.by_kind.sum(axis=0) + 1.0 / self.centre_variance)[:, None]
        noise = self.rng.normal(size=self.centre.shape)
        self.centre = variance * (self.by_kind.T @ self.task) + np.sqrt(variance) * noise
        self.centre_variance = self._variance(self.centre, 0.2)

    def _sample_agents(self, latent: Floats, known: Floats) -> None:
        design = np.hstack([np.ones((len(self.task), 1)), self.task])
        precision = np.einsum("at,tk,tl->akl", known, design, design, optimize=True) + np.diag(1.0 / self.variance)
        left = known * (latent - self.affinity[:, self.kind])
        self.agent = self._normal(precision, left @ design + self.mean / self.variance)
        around = np.array([0.0, 1.0])  # of the mean ability and first loading, with variance 4
        precision_of_mean = len(self.agent) / self.variance[:2] + 0.25
        centre = (self.agent[:, :2].sum(axis=0) / self.variance[:2] + 0.25 * around) / precision_of_mean
        self.mean[:2] = centre + self.rng.normal(size=2) / np.sqrt(precision_of_mean)
        away = self.agent - self.mean
        self.variance = np.array([self._variance(away[:, k], 0.1 if k else 0.3) for k in range(away.shape[1])])

    def _sample_affinities(self, latent: Floats, known: Floats) -> None:
        left = known * (latent - self.agent[:, :1] - self.agent[:, 1:] @ self.task.T)
        variance = 1.0 / (known @ self.by_kind + 1.0 / self.affinity_variance)
        noise = self.rng.normal(size=variance.shape)
        self.affinity = variance * (left @ self.by_kind) + np.sqrt(variance) * noise
        self.affinity_variance = self._variance(self.affinity, 0.05)

    def _variance(self, values: Floats, scale: float) -> float:
        """A variance given values about 0, and an inverse gamma prior."""
        return float((scale + 0.5 * (values**2).sum()) / self.rng.gamma(1.0 + 0.5 * values.size))

    def _normal(self, precision: Floats, linear: Floats) -> Floats:
        """Normal variables (n, k) by their precision (n, k, k) and the linear term (n, k) of their log density."""
        root = np.linalg.cholesky(precision).swapaxes(-1, -2)
        noise = np.linalg.solve(root, self.rng.normal(size=linear.shape)[..., None])
        return np.asarray((np.linalg.solve(precision, linear[..., None]) + noise)[..., 0], dtype=np.float64)


def chances(agents: Sequence[str], kinds: Sequence[str], tasks: Sequence[str], values: Sequence[float]) -> Floats:
    """The chance of each outcome (outcomes,), from those before it; a task is of one kind."""
    agent = np.unique(agents, return_inverse=True)[1]
    _, first, task = np.unique(tasks, return_index=True, return_inverse=True)
    kind = np.unique(np.array(kinds)[first], return_inverse=True)[1]
    value = np.array(values)
    model = FactorModel(int(agent.max()) + 1, kind, np.random.default_rng(0))
    came, known = np.zeros((2, int(agent.max()) + 1, len(kind)))
    found = np.full(len(value), 0.5)
    start = 0
    while start < len(value):
        step = min(max(FIRST_FIT, int(start * (GROWTH - 1.0))), max(len(value) // 20, 1))
        block = slice(start, start + step)
        found[block] = _next(model, (came, known), agent[block], task[block], value[block])
        came[agent[block], task[block]], known[agent[block], task[block]] = value[block], 1.0
        start += step
    return found


def _next(model: FactorModel, seen: tuple[Floats, Floats], agent: Indices, task: Indices, value: Floats) -> Floats:
    """The chances of a block of outcomes: samples given all before, weighed by what comes of each task in the block."""
    for _ in range(WARMING):
        model.sample(*seen)
    samples = np.empty((SAMPLES, len(value)))
    for row in samples:
        model.sample(*seen)
        row[:] = ndtr(model.probit()[agent, task])
    weights = np.ones((len(model.task), SAMPLES))
    found = np.empty(len(value))
    for n, chance in enumerate(samples.T):
        weight = weights[task[n]]
        found[n] = weight @ chance / weight.sum()
        weight *= value[n] * chance + (1.0 - value[n]) * (1.0 - chance)
        weight /= weight.sum()
    return found
