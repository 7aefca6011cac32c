"""Urgency: how much a cluster matters now, from its severity and from how often, and how lately, it recurs.

``urgency = 0.6 * severity + 0.4 * recurrence`` (the weights are settings). Recurrence is a saturating logarithm of the
*recent count*: the number of like events, each counting half after every half-life. With default settings one to five
high events in quick succession give urgency 0.50, 0.65, 0.75, 0.82, 0.88.
"""

from math import log1p

from grace_ray.settings import TriageSettings

SEVERITY_WEIGHTS = {"critical": 1.0, "high": 0.8, "medium": 0.5, "low": 0.2}

_ALONE = 0.05  # the recurrence of one event that has just come
_FULL = 5.0  # recent events at which recurrence is 1
_STEEPNESS = 0.7  # fits the worked values of the specification with an error below 0.002
_SCALE = (1.0 - _ALONE) / log1p(_STEEPNESS * (_FULL - 1.0))


def decayed(count: float, age_s: float, halflife_s: float) -> float:
    """Return a recent count ``age_s`` seconds later; ages below 0 change nothing.

    >>> decayed(4.0, 3600, 3600)
    2.0
    """
    return count * 0.5 ** (age_s / halflife_s) if age_s > 0 else count


def recurrence(recent_count: float) -> float:
    """Return the recurrence weight, 0..1, of a recent count (0 or more).

    >>> [round(recurrence(count), 2) for count in (0, 1, 2, 3, 4, 5, 50)]
    [0.0, 0.05, 0.43, 0.67, 0.86, 1.0, 1.0]
    """
    if recent_count <= 1.0:
        return _ALONE * max(recent_count, 0.0)
    return min(1.0, _ALONE + _SCALE * log1p(_STEEPNESS * (recent_count - 1.0)))


def urgency(severity: str, recurrence_weight: float, settings: TriageSettings) -> float:
    """Return the urgency, 0..1, of a severity (one of core.event.SEVERITIES) that recurs this much (0..1)."""
    weighed = settings.severity_weight * SEVERITY_WEIGHTS[severity] + settings.recurrence_weight * recurrence_weight
    return round(min(1.0, max(0.0, weighed)), 4)
