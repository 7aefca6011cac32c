"""A tree of the keys that hold open places, to find the one that a new key fits.

>>> trie = OpenKeys()
>>> trie.add(("user", "<?>", "left"), "t1")
>>> trie.find(("user", "bob", "left"))
't1'
>>> trie.find(("user", "left")) is None
True
"""

from typing import Any

from grace_ray.models.templates.keys import DELIMITERS, OPEN, RUN, Key
from grace_ray.models.templates.masks import WILDCARD

_END = ""  # no piece is empty, so this marks where a key ends
_LONGEST_RUN = 12

Node = dict[str, Any]


class OpenKeys:
    """Keys with open places -> template id. An exact piece is tried before an open place."""

    def __init__(self) -> None:
        self._root: Node = {}

    def add(self, key: Key, template_id: str) -> None:
        """Add a key, or change the template it names."""
        node = self._root
        for piece in key:
            node = node.setdefault(piece, {})
        node[_END] = template_id

    def remove(self, key: Key) -> None:
        """Remove a key; nothing happens if it is not there."""
        path = [self._root]
        for piece in key:
            if piece not in path[-1]:
                return
            path.append(path[-1][piece])
        path[-1].pop(_END, None)
        for node, piece in zip(reversed(path[:-1]), reversed(key), strict=True):
            if node[piece]:
                return
            del node[piece]

    def find(self, key: Key) -> str | None:
        """The template whose key fits, or None."""
        found: str | None = _find(self._root, key, 0)
        return found


def _find(node: Node, key: Key, at: int) -> Any:
    if at == len(key):
        return node.get(_END)
    piece = key[at]
    below = node.get(piece)
    if below is not None:
        found = _find(below, key, at + 1)
        if found is not None:
            return found
    if piece in DELIMITERS:
        return None
    below = node.get(OPEN)
    if below is not None:
        found = _find(below, key, at + 1)
        if found is not None:
            return found
    below = node.get(RUN)
    if below is None:
        return None
    for end in range(at + 1, min(len(key), at + _LONGEST_RUN) + 1):
        found = _find(below, key, end)
        if found is not None:
            return found
        if end < len(key) and key[end] in DELIMITERS and key[end] not in (",", ";", ":", "|", WILDCARD):
            return None
    return None
