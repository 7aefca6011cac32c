"""Workspaces at the door: which ones there are, and that there do not become too many."""

import math
import time
from collections.abc import Callable, Iterable

from grace_ray.core.errors import InvalidInput
from grace_ray.core.recommendation import OWN_WORKSPACE

_ASK_AGAIN_S = 10.0


class WorkspaceGate:
    """Lets at most ``most`` workspaces in; ``known()`` returns those that the store has.

    >>> gate = WorkspaceGate(1, lambda: ["acme"])
    >>> gate.admit("acme")
    >>> gate.admit("other")
    Traceback (most recent call last):
        ...
    grace_ray.core.errors.InvalidInput: There are 1 workspaces already (trust.workspaces_max): no new one is taken.
    """

    def __init__(self, most: int, known: Callable[[], Iterable[str]]) -> None:
        self._most = most
        self._known = known
        self._names: set[str] = set()
        self._asked_s = -math.inf

    def admit(self, workspace_id: str) -> None:
        """Return for a workspace that may be written to. Raises InvalidInput for one too many."""
        if workspace_id in self._names or workspace_id == OWN_WORKSPACE:
            return
        is_full = len(self._names) >= self._most
        if not self._names or (is_full and time.monotonic() - self._asked_s > _ASK_AGAIN_S):
            self._names = set(self._known()) - {OWN_WORKSPACE}
            self._asked_s = time.monotonic()
            is_full = len(self._names) >= self._most
        if workspace_id in self._names:
            return
        if is_full:
            raise InvalidInput(
                f"There are {self._most} workspaces already (trust.workspaces_max): no new one is taken.",
                "workspace_id",
            )
        self._names.add(workspace_id)
