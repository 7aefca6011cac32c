"""Success events, the baseline: who fails now, who has recovered, and how often things go well.

A success about a subject answers the failures of that subject in the same domain. Where the success says that the
trouble is over (an alert resolved, a service recovered), the subject no longer fails; a cluster none of whose subjects
fails any more has recovered. Any other success (a task completed) only weighs against recurrence; but an ordinary
log line of a program says nothing of what the program has complained of.
"""

from collections.abc import Mapping
from typing import Any

from grace_ray.core.event_types import lookup
from grace_ray.diagnose.signal import Signal

_OVER = frozenset({"resolved", "recovered", "cleared", "ended"})
_SUBJECTS_WATCHED = 20_000
_KEYS_PER_SUBJECT = 8
_SUBJECTS_PER_KEY = 500


class Recovery:
    """Failing subjects by cluster rule key, and successes by subject."""

    def __init__(self) -> None:
        self._keys: dict[str, list[str]] = {}  # who -> rule keys it fails in, oldest first
        self._failing: dict[str, dict[str, None]] = {}  # rule key -> who fails in it
        self._overflowed: dict[str, None] = {}  # rule keys with events that no subject's recovery can answer
        self._successes: dict[str, int] = {}

    def failed(self, signal: Signal, key: str) -> None:
        """Note that the subject of a failure fails in the cluster of this rule key."""
        who = _who(signal)
        if not who:
            self._overflowed.setdefault(key)
            return
        failing = self._failing.setdefault(key, {})
        if who in failing:
            return
        keys = self._keys.setdefault(who, [])
        if len(failing) >= _SUBJECTS_PER_KEY or len(keys) >= _KEYS_PER_SUBJECT or len(self._keys) > _SUBJECTS_WATCHED:
            self._overflowed.setdefault(key)
            return
        failing[who] = None
        keys.append(key)

    def succeeded(self, signal: Signal) -> tuple[list[str], list[str]]:
        """Take a success; return the rule keys that it weighs against, and those that have recovered with it."""
        if lookup(signal.entry.type).is_carrier:
            return [], []
        who = _who(signal)
        if len(self._successes) < _SUBJECTS_WATCHED or who in self._successes:
            self._successes[who] = self._successes.get(who, 0) + 1
        keys = list(self._keys.get(who, ()))
        if not keys or not is_over(signal.entry.type):
            return keys, []
        del self._keys[who]
        recovered = []
        for key in keys:
            failing = self._failing[key]
            failing.pop(who, None)
            if not failing:
                del self._failing[key]
                if self._overflowed.pop(key, "no") == "no":
                    recovered.append(key)
        return keys, recovered

    def state(self) -> dict[str, Any]:
        """Return all of it, as JSON values."""
        return {
            "keys": self._keys,
            "failing": {key: list(failing) for key, failing in self._failing.items()},
            "overflowed": list(self._overflowed),
            "successes": self._successes,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._keys = {who: list(keys) for who, keys in state["keys"].items()}
        self._failing = {key: dict.fromkeys(failing) for key, failing in state["failing"].items()}
        self._overflowed = dict.fromkeys(state["overflowed"])
        self._successes = dict(state["successes"])


def is_over(event_type: str) -> bool:
    """Whether a success of this type says that a trouble has ended.

    >>> is_over("service.recovered"), is_over("agent.task.completed")
    (True, False)
    """
    return event_type.rsplit(".", 1)[-1] in _OVER


def _who(signal: Signal) -> str:
    data, subject, alertname = signal.data, signal.entry.subject, ""
    if data:
        labels = data.get("labels")
        alertname = labels.get("alertname", "") if isinstance(labels, dict) else ""
        fingerprint = data.get("fingerprint")
        subject = fingerprint if isinstance(fingerprint, str) and fingerprint else subject
    return f"{signal.domain}|{alertname}|{subject}" if subject else ""
