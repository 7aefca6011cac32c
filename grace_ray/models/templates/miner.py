"""The miner: which message template a log line is of, learned line by line in one pass."""

from collections.abc import Iterable, Mapping
from hashlib import blake2s
from typing import Any

from grace_ray.core.errors import InvalidInput, NotFound
from grace_ray.models.templates.grouping import Grouping
from grace_ray.models.templates.keys import Key, key_of
from grace_ray.models.templates.masks import mask
from grace_ray.models.templates.match import Match
from grace_ray.models.templates.record import Record
from grace_ray.models.templates.teaching import Teaching
from grace_ray.models.templates.template import Template
from grace_ray.models.templates.text import generalised, readable

_CACHED = 50_000
_LONGEST_LINE = 8_192
_STATE_VERSION = 1


class TemplateMiner:
    """Groups log messages by template: online, in bounded memory, with one configuration for every source.

    A line is masked (`masks`), cut into a key of constant words and variables (`keys`), and belongs to the template of
    that key. Where words vary too, evidence over the keys (`evidence`) opens the place and joins the templates; the
    oldest keeps its id and the others' ids resolve to it. Give it the message without its header (`split_header`).

    ``max_templates``: when there are more, the tenth seen longest ago is forgotten, but nothing that a person taught.

    >>> miner = TemplateMiner()
    >>> miner.learn_one("Connection from 10.0.0.7 closed").template
    'Connection from <*> closed'
    >>> again = miner.learn_one("Connection from 10.9.9.9 closed")
    >>> again.is_new, again.template_id == miner.templates()[0].template_id
    (False, True)
    >>> names = miner.learn_many([f"disk of user {name} is full" for name in ("ann", "bob", "cid", "dan")])
    >>> len({miner.resolve(match.template_id) for match in names})
    1
    >>> miner.predict_one("disk of user eve is full").template
    'disk of user <*> is full'
    """

    def __init__(self, max_templates: int = 5_000) -> None:
        if max_templates < 1:
            raise InvalidInput("max_templates must be 1 or more.", "max_templates")
        self._max_templates = max_templates
        self._grouping = Grouping()
        self._pinned: dict[str, Record] = {}  # a line, a masked line or a key that a person split off
        self._teachings: dict[int, Teaching] = {}
        self._taught_under: dict[str, str] = {}
        self._lines: dict[str, Record] = {}
        self._masked: dict[str, Record] = {}
        self._learned = 0

    def learn_one(self, line: str) -> Match:
        """Learn a line and say which template it is of."""
        record = self._lines.get(line)
        if record is None:
            record = self._learn_line(line)
        self._learned += 1
        record.count += 1
        record.seen = self._learned
        match = record.match
        if match is None:
            match = record.match = self._matched(record, is_new=False)
            if record.count == 1:
                return self._matched(record, is_new=True)
        return match

    def learn_many(self, lines: Iterable[str]) -> list[Match]:
        """Learn lines in turn; the same as `learn_one` of each."""
        return [self.learn_one(line) for line in lines]

    def predict_one(self, line: str) -> Match | None:
        """The template a line is of, without learning from it; None if it is of none known."""
        masked = mask(line[:_LONGEST_LINE])
        key = key_of(masked)
        record = self._pin_of(line, masked) or self._grouping.find(key)
        return self._matched(record, is_new=False) if record is not None else None

    def resolve(self, template_id: str) -> str:
        """The id that stands for this one now: after joins by evidence, then after what a person merged."""
        found = self._grouping.resolve(template_id)
        return self._taught_under.get(found, found)

    def templates(self) -> list[Template]:
        """Every template, the most frequent first; those a person merged are one."""
        groups: dict[str, list[Record]] = {}
        for record in [*self._grouping.records.values(), *self._pinned.values()]:
            groups.setdefault(self.resolve(record.template_id), []).append(record)
        found = []
        for group_id, records in groups.items():
            records.sort(key=lambda record: (record.template_id != group_id, record.order))
            ids = tuple(record.template_id for record in records)
            count = sum(record.count for record in records)
            found.append(Template(template_id=group_id, text=records[0].text, count=count, members=ids))
        return sorted(found, key=lambda template: (-template.count, template.template_id))

    def teach_merge(self, template_id: str, other_id: str) -> Teaching:
        """From now on the lines of ``other_id`` count as lines of ``template_id``, until `unteach`."""
        ours, theirs = self._known(template_id), self._known(other_id)
        if self.resolve(ours) == self.resolve(theirs):
            raise InvalidInput("These two templates are one already.", "other_id")
        return self._taught(Teaching(teaching_id=self._next_lesson(), kind="merge", template_id=ours, other_id=theirs))

    def teach_split(self, template_id: str, line: str) -> Teaching:
        """From now on lines like this one are a template of their own, never joined to another, until `unteach`.

        Like it are the lines with the same words at the places of the template that evidence opened; where none is
        open, the lines of the same masked form; where the template has but that form, the lines equal to this one.
        """
        parent, masked = self._grouping.resolve(template_id), mask(line[:_LONGEST_LINE])
        key = key_of(masked)
        record = self._grouping.records.get(parent)
        if record is None or self._pin_of(line, masked) or self._grouping.find(key) is not record:
            raise InvalidInput("The line is not one of this template.", "line")
        alike = _pin_name("key", " ".join(key))
        if key == record.key:
            alike = _pin_name("masked", masked) if readable(masked) != record.text else _pin_name("line", line)
        split = self._fresh(alike, masked, key)
        self._pinned[alike] = split
        lesson = Teaching(
            teaching_id=self._next_lesson(), kind="split", template_id=parent, other_id=split.template_id, alike=alike
        )
        return self._taught(lesson)

    def unteach(self, teaching_id: int) -> Teaching:
        """Undo a lesson; after a split is undone its id resolves to the template it was split from."""
        lesson = self._teachings.pop(teaching_id, None)
        if lesson is None:
            raise NotFound("There is no such teaching.", "teaching_id")
        if lesson.kind == "split":
            split = self._pinned.pop(lesson.alike)
            parent = self._grouping.records.get(self._grouping.resolve(lesson.template_id))
            if parent is not None:
                parent.count += split.count
                self._grouping.joined[split.template_id] = parent.template_id
        self._regroup()
        return lesson

    def state(self) -> dict[str, Any]:
        """All that was learned and taught, in JSON's types; `restore` takes it."""
        grouping = self._grouping
        return {
            "version": _STATE_VERSION,
            "max_templates": self._max_templates,
            "learned": self._learned,
            "records": [r.row() for r in sorted(grouping.records.values(), key=lambda r: r.order)],
            "joined": dict(grouping.joined),
            "values": {name: sorted(words) for name, words in grouping.values.items()},
            "pinned": {alike: record.row() for alike, record in self._pinned.items()},
            "teachings": [
                [t.teaching_id, t.kind, t.template_id, t.other_id, t.alike] for t in self._teachings.values()
            ],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Be as the miner was that gave this state."""
        if state.get("version") != _STATE_VERSION:
            raise InvalidInput(f"The state's version is {state.get('version')!r}, not {_STATE_VERSION}.", "version")
        self.__init__(int(state["max_templates"]))  # type: ignore[misc]
        self._learned = int(state["learned"])
        for row in state["records"]:
            self._grouping.place(Record.from_row(row))
        self._grouping.joined.update(state["joined"])
        self._grouping.values.update({name: set(words) for name, words in state["values"].items()})
        self._pinned = {alike: Record.from_row(row) for alike, row in state["pinned"].items()}
        for number, kind, template_id, other_id, alike in state["teachings"]:
            self._teachings[number] = Teaching(
                teaching_id=number, kind=kind, template_id=template_id, other_id=other_id, alike=alike
            )
        self._regroup()

    def merge(self, other: "TemplateMiner") -> None:
        """Learn what another miner learned; the other's ids resolve here, its teachings are not taken over.

        Counts add up exactly; the grouping is near, not exactly, what one miner over both streams would have found.
        """
        state = other.state()
        for name, words in state["values"].items():
            self._grouping.values.setdefault(name, set()).update(words)
        theirs = [Record.from_row(row) for row in [*state["records"], *state["pinned"].values()]]
        for record in sorted(theirs, key=lambda record: record.order):
            self._take(record)
        for old in state["joined"]:
            if self._is_free(old):
                self._grouping.joined[old] = other.resolve(old)
        self._learned += state["learned"]
        self._forget()
        self._regroup()

    def _take(self, record: Record) -> None:
        mine = self._grouping.find(record.key)
        if mine is None:
            template_id = record.template_id if self._is_free(record.template_id) else self._new_id(record.text)
            fresh = Record(template_id, self._learned + record.order, record.key, record.text)
            mine = self._grouping.add(fresh)
        mine.text = generalised(mine.text, record.text)
        mine.count += record.count
        mine.seen = max(mine.seen, self._learned + record.seen)
        if self._is_free(record.template_id):
            self._grouping.joined[record.template_id] = mine.template_id

    def _learn_line(self, line: str) -> Record:
        masked = mask(line if len(line) <= _LONGEST_LINE else line[:_LONGEST_LINE])
        record = self._pinned.get(_pin_name("line", line)) if self._pinned else None
        if record is None:
            record = self._masked.get(masked)
        if record is None:
            record = self._pin_of(line, masked) or self._learn_masked(masked)
            if len(self._masked) >= _CACHED:
                self._masked.clear()
            self._masked[masked] = record
        if len(self._lines) >= _CACHED:
            self._lines.clear()
        self._lines[line] = record
        return record

    def _learn_masked(self, masked: str) -> Record:
        key = key_of(masked)
        record = self._grouping.find(key)
        if record is not None:
            text = generalised(record.text, readable(masked))
            if text != record.text:
                record.text, record.match = text, None
            return record
        joined = len(self._grouping.joined)
        record = self._grouping.add(self._fresh(masked, masked, key))
        if len(self._grouping.joined) > joined:
            self._regroup()
        self._forget()
        return record

    def _fresh(self, name: str, masked: str, key: Key) -> Record:
        return Record(self._new_id(name), self._learned, key, readable(masked), seen=self._learned)

    def _matched(self, record: Record, *, is_new: bool) -> Match:
        return Match(template_id=self.resolve(record.template_id), template=record.text, is_new=is_new)

    def _pin_of(self, line: str, masked: str) -> Record | None:
        if not self._pinned:
            return None
        names = (_pin_name("line", line), _pin_name("masked", masked), _pin_name("key", " ".join(key_of(masked))))
        return next((self._pinned[name] for name in names if name in self._pinned), None)

    def _known(self, template_id: str) -> str:
        found = self._grouping.resolve(template_id)
        if found in self._grouping.records or any(found == r.template_id for r in self._pinned.values()):
            return found
        raise NotFound("There is no such template.", "template_id")

    def _next_lesson(self) -> int:
        return max(self._teachings, default=0) + 1

    def _taught(self, lesson: Teaching) -> Teaching:
        self._teachings[lesson.teaching_id] = lesson
        self._regroup()
        return lesson

    def _regroup(self) -> None:
        """After templates were joined, merged or split: no cache may name what was."""
        self._lines.clear()
        self._masked.clear()
        under: dict[str, str] = {}

        def top(template_id: str) -> str:
            while template_id in under:
                template_id = under[template_id]
            return template_id

        for lesson in self._teachings.values():
            if lesson.kind == "merge":
                ours, theirs = (top(self._grouping.resolve(i)) for i in (lesson.template_id, lesson.other_id))
                if ours != theirs:
                    under[theirs] = ours
        self._taught_under = {template_id: top(template_id) for template_id in under}
        for record in [*self._grouping.records.values(), *self._pinned.values()]:
            record.match = None

    def _forget(self) -> None:
        records, joined = self._grouping.records, self._grouping.joined
        if len(records) > self._max_templates:
            kept = {self._grouping.resolve(i) for t in self._teachings.values() for i in (t.template_id, t.other_id)}
            oldest = sorted((r for r in records.values() if r.template_id not in kept), key=lambda r: (r.seen, r.order))
            for record in oldest[: max(1, self._max_templates // 10)]:
                self._grouping.remove(record)
            self._lines.clear()
            self._masked.clear()
        while len(joined) > 10 * self._max_templates:
            del joined[next(iter(joined))]

    def _is_free(self, template_id: str) -> bool:
        grouping = self._grouping
        return template_id not in grouping.records and template_id not in grouping.joined

    def _new_id(self, text: str) -> str:
        salt = ""
        while True:
            found = blake2s((text + salt).encode(errors="replace"), digest_size=6).hexdigest()
            if self._is_free(found):
                return found
            salt += "\n"


def _pin_name(level: str, text: str) -> str:
    return f"{level}:{text}"
