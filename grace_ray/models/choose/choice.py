"""The nouns of choosing: what may be chosen, in which situation, what was chosen and why."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from grace_ray.core.errors import InvalidInput

Floats = NDArray[np.float64]

MAX_FEATURE = 1e100


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Something that may be chosen: a playbook, a language model, an agent, a version of a prompt.

    ``features`` describe it at this call (price, load, age ...): finite numbers of any scale, as many and in the same
    order for every candidate of one point, or none.
    """

    id: str
    features: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The situation of one choice.

    ``cell`` is the kind of situation, such as "checkout|oom": what worked in a cell counts most there. ``features`` are
    finite numbers of any scale, as many and in the same order at every call of one point, or none. ``subject`` is whom
    it is about (a user, a tenant), so that it can be forgotten.
    """

    cell: str = ""
    features: tuple[float, ...] = ()
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """What a policy thinks of one candidate here.

    ``score`` ranks: the expected reward. ``uncertainty`` is the standard deviation of ``expected_reward``.
    ``probability`` is the one with which it is chosen. ``samples`` counts the rewards it has had in this cell, and
    ``moving_average`` (None before the first) is their exponential moving average, 0.3 for the newest.
    """

    candidate: str
    score: float
    expected_reward: float
    uncertainty: float
    probability: float
    samples: int
    moving_average: float | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """What a policy thinks of all k candidates at once; every array has shape (k,), in the candidates' order.

    ``overall`` counts the rewards of a candidate over all cells of the point.
    """

    ids: tuple[str, ...]
    probability: Floats
    expected: Floats
    uncertainty: Floats
    samples: Floats
    overall: Floats
    average: Floats

    @property
    def cumulative(self) -> Floats:
        """The running sum (k,) of the probabilities."""
        return self.probability.cumsum()

    def option(self, index: int) -> Option:
        """The candidate at ``index``, in words."""
        average = float(self.average[index]) if self.samples[index] else math.nan
        return Option(
            candidate=self.ids[index],
            score=float(self.expected[index]),
            expected_reward=float(self.expected[index]),
            uncertainty=float(self.uncertainty[index]),
            probability=float(self.probability[index]),
            samples=int(self.samples[index]),
            moving_average=None if math.isnan(average) else average,
            reasons=self.reasons(index),
        )

    def reasons(self, index: int) -> tuple[str, ...]:
        """Why it stands where it stands, in sentences."""
        here, overall = int(self.samples[index]), int(self.overall[index])
        best = int(np.argmax(self.expected))
        lines = [_experience(here, overall)]
        if here:
            lines.append(f"Its rewards here average {self.average[index]:+.3f}, the newest counting most.")
        if index == best:
            lines.append(f"It is expected to earn most: {self.expected[index]:+.3f} ± {self.uncertainty[index]:.3f}.")
        else:
            behind = self.expected[best] - self.expected[index]
            lines.append(
                f"It is expected to earn {self.expected[index]:+.3f} ± {self.uncertainty[index]:.3f}, "
                f"{behind:.3f} less than {self.ids[best]}."
            )
        lines.append(f"It is chosen with probability {self.probability[index]:.3f}.")
        return tuple(lines)


def _experience(here: int, overall: int) -> str:
    if overall == 0:
        return "It has never been rewarded: what is expected of it comes from the others."
    if here == 0:
        return f"It has not been rewarded in this kind of situation, {overall} times in others."
    return f"It has been rewarded {here} times in this kind of situation, {overall} times in all."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """One choice, with everything needed to explain it and to judge other policies by it.

    ``index`` is the place of the chosen one among ``candidates``; ``at_s`` the time in seconds at which it was made.
    """

    choice_id: str
    point: str
    context: Context
    candidates: tuple[Candidate, ...]
    index: int
    outlook: Outlook
    at_s: float

    @property
    def candidate(self) -> str:
        """The id of the chosen one."""
        return self.outlook.ids[self.index]

    @property
    def propensity(self) -> float:
        """The probability with which it was drawn."""
        return float(self.outlook.probability[self.index])

    @property
    def probabilities(self) -> dict[str, float]:
        """Candidate -> the probability with which it could have been drawn; they add up to 1."""
        return dict(zip(self.outlook.ids, self.outlook.probability.tolist(), strict=True))

    @property
    def options(self) -> tuple[Option, ...]:
        """Every candidate in the order given."""
        return tuple(self.outlook.option(index) for index in range(len(self.outlook.ids)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Explanation:
    """Why a choice came out as it did, and what has come of it: the ``reward`` (None: none yet) and its ``parts``."""

    choice: Choice
    reward: float | None
    parts: Mapping[str, float] = field(default_factory=dict)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the chosen one, in sentences."""
        return self.choice.outlook.reasons(self.choice.index)


def feature_rows(context: Context, candidates: Sequence[Candidate]) -> Floats | None:
    """The rows (k, 1 + context's + candidate's) of a linear model, a 1 before each; None where there are no features.

    A candidate's features stand as their differences from the mean of all that are offered: what is chosen earns more
    or less for being dearer than the others, and what is common to all cannot change their order.

    InvalidInput where the candidates differ in how many they have, or one is not a finite number.
    """
    own = len(candidates[0].features)
    if any(len(candidate.features) != own for candidate in candidates):
        raise InvalidInput("The candidates differ in their number of features.", "candidates")
    shared = len(context.features)
    if not shared and not own:
        return None
    rows = np.ones((len(candidates), 1 + shared + own))
    rows[:, 1 : 1 + shared] = context.features
    if own:
        rows[:, 1 + shared :] = [candidate.features for candidate in candidates]
    if not (np.abs(rows) <= MAX_FEATURE).all():
        raise InvalidInput(f"A feature is not a finite number up to {MAX_FEATURE:g}.", "features")
    if own:
        rows[:, 1 + shared :] -= rows[:, 1 + shared :].mean(axis=0)
    return rows
