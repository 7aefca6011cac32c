"""A metric of the catalog: what it measures, what is bad, and which playbooks may help."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Direction = Literal["higher_is_worse", "lower_is_worse"]
Band = Literal["good", "warning", "critical"]

CATEGORIES = ("api", "executor", "learning", "autonomy", "infra", "trigger")
CRITICAL_METRICS = (
    "api.latency_p95",
    "api.error_rate",
    "executor.queue_depth",
    "autonomy.plan_success_rate",
    "infra.cpu_utilization",
    "infra.memory_utilization",
)
"""The six that Grace measures of itself and its host from the first minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric; ``warning`` and ``critical`` are thresholds in ``unit``, ``playbooks`` the ids of what may help.

    ``service`` is what the metric is about, for the policy that chooses playbooks.
    """

    id: str
    category: str
    unit: str
    direction: Direction
    warning: float
    critical: float
    interval_s: float = 60.0
    description: str = ""
    playbooks: Sequence[str] = ()
    service: str = "grace"

    @property
    def is_higher_worse(self) -> bool:
        """Whether trouble lies upward."""
        return self.direction == "higher_is_worse"

    def band(self, value: float) -> Band:
        """Return the band of a value: a threshold belongs to the worse side.

        >>> Metric(id="m", category="api", unit="ms", direction="higher_is_worse", warning=5, critical=9).band(5.0)
        'warning'
        """
        sign = 1 if self.is_higher_worse else -1
        if sign * value >= sign * self.critical:
            return "critical"
        return "warning" if sign * value >= sign * self.warning else "good"
