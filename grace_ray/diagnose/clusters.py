"""All clusters: which one an event belongs to (rule key, then what persons taught), and which records have changed.

A *leaf* holds its own events. A leaf that was merged points at another by ``merged_into``; the last of such a chain is
the *root*, which shows, and decides by, the sum over its members. So a merge is undone by taking the pointer away, and
nothing has to be counted again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from grace_ray.core.store import Record
from grace_ray.diagnose.live_cluster import LiveCluster, load
from grace_ray.diagnose.overrides import stance
from grace_ray.diagnose.signal import Signal
from grace_ray.diagnose.urgency import SEVERITY_WEIGHTS, decayed, recurrence, urgency
from grace_ray.settings import TriageSettings

VIEW = "clusters"
PARTS = "cluster_parts"  # a root's own share, beside its record, which shows the sum

Names = tuple[str, str, str]  # domain, severity, pattern


class Clusters:
    """Clusters by key, and the routes that lead events to them.

    ``routes``: key -> key that it was merged into. ``splits``: (key, template id) -> key that was split off.
    ``names``: domain, severity and pattern of keys that a route leads to.
    """

    def __init__(self, settings: TriageSettings) -> None:
        self._settings = settings
        self._lives: dict[str, LiveCluster] = {}
        self._children: dict[str, list[str]] = {}
        self._changed: dict[str, None] = {}
        self._parts: set[str] = set()
        self._statuses: dict[str, tuple[str, str | None]] = {}
        self._shares: dict[str, tuple[float, bool]] = {}
        self.routes: dict[str, str] = {}
        self.splits: dict[tuple[str, str], str] = {}
        self.names: dict[str, Names] = {}
        self.restated: set[str] = set()  # groups of clusters whose status changed since the groups were written
        self.urgency_sum = 0.0
        self.covered = 0

    def __iter__(self) -> Iterator[LiveCluster]:
        return iter(self._lives.values())

    def __len__(self) -> int:
        return len(self._lives)

    def get(self, key: str) -> LiveCluster | None:
        """Return a cluster by its key."""
        return self._lives.get(key)

    @property
    def active(self) -> int:
        """How many clusters are neither resolved nor merged into others, as of the last drain."""
        return len(self._shares)

    def join(self, signal: Signal) -> tuple[LiveCluster, bool]:
        """Add an event to its leaf; return the root that it counts for, and whether that root is new."""
        key = signal.rule_key
        if self.splits:
            key = self.splits.get((key, signal.template_id), key)
        leaf, is_new = self._lives.get(key), False
        if leaf is None:
            leaf = self.create(key, self.names.get(key, (signal.domain, signal.severity, signal.pattern)), signal.at_us)
            is_new = True
        leaf.add(signal, self._settings.recurrence_halflife_s, self._settings.sample_max)
        self._changed[key] = None
        return (leaf, is_new) if leaf.merged_into is None else (self.root(leaf), False)

    def destination(self, rule_key: str, template_id: str) -> str:
        """Return the key of the cluster that shows events of a rule key and template."""
        key = self.splits.get((rule_key, template_id), rule_key)
        while key in self.routes:
            key = self.routes[key]
        return key

    def create(self, key: str, names: Names, at_us: int) -> LiveCluster:
        """Create a cluster without events, under the root that a route gives it."""
        domain, severity, pattern = names
        live = LiveCluster(key, domain, severity, pattern, at_us, at_us)
        self._lives[key] = live
        target = self.routes.get(key)
        if target is not None:
            if target not in self._lives:
                self.create(target, self.names[target], at_us)
            self.put_under(live, target)
        self.touch(live)
        return live

    def root(self, live: LiveCluster) -> LiveCluster:
        """Return the cluster that this one was merged into, itself where it was not."""
        while live.merged_into is not None:
            live = self._lives[live.merged_into]
        return live

    def members(self, root: LiveCluster) -> list[LiveCluster]:
        """Return the cluster and all that were merged into it."""
        found = [root]
        for live in found:
            found += [self._lives[key] for key in self._children.get(live.key, ())]
        return found

    def put_under(self, live: LiveCluster, target: str) -> None:
        """Merge a root into another cluster."""
        live.merged_into, live.status = target, "merged"
        self._children.setdefault(target, []).append(live.key)
        self.touch(live)
        self.touch(self.root(live))

    def take_out(self, live: LiveCluster) -> None:
        """Undo `put_under`; the cluster is open again."""
        if live.merged_into is None:
            return
        former = self.root(live)
        siblings = self._children[live.merged_into]
        siblings.remove(live.key)
        if not siblings:
            del self._children[live.merged_into]
        live.merged_into = None
        live.status = stance(live) if live.resolved_us is None else "resolved"
        self.touch(live)
        self.touch(former)

    def delete(self, root: LiveCluster) -> None:
        """Delete a cluster and its members."""
        for live in self.members(root):
            self._lives.pop(live.key)
            self._children.pop(live.key, None)
            self.touch(live)

    def drop(self, live: LiveCluster) -> None:
        """Delete one leaf that has no members."""
        self.take_out(live)
        self._lives.pop(live.key)
        self.touch(live)

    def touch(self, live: LiveCluster) -> None:
        """Note that the record of a cluster has to be written."""
        self._changed[live.key] = None

    def total(self, root: LiveCluster, as_of_us: int) -> tuple[int, float]:
        """Return the event count and the recent count of a root and its members at a time."""
        halflife_s = self._settings.recurrence_halflife_s
        if root.key not in self._children:
            return root.count, decayed(root.recent, (as_of_us - root.last_us) / 1e6, halflife_s)
        lives = self.members(root)
        recent = sum(decayed(live.recent, (as_of_us - live.last_us) / 1e6, halflife_s) for live in lives)
        return sum(live.count for live in lives), recent

    def severity(self, root: LiveCluster) -> str:
        """Return a person's word on the severity, else the highest of the members."""
        if root.key not in self._children or any(override.action == "severity" for override in root.overrides):
            return root.severity
        return max((live.severity for live in self.members(root)), key=SEVERITY_WEIGHTS.__getitem__)

    def score(self, root: LiveCluster, as_of_us: int) -> int:
        """Bring urgency and recurrence up to date; return the event count."""
        count, recent = self.total(root, as_of_us)
        root.recurrence = round(recurrence(recent), 4)
        root.urgency = urgency(self.severity(root), root.recurrence, self._settings)
        return count

    def shown(self, root: LiveCluster) -> LiveCluster:
        """Return the root as people see it: with its members' events."""
        if root.key not in self._children:
            return root
        lives = self.members(root)
        limit = self._settings.sample_max
        sample = sorted((event for live in lives for event in live.sample()), key=lambda event: str(event["at"]))
        last_us = max(live.last_us for live in lives)
        return replace(
            root,
            severity=self.severity(root),
            count=sum(live.count for live in lives),
            recent=round(self.total(root, last_us)[1], 6),
            first_us=min(live.first_us for live in lives),
            last_us=last_us,
            oldest=list(sample[: limit // 2]),
            newest=list(sample[limit // 2 :][-(limit - limit // 2) :]),
            sources=_summed(live.sources for live in lives),
            templates=_summed(live.templates for live in lives),
            knowledge=list(dict.fromkeys(found for live in lives for found in live.knowledge)),
        )

    def drain(self) -> list[Record]:
        """Return the records of what changed since the last drain."""
        changed = dict(self._changed)
        for key in self._changed:
            live = self._lives.get(key)
            if live is not None and live.merged_into is not None:
                changed[self.root(live).key] = None
        self._changed.clear()
        return [record for key in changed for record in self._records(key)]

    def _records(self, key: str) -> Iterator[Record]:
        live = self._lives.get(key)
        self._account(key, live)
        if live is None:
            yield Record(VIEW, key, "", 0.0, None)
        else:
            yield self.shown(live).record() if live.merged_into is None else live.record()
        if live is not None and key in self._children and live.merged_into is None:
            self._parts.add(key)
            yield live.record(PARTS)
        elif key in self._parts:
            self._parts.remove(key)
            yield Record(PARTS, key, "", 0.0, None)

    def _account(self, key: str, live: LiveCluster | None) -> None:
        before = self._shares.pop(key, None)
        if before is not None:
            self.urgency_sum -= before[0]
            self.covered -= before[1]
        self._note_status(key, live)
        if live is not None and live.status not in ("resolved", "merged"):
            share = (live.urgency, bool(live.missions or live.mission_id or live.knowledge))
            self._shares[key] = share
            self.urgency_sum += share[0]
            self.covered += share[1]

    def _note_status(self, key: str, live: LiveCluster | None) -> None:
        before = self._statuses.pop(key, None)
        if live is not None:
            self._statuses[key] = (live.status, live.group_id)
        if before != self._statuses.get(key):
            known = [pair[1] for pair in (before, self._statuses.get(key)) if pair is not None]
            self.restated.update(group_id for group_id in known if group_id is not None)

    def restore(self, records: Iterable[Record], parts: Iterable[Record]) -> None:
        """Start from the records as they stand."""
        own = {record.key: record for record in parts}
        self._parts.update(own)
        for record in records:
            body = own.get(record.key, record).body
            live = load(body or b"{}", self._settings.sample_max)
            self._lives[live.key] = live
            if live.merged_into is not None:
                self._children.setdefault(live.merged_into, []).append(live.key)
            self._account(live.key, live)
        for keys in self._children.values():
            keys.sort()


def _summed(tallies: Iterable[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for counts in tallies:
        for name, count in counts.items():
            total[name] = total.get(name, 0) + count
    return total
