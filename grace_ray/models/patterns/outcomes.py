"""The table that patterns are looked for in: outcomes, what was known before each, and what they share."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grace_ray.core.errors import InvalidInput

Floats = NDArray[np.float64]
Codes = NDArray[np.int32]

AGENT = "agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One feature: ``codes[i]`` says which of ``values`` row i has, -1 that it has none that matters.

    ``name`` is the feature; several columns may cut one feature in different places, and are never paired. ``values``
    are as a condition holds them: a word or number that must be equal, or {"min": ...} or {"max": ...}.
    """

    name: str
    codes: Codes
    values: Sequence[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """Rows in order of time. ``value`` is in 0-1; ``question`` says which rows answer one question (dense codes).

    ``agent`` is who (dense codes), ``batch`` another way in which rows may depend on each other, such as one run of a
    workflow; None where there is none.
    """

    columns: Sequence[Column]
    value: Floats
    question: Codes
    agent: Codes
    batch: Codes | None = None

    def __post_init__(self) -> None:
        sizes = {len(self.value), len(self.question), len(self.agent), *(len(each.codes) for each in self.columns)}
        if len(sizes) > 1 or (self.batch is not None and len(self.batch) != len(self.value)):
            raise InvalidInput("The columns of the outcomes have different lengths.", "columns")
        if not bool(np.all((self.value >= 0) & (self.value <= 1))):
            raise InvalidInput("An outcome is not in 0-1.", "value")

    def __len__(self) -> int:
        return len(self.value)

    def rows(self, chosen: NDArray[Any]) -> "Outcomes":
        """Return some of the rows (a mask, or indices in order)."""
        return Outcomes(
            columns=[Column(name=c.name, codes=c.codes[chosen], values=c.values) for c in self.columns],
            value=self.value[chosen],
            question=dense(self.question[chosen]),
            agent=self.agent[chosen],
            batch=None if self.batch is None else dense(self.batch[chosen]),
        )

    def conditions(self) -> Iterator[tuple[int, int]]:
        """Yield (column, code) of every single condition."""
        for number, column in enumerate(self.columns):
            for code in range(len(column.values)):
                yield number, code

    def mask(self, condition: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
        """Return which rows fit all of ``condition``, (column, code) pairs."""
        fits = np.ones(len(self), np.bool_)
        for number, code in condition:
            fits &= self.columns[number].codes == code
        return fits

    def spelled(self, condition: Sequence[tuple[int, int]]) -> dict[str, Any]:
        """Return a condition as {feature: value}."""
        return {self.columns[number].name: self.columns[number].values[code] for number, code in condition}

    def found(self, condition: dict[str, Any]) -> tuple[tuple[int, int], ...] | None:
        """Return a spelled condition as (column, code) pairs; None where this table has no such value."""
        pairs = []
        for name, value in condition.items():
            match = next(
                (
                    (number, list(column.values).index(value))
                    for number, column in enumerate(self.columns)
                    if column.name == name and value in column.values
                ),
                None,
            )
            if match is None:
                return None
            pairs.append(match)
        return tuple(pairs)


def dense(codes: NDArray[Any]) -> Codes:
    """Return codes renumbered from 0 without gaps."""
    return np.unique(codes, return_inverse=True)[1].astype(np.int32)


def split_questions(outcomes: Outcomes, share: float) -> NDArray[np.bool_]:
    """Return which rows belong to the earlier questions, about ``share`` of the rows; no question is on both sides.

    A question stands where its first row does.
    """
    first = np.full(int(outcomes.question.max(initial=-1)) + 1, len(outcomes), np.int64)
    np.minimum.at(first, outcomes.question, np.arange(len(outcomes)))
    starts = first[outcomes.question]
    boundary = np.sort(starts)[min(int(share * len(outcomes)), len(outcomes) - 1)] if len(outcomes) else 0
    return starts < boundary
