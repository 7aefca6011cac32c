"""One template as the miner keeps it."""

from dataclasses import dataclass
from typing import Any

from grace_ray.models.templates.keys import Key
from grace_ray.models.templates.match import Match


@dataclass(slots=True)
class Record:
    """Changes as lines come. ``order`` and ``seen`` count the lines learned before its first, and up to its last."""

    template_id: str
    order: int
    key: Key
    text: str
    count: int = 0
    seen: int = 0
    match: Match | None = None

    def row(self) -> list[Any]:
        """What `from_row` needs, in JSON's types."""
        return [self.template_id, self.order, list(self.key), self.text, self.count, self.seen]

    @classmethod
    def from_row(cls, row: list[Any]) -> "Record":
        """The record that gave this row."""
        template_id, order, key, text, count, seen = row
        return cls(template_id, order, tuple(key), text, count, seen)
