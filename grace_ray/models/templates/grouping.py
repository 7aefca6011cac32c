"""The templates found so far, and how a new key finds its own or joins some into one."""

from grace_ray.models.templates.evidence import Evidence
from grace_ray.models.templates.keys import OPEN, RUN, Key, collapsed, is_word, reduced
from grace_ray.models.templates.record import Record
from grace_ray.models.templates.text import generalised
from grace_ray.models.templates.trie import OpenKeys

_FUNCTION_WORDS = frozenset(
    ("a", "an", "the", "to", "from", "for", "of", "in", "on", "at", "by", "with", "is", "are", "was", "as", "and", "or")
)
_VALUES_KEPT = 1_000


class Grouping:
    """Records by key. Places of keys open as evidence comes in; records whose keys become the same are joined.

    ``joined``: id of a record that is no more -> id of the record it went into.
    ``values``: name before a place that opened -> words seen there; such a word after that name is a value anywhere.
    """

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.joined: dict[str, str] = {}
        self.values: dict[str, set[str]] = {}
        self._by_key: dict[Key, Record] = {}
        self._reduced: dict[Key, Key] = {}
        self._open = OpenKeys()
        self._evidence = Evidence()

    def find(self, key: Key) -> Record | None:
        """The record a key belongs to, if there is one."""
        for form in (key, self._with_known_values(key)):
            record = self._by_key.get(form)
            if record is not None:
                return record
            found = self._open.find(form)
            if found is not None:
                return self.records[found]
        for form in reduced(key):
            record = self._by_key.get(form)
            if record is not None:
                return record
        return None

    def add(self, record: Record) -> Record:
        """Add a record whose key `find` does not know; the one it ended up in, itself or one it was joined with."""
        record.key = self._with_known_values(record.key)
        longer = self._by_key.get(self._reduced.get(record.key, ()))
        self.place(record)
        if longer is not None:
            self._join([longer, record], record.key)
        self._settle([record.key])
        return self.records[self.resolve(record.template_id)]

    def place(self, record: Record) -> None:
        """Put a record in as it is."""
        self.records[record.template_id] = record
        self._by_key[record.key] = record
        self._evidence.add(record.key)
        for shorter in reduced(record.key):
            self._reduced.setdefault(shorter, record.key)
        if OPEN in record.key or RUN in record.key:
            self._open.add(record.key, record.template_id)

    def remove(self, record: Record) -> None:
        """Take a record out, and the evidence it gave."""
        del self.records[record.template_id]
        del self._by_key[record.key]
        self._evidence.remove(record.key)
        for shorter in reduced(record.key):
            self._reduced.pop(shorter, None)
        self._open.remove(record.key)

    def resolve(self, template_id: str) -> str:
        """The id of the record that this one's lines are in now."""
        while template_id in self.joined:
            template_id = self.joined[template_id]
        return template_id

    def _with_known_values(self, key: Key) -> Key:
        if not self.values:
            return key
        pieces = list(key)
        for place in range(1, len(key)):
            if key[place] in self.values.get(_name_before(key, place), ()):
                pieces[place] = OPEN
        return collapsed(pieces)

    def _settle(self, pending: list[Key]) -> None:
        while pending:
            key = pending.pop()
            found = self._evidence.variable_place(key) if key in self._by_key else None
            if found is None:
                continue
            place, alike, siblings = found
            pending += [self._open_place(key, place, alike), *siblings]
            pending += self._spread(_name_before(key, place), {k[place] for k in alike if is_word(k[place])})

    def _open_place(self, key: Key, place: int, alike: list[Key]) -> Key:
        pieces = list(key)
        pieces[place] = OPEN
        opened = collapsed(pieces)
        members = {r.template_id: r for k in (*alike, key, opened) if (r := self._by_key.get(k))}
        self._join(list(members.values()), opened)
        return opened

    def _join(self, members: list[Record], key: Key) -> None:
        root, *others = sorted(members, key=lambda record: record.order)
        for record in members:
            self.remove(record)
        for record in others:
            root.text = generalised(root.text, record.text)
            root.count += record.count
            root.seen = max(root.seen, record.seen)
            self.joined[record.template_id] = root.template_id
        root.key, root.match = key, None
        self.place(root)

    def _spread(self, name: str, words: set[str]) -> list[Key]:
        """Open every place where one of these words stands after the name; the keys that came of it."""
        if not name:
            return []
        known = self.values.setdefault(name, set())
        known.update(sorted(words)[: max(0, _VALUES_KEPT - len(known))])
        opened = []
        for record in sorted(self.records.values(), key=lambda record: record.order):
            key = record.key
            places = [p for p in range(1, len(key)) if key[p] in known and _name_before(key, p) == name]
            if places and self._by_key.get(key) is record:
                opened.append(self._open_place(key, places[0], [key]))
        return opened


def _name_before(key: Key, place: int) -> str:
    """The word that says what stands at the place: `user` of `user bob` and `user=` of `user=bob`; none is empty."""
    if place == 0:
        return ""
    before = key[place - 1]
    if before == "=" and place > 1:
        return key[place - 2] + "="
    return before if is_word(before) and before.lower() not in _FUNCTION_WORDS else ""
