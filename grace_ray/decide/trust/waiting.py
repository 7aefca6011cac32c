"""Outcomes that came before their recommendation: of each recommendation the one made last waits, the newest 10,000."""

import orjson

from grace_ray.core.recommendation import OUTCOMES_VIEW
from grace_ray.core.store import Reader
from grace_ray.decide.trust import sheet as sheets
from grace_ray.decide.trust.sheet import Plain

_MOST = 10_000


class Waiting:
    """Finds them by their recommendation. What came this turn is at hand, the rest is read where it is asked for."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._names: dict[str, str] = {}
        self._fresh: dict[str, Plain] = {}
        for record in reversed(reader.records(OUTCOMES_VIEW, "waiting", _MOST).items):
            self._names[sheets.key_of_sheet(orjson.loads(record.body or b"{}"))] = record.key

    def begin_turn(self) -> None:
        """Know that what came until now is in the store."""
        self._fresh.clear()

    def find(self, key: str) -> Plain | None:
        """Return the outcome that waits for a recommendation; None where none does."""
        if key in self._fresh:
            return self._fresh[key]
        name = self._names.get(key)
        found = self._reader.record(OUTCOMES_VIEW, name) if name else None
        judgement: Plain | None = orjson.loads(found.body) if found and found.body else None
        return judgement

    def put(self, key: str, judgement: Plain, name: str) -> None:
        """Let an outcome, whose record is called ``name``, wait in place of any other for the same recommendation."""
        self._names.pop(key, None)
        self._names[key], self._fresh[key] = name, judgement
        while len(self._names) > _MOST:
            gone = next(iter(self._names))
            del self._names[gone]
            self._fresh.pop(gone, None)

    def pop(self, key: str) -> Plain | None:
        """Return the outcome that waits for a recommendation, which has come."""
        found = self.find(key)
        self._names.pop(key, None)
        self._fresh.pop(key, None)
        return found
