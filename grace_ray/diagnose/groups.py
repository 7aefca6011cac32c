"""Incident groups: the second way of grouping, across clusters; kept up to date online and written as records.

Units count events one by one; now and then, when they have changed, they are partitioned anew. A group is named after
its oldest unit, so its id stays while evidence comes in.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from hashlib import blake2s
from typing import Any

import orjson

from grace_ray.core.clock import from_us, to_text
from grace_ray.core.cluster import IncidentGroup
from grace_ray.core.store import Record
from grace_ray.diagnose.clusters import Clusters
from grace_ray.diagnose.lessons import Lessons
from grace_ray.diagnose.linking import Bundle, Said, partition
from grace_ray.diagnose.outbox import Outbox
from grace_ray.diagnose.signal import Signal
from grace_ray.diagnose.units import Unit, Units
from grace_ray.diagnose.urgency import SEVERITY_WEIGHTS

VIEW = "groups"
_FIELDS = tuple(field.name for field in fields(IncidentGroup))
_REASONS_KEPT = 12
_ENTITIES_SHOWN = 8
_UNITS_CHEAP = 1_000  # units that are partitioned anew when due after any event, not only after a notable one
_EVENTS_PER_UNIT = 2  # events between two partitions, for each unit there is: bounds what grouping costs an event


class Groups:
    """Units, and the groups that they are in."""

    def __init__(self, clusters: Clusters, lessons: Lessons, resolve: Callable[[str], str]) -> None:
        self._clusters = clusters
        self._lessons = lessons
        self._resolve = resolve
        self._units = Units()
        self._bundles: dict[str, Bundle] = {}
        self._group_of: dict[int, str] = {}
        self._touched: set[int] = set()
        self._written: dict[str, str] = {}  # group id -> what the last partition made of it
        self._seen = (-1, -1)
        self._events = 0

    def learn(self, signal: Signal) -> None:
        """Count an event."""
        unit = self._units.add(signal)
        self._touched.add(unit.number)
        self._events += 1

    def update(self, at_us: int, out: Outbox, *, is_due: bool) -> list[Record]:
        """Return the records of what changed; partition anew where enough has, or ``is_due`` and anything has."""
        seen = (self._units.changes, self._lessons.revision)
        is_stale = seen != self._seen or (self._events > 0 and is_due and len(self._units) <= _UNITS_CHEAP)
        if is_stale and (is_due or self._events >= _EVENTS_PER_UNIT * len(self._units)):
            self._seen, self._events = seen, 0
            gone = self._regroup(at_us, out)
        else:
            gone = []
        changed = {self._group_of[number] for number in self._touched if number in self._group_of}
        changed |= {group_id for group_id in self._clusters.restated if group_id in self._bundles}
        self._touched.clear()
        self._clusters.restated.clear()
        return [*gone, *(self._record(group_id) for group_id in sorted(changed))]

    def group_of(self, signal: Signal) -> str | None:
        """Return the id of the group that an event (its template set) is in."""
        unit = self._units.find(signal)
        return self._group_of.get(unit.number) if unit is not None else None

    def state(self) -> dict[str, Any]:
        """Return what was learned from events, as JSON values."""
        return self._units.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._units.restore(state)

    def settle(self, records: Iterable[Record]) -> None:
        """Form the groups anew after a restart, silently; ``records`` are those that stand."""
        self._written = {record.key: "" for record in records}
        self._touched.clear()
        self._seen = (-1, -1)

    def _regroup(self, at_us: int, out: Outbox) -> list[Record]:
        bundles = partition(self._units, self._resolve, self._said)
        self._bundles = {_id_of(bundle): bundle for bundle in bundles}
        self._group_of = {
            unit.number: group_id
            for group_id, bundle in self._bundles.items()
            for atom in bundle.atoms
            for unit in atom.units
        }
        self._mark_clusters()
        gone = [group_id for group_id in self._written if group_id not in self._bundles]
        for group_id in gone:
            del self._written[group_id]
        for group_id, bundle in self._bundles.items():
            self._note(group_id, bundle, at_us, out)
        return [Record(VIEW, group_id, "", 0.0, None) for group_id in gone]

    def _note(self, group_id: str, bundle: Bundle, at_us: int, out: Outbox) -> None:
        """Have a group written that is not as it was, and say so where it joins several wordings."""
        content = " ".join(str(unit.number) for atom in bundle.atoms for unit in atom.units)
        before = self._written.get(group_id)
        if before == content:
            return
        self._written[group_id] = content
        self._touched.add(bundle.atoms[0].units[0].number)
        if len(bundle.atoms) > 1 and before != "":
            body = {
                "group_id": group_id,
                "title": _title(bundle),
                "clusters": sorted(_parts(bundle, self._clusters)),
                "reasons": bundle.reasons[-_REASONS_KEPT:],
            }
            out.finding("group.formed" if before is None else "group.changed", group_id, at_us, content[:500], body)

    def _mark_clusters(self) -> None:
        """Tell each cluster the group that most of its events are in."""
        share: dict[str, tuple[int, str]] = {}
        for group_id, bundle in self._bundles.items():
            for key, count in _parts(bundle, self._clusters).items():
                share[key] = max(share.get(key, (0, "")), (count, group_id))
        for key, (_, group_id) in share.items():
            live = self._clusters.get(key)
            if live is not None and live.group_id != group_id:
                live.group_id = group_id
                self._clusters.touch(live)

    def _record(self, group_id: str) -> Record:
        bundle = self._bundles[group_id]
        parts = _parts(bundle, self._clusters)
        lives = [live for key in parts if (live := self._clusters.get(key))]
        if not lives:
            return Record(VIEW, group_id, "", 0.0, None)
        statuses = {live.status for live in lives}
        status = "open" if statuses - {"resolved", "merged"} else "resolved"
        units = [unit for atom in bundle.atoms for unit in atom.units]
        mentions: dict[str, int] = {}
        for unit in units:
            for name, count in unit.mentions.items():
                mentions[name] = mentions.get(name, 0) + count
        group = IncidentGroup(
            group_id=group_id,
            title=_title(bundle),
            clusters=tuple(parts),
            templates=tuple(dict.fromkeys(name for unit in units for name in unit.templates if name)),
            event_count=sum(unit.count for unit in units),
            first_seen=from_us(min(unit.first_us for unit in units)),
            last_seen=from_us(max(unit.last_us for unit in units)),
            severity=max((unit.severity for unit in units), key=SEVERITY_WEIGHTS.__getitem__),
            reasons=tuple(_reasons(bundle, self._clusters)),
            status=status,
            parts=parts,
            entities=tuple(sorted(mentions, key=lambda name: (-mentions[name], name))[:_ENTITIES_SHOWN]),
        )
        rank = max(live.urgency for live in lives)
        plain = {name: getattr(group, name) for name in _FIELDS}
        plain |= {"first_seen": to_text(group.first_seen), "last_seen": to_text(group.last_seen)}
        return Record(VIEW, group_id, status, rank, orjson.dumps(plain, option=orjson.OPT_SORT_KEYS))

    def _said(self, units: Sequence[Unit]) -> Said:
        """Return what lessons say of units that are one wording."""
        if not self._lessons.is_any:
            return Said()
        together, sides = set[int](), list[tuple[int, int]]()
        biggest = max(units, key=lambda unit: (unit.count, -unit.number))
        main_key = max(biggest.keys, key=lambda key: (biggest.keys[key], key))
        template = self._resolve(biggest.template_id)
        for lesson in self._lessons:
            if lesson.is_undone:
                continue
            if lesson.kind == "merge" and main_key in lesson.keys and self._is_under(main_key, lesson.keys[0]):
                together.add(lesson.number)
            elif lesson.kind == "split" and main_key in lesson.leaves:
                sides.append((lesson.number, int(template in map(self._resolve, lesson.templates))))
        return Said(frozenset(together), tuple(sides))

    def _is_under(self, key: str, survivor: str) -> bool:
        return key == survivor or self._clusters.routes.get(key) == survivor


def _parts(bundle: Bundle, clusters: Clusters) -> dict[str, int]:
    """Return events by the cluster that shows them: routes of merges and splits followed."""
    parts: dict[str, int] = {}
    for atom in bundle.atoms:
        for unit in atom.units:
            for key, count in unit.keys.items():
                shown = clusters.destination(key, unit.template_id)
                parts[shown] = parts.get(shown, 0) + count
    return dict(sorted(parts.items(), key=lambda part: (-part[1], part[0])))


def _reasons(bundle: Bundle, clusters: Clusters) -> list[str]:
    reasons = []
    for atom in bundle.atoms:
        shown = _parts(Bundle([atom]), clusters)
        if len(shown) > 1:
            what = f"the alert {atom.alert}" if atom.alert else f"the message '{atom.units[0].text[:80]}'"
            reasons.append(f"{sum(shown.values())} events share {what}, in {len(shown)} clusters.")
    return [*reasons, *bundle.reasons][-_REASONS_KEPT:]


def _title(bundle: Bundle) -> str:
    """Return the alert name, else the most frequent wording, and what it is about."""
    top = max(bundle.atoms, key=lambda atom: (bool(atom.alert), atom.count, -atom.number))
    about = max(top.mentions, key=lambda name: (top.mentions[name], name), default="")
    text = top.alert or top.units[0].text
    return text if not about or about in text else f"{text} ({about})"


def _id_of(bundle: Bundle) -> str:
    oldest = bundle.atoms[0].units[0]
    return "g-" + blake2s(f"{oldest.number} {oldest.ident} {oldest.scope}".encode(), digest_size=6).hexdigest()
