"""When a cluster launches a learning mission, why not, of which type, and with what question."""

from datetime import datetime
from itertools import pairwise
from typing import Any

from grace_ray.core.clock import from_us, to_text, to_us
from grace_ray.core.event_types import lookup
from grace_ray.core.mission import Question
from grace_ray.diagnose.live_cluster import LiveCluster
from grace_ray.diagnose.sweep import MINED
from grace_ray.diagnose.tuning import Thresholds
from grace_ray.diagnose.urgency import SEVERITY_WEIGHTS
from grace_ray.models.retrieval.analysis import split_name
from grace_ray.models.templates.masks import mask
from grace_ray.settings import TriageSettings

_MESSAGES_ASKED = 5
_TEXT_LONGEST = 600
_RISING_MIN_S = 30.0  # gaps below this are one burst, which the count rule judges
_PREDICTED = frozenset({"predicted", "breach_predicted"})
_UNUSUAL = frozenset({"anomaly", "unusual", "outlier", "drift"}) | _PREDICTED
_TERM_LABELS = ("alertname", "service", "job", "error.type", "exception.type", "code", "reason", "logger")
_QUOTED_LONGEST = 80


def launch_reason(
    live: LiveCluster, severity: str, count: int, thresholds: Thresholds, settings: TriageSettings
) -> str | None:
    """Return why the cluster launches a mission, None where it does not; ``count`` is of all of its events."""
    if live.urgency >= thresholds.urgency:
        return f"Its urgency {live.urgency:.2f} reached {thresholds.urgency:.2f}."
    if SEVERITY_WEIGHTS[severity] >= SEVERITY_WEIGHTS.get(settings.launch_severity, 1.0):
        return f"Its severity is {severity}."
    if count >= thresholds.count:
        return f"It has {count} events, and {thresholds.count} launch a mission."
    if live.pattern in _PREDICTED and severity == "high":
        return "A breach is predicted, and a mission may learn what to do before it happens."
    return rising_reason(live)


def rising_reason(live: LiveCluster) -> str | None:
    """Return why the cluster counts as rising: each of its last gaps between events was half the one before."""
    if live.count < 4:
        return None
    times = [datetime.fromisoformat(event["at"]) for event in live.sample()[-4:]]
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    if len(gaps) == 3 and gaps[1] >= _RISING_MIN_S and gaps[0] >= 2 * gaps[1] >= 4 * gaps[2]:
        return f"It is rising: its events came {gaps[0]:.0f}, {gaps[1]:.0f} and then {gaps[2]:.0f} s apart."
    return None


def hold_reason(live: LiveCluster, now_us: int, settings: TriageSettings) -> str | None:
    """Return why no mission may be launched now although a rule says so, None where one may."""
    for override in live.overrides:
        if override.action in ("silence", "acknowledge") and (override.until is None or to_us(override.until) > now_us):
            word = "silenced" if override.action == "silence" else "acknowledged"
            until = f" until {to_text(override.until)}" if override.until else ""
            return f"{override.by} {word} it{until}."
    if live.mission_status == "open":
        return f"Mission {live.mission_id} is still open."
    if live.mission_us is not None and now_us - live.mission_us < settings.reopen_mission_after_s * 1e6:
        since = to_text(from_us(live.mission_us))
        return f"Its last mission began at {since}, less than {settings.reopen_mission_after_s:.0f} s before."
    return None


def mission_type(live: LiveCluster, reason: str) -> str:
    """Return which kind of mission fits: one of core.mission.MISSION_TYPES."""
    if live.domain == "rag" or live.mission_status in ("did_not_help", "failed", "completed"):
        return "knowledge_gap"
    if live.pattern in _UNUSUAL or reason.startswith(("It is rising", "A breach")):
        return "pattern_learning"
    return "generic_learning" if live.domain == "custom" else "autonomous_learning"


def description(live: LiveCluster) -> str:
    """Return what the mission is for, in one line."""
    what = live.pattern
    if what.startswith(MINED) and (messages := [event["message"] for event in live.sample() if event["message"]]):
        masked = mask(messages[-1])
        what = f"'{masked if len(masked) <= _QUOTED_LONGEST else masked[: _QUOTED_LONGEST - 3] + '...'}'"
    return f"Learn to resolve {what} in {live.domain} domain"


def question(shown: LiveCluster) -> Question:
    """Return what to look for: the cluster's own words, each template once, the most frequent and newest first.

    The name and domain of a type that only carries what somebody else says are left out: a search would take them for
    the matter.
    """
    sample = shown.sample()
    by_template: dict[str, dict[str, Any]] = {}
    for event in reversed(sample):
        by_template.setdefault(event["template"] or event["message"], event)
    ranked = sorted(by_template.values(), key=lambda event: -shown.templates.get(event["template"], 0))
    messages = tuple(event["message"] for event in ranked if event["message"])[:_MESSAGES_ASKED]
    terms = _terms(sample)
    is_carried = all(lookup(event["type"]).is_carrier for event in sample)
    name = "" if shown.pattern.startswith(MINED) else shown.pattern
    words = [*(split_name(term) for term in terms[:2]), *messages[:2], name]
    words += [] if is_carried else [shown.domain]
    topic = (name or (terms[0] if terms else shown.domain)) if is_carried else f"{shown.domain} {name or terms[0]}"
    return Question(
        text=" ".join(dict.fromkeys(filter(None, words)))[:_TEXT_LONGEST],
        topic=topic,
        cluster={
            "cluster_key": shown.key,
            "domain": shown.domain,
            "severity": shown.severity,
            "pattern_type": shown.pattern,
            "event_count": shown.count,
            "templates": dict(shown.templates),
            "sources": dict(shown.sources),
        },
        messages=messages,
        terms=terms,
    )


def _terms(sample: list[dict[str, Any]]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for event in reversed(sample):
        labels = event["labels"]
        found.update(dict.fromkeys(labels[name] for name in _TERM_LABELS if labels.get(name)))
        if not lookup(event["type"]).is_carrier:
            found[event["type"]] = None
    return tuple(found)[:12]
