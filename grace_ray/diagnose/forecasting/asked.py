"""What the scheduler asked of the forecaster and is still to be told the end of: a training, a round of forecasts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from grace_ray.core.fact import Fact
from grace_ray.core.schedule import FORECASTER_TRAINING, FORECASTS, job_ended

_PART = "forecaster"


@dataclass(slots=True)
class Asked:
    """The decisions by which jobs were asked for, "" where none is open; ``plain`` is kept in records.

    A round of forecasts begins at ``from_us``, when the points of the step are in, and ends with its last series.
    """

    training: str = ""
    forecasts: str = ""
    from_us: int = 0
    left: set[str] = field(default_factory=set)
    _is_begun: bool = False
    _made: int = 0

    def begin_round(self, due_id: str, from_us: int) -> None:
        """Note that everything is to be forecast from then on; a round that was lost is followed by this one."""
        self.forecasts, self.from_us, self.left, self._is_begun, self._made = due_id, from_us, set(), False, 0

    def look(self, now_us: int, forecast_us: Iterable[tuple[str, int]]) -> None:
        """Begin the round where it is time, with the series (key, time of its last forecast) that are not done."""
        if self.forecasts and not self._is_begun and now_us >= self.from_us:
            self._is_begun = True
            self.left = {key for key, made_us in forecast_us if made_us < self.from_us}

    def take(self, key: str, observations: int) -> bool:
        """Return whether the round wants this series, which is done with that."""
        if key not in self.left:
            return False
        self.left.discard(key)
        self._made += observations > 0
        return True

    def round_ended(self, now: datetime) -> list[Fact]:
        """Return the end of the round once every series is done."""
        if not self._is_begun or self.left:
            return []
        due_id, self.forecasts, self._is_begun = self.forecasts, "", False
        return [job_ended(FORECASTS, due_id, _PART, now, "completed", f"{self._made} series forecast")]

    def training_ended(self, now: datetime, version: str, error: str) -> list[Fact]:
        """Return the end of the training that was asked for, where one was."""
        due_id, self.training = self.training, ""
        if not due_id:
            return []
        if error:
            return [job_ended(FORECASTER_TRAINING, due_id, _PART, now, "failed", error)]
        return [job_ended(FORECASTER_TRAINING, due_id, _PART, now, "completed", f"version {version} is on trial")]

    def plain(self) -> dict[str, Any]:
        """Return what a record keeps."""
        return {"training": self.training, "forecasts": self.forecasts, "from_us": self.from_us}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Asked":
        """Return what ``plain`` told; a round is begun again with the series that are left."""
        return cls(**plain)
