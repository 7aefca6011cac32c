"""The choices that are remembered: for rewards that come late, twice, in parts or are taken back, and to explain."""

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from grace_ray.core.errors import InvalidInput, NotFound
from grace_ray.models.choose.choice import Candidate, Choice, Context, Floats, Outlook, feature_rows

MAX_REWARD = 1e6
_LAYERS = ("probability", "expected", "uncertainty", "samples", "overall", "average")


@dataclass(slots=True)
class Entry:
    """A choice, and the reward that the statistics hold for it now.

    ``number`` and ``average_before`` are its place in the
    moving average of its arm in its cell (0: none yet) and what that was before.
    """

    choice: Choice
    parts: dict[str, float] = field(default_factory=dict)
    reward: float | None = None
    number: int = 0
    average_before: float = 0.0

    @property
    def features(self) -> Floats | None:
        """The row (width,) of the chosen one that its linear model sees, or None."""
        choice = self.choice
        if not choice.candidates[0].features:
            return np.array((1.0, *choice.context.features)) if choice.context.features else None
        rows = feature_rows(choice.context, choice.candidates)
        return None if rows is None else rows[choice.index]

    def moved_average(self, count: int, average: float, reward: float | None, newest: float) -> float:
        """The moving average of ``count`` rewards (this one's among them where it has one) with this one's changed.

        A first reward goes in with weight ``newest`` (the very first with all). A later change moves the average by
        what is left of the old reward's weight, as if the new one had been there from the start.
        """
        if self.reward is None:
            self.number, self.average_before = count + 1, average
            return float(reward or 0.0) if count == 0 else average + newest * (float(reward or 0.0) - average)
        later = max(count - self.number, 0)
        left = (1.0 - newest) ** later
        if reward is not None:
            return average + left * (1.0 if self.number == 1 else newest) * (reward - self.reward)
        if self.number > 1:
            return average - left * newest * (self.reward - self.average_before)
        return (average - left * self.reward) / (1.0 - left) if later else 0.0

    def put(self, part: str, reward: float | None) -> float | None:
        """Set or (None) take back a part; return the sum of all parts, None where there is none."""
        if reward is None:
            self.parts.pop(part, None)
        elif abs(reward) <= MAX_REWARD:
            self.parts[part] = float(reward)
        else:
            raise InvalidInput(f"The reward {reward} is not a finite number up to {MAX_REWARD:g}.", "reward")
        return math.fsum(self.parts.values()) if self.parts else None


class Ledger:
    """The newest ``capacity`` choices by their ids."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._entries: OrderedDict[str, Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def find(self, choice_id: str) -> Entry | None:
        """The entry, or None."""
        return self._entries.get(choice_id)

    def entry(self, choice_id: str) -> Entry:
        """The entry; NotFound where it is not remembered."""
        found = self._entries.get(choice_id)
        if found is None:
            raise NotFound(f"There is no choice {choice_id!r}, or it is too long ago.", "choice_id")
        return found

    def add(self, entry: Entry) -> None:
        """Remember one more; the oldest goes where there are too many."""
        self._entries[entry.choice.choice_id] = entry
        if len(self._entries) > self.capacity:
            self._entries.popitem(last=False)

    def drop(self, is_gone: Callable[[Choice], bool]) -> list[Entry]:
        """Forget choices; return their entries."""
        gone = [entry for entry in self if is_gone(entry.choice)]
        for entry in gone:
            del self._entries[entry.choice.choice_id]
        return gone

    def rows(self) -> tuple[list[list[Any]], Floats]:
        """What `read` takes: the slates of candidates, a row an entry, and the outlooks one after another (6, all)."""
        slates: dict[tuple[str, ...], int] = {}
        rows = [_row(entry, slates.setdefault(entry.choice.outlook.ids, len(slates))) for entry in self]
        layers = [[getattr(entry.choice.outlook, layer) for entry in self] for layer in _LAYERS]
        outlooks = np.array([np.concatenate(layer) for layer in layers]) if rows else np.zeros((len(_LAYERS), 0))
        return [list(map(list, slates)), *rows], outlooks

    def read(self, rows: list[list[Any]], outlooks: Floats) -> None:
        """Be as the ledger was that gave these."""
        self._entries.clear()
        slates = [tuple(ids) for ids in rows[0]]
        place = 0
        for row in rows[1:]:
            ids = slates[row[0]]
            entry = _entry(row, Outlook(ids, *outlooks[:, place : place + len(ids)]))
            self._entries[entry.choice.choice_id] = entry
            place += len(ids)


def _row(entry: Entry, slate: int) -> list[Any]:
    choice, context = entry.choice, entry.choice.context
    features = [list(candidate.features) for candidate in choice.candidates]
    return [
        slate, choice.choice_id, choice.point, choice.index, choice.at_s, context.cell, context.subject,
        list(context.features), features if any(features) else None,
        entry.parts, entry.reward, entry.number, entry.average_before,
    ]  # fmt: skip


def _entry(row: list[Any], outlook: Outlook) -> Entry:
    _, choice_id, point, index, at_s, cell, subject, numbers, features, *learned = row
    context = Context(cell=cell, subject=subject, features=tuple(numbers))
    features = features or [()] * len(outlook.ids)
    candidates = tuple(Candidate(id=i, features=tuple(f)) for i, f in zip(outlook.ids, features, strict=True))
    choice = Choice(
        choice_id=choice_id,
        point=point,
        context=context,
        candidates=candidates,
        index=index,
        outlook=outlook,
        at_s=at_s,
    )
    return Entry(choice, *learned)
