"""The laws that every learner obeys, to be run on each: `check(trial)` raises `LawBroken` naming the law.

A `Trial` says how one learner is made, fed and asked, so that the laws need to know nothing else of it:

* it restores: from its state it gives the same answers, and goes on learning the same way;
* it is deterministic: the same stream and seed give the same state;
* batches do not matter: learning in any sizes of batch comes to the same;
* it merges exactly, where it says so: parts of a stream learned apart and merged are the whole, within 1e-9, in any
  order, however often, and late;
* it refuses what is no number with InvalidInput, and is unchanged by the attempt.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grace_ray.core.errors import InvalidInput

Floats = NDArray[np.float64]

_BATCHES = (1, 2, 7, 100)


class LawBroken(AssertionError):
    """A learner does not keep a law that all learners keep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How to try one learner.

    ``make(site)`` makes a fresh one with a fixed seed; ``learn(learner, items)`` feeds it items of ``stream`` in order,
    in one batch; ``answers(learner)`` are its answers to fixed questions, finite numbers of any shape. ``state`` and
    ``restore(bytes)`` save it and make it anew. ``wrong`` are items with NaN or infinity in them. ``merge(a, b)`` makes
    a know what b knows; None where a learner does not say that it merges exactly.
    """

    name: str
    make: Callable[[str], Any]
    learn: Callable[[Any, Sequence[Any]], None]
    answers: Callable[[Any], Floats]
    state: Callable[[Any], bytes]
    restore: Callable[[bytes], Any]
    stream: Sequence[Any]
    wrong: Sequence[Any]
    merge: Callable[[Any, Any], None] | None = None


def check(trial: Trial) -> None:
    """Try every law on one learner."""
    for law in LAWS:
        law(trial)


def it_restores(trial: Trial) -> None:
    """From its state it gives the same answers, and goes on the same way."""
    half = len(trial.stream) // 2
    learner = _lived(trial, trial.stream[:half])
    again = trial.restore(trial.state(learner))
    _same(trial, "restores to the same answers", trial.answers(again), trial.answers(learner), 0.0)
    for one in (learner, again):
        trial.learn(one, trial.stream[half:])
    _same(trial, "goes on the same way after a restore", trial.answers(again), trial.answers(learner), 1e-9)


def it_is_deterministic(trial: Trial) -> None:
    """The same stream and seed give the same state."""
    if trial.state(_lived(trial, trial.stream)) != trial.state(_lived(trial, trial.stream)):
        raise LawBroken(f"{trial.name} is not deterministic under a seed.")


def batches_do_not_matter(trial: Trial) -> None:
    """Learning in any sizes of batch comes to the same."""
    whole = trial.answers(_lived(trial, trial.stream))
    for size in _BATCHES:
        learner = trial.make("site")
        for start in range(0, len(trial.stream), size):
            trial.learn(learner, trial.stream[start : start + size])
        _same(trial, f"learns the same in batches of {size}", trial.answers(learner), whole, 1e-9)


def it_merges_exactly(trial: Trial) -> None:
    """Parts learned apart and merged, in any order and repeatedly, are the whole."""
    if trial.merge is None:
        return
    whole = trial.answers(_lived(trial, trial.stream))
    parts = [_lived(trial, trial.stream[start::3], f"site {start}") for start in range(3)]
    late = trial.restore(trial.state(_lived(trial, trial.stream[0 : len(trial.stream) // 2 : 3], "site 0")))
    for order in ((0, 1, 2), (2, 0, 1, 1, 0)):
        learner = trial.make("hub")
        for part in order:
            trial.merge(learner, parts[part])
        trial.merge(learner, late)
        _same(trial, "merges exactly", trial.answers(learner), whole, 1e-9)


def it_refuses_what_is_no_number(trial: Trial) -> None:
    """NaN and infinity are refused with InvalidInput, and leave no trace."""
    learner = _lived(trial, trial.stream)
    before = trial.answers(learner)
    for wrong in trial.wrong:
        try:
            trial.learn(learner, [wrong])
        except InvalidInput:
            continue
        raise LawBroken(f"{trial.name} takes {wrong!r} without a word.")
    _same(trial, "is unchanged by what it refuses", trial.answers(learner), before, 0.0)


LAWS: tuple[Callable[[Trial], None], ...] = (
    it_restores,
    it_is_deterministic,
    batches_do_not_matter,
    it_merges_exactly,
    it_refuses_what_is_no_number,
)


def _lived(trial: Trial, stream: Sequence[Any], site: str = "site") -> Any:
    learner = trial.make(site)
    trial.learn(learner, stream)
    return learner


def _same(trial: Trial, law: str, found: Floats, expected: Floats, tolerance: float) -> None:
    found, expected = np.asarray(found, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    if found.shape != expected.shape or not np.isfinite(found).all():
        raise LawBroken(f"{trial.name}: its answers are not finite numbers of the same shape ({law}).")
    worst = float(np.max(np.abs(found - expected), initial=0.0))
    if worst > tolerance:
        raise LawBroken(f"{trial.name} does not keep the law: it {law} (off by {worst:.3g}).")
