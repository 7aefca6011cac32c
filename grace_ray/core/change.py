"""A Change: a new version of something that Grace is made of, from its proposal to its promotion or its end."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from grace_ray.core.errors import Conflict

STAGES: Mapping[str, frozenset[str]] = {
    "proposed": frozenset({"shadow", "promoted", "rejected"}),
    "shadow": frozenset({"promoted", "rejected"}),
    "promoted": frozenset({"rolled_back", "superseded"}),
    "rejected": frozenset(),
    "rolled_back": frozenset(),
    "superseded": frozenset(),
}
"""Where a change may go from each stage; a rollback makes the version before it the champion again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of ``artefact`` (such as ``temporal_forecaster``) from version ``base`` to ``version``.

    ``verdict`` says in words why it stands where it does, ``scores`` the figures of its trials (lower is better where
    they are losses; the name says what they are).
    """

    change_id: str
    artefact: str
    version: str
    base: str
    stage: str
    proposed_at: datetime
    moved_at: datetime
    verdict: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)

    def moved(self, stage: str, at: datetime, verdict: str, scores: Mapping[str, float] | None = None) -> "Change":
        """Return the change at its next stage. Raises Conflict where the way does not lead there."""
        if stage not in STAGES[self.stage]:
            raise Conflict(f"A change that is {self.stage} cannot become {stage}.", "stage")
        return replace(self, stage=stage, moved_at=at, verdict=verdict, scores={**self.scores, **(scores or {})})
