"""The effect of acting against doing nothing, doubly robust.

Did a playbook matter, was an incident prevented?

Augmented inverse propensity weighting (Robins, Rotnitzky and Zhao, 1994), cross-fitted (Chernozhukov et al., 2018,
"Double/debiased machine learning"): psi_i = q1 - q0 + T (r - q1) / p - (1 - T) (r - q0) / (1 - p), where q1, q0 are the
rewards expected with and without the act by a model of the other trials, p the probability with which it was done.
Right if either the model or the probabilities are.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grace_ray.core.errors import InvalidInput
from grace_ray.models.choose.choice import Candidate, Context
from grace_ray.models.choose.judging import LoggedChoice, cross_fitted
from grace_ray.models.choose.offpolicy import student_quantile

Floats = NDArray[np.float64]

_SIDES = (Candidate(id="nothing"), Candidate(id="act"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A situation in which there was an act or none: ``propensity`` is the probability with which there was to be one.

    ``reward`` is what came of it, such as -1 for a breach and 0 for none.
    """

    context: Context
    is_acted: bool
    propensity: float
    reward: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What acting earns more than doing nothing, on average over the trials, with its interval.

    ``matters`` says that the whole interval lies above 0. ``acted`` and ``idle`` count the trials of both kinds.
    """

    value: float
    lower: float
    upper: float
    level: float
    acted: int
    idle: int

    @property
    def matters(self) -> bool:
        """Whether acting is surely better than not."""
        return self.lower > 0


def effect(trials: Sequence[Trial], *, level: float = 0.95, least_propensity: float = 0.01) -> Effect:
    """The average effect of acting over the trials.

    Probabilities nearer to 0 or 1 than ``least_propensity`` are moved there: where nobody ever does nothing, the model
    must speak. With fewer than two trials of either kind the interval is without limits. InvalidInput names what is
    not a number or no probability.
    """
    if not trials:
        raise InvalidInput("There is no trial to tell an effect from.", "trials")
    acted = np.array([trial.is_acted for trial in trials])
    reward = np.array([trial.reward for trial in trials], dtype=np.float64)
    chance = np.array([trial.propensity for trial in trials], dtype=np.float64)
    if not np.isfinite(reward).all():
        raise InvalidInput("A trial's reward is not a finite number.", "reward")
    if not ((chance >= 0) & (chance <= 1)).all():
        raise InvalidInput("A trial's propensity is not between 0 and 1.", "propensity")
    expected = np.array(cross_fitted([_logged(trial) for trial in trials]))
    moves = aipw(reward, acted, np.clip(chance, least_propensity, 1 - least_propensity), expected[:, 1], expected[:, 0])
    value, half = float(moves.mean()), _half_width(moves, acted, level)
    count = int(acted.sum())
    return Effect(
        value=value, lower=value - half, upper=value + half, level=level, acted=count, idle=len(trials) - count
    )


def aipw(reward: Floats, acted: NDArray[np.bool_], chance: Floats, with_act: Floats, without: Floats) -> Floats:
    """The doubly robust score of each trial (n,); their mean is the effect."""
    corrected = np.where(acted, (reward - with_act) / chance, -(reward - without) / (1.0 - chance))
    scores: Floats = with_act - without + corrected
    return scores


def _half_width(moves: Floats, acted: NDArray[np.bool_], level: float) -> float:
    fewer = int(min(acted.sum(), (~acted).sum()))
    if fewer < 2:
        return math.inf
    return student_quantile(level, 2 * fewer - 1) * float(moves.std(ddof=1)) / math.sqrt(len(moves))


def _logged(trial: Trial) -> LoggedChoice:
    chance = trial.propensity if trial.is_acted else 1 - trial.propensity
    return LoggedChoice(
        point="effect",
        context=trial.context,
        candidates=_SIDES,
        index=int(trial.is_acted),
        propensity=chance,
        reward=trial.reward,
    )
