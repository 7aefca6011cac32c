"""Evidence that a place in a key holds a variable, although what stands there are words.

Two kinds are gathered as keys come:

* keys that are equal but for one place: what was seen there;
* keys that are equal but for the values after `=`: what was seen at each of them.

A place is a variable when words and a variable were both seen in it, or PLAIN_WORDS different words (FIRST_WORDS at the
front of a message and before `:`). After words like `user` two will do.
A word before `=` is a label, not a value. `true`, `false` and the like are states,
and words in -ed and -ing say what happened: none of them is a value.
"""

import re
from collections.abc import Collection, Iterable

from grace_ray.models.templates.keys import OPEN, RUN, VARIABLES, Key, is_word
from grace_ray.models.templates.masks import WILDCARD

PLAIN_WORDS = 4
FIRST_WORDS = 8
_SIBLINGS_KEPT = 64
_STATES = frozenset(
    (
        *("true", "false", "yes", "no", "on", "off", "up", "down", "ok", "pass", "fail", "begin", "end"),
        *("enable", "enabled", "disable", "disabled", "start", "started", "stop", "stopped"),
        *("open", "closed", "success", "failure", "succeeded", "failed"),
    )
)
_NAMED = frozenset(("user", "username", "account", "host", "hostname"))  # what stands behind such a word is a name
_VERB = re.compile(r"[A-Za-z]{3,}(?:ed|ing)")
_NULLS = frozenset(("null", "none", "nil", "undefined", "unknown", "n/a"))


class Evidence:
    """What was seen in the places of keys: `add` and `remove` keys, ask for the `variable_places` of one."""

    def __init__(self) -> None:
        self._holes: dict[int, dict[str, Key]] = {}
        self._forms: dict[int, dict[Key, None]] = {}

    def add(self, key: Key) -> None:
        """Take note of a key."""
        for place, hole in _holes(key):
            seen = self._holes.setdefault(hole, {})
            if len(seen) < _SIBLINGS_KEPT:
                seen.setdefault(key[place], key)
        form = _form(key)
        if form is not None:
            siblings = self._forms.setdefault(form, {})
            if len(siblings) < _SIBLINGS_KEPT:
                siblings[key] = None

    def remove(self, key: Key) -> None:
        """Forget a key."""
        for place, hole in _holes(key):
            seen = self._holes.get(hole, {})
            if seen.get(key[place]) == key:
                del seen[key[place]]
            if not seen:
                self._holes.pop(hole, None)
        form = _form(key)
        if form is not None and form in self._forms:
            self._forms[form].pop(key, None)
            if not self._forms[form]:
                del self._forms[form]

    def variable_place(self, key: Key) -> tuple[int, list[Key], list[Key]] | None:
        """The first place of the key now known to be variable, with the keys alike but for that place; or None."""
        for place, hole in _holes(key):
            seen = self._holes.get(hole, {})
            if len(seen) > 1 and is_variable(seen, key, place):
                return place, list(seen.values()), []
        form = _form(key)
        siblings = self._forms.get(form, {}) if form is not None else {}
        if len(siblings) > 1:
            for place in _value_places(key):
                seen_here = {sibling[place] for sibling in siblings}
                if key[place] not in (OPEN, RUN) and (
                    is_variable(seen_here, key, place) or (_has_free_words(key) and _varies(seen_here, len(siblings)))
                ):
                    alike = self._holes.get(hash((place, key[:place], key[place + 1 :])), {key[place]: key})
                    return place, list(alike.values()), list(siblings)
        return None


def is_variable(seen: Collection[str], key: Key, place: int) -> bool:
    """Whether what was seen at this place of the key shows a variable."""
    words = {piece for piece in seen if is_word(piece) and piece.lower() not in _STATES}
    nulls = {word for word in words if word.lower() in _NULLS}
    context = sum(map(is_word, key)) - is_word(key[place])
    if OPEN in seen or RUN in seen:
        return True
    after = key[place + 1] if place + 1 < len(key) else ""
    if after == "=":
        return False
    if WILDCARD in seen:
        return bool(words) and context >= 2
    names = {word for word in words - nulls if not _VERB.fullmatch(word)}
    is_label = place == 0 or after == ":"
    needed, least_context = (FIRST_WORDS, 3) if is_label or not _has_free_words(key) else (PLAIN_WORDS, 2)
    if place and key[place - 1].lower() in _NAMED:
        needed = 2
    return context >= least_context and len(names) + sum("." in name for name in names) >= needed


def _has_free_words(key: Key) -> bool:
    """Whether the message says something beside `name=value` pairs; if not, one of the values says what happened."""
    around = zip(("", *key), key, (*key[1:], ""), strict=False)
    return any(is_word(piece) and before != "=" and after != "=" for before, piece, after in around)


def _varies(seen: Collection[str], siblings: int) -> bool:
    """Whether this value is one of several that vary together: together they took enough different forms."""
    return siblings >= PLAIN_WORDS and len({word for word in seen if is_word(word) and word.lower() not in _STATES}) > 1


def _holes(key: Key) -> Iterable[tuple[int, int]]:
    for place, piece in enumerate(key):
        if piece in VARIABLES or is_word(piece):
            yield place, hash((place, key[:place], key[place + 1 :]))


def _form(key: Key) -> int | None:
    places = _value_places(key)
    if not places:
        return None
    form = list(key)
    for place in places:
        form[place] = OPEN
    return hash(tuple(form))


def _value_places(key: Key) -> list[int]:
    return [
        place
        for place in range(1, len(key))
        if key[place - 1] == "=" and (key[place] in VARIABLES or is_word(key[place]))
    ]
