"""The candidates of a choice as arrays, worked out once for as long as the same ones are offered."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grace_ray.core.errors import InvalidInput
from grace_ray.models.choose.choice import Candidate
from grace_ray.models.choose.statistics import PointStatistics

Indices = NDArray[np.intp]

_KEPT = 64


@dataclass(frozen=True, slots=True)
class Slate:
    """Candidates, their ids, and which columns of the statistics they are.

    ``columns`` is a slice where they stand side by side, else an array (k,); it holds while there are ``known`` arms.
    """

    candidates: tuple[Candidate, ...]
    ids: tuple[str, ...]
    is_plain: bool
    columns: Indices | slice
    known: int


class Slates:
    """The slates offered last at one point, for one table of statistics."""

    def __init__(self, statistics: PointStatistics) -> None:
        self._statistics = statistics
        self._by_tuple: dict[int, Slate] = {}
        self._last: Slate | None = None

    def slate(self, candidates: Sequence[Candidate]) -> Slate:
        """The slate of these candidates; InvalidInput where there is none, or two have the same id.

        A tuple is known again by being the same object: candidates never change, and the slate keeps it alive.
        """
        found = self._by_tuple.get(id(candidates))
        known = len(self._statistics.arms)
        if found is not None and found.candidates is candidates and found.known == known:
            return found
        last, kept = self._last, tuple(candidates)
        if last is not None and last.known == known and last.candidates == kept:
            return last
        slate = self._last = _made(kept, self._statistics)
        if slate.candidates is candidates:
            if len(self._by_tuple) >= _KEPT:
                self._by_tuple.clear()
            self._by_tuple[id(candidates)] = slate
        return slate


def _made(kept: tuple[Candidate, ...], statistics: PointStatistics) -> Slate:
    if not kept:
        raise InvalidInput("There is nothing to choose from.", "candidates")
    ids = tuple([candidate.id for candidate in kept])
    if len(set(ids)) < len(ids):
        raise InvalidInput("Two candidates have the same id.", "candidates")
    places = [statistics.find_arm(name) for name in ids]
    first = places[0]
    columns: Indices | slice = np.array(places, dtype=np.intp)
    if places == list(range(first, first + len(places))):
        columns = slice(first, first + len(places))
    return Slate(kept, ids, not any(candidate.features for candidate in kept), columns, len(statistics.arms))
