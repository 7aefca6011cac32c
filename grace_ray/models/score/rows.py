"""Rows of arrays that have names: they grow as names come, and the longest unused go when there are too many."""

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Rows:
    """Arrays of equal length side by side, one row a name.

    ``first`` gives each array's name and what a new row of it holds (its shape is the shape of a row).
    """

    def __init__(self, limit: int, first: Mapping[str, Floats]) -> None:
        self.limit = limit
        self.first = {name: np.asarray(value, dtype=np.float64) for name, value in first.items()} | {
            "used": np.zeros(())
        }
        self.index: dict[Hashable, int] = {}
        self._free: list[int] = []
        self.arrays: dict[str, Floats] = {name: np.empty((0, *value.shape)) for name, value in self.first.items()}

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, name: str) -> Floats:
        return self.arrays[name]

    def row(self, key: Hashable) -> int:
        """The row of a name, made where it is new."""
        found = self.index.get(key)
        if found is None:
            found = self.index[key] = self._free.pop() if self._free else self._grown()
            for name, value in self.first.items():
                self.arrays[name][found] = value
        return found

    def _grown(self) -> int:
        """A row that is free, having made room."""
        old = len(self.arrays["used"])
        new = max(8, 2 * old)
        for name, value in self.first.items():
            array = np.zeros((new, *value.shape))
            array[:old] = self.arrays[name]
            self.arrays[name] = array
        self._free = list(range(new - 1, old - 1, -1))
        return self._free.pop()

    def places(self) -> NDArray[np.intp]:
        """The rows in use, in the order of their names' coming."""
        return np.fromiter(self.index.values(), dtype=np.intp, count=len(self.index))

    def excess(self) -> list[Hashable]:
        """The names longest unused beyond the limit."""
        count = len(self.index) - self.limit
        if count <= 0:
            return []
        names = list(self.index)
        order = np.argsort(self.arrays["used"][self.places()], kind="stable")
        return [names[place] for place in order[:count]]

    def drop(self, key: Hashable) -> None:
        """Forget a name."""
        self._free.append(self.index.pop(key))

    def state(self) -> tuple[list[Any], list[Floats]]:
        """Names and arrays, for `restore`."""
        places = self.places()
        return list(self.index), [array[places] for array in self.arrays.values()]

    def restore(self, names: list[Any], arrays: Iterator[Floats]) -> None:
        """Be as the rows were that gave these."""
        self.index, self._free = {}, []
        self.arrays = {name: np.array(next(arrays)) for name in self.first}
        for place, key in enumerate(names):
            self.index[tuple(key) if isinstance(key, list) else key] = place
