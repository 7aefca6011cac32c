"""Whether acting mattered."""

import math

import numpy as np
import pytest

from grace_ray.core.errors import InvalidInput
from grace_ray.models.choose import Context
from grace_ray.models.choose.effect import Trial, effect


def trials(seed: int, count: int, gain: float) -> list[Trial]:
    """Where it is bad there is more acting: the plain difference of means is wrong, and even of the other sign."""
    rng, made = np.random.default_rng(seed), []
    for _ in range(count):
        is_bad = bool(rng.integers(2))
        chance = 0.8 if is_bad else 0.2
        is_acted = bool(rng.random() < chance)
        reward = (-0.7 if is_bad else 0.0) + gain * is_acted + rng.normal(0.0, 0.2)
        made.append(Trial(context=Context(cell=str(is_bad)), is_acted=is_acted, propensity=chance, reward=reward))
    return made


def test_the_effect_is_found_where_the_plain_difference_has_the_wrong_sign():
    log = trials(0, 400, 0.2)
    plain = np.mean([t.reward for t in log if t.is_acted]) - np.mean([t.reward for t in log if not t.is_acted])
    assert plain < 0
    found = effect(log)
    assert found.lower <= 0.2 <= found.upper
    assert found.matters


def test_the_interval_holds_as_often_as_it_says():
    found = [effect(trials(seed, 120, 0.1)) for seed in range(60)]
    assert sum(one.lower <= 0.1 <= one.upper for one in found) >= 54


def test_where_there_is_no_effect_none_is_claimed():
    claimed = sum(effect(trials(seed, 120, 0.0)).matters for seed in range(60))
    assert claimed <= 5


def test_where_nobody_did_nothing_no_effect_is_claimed():
    log = [one for one in trials(0, 100, 0.5) if one.is_acted]
    assert not effect(log).matters
    assert math.isinf(effect(log).upper)


def test_what_is_no_number_is_refused_by_name():
    bad = Trial(context=Context(), is_acted=True, propensity=0.5, reward=math.nan)
    with pytest.raises(InvalidInput) as refused:
        effect([bad])
    assert refused.value.field == "reward"
