"""What is believed of agents, kinds and tasks after outcomes in their order: a Bayesian filter on grids, in one pass.

Each outcome multiplies its likelihood, averaged over what is believed of the others, into the beliefs of its agent, of
the agent with this kind of task, and of the task. Before that, with a small chance (more after a long silence), the
agent is taken to have become another: its belief moves towards the fleet's (a change-point filter; Adams and MacKay
2007, with the run length summed out). Priors of abilities, of difficulties of each kind, and the worlds' weights are
learned from all (empirical Bayes), and hold for a *block* of outcomes at a time; blocks end at fixed counts, so that it
does not matter in which batches outcomes come. Within a block, outcomes that touch different agents and tasks are
computed together, as a *wave*.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from grace_ray.models.score.grids import (
    ABILITY,
    AFFINITY,
    DIFFICULTY,
    OFFSETS,
    POINTS,
    SLOPE,
    SLOPES,
    SUCCESS,
    SUCCESS_T,
    SUMS,
    WORLDS,
    added,
    through,
    windows,
)
from grace_ray.models.score.rows import Rows

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

FLEET_WORTH = 4.0  # agents that the prior of abilities is worth
DIFFICULTY_WORTH = 20.0  # tasks that the prior of difficulties is worth
KIND_WORTH = 20.0  # tasks of a kind that the difficulties of all kinds are worth
MOST_TASKS = 5000.0  # tasks of a kind that are remembered in its prior
LEAST_WEIGHT = 1e-5  # worlds of less are given up, for good
LONGEST_BLOCK = 512  # or a quarter of the tasks, where they are more
TINY = 1e-30
OTHER = "*"
RECENT = 60.0  # outcomes that a trend looks back
EDGES = np.array([0.2, 0.4, 0.6, 0.8, 0.95])  # of agents' own confidence
CONFIDENCE_FADES = 1.0 - 1.0 / 500.0  # of what an agent's confidence was worth, at each outcome
CONFIDENCE_WORTH = 4.0  # prior precision of a bin's offset in logits; of an agent's offset from the fleet's


class Event(NamedTuple):
    """An outcome, ``new`` or (None) withdrawn, in place of ``old`` (None: there was none)."""

    agent: str
    kind: str
    task: str
    new: float | None
    old: float | None
    at_s: float
    confidence: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many names are known at most, and how often an agent becomes another.

    ``change_outcomes``: mean outcomes between changes; ``change_s``: mean seconds.
    """

    agents: int
    pairs: int
    kinds: int
    tasks: int
    change_outcomes: float
    change_s: float


class Fold:
    """See the module. ``count`` is the number of events taken."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        zero, bins = np.zeros(()), np.zeros((len(EDGES) + 1, 2))
        columns = {"n": zero, "last_s": zero, "level": zero, "bins": bins}
        self.agents = Rows(limits.agents, {"belief": ABILITY, **columns})
        self.pairs = Rows(limits.pairs, {"belief": AFFINITY, "n": zero})
        self.kinds = Rows(limits.kinds, {"gone": np.zeros_like(DIFFICULTY), "prior": DIFFICULTY})
        self.tasks = Rows(limits.tasks, {"likelihood": np.ones_like(DIFFICULTY), "kind": zero})
        self.count = 0
        self.worlds = np.arange(WORLDS)
        self.ability, self.difficulty = ABILITY.copy(), DIFFICULTY.copy()
        self.weights = np.full(WORLDS, 1.0 / WORLDS)
        self.evidence = np.zeros(WORLDS)
        self.fleet_bins = bins.copy()
        self.boundary = 1

    def learn(self, events: Sequence[Event]) -> None:
        """Take events in order."""
        start = 0
        while start < len(events):
            block = events[start : start + self.boundary - self.count]
            self._learn_block(block)
            start += len(block)
            if self.count >= self.boundary:
                self._refresh()

    def _learn_block(self, block: Sequence[Event]) -> None:
        """Learn events that share their priors, in waves."""
        agent, kind, task, *numbers = zip(*block, strict=True)
        places = np.array([
            _rows(self.agents, agent),
            _rows(self.pairs, list(zip(agent, kind, strict=True))),
            [self._kind(name) for name in kind],
            [self.tasks.row(name) if name else -1 for name in task],
        ], dtype=np.intp).T  # fmt: skip
        table = _exponents(*numbers)
        waves = _waves(places[:, 0].tolist(), places[:, 3].tolist())
        stamps = np.arange(self.count, self.count + len(block), dtype=np.float64)
        self.agents["used"][places[:, 0]] = stamps
        self.pairs["used"][places[:, 1]] = stamps
        has_task = places[:, 3] >= 0
        self.tasks["used"][places[has_task, 3]] = stamps[has_task]
        order = np.argsort(waves, kind="stable")
        ends = np.cumsum(np.bincount(waves))
        for first, end in zip(np.concatenate([[0], ends[:-1]]).tolist(), ends.tolist(), strict=True):
            chosen = order[first:end]
            self._learn_wave(places[chosen], table[:, chosen])
        self.count += len(block)

    def _kind(self, name: str) -> int:
        """The row of a kind; of `OTHER` where there is no more room."""
        found = self.kinds.index.get(name)
        if found is not None:
            return found
        return self.kinds.row(OTHER if len(self.kinds) >= self.limits.kinds else name)

    def _learn_wave(self, places: Indices, numbers: Floats) -> None:
        """Learn events of different agents and tasks: places (events, 4), numbers as of `_exponents`."""
        agent, pair, kind, task = places.T
        for_success, for_failure, samples, at_s, _ = numbers
        ability, affinity = self._moved_on(agent, pair, samples, at_s)
        has_task = task >= 0
        likelihood = self.tasks["likelihood"][task] if has_task.any() else np.ones((len(task), *self.difficulty.shape))
        if not has_task.all():
            likelihood[~has_task] = 1.0
        difficulty = _normed(likelihood * self.kinds["prior"][kind])
        success = through(difficulty, SUCCESS_T).reshape(*ability.shape[:-1], len(SUMS))
        with_affinity = windows(success, len(OFFSETS))
        chance = (ability * np.einsum("bmsij,bmj->bmsi", with_affinity, affinity)).sum(axis=(-1, -2))
        seen = _likelihood(success, for_success, for_failure)
        seen_windows = windows(seen, len(OFFSETS))
        task_seen = _likelihood(through(added(ability, affinity), SUCCESS), for_success, for_failure)
        after = ability * np.einsum("bmsij,bmj->bmsi", seen_windows, affinity)
        self.agents["belief"][agent] = after / after.sum(axis=(-1, -2), keepdims=True)
        self.pairs["belief"][pair] = _normed(affinity * np.einsum("bmsij,bmsi->bmj", seen_windows, ability))
        self._learn_tasks(task, kind, has_task, likelihood * task_seen, difficulty * task_seen, samples)
        self._account(agent, chance, numbers)

    def _moved_on(self, agent: Indices, pair: Indices, samples: Floats, at_s: Floats) -> tuple[Floats, Floats]:
        """Beliefs (events, worlds, ...) of abilities and affinities after the chance that agents have changed."""
        agents = self.agents
        n, last = agents["n"][agent], agents["last_s"][agent]
        silence = np.maximum(at_s - last, 0.0)
        stays = (1.0 - 1.0 / self.limits.change_outcomes) * np.exp(-silence / self.limits.change_s)
        change = np.where(samples > 0, 1.0 - stays, 0.0)
        agents["n"][agent] = np.maximum((1.0 - change) * n + samples, 0.0)
        agents["last_s"][agent] = np.where(n > 0, np.maximum(last, at_s), at_s)
        pairs = self.pairs
        pairs["n"][pair] = np.maximum((1.0 - change) * pairs["n"][pair] + samples, 0.0)
        mixed = change[:, None, None, None]
        ability = (1.0 - mixed) * agents["belief"][agent] + mixed * self.ability
        mixed = mixed[..., 0]
        affinity = (1.0 - mixed) * pairs["belief"][pair] + mixed * pairs.first["belief"]
        return ability, affinity

    def _learn_tasks(
        self,
        task: Indices,
        kind: Indices,
        has_task: NDArray[np.bool_],
        likelihood: Floats,
        mass: Floats,
        samples: Floats,
    ) -> None:
        """Keep what was learned of tasks; of tasks that have no name, at once in what is known of their kind."""
        if has_task.all():
            self._keep_tasks(task, kind, likelihood)
            return
        if has_task.any():
            self._keep_tasks(task[has_task], kind[has_task], likelihood[has_task])
        single = ~has_task & (samples > 0)
        if single.any():
            _add_by(self.kinds["gone"], kind[single], _normed(mass[single]))

    def _keep_tasks(self, task: Indices, kind: Indices, likelihood: Floats) -> None:
        """Keep likelihoods (events, worlds, points) of tasks."""
        self.tasks["likelihood"][task] = np.maximum(likelihood / likelihood.max(axis=-1, keepdims=True), TINY)
        self.tasks["kind"][task] = kind

    def _account(self, agent: Indices, chance: Floats, numbers: Floats) -> None:
        """Weigh the worlds; keep surprises for trends and for agents' own confidence."""
        for_success, for_failure, samples, _, confidence = numbers
        self.evidence += for_success @ np.log(chance) + for_failure @ np.log1p(-chance)
        expected = chance @ self.weights
        variance = expected * (1.0 - expected)
        total = for_success + for_failure
        surprise = for_success - expected * total
        level = self.agents["level"][agent]
        pace = np.maximum(samples, 0.0) / np.clip(self.agents["n"][agent], 1.0, RECENT)
        self.agents["level"][agent] = level + pace * (self.standing(agent)[0] - level)
        known = ~np.isnan(confidence)
        if known.any():
            place = np.searchsorted(EDGES, confidence[known], side="right")
            self.agents["bins"][agent[known]] *= CONFIDENCE_FADES
            sums = np.stack([surprise[known], total[known] * variance[known]], axis=-1)
            self.agents["bins"][agent[known], place] += sums
            np.add.at(self.fleet_bins, place, sums)

    def standing(self, agent: Indices) -> tuple[Floats, Floats]:
        """Mean and standard deviation (agents,) of abilities, in logits.

        They are those of a middling task, where an agent's slope does not matter.
        """
        middle = self.difficulty @ POINTS
        worth = POINTS + (1.0 - SLOPES)[:, None] * middle[:, None, None]  # (worlds, slopes, points)
        belief = self.agents["belief"][agent] * self.weights[:, None, None]
        mean: Floats = np.einsum("amsi,msi->a", belief, worth)
        square: Floats = np.einsum("amsi,msi->a", belief, worth**2)
        return mean, np.sqrt(np.maximum(square - mean**2, TINY))

    def _refresh(self) -> None:
        """Learn the priors anew from all that is believed, forget what is too much, and begin a new block."""
        self.boundary = self.count + min(max(self.count // 8, 1), max(LONGEST_BLOCK, len(self.tasks) // 4))
        self._weigh_worlds()
        self._forget()
        places = self.agents.places()
        flat = len(self.worlds), -1
        counts = self.agents["belief"][places].sum(axis=0).reshape(flat)
        self.ability = _prior(counts, ABILITY[self.worlds].reshape(flat), FLEET_WORTH).reshape(-1, *ABILITY.shape[1:])
        self.agents.first["belief"] = self.ability
        kinds, used = self.kinds, self.kinds.places()
        counts = kinds["gone"].copy()
        tasks = self.tasks.places()
        _add_by(counts, self.tasks["kind"][tasks].astype(np.intp), self._difficulties(tasks))
        self.difficulty = _prior(counts[used].sum(axis=0), DIFFICULTY[self.worlds], DIFFICULTY_WORTH)
        kinds["prior"][used] = _prior(counts[used], self.difficulty, KIND_WORTH)
        kinds.first["prior"] = self.difficulty

    def _weigh_worlds(self) -> None:
        """Weigh the worlds by their evidence, and give up those that have next to none."""
        self.evidence -= self.evidence.max()
        weights = np.exp(self.evidence)
        weights /= weights.sum()
        kept = np.flatnonzero(weights >= LEAST_WEIGHT)
        self.weights = weights[kept] / weights[kept].sum()
        if len(kept) == len(weights):
            return
        self.worlds, self.evidence = self.worlds[kept], self.evidence[kept]
        for table, names in self._by_world():
            for name in names:
                table.first[name] = table.first[name][kept]
                table.arrays[name] = np.ascontiguousarray(table.arrays[name][:, kept])

    def _by_world(self) -> tuple[tuple[Rows, tuple[str, ...]], ...]:
        """The arrays that have a row for each world."""
        agents, pairs, kinds, tasks = self._tables()
        return (agents, ("belief",)), (pairs, ("belief",)), (kinds, ("gone", "prior")), (tasks, ("likelihood",))

    def _difficulties(self, tasks: Indices) -> Floats:
        """Beliefs (tasks, worlds, points) of the difficulties of tasks."""
        kind = self.tasks["kind"][tasks].astype(np.intp)
        return _normed(self.tasks["likelihood"][tasks] * self.kinds["prior"][kind])

    def _forget(self) -> None:
        for name in self.tasks.excess():
            row = self.tasks.index[name]
            self.kinds["gone"][int(self.tasks["kind"][row])] += self._difficulties(np.array([row]))[0]
            self.tasks.drop(name)
        gone = self.kinds["gone"]
        total = gone.sum(axis=-1, keepdims=True)
        gone *= np.minimum(MOST_TASKS / np.maximum(total, 1.0), 1.0)
        for table in (self.agents, self.pairs):
            for name in table.excess():
                table.drop(name)

    def state(self) -> tuple[dict[str, Any], list[Floats]]:
        """A header in JSON's types and arrays, for `read`."""
        tables = [table.state() for table in self._tables()]
        header = {"count": self.count, "boundary": self.boundary, "names": [names for names, _ in tables]}
        own = [np.asarray(self.worlds, dtype=np.float64), self.ability, self.difficulty, self.weights]
        return header, [*own, self.evidence, self.fleet_bins, *(array for _, arrays in tables for array in arrays)]

    @classmethod
    def read(cls, limits: Limits, header: dict[str, Any], arrays: Iterator[Floats]) -> "Fold":
        """What `state` gave."""
        made = cls(limits)
        made.count, made.boundary = header["count"], header["boundary"]
        worlds, made.ability, made.difficulty, made.weights, made.evidence, made.fleet_bins = (
            next(arrays) for _ in range(6)
        )
        made.worlds = worlds.astype(np.intp)
        for table, names in made._by_world():
            table.first |= {name: table.first[name][made.worlds] for name in names}
        made.ability = _with_slopes(made.ability, axes=3)
        made.agents.first["belief"], made.kinds.first["prior"] = made.ability, made.difficulty
        for table, named in zip(made._tables(), header["names"], strict=True):
            table.restore(named, arrays)
        made.agents.arrays["belief"] = _with_slopes(made.agents["belief"], axes=4)
        return made

    def _tables(self) -> tuple[Rows, Rows, Rows, Rows]:
        return self.agents, self.pairs, self.kinds, self.tasks


def _with_slopes(ability: Floats, axes: int) -> Floats:
    """Masses (..., slopes, points) of that many axes; states of version 1 have one fewer: they know of no slopes."""
    return ability if ability.ndim == axes else ability[..., None, :] * SLOPE[:, None]


def _prior(counts: Floats, base: Floats, worth: float) -> Floats:
    """The mean of a Dirichlet posterior: counts (..., points) over a base (..., points) that is ``worth`` as many."""
    found: Floats = (counts + worth * base) / (counts.sum(axis=-1, keepdims=True) + worth)
    return found


def _add_by(sums: Floats, groups: Indices, values: Floats) -> None:
    """Add values (n, ...) to the rows (groups, ...) of ``sums`` that they belong to."""
    if len(groups):
        order = np.argsort(groups, kind="stable")
        found, starts = np.unique(groups[order], return_index=True)
        sums[found] += np.add.reduceat(values[order], starts, axis=0)


def _normed(mass: Floats) -> Floats:
    found: Floats = mass / mass.sum(axis=-1, keepdims=True)
    return found


def _likelihood(chance: Floats, for_success: Floats, for_failure: Floats) -> Floats:
    """chance^for_success (1 - chance)^for_failure, (events, worlds, ...)."""
    wide = (-1, *(1 for _ in chance.shape[1:]))
    good, bad = for_success.reshape(wide), for_failure.reshape(wide)
    if ((good == 1.0) & (bad == 0.0) | (good == 0.0) & (bad == 1.0)).all():
        return np.where(good > 0, chance, 1.0 - chance)
    found: Floats = np.exp(good * np.log(chance) + bad * np.log1p(-chance))
    return found


def _rows(table: Rows, names: Sequence[Hashable]) -> list[int]:
    """The rows of names, made where they are new."""
    found = [table.index.get(name, -1) for name in names]
    return (
        [table.row(name) if row < 0 else row for row, name in zip(found, names, strict=True)] if -1 in found else found
    )


def _waves(agents: list[int], tasks: list[int]) -> list[int]:
    """For each event the wave in which it can be learned: after the earlier ones of its agent and of its task."""
    of_agent: dict[int, int] = {}
    of_task: dict[int, int] = {}
    found = []
    for agent, task in zip(agents, tasks, strict=True):
        wave = of_agent.get(agent, 0)
        if task >= 0:
            wave = max(wave, of_task.get(task, 0))
            of_task[task] = wave + 1
        of_agent[agent] = wave + 1
        found.append(wave)
    return found


def _exponents(new: Any, old: Any, at_s: Any, confidence: Any) -> Floats:
    """Rows: exponents of success and of failure, samples (1 new, 0 changed, -1 withdrawn), time, confidence or NaN."""
    came, was = np.array(new, dtype=np.float64), np.array(old, dtype=np.float64)
    samples = (~np.isnan(came)).astype(np.float64) - ~np.isnan(was)
    success = np.nan_to_num(came) - np.nan_to_num(was)
    return np.stack([success, samples - success, samples, at_s, np.array(confidence, dtype=np.float64)])
