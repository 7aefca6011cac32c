"""Units: what incident groups are made of. A unit is one wording (alert name, else message template) about one thing.

What a unit has counted is learned from events alone, so a restart learns it again from snapshot and journal.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from grace_ray.diagnose.live_cluster import tally
from grace_ray.diagnose.naming import labels_named, words_named
from grace_ray.diagnose.signal import Signal
from grace_ray.diagnose.urgency import SEVERITY_WEIGHTS

UNITS_MAX = 5_000
_SCOPES_MAX = 500  # things that one wording is told apart by; beyond them it is about anything
_ADDRESSES_MAX = 50  # the same for addresses, of which there may be very many
_MENTIONS_KEPT = 40
_KEYS_KEPT = 50
_TEMPLATES_KEPT = 20
_KNOWN_MAX = 20_000
_STUDIED_FIRST = 40  # from this event of a unit on, only every eighth is looked at for what it mentions

UnitKey = tuple[str, str]


@dataclass(slots=True)
class Unit:
    """Counts by what its events name. ``keys``: rule key -> events; ``mentions``: stem -> events of ``studied``."""

    ident: str
    scope: str
    alert: str
    template_id: str
    text: str
    number: int
    first_us: int
    last_us: int
    severity: str = "low"
    count: int = 0
    studied: int = 0
    keys: dict[str, int] = field(default_factory=dict)
    templates: dict[str, int] = field(default_factory=dict)
    mentions: dict[str, int] = field(default_factory=dict)

    def row(self) -> list[Any]:
        """Return it as JSON values for `Units.restore`."""
        return [getattr(self, name) for name in self.__slots__]


class Units:
    """The units seen lately, at most UNITS_MAX: beyond it the one that was quiet for longest is forgotten."""

    def __init__(self) -> None:
        self._units: dict[UnitKey, Unit] = {}
        self._scopes: dict[str, int] = {}
        self._known: dict[str, None] = {}
        self._numbers = 0
        self.changes = 0  # rises with every new unit and every event count that is a power of two

    def __iter__(self) -> Iterator[Unit]:
        return iter(self._units.values())

    def __len__(self) -> int:
        return len(self._units)

    def add(self, signal: Signal) -> Unit:
        """Count an event (its template and pattern set) in its unit."""
        alert, labelled = labels_named(signal)
        words = None if labelled else words_named(signal, self._known)
        scope = labelled[0] if labelled else next((word for word in words or () if _is_name(word, self._known)), "")
        ident = self._ident(signal, alert)
        unit = self._units.get((ident, scope)) or self._new(ident, scope, alert, signal)
        unit.count += 1
        unit.first_us, unit.last_us = min(unit.first_us, signal.at_us), max(unit.last_us, signal.at_us)
        if SEVERITY_WEIGHTS[signal.severity] > SEVERITY_WEIGHTS[unit.severity]:
            unit.severity = signal.severity
        tally(unit.keys, signal.rule_key, _KEYS_KEPT)
        tally(unit.templates, signal.template_id, _TEMPLATES_KEPT)
        if unit.count <= _STUDIED_FIRST or not unit.count & 7:
            unit.studied += 1
            words = words_named(signal, self._known) if words is None else words
            for name in dict.fromkeys((*labelled, *words)):
                tally(unit.mentions, name, _MENTIONS_KEPT)
        if not unit.count & (unit.count - 1):
            self.changes += 1
        return unit

    def find(self, signal: Signal) -> Unit | None:
        """Return the unit that an event (its template set) is in, without counting it."""
        alert, labelled = labels_named(signal)
        words = () if labelled else words_named(signal, self._known)
        scope = labelled[0] if labelled else next((word for word in words if _is_name(word, self._known)), "")
        ident = self._ident(signal, alert)
        return self._units.get((ident, scope)) or self._units.get((ident, ""))

    def _ident(self, signal: Signal, alert: str) -> str:
        if alert:
            return f"alert {alert}"
        return f"template {signal.template_id}" if signal.template_id else f"type {signal.entry.type}"

    def _new(self, ident: str, scope: str, alert: str, signal: Signal) -> Unit:
        limit = _ADDRESSES_MAX if scope[:1].isdigit() else _SCOPES_MAX
        if scope and self._scopes.get(ident, 0) >= limit:
            scope = ""
            if (ident, scope) in self._units:
                return self._units[ident, scope]
        if len(self._units) >= UNITS_MAX:
            self._forget()
        self._numbers += 1
        text = signal.template or signal.entry.type
        at_us = signal.at_us
        unit = Unit(ident, scope, alert, signal.template_id, text, self._numbers, at_us, at_us)
        self._units[ident, scope] = unit
        self._scopes[ident] = self._scopes.get(ident, 0) + 1
        if scope and len(scope) > 2 and len(self._known) < _KNOWN_MAX:
            self._known.setdefault(scope)
        return unit

    def _forget(self) -> None:
        """Forget the tenth that was quiet for longest."""
        quietest = sorted(self._units.values(), key=lambda unit: (unit.last_us, unit.number))
        for unit in quietest[: max(1, len(quietest) // 10)]:
            del self._units[unit.ident, unit.scope]
            self._scopes[unit.ident] -= 1
            if not self._scopes[unit.ident]:
                del self._scopes[unit.ident]

    def state(self) -> dict[str, Any]:
        """Return all of it, as JSON values."""
        rows = [unit.row() for unit in self]
        return {"units": rows, "known": list(self._known), "numbers": self._numbers, "changes": self.changes}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        for row in state["units"]:
            unit = Unit(*row)
            self._units[unit.ident, unit.scope] = unit
            self._scopes[unit.ident] = self._scopes.get(unit.ident, 0) + 1
        self._known = dict.fromkeys(state["known"])
        self._numbers, self.changes = state["numbers"], state["changes"]


def _is_name(word: str, known: Mapping[str, None]) -> bool:
    return word in known or "-" in word
