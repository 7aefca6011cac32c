"""The Gateway: all that the HTTP face sees of Grace. On Ray it speaks to actors, in one process to the parts."""

from collections.abc import Sequence
from typing import Any, Protocol

from grace_ray.core.fact import Row
from grace_ray.core.store import Appended, Commit, Reader
from grace_ray.settings import Settings


class Gateway(Protocol):
    """Writes go through the journal, questions to a part; reads of the store go straight to ``reader``.

    Every method raises the GraceError tree and nothing else; none blocks the event loop.
    """

    settings: Settings
    reader: Reader

    async def append(self, rows: Sequence[Row]) -> Appended:
        """Make rows durable. Raises Backpressure, StoreUnavailable."""
        ...

    async def commit(self, commit: Commit) -> Appended:
        """Commit records of the HTTP face's own (view "idempotency"). Raises StoreUnavailable."""
        ...

    async def call(self, part: str, method: str, *args: Any) -> Any:
        """Call a part (triage, mission_launcher, knowledge) and return its answer. Raises Disabled, PartAway."""
        ...

    async def status(self) -> dict[str, Any]:
        """Return {ready, url, home, version, parts: {name: {state, ...}}}."""
        ...
