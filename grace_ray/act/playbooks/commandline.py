"""Which command lines a setting allows: each entry is how one may begin, word by word."""

import shlex
from collections.abc import Iterable, Sequence

from grace_ray.core.errors import Refused


def check_allowed(words: Sequence[str], allowed: Iterable[str], setting: str) -> None:
    """Return where some entry of ``allowed`` begins these words. Raises Refused naming the setting.

    >>> check_allowed(["df", "-h"], ["df"], "playbooks.commands")
    """
    for entry in allowed:
        start = shlex.split(entry)
        if start and list(words[: len(start)]) == start:
            return
    said = ", ".join(allowed) or "nothing"
    raise Refused(f"{shlex.join(words)!r} is not allowed by {setting}, which allows: {said}.", setting)
