"""What triage needs of a template miner; grace_ray.models.templates has one."""

from collections.abc import Mapping
from typing import Any, Protocol


class Mined(Protocol):
    """The template that a message is of."""

    @property
    def template_id(self) -> str:
        """Its id, the same in every process that learned the same messages."""
        ...

    @property
    def template(self) -> str:
        """Its text, each variable part as ``<*>``."""
        ...


class Miner(Protocol):
    """Learns message templates online."""

    def learn_one(self, line: str) -> Mined:
        """Learn a message; return its template."""
        ...

    def predict_one(self, line: str) -> Mined | None:
        """Return the template of a message without learning it, None where there is none."""
        ...

    def resolve(self, template_id: str) -> str:
        """Return the id that stands for this one now, after templates were found to be one."""
        ...

    def state(self) -> dict[str, Any]:
        """Return all that was learned, as JSON values."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        ...
