"""Merges and splits: what persons teach about which events belong together; reversible, and kept for good.

A lesson changes routes, so later like events follow it too. It is a record of its own (view "lessons"): it outlives the
clusters that it was about.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson

from grace_ray.core.errors import Conflict, InvalidInput, NotFound
from grace_ray.core.jsonable import from_plain, to_plain
from grace_ray.core.store import Record
from grace_ray.diagnose.clusters import Clusters
from grace_ray.diagnose.live_cluster import LiveCluster
from grace_ray.diagnose.moving import move_back, move_templates
from grace_ray.diagnose.overrides import text_arg

VIEW = "lessons"
_KEYS_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One merge or split. ``number`` counts from 1.

    ``kind`` merge: ``keys`` are the survivor, then those merged into it. ``kind`` split: the cluster, the new one, and
    the ``templates`` that went there. ``kind`` unmerge: the cluster, then those taken out of it. ``leaves`` are the
    clusters whose events are routed anew by a split. ``names`` holds domain, severity and pattern of the keys.
    """

    number: int
    kind: str
    at: datetime
    by: str
    note: str
    keys: Sequence[str]
    templates: Sequence[str] = ()
    leaves: Sequence[str] = ()
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    is_undone: bool = False


class Lessons:
    """All lessons, newest last, and the way back from each."""

    def __init__(self, clusters: Clusters) -> None:
        self._clusters = clusters
        self._lessons: dict[int, Lesson] = {}
        self._changed: dict[int, None] = {}
        self.revision = 0  # rises with every lesson given or taken back

    def __iter__(self) -> Iterator[Lesson]:
        return iter(self._lessons.values())

    def merge(self, args: Mapping[str, Any], now: datetime) -> LiveCluster:
        """Merge clusters into the first of ``keys``; return it. What is merged there already is left as it is."""
        keys = texts_arg(args, "keys")
        if len(keys) < 2:
            raise InvalidInput("keys must name two clusters or more.", "keys")
        survivor, *others = (self._known(key, "keys") for key in keys)
        if survivor.merged_into is not None:
            raise Conflict(f"{survivor.key} was merged into {survivor.merged_into}.", "keys")
        fresh = [live for live in others if self._clusters.root(live) is not survivor]
        for live in fresh:
            if live.merged_into is not None:
                raise Conflict(f"{live.key} was merged into {live.merged_into}.", "keys")
        if fresh:
            self._add("merge", args, now, [survivor, *fresh])
            for live in fresh:
                self._put_under(live, survivor)
        return survivor

    def split(self, args: Mapping[str, Any], now: datetime) -> list[LiveCluster]:
        """Split templates, or clusters merged before, off; return the cluster and what was split off."""
        root = self._known(str(args.get("cluster_key", "")), "cluster_key")
        if root.merged_into is not None:
            raise Conflict(f"{root.key} was merged into {root.merged_into}.", "cluster_key")
        if args.get("keys"):
            return self._unmerge(root, args, now)
        templates = texts_arg(args, "templates")
        if not templates:
            raise InvalidInput("templates or keys must say what to split off.", "templates")
        done = {self._clusters.splits.get((live.key, t)) for live in self._clusters.members(root) for t in templates}
        done.discard(None)
        if done and not self._found(root, templates):
            return [root, *(live for key in sorted(map(str, done)) if (live := self._clusters.get(key)))]
        return [root, self._split_off(root, templates, args, now)]

    def undo(self, key: str) -> Lesson:
        """Take the newest lesson about a cluster back; return it. Raises Conflict where there is none."""
        lesson = next((one for one in reversed(self._lessons.values()) if key in one.keys and not one.is_undone), None)
        if lesson is None:
            raise Conflict(f"There is no merge or split of {key} to undo.", "cluster_key")
        if lesson.kind == "split":
            self._undo_split(lesson)
        elif lesson.kind == "merge":
            self._take_out(lesson.keys[1:])
        else:
            self._put_back(lesson)
        self._lessons[lesson.number] = replace(lesson, is_undone=True)
        self._changed[lesson.number] = None
        self.revision += 1
        return lesson

    @property
    def is_any(self) -> bool:
        """Whether anything was ever taught."""
        return bool(self._lessons)

    @property
    def has_changed(self) -> bool:
        """Whether a lesson was given or taken back since the last drain."""
        return bool(self._changed)

    def drain(self) -> list[Record]:
        """Return the records of the lessons that changed since the last drain."""
        changed, self._changed = self._changed, {}
        return [_record(self._lessons[number]) for number in changed]

    def restore(self, records: Iterable[Record]) -> None:
        """Start from the records, and lay the routes again."""
        lessons = sorted(
            (from_plain(Lesson, orjson.loads(record.body or b"{}")) for record in records), key=lambda one: one.number
        )
        for lesson in lessons:
            self._lessons[lesson.number] = lesson
            if not lesson.is_undone:
                self._route(lesson)

    def was_undone(self, keys: Sequence[str]) -> bool:
        """Whether a person took a merge of these two keys back."""
        return any(one.is_undone and set(keys) <= set(one.keys) for one in self._lessons.values())

    def _split_off(
        self, root: LiveCluster, templates: Sequence[str], args: Mapping[str, Any], now: datetime
    ) -> LiveCluster:
        leaves = self._found(root, templates)
        known = {template for live in leaves for template in live.templates}
        missing = [template for template in templates if template not in known]
        if missing:
            raise NotFound(f"{root.key} has no template {missing[0]}.", "templates")
        moved = sum(live.templates.get(template, 0) for live in leaves for template in templates)
        if moved >= sum(live.count for live in self._clusters.members(root)):
            raise InvalidInput("A split must leave something behind; these are all of its events.", "templates")
        number = next(n for n in range(1, 10**6) if self._clusters.get(f"{root.key}~{n}") is None)
        names = (root.domain, root.severity, f"{root.pattern}~{number}")
        new = self._clusters.create(f"{root.key}~{number}", names, leaves[0].last_us)
        for live in leaves:
            move_templates(live, new, templates)
            self._clusters.touch(live)
        self._add("split", args, now, [root, new], tuple(templates), tuple(live.key for live in leaves))
        return new

    def _unmerge(self, root: LiveCluster, args: Mapping[str, Any], now: datetime) -> list[LiveCluster]:
        lives = [self._known(key, "keys") for key in texts_arg(args, "keys")]
        under = [live for live in lives if live.merged_into == root.key]
        for live in lives:
            if live.merged_into not in (None, root.key) or live is root:
                raise Conflict(f"{live.key} was not merged into {root.key}.", "keys")
        if under:
            self._add("unmerge", args, now, [root, *under])
            self._take_out([live.key for live in under])
        return [root, *lives]

    def _found(self, root: LiveCluster, templates: Sequence[str]) -> list[LiveCluster]:
        return [live for live in self._clusters.members(root) if any(t in live.templates for t in templates)]

    def _undo_split(self, lesson: Lesson) -> None:
        key = lesson.keys[1]
        new = self._clusters.get(key)
        for leaf in lesson.leaves:
            for template in lesson.templates:
                self._clusters.splits.pop((leaf, template), None)
        if new is None:
            return
        if len(self._clusters.members(new)) > 1 or new.merged_into is not None:
            self._route(lesson)
            raise Conflict(f"{key} was merged with others since; undo that first.", "cluster_key")
        parent = self._clusters.get(lesson.leaves[0]) or self._clusters.create(
            lesson.leaves[0], self._clusters.names[lesson.leaves[0]], new.first_us
        )
        move_back(new, parent)
        self._clusters.drop(new)
        self._clusters.touch(parent)

    def _put_under(self, live: LiveCluster, survivor: LiveCluster) -> None:
        if survivor.status == "resolved" and live.status != "resolved":
            survivor.status, survivor.resolved_us, survivor.resolved_by = "open", None, ""
        if live.mission_status == "open" and survivor.mission_status != "open":
            survivor.mission_id, survivor.mission_status = live.mission_id, live.mission_status
            survivor.mission_us = live.mission_us
        self._clusters.put_under(live, survivor.key)

    def _put_back(self, lesson: Lesson) -> None:
        survivor = self._clusters.get(lesson.keys[0])
        for key in lesson.keys[1:]:
            live = self._clusters.get(key)
            self._clusters.routes[key] = lesson.keys[0]
            if live is not None and survivor is not None and live.merged_into is None:
                self._put_under(live, survivor)

    def _take_out(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._clusters.routes.pop(key, None)
            live = self._clusters.get(key)
            if live is not None:
                self._clusters.take_out(live)

    def _known(self, key: str, field_name: str) -> LiveCluster:
        live = self._clusters.get(key)
        if live is None:
            raise NotFound(f"There is no cluster {key}.", field_name)
        return live

    def _add(
        self,
        kind: str,
        args: Mapping[str, Any],
        now: datetime,
        lives: Sequence[LiveCluster],
        templates: tuple[str, ...] = (),
        leaves: tuple[str, ...] = (),
    ) -> None:
        number = max(self._lessons, default=0) + 1
        named = [*lives, *(live for key in leaves if (live := self._clusters.get(key)))]
        lesson = Lesson(
            number=number,
            kind=kind,
            at=now,
            by=text_arg(args, "by") or "operator",
            note=text_arg(args, "note"),
            keys=tuple(live.key for live in lives),
            templates=templates,
            leaves=leaves,
            names={live.key: (live.domain, live.severity, live.pattern) for live in named},
        )
        self._lessons[number] = lesson
        self._changed[number] = None
        self.revision += 1
        self._route(lesson)

    def _route(self, lesson: Lesson) -> None:
        self._clusters.names.update({key: (n[0], n[1], n[2]) for key, n in lesson.names.items()})
        if lesson.kind == "merge":
            self._clusters.routes.update(dict.fromkeys(lesson.keys[1:], lesson.keys[0]))
        elif lesson.kind == "unmerge":
            for key in lesson.keys[1:]:
                self._clusters.routes.pop(key, None)
        else:
            pairs = [(leaf, template) for leaf in lesson.leaves for template in lesson.templates]
            self._clusters.splits.update(dict.fromkeys(pairs, lesson.keys[1]))


def texts_arg(args: Mapping[str, Any], name: str) -> list[str]:
    """Return a list-of-texts argument without repeats, empty where it is missing."""
    value = args.get(name)
    if value is None:
        return []
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise InvalidInput(f"{name} must be a list of texts.", name)
    if len(value) > _KEYS_MAX:
        raise InvalidInput(f"{name} must have at most {_KEYS_MAX} items.", name)
    return list(dict.fromkeys(value))


def _record(lesson: Lesson) -> Record:
    body = orjson.dumps(to_plain(lesson), option=orjson.OPT_SORT_KEYS)
    status = "undone" if lesson.is_undone else "active"
    return Record(VIEW, f"lesson-{lesson.number}", status, float(lesson.number), body)
