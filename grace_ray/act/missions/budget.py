"""A mission's budget of time, shared out among its strategies; it also carries the word that it was cancelled."""

from collections.abc import Callable


class MissionBudget:
    """Time left until a deadline on a monotonic clock, and whether the mission was taken away."""

    def __init__(self, limit_s: float, clock: Callable[[], float], is_cancelled: Callable[[], bool]) -> None:
        self._clock = clock
        self._deadline = clock() + limit_s
        self._is_cancelled = is_cancelled

    def remaining_s(self) -> float:
        """Return the seconds left, 0 or less when it must end."""
        return self._deadline - self._clock()

    def is_cancelled(self) -> bool:
        """Return whether a person cancelled the mission, or its lease was lost."""
        return self._is_cancelled()

    def is_over(self) -> bool:
        """Return whether there is no time left, or no mission."""
        return self.remaining_s() <= 0 or self.is_cancelled()

    def slice(self, share: float) -> "MissionBudget":
        """Return a budget over a share (0..1) of what is left now; what it leaves over comes back by itself."""
        return MissionBudget(max(0.0, self.remaining_s()) * share, self._clock, self._is_cancelled)
