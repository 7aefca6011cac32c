"""One number for how things stand, 0..100, and what it is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grace_ray.core.event_types import REGISTRY

_HEALTHY = 80.0
_DEGRADED = 50.0
_NOISY_FOR_US = 2 * 60 * 1_000_000


@dataclass(frozen=True, slots=True)
class Health:
    """``status`` is healthy, degraded or critical; ``parts`` are {name, score (0..100), weight, why}."""

    score: float
    status: str
    parts: list[dict[str, Any]]


def health(stats: Mapping[str, Any], success_rate: float | None, now_us: int) -> Health:
    """Judge triage's counters and the share of missions that succeed (None: none has ended, which counts for nothing).

    Weights: the urgency of active clusters one half, missions three tenths, Grace's own warnings two tenths.
    """
    active, average = stats["active_clusters"], stats["average_urgency"]
    pressure = average * min(1.0, active / 10)
    minutes = sorted(map(int, stats["minutes"]))
    is_recent = bool(minutes) and (minutes[-1] + 1) * 60_000_000 > now_us - _NOISY_FOR_US
    warnings = [*stats["warnings"], *(["noisy_source"] if stats["noisy_sources"] and is_recent else [])]
    parts = [
        _part(
            "clusters",
            100 * (1 - pressure),
            0.5,
            f"{active} active clusters, with an average urgency of {average:.2f}.",
        ),
        _part("warnings", 100 * 0.5 ** len(warnings), 0.2, _told(warnings)),
    ]
    if success_rate is not None:
        parts.append(_part("missions", 100 * success_rate, 0.3, f"{success_rate:.0%} of missions succeeded."))
    score = round(sum(part["score"] * part["weight"] for part in parts) / sum(part["weight"] for part in parts), 1)
    status = "healthy" if score >= _HEALTHY else "degraded" if score >= _DEGRADED else "critical"
    return Health(score, status, parts)


def _told(warnings: list[str]) -> str:
    titles = (REGISTRY[f"cluster.warning.{kind}"].description for kind in warnings)
    return f"Warnings: {'; '.join(titles)}." if warnings else "No warnings."


def _part(name: str, score: float, weight: float, why: str) -> dict[str, Any]:
    return {"name": name, "score": round(score, 1), "weight": weight, "why": why}
